"""Collect the wheels that a bare GPU machine lacks: `python -m tests.gpu.collect`, into build/gpu-wheels (ignored).

For CPython 3.12 on x86-64 Linux. What the script needs comes first, then what part 2 (TRL) and part 5 (bitsandbytes)
can do more with; what would pass 60 MB in all is left out, and told.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build"
WHEELS, SITE = BUILD / "gpu-wheels", BUILD / "gpu-site"
MOST_BYTES = 60_000_000
# Groups that are of use only as a whole; the most important first. No dependencies are fetched: torch and the rest of
# what these need is on the machine.
GROUPS = (
    ("pydantic>=2.12,<3", "annotated-types", "typing-inspection", "typing-extensions"),
    ("trl==1.16.0", "datasets", "dill", "multiprocess", "xxhash"),
    ("bitsandbytes",),
)
PYTHON = (3, 12)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_24_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def main() -> int:
    WHEELS.mkdir(parents=True, exist_ok=True)
    for wheel in WHEELS.glob("*.whl"):
        wheel.unlink()
    for group in GROUPS:
        code = _download(list(group))
        if code == 0 and group is GROUPS[0]:
            code = _download([f"pydantic-core=={_wanted_core()}"])
        if code:
            print(f"Could not be had: {', '.join(group)}.")
            if group is GROUPS[0]:
                return code
    _leave_out_what_is_too_much()
    for wheel in sorted(WHEELS.glob("*.whl")):
        print(f"{wheel.stat().st_size / 1e6:6.1f} MB  {wheel.name}")
    return 0


def _download(wanted: list[str]) -> int:
    platforms = [option for name in PLATFORMS for option in ("--platform", name)]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--dest", str(WHEELS)]
    target = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--abi", "abi3", "--abi", "none"]
    return subprocess.run([*pip, *target, *platforms, *wanted], check=False).returncode


def _wanted_core() -> str:
    """The one version of pydantic-core that this pydantic works with, from its wheel."""
    (wheel,) = WHEELS.glob("pydantic-2*.whl")
    with zipfile.ZipFile(wheel) as held:
        (name,) = [name for name in held.namelist() if name.endswith(".dist-info/METADATA")]
        lines = held.read(name).decode().splitlines()
    (line,) = [line for line in lines if line.startswith("Requires-Dist: pydantic-core==")]
    return line.split("==")[1].split(";")[0].strip()


def _leave_out_what_is_too_much() -> None:
    for group in reversed(GROUPS):
        if sum(wheel.stat().st_size for wheel in WHEELS.glob("*.whl")) <= MOST_BYTES:
            return
        names = {name.split("=")[0].split(">")[0].replace("-", "_") for name in group}
        for wheel in WHEELS.glob("*.whl"):
            if wheel.name.split("-")[0] in names:
                print(f"Left out, more than {MOST_BYTES / 1e6:.0f} MB in all: {wheel.name}")
                wheel.unlink()


def unpack() -> bool:
    """Lay the collected wheels out as a folder to import from, once; False where there are none for this Python.

    A wheel is a zip file.
    """
    wheels = sorted(WHEELS.glob("*.whl")) if WHEELS.is_dir() and sys.version_info[:2] == PYTHON else []
    done, told = SITE / ".unpacked", str([wheel.name for wheel in wheels])
    if not wheels or (done.is_file() and done.read_text() == told):
        return bool(wheels)
    SITE.mkdir(parents=True, exist_ok=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as held:
            held.extractall(SITE)
    done.write_text(told)
    return True


if __name__ == "__main__":
    sys.exit(main())
