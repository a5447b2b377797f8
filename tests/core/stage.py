"""A small stage for the tests of `tools.jobs`.

The launcher, the process group, the signals and the catalog are the real ones; only what the job does is replaced. The
child finds this file as `sitecustomize`, which Python imports at its start, and it stands in for the synthesis stage.
`STAGE_DOES` says what the stage does.
"""

import os
import signal
import subprocess
import sys
import time
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.jobs import Work

STAGE = "tools.synthesis.job"


def run(work: "Work") -> str:
    """Append one line a step to `done.txt`, from where it stopped; or misbehave as `STAGE_DOES` asks."""
    from tools.errors import RetortError
    from tools.jobs import Stopped
    from tools.settings import settings

    does = os.environ["STAGE_DOES"]
    lines = work.folder / "done.txt"
    if does == "refuse":
        raise RetortError("The cup is empty.", "Fill it.")
    if does == "break":
        raise ZeroDivisionError("no cups")
    if does == "leave":
        sys.stderr.write("the last words\n")
        os._exit(9)
    if does == "tell":
        key = settings().teacher_api_key.get_secret_value()
        return f"{settings().home_dir} {settings().owner} {key} {' '.join(sys.argv[1:])}"
    if does == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    total = getattr(work.job.order, "count", 0)
    while (done := len(lines.read_text().splitlines()) if lines.exists() else 0) < total:
        if work.should_stop():
            raise Stopped(f"Stopped after {done}.")
        with lines.open("a") as file:
            file.write(f"{os.getpid()}\n")
        work.report(done + 1, total, "cups")
        time.sleep(0.05)
    return f"{total} cups are full."


if "STAGE_DOES" in os.environ and STAGE not in sys.modules:
    stage = types.ModuleType(STAGE)
    stage.run = run  # type: ignore[attr-defined]
    sys.modules[STAGE] = stage
