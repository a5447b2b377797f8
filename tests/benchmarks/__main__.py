"""Run every benchmark of this folder and leave build/bench.json: name -> figure.

A benchmark is a module `bench_*.py` with `run() -> dict[str, float]`. Figures are ratios against a named peer or a
physical limit measured in the same run, never bare seconds. Names of modules on the command line choose some.
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

from tools.jobs import compute_environment

FOLDER = Path(__file__).parent
RESULT = FOLDER.parents[1] / "build" / "bench.json"


def main(wanted: list[str]) -> int:
    os.environ.update(compute_environment())  # before anybody loads torch: as in a job, and for peers alike
    names = sorted(path.stem for path in FOLDER.glob("bench_*.py"))
    unknown = set(wanted) - set(names)
    if unknown:
        print(f"No benchmark {', '.join(sorted(unknown))}. There are: {', '.join(names)}.")
        return 2
    figures: dict[str, float] = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    for name in wanted or names:
        started = time.monotonic()
        found: dict[str, float] = import_module(f"tests.benchmarks.{name}").run()
        figures |= found
        for key, figure in found.items():
            print(f"{key:48} {figure:8.2f}   ({name}, {time.monotonic() - started:.0f} s)")
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(figures, indent=1, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
