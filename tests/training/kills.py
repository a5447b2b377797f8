"""Kill a training job at random moments and during the writing of its checkpoints, and see it go on to the same end.

`python -m tests.training.kills 30` kills 30 times at random moments and once at every touch of a file while a
checkpoint is written, and prints what came of it. The test beside does a few of each.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tools.catalog import Catalog
from tools.records import Dataset, Job, Message, Plan, Project, Run, Sample, TrainingOrder, new_id
from tools.settings import settings
from tools.training.monitor import Metric, read_metrics
from tools.training.starting import plan_run

ROOT = Path(__file__).parents[2]


def word_samples(project: Project, count: int) -> list[Sample]:
    """Approved samples of a small task: a word out of a line, as JSON."""

    def sample(number: int) -> Sample:
        word = chr(97 + number % 26) * 3
        messages = (
            Message(role="system", content="Turn the word into JSON."),
            Message(role="user", content=f"word {word} of line {'x' * (number % 7)}{number}"),
            Message(role="assistant", content=f'{{"word": "{word}"}}'),
        )
        split = "test" if number % 10 == 0 else "dev" if number % 10 == 1 else "train"
        owner = project.owner
        return Sample(
            id=new_id("sample"),
            owner=owner,
            project_id=project.id,
            messages=messages,
            state="approved",
            source="user",
            split=split,
        )

    return [sample(number) for number in range(count)]


class Forks:
    """A process that has loaded torch once and forks a new one for each job: the same code, started in no time."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        environment = {"RETORT_HOME": str(catalog.home), "RETORT_CATALOG_URL": catalog.url, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.training.kills", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment},
        )

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)

    def run(self, job: Job, after_s: float = 0, at_touch: int = 0) -> dict[str, Any]:
        """Run the job until it ends or is killed; tells whether it was, and how often checkpoint files were touched."""
        self.catalog.change(Job, job.id, state="queued", pid=0)
        asked = {"job": job.id, "stage": job.order.stage, "after_s": after_s, "at_touch": at_touch}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


def new_run(catalog: Catalog, project: Project, dataset: Dataset, plan: Plan) -> tuple[Run, Job]:
    """A planned run with its job, not started."""
    run = plan_run(catalog, project, dataset, plan)
    (catalog.folder(project) / run.folder).mkdir(parents=True)
    catalog.change(Run, run.id, state="training")  # so that the next plan does not replace it
    order = TrainingOrder(run_id=run.id, max_minutes=10)
    job = Job(id=new_id("job"), owner=catalog.owner, project_id=project.id, order=order)
    return run, catalog.add(job)


def curve(catalog: Catalog, run: Run) -> list[Metric]:
    return read_metrics(catalog.folder(run.project_id) / run.folder)


# --- in the process that forks --------------------------------------------------------------------------------------


def _serve() -> None:
    import matplotlib.figure  # noqa: F401
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            _job(asked, write)
        os.close(write)
        if asked["after_s"]:
            time.sleep(asked["after_s"])
            os.kill(child, signal.SIGKILL)  # does nothing to one that has ended
        with os.fdopen(read) as pipe:
            touches = pipe.read().count(".")
        _, status = os.waitpid(child, 0)
        print(json.dumps({"killed": os.WIFSIGNALED(status), "touches": touches}), flush=True)


def _job(asked: dict[str, Any], pipe: int) -> None:
    """The forked child becomes the job; it kills itself where it was asked to."""
    os.dup2(2, 1)
    touches = 0

    def touched(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal touches
        if event not in ("open", "os.rename", "os.mkdir", "os.remove") or ".partial" not in str(arguments[0]):
            return
        touches += 1
        os.write(pipe, b".")
        if touches == asked["at_touch"]:
            _tear(Path(str(arguments[0])))
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(touched)
    from tools.jobs import main

    os._exit(main(asked["job"], asked["stage"]))


def _tear(path: Path) -> None:
    """What was written last is only half on disk, as after a crash in the middle of it."""
    folder = path if path.is_dir() else path.parent
    files = [found for found in folder.glob("*") if found.is_file()] if ".partial" in folder.name else []
    if files:
        newest = max(files, key=lambda found: found.stat().st_mtime)
        os.truncate(newest, newest.stat().st_size // 2)


# --- the measurement ------------------------------------------------------------------------------------------------


def _measure(kills: int) -> None:
    from tests.tiny import make_student
    from tools.dataset.freezing import freeze

    home = Path(tempfile.mkdtemp())
    os.environ.update(RETORT_HOME=str(home), RETORT_HUB="false")
    settings.cache_clear()
    catalog = Catalog(f"sqlite:///{home / 'catalog.sqlite'}", "local", home)
    project = catalog.add(Project(id=new_id("project"), owner="local", slug="words", name="Words"))
    catalog.add_all(word_samples(project, 80))
    dataset = freeze(catalog, project)
    plan = small_plan(make_student(home / "student"))
    with Forks(catalog) as forks:
        whole, job = new_run(catalog, project, dataset, plan)
        began = time.monotonic()
        touches = forks.run(job)["touches"]
        took = time.monotonic() - began
        wanted = curve(catalog, whole)
        rng = random.Random(1)
        cases = [{"after_s": rng.uniform(0.05, took)} for _ in range(kills)]
        cases += [{"at_touch": number} for number in range(1, touches + 1)]
        worst, killed, same = 0.0, 0, 0
        for case in cases:
            run, job = new_run(catalog, project, dataset, plan)
            killed += forks.run(job, **case)["killed"]
            forks.run(job)
            found = curve(catalog, run)
            assert catalog.get(Job, job.id).state == "done", (case, catalog.get(Job, job.id))
            assert [m.step for m in found] == [m.step for m in wanted], case
            last, reference = found[-1].dev_loss_per_token, wanted[-1].dev_loss_per_token
            assert last is not None
            assert reference is not None
            worst = max(worst, abs(last / reference - 1))
            same += 1
            if same % 10 == 0:
                print(f"{same} of {len(cases)} runs, {worst:.1e} apart at most", flush=True)
    print(f"{len(cases)} runs ({kills} random moments, {touches} touches of a checkpoint's files), {killed} killed;")
    print(f"{same} went on to the end; final dev loss differs by at most {worst:.1e} (relative).")


def small_plan(student: Path) -> Plan:
    return Plan(
        student=f"path:{student}",
        epochs=3,
        learning_rate=1e-2,
        batch_samples=4,
        row_tokens=512,
        max_sample_tokens=512,
        lora_rank=4,
        lora_alpha=8,
        precision="fp32",
        checkpoints=4,
        patience=0,
    )


if __name__ == "__main__":
    _serve() if sys.argv[1] == "serve" else _measure(int(sys.argv[1]))
