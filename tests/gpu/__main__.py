"""What a GPU must show, in six minutes: `python -m tests.gpu`, or `--part 2` for one part. See README.md beside this.

Each part is a process of its own with its time limit, the most important first, and writes every figure as it comes, so
that what ends early leaves what it had. `--tiny` runs all of it on a CPU in small sizes, in one process.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.gpu.collect import SITE, unpack

ROOT = Path(__file__).parents[2]
PARTS = {  # number -> module, seconds
    1: ("tests.gpu.exactness", 70),
    2: ("tests.gpu.speed", 130),
    3: ("tests.gpu.choices", 90),
    4: ("tests.gpu.answering", 40),
    5: ("tests.gpu.quantised", 30),
}
TINY_PATIENCE = 3  # a CPU that others use too takes its time
VERSIONS = ("torch", "transformers", "peft", "accelerate", "triton", "trl", "bitsandbytes", "flash-attn", "pydantic")


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.gpu", description="Measure Retort's training on this GPU.")
    asked.add_argument("--part", type=int, choices=PARTS, help="one part alone")
    asked.add_argument("--out", type=Path, default=ROOT / "build" / "gpu.jsonl", help="where the figures go")
    asked.add_argument("--tiny", action="store_true", help="small sizes on the CPU: shows that all of it runs")
    asked.add_argument("--here", default="", help=argparse.SUPPRESS)  # the parts of a process of their own
    given = asked.parse_args()
    if unpack():
        sys.path.append(str(SITE))  # after what the machine has
    if given.here:
        return _here(given.here, given.out, given.tiny)
    if missing := [name for name in ("torch", "transformers", "peft", "pydantic") if find_spec(name) is None]:
        print(f"Missing here: {', '.join(missing)}. README.md in tests/gpu tells how to bring pydantic along.")
        return 2
    if not given.tiny and not _gpu():
        print("There is no NVIDIA GPU here. `--tiny` shows on the CPU that everything runs.")
        return 2
    given.out.parent.mkdir(parents=True, exist_ok=True)
    if given.part is None:
        given.out.write_text("")
    _append(given.out, {"part": 0, "name": "machine", **_machine(given.tiny)})
    chosen = [given.part] if given.part else list(PARTS)
    together = [chosen] if given.tiny else [[part] for part in chosen]  # a CPU takes longest to load torch
    failed = [parts for parts in together if not _alone(parts, given)]
    print(f"Figures are in {given.out}." + (f" Parts that did not end: {failed}." if failed else ""))
    return 1 if failed else 0


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _alone(parts: list[int], given: argparse.Namespace) -> bool:
    """Run parts in a process of their own; whether it ended by itself, and well, within its limit."""
    limit = sum(PARTS[part][1] for part in parts) * (TINY_PATIENCE if given.tiny else 1)
    numbers = ",".join(map(str, parts))
    command = [sys.executable, "-m", "tests.gpu", "--here", numbers, "--out", str(given.out.resolve())]
    began = time.monotonic()
    try:
        code = subprocess.run([*command, *["--tiny"] * given.tiny], cwd=ROOT, timeout=limit, check=False).returncode
        ended = "done" if code == 0 else f"failed ({code})"
    except subprocess.TimeoutExpired:
        ended = f"stopped at its limit of {limit} s"
    _append(given.out, {"part": parts[-1], "name": "end", "ended": ended, "seconds": time.monotonic() - began})
    return ended == "done"


def _here(parts: str, out: Path, tiny: bool) -> int:
    from tests.gpu.shapes import Size

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for part in map(int, parts.split(",")):

        def tell(name: str, part: int = part, **figures: Any) -> None:
            _append(out, {"part": part, "name": name, **figures})

        import_module(PARTS[part][0]).run(Size(tiny), tell)
    return 0


def _append(out: Path, line: dict[str, Any]) -> None:
    shown = ", ".join(f"{key} {_short(value)}" for key, value in line.items() if key not in ("part", "name"))
    print(f"[{line['part']}] {line['name']}: {shown}", flush=True)
    with out.open("a") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _machine(tiny: bool) -> dict[str, Any]:
    import torch

    known = {}
    for name in VERSIONS:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    device = "cpu" if tiny or not torch.cuda.is_available() else torch.cuda.get_device_name()
    return {"device": device, "tiny": tiny, "python": platform.python_version(), "versions": known}


if __name__ == "__main__":
    sys.exit(main())
