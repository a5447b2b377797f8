"""Write requirements/gpu-lock.txt: what the set-up's line for a GPU resolves to, by `pip install --dry-run --report`.

Nothing is installed. With the path of a report as its argument, that report is read and nothing is resolved.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "gpu-lock.txt"
LINE = ("torch==2.13.0", "vllm==0.32.0", f"{ROOT}[dev]")  # as .ci/setup installs them where there is a GPU


def main() -> int:
    if len(sys.argv) > 1:
        return _write(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as kept:
        report = Path(kept) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--report", str(report)]
        code = subprocess.run([*command, *LINE], check=False).returncode
        return code or _write(report)


def _write(report: Path) -> int:
    told = json.loads(report.read_text())
    python = told["environment"]["python_version"]
    pins = sorted(
        f"{one['metadata']['name'].lower().replace('_', '-')}=={one['metadata']['version'].split('+')[0]}"
        for one in told["install"]
        if one["metadata"]["name"] != "retort"
    )
    head = f"# What `torch vllm -e .[dev]` resolves to on Python {python}, x86-64 Linux, with a GPU (make gpu-lock)."
    builds = sorted(one["metadata"]["version"] for one in told["install"] if "+" in one["metadata"]["version"])
    note = [
        f"# Resolved where torch comes as {', '.join(builds)}: what its CUDA build brings along is missing."
    ] * bool(builds)
    LOCK.write_text("\n".join([head, *note, *pins]) + "\n")
    print(f"{len(pins)} packages in {LOCK.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
