"""Long work: launch, watch, stop, adopt. A job is its own process group and outlives whoever started it."""

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType

import psutil

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Expense, Job, Order, Progress, Project, new_id

_children: list[subprocess.Popen[bytes]] = []  # started by this process and not yet reaped
START_GRACE_S = 30.0  # a job without a process by then was lost by its launcher
SILENT_AFTER_S = 600.0  # a job that told nothing for so long may hang
STOP_GRACE_S = 20.0  # a job asked to stop writes its checkpoint within this, then its group is killed


class Stopped(Exception):
    """Raised inside a job when it was asked to stop and has put its work in order."""


class Work:
    """What a running job holds: its records, and the way to report and to hear that it should stop."""

    def __init__(self, catalog: Catalog, job: Job) -> None:
        self.catalog = catalog
        self.job = job
        self.project = catalog.get(Project, job.project_id)
        self.folder = catalog.folder(self.project)
        self._stop = False
        self._reported_at = 0.0
        self._started_at: float | None = None
        self._started_done = 0.0

    def should_stop(self) -> bool:
        return self._stop

    def ask_to_stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self._stop = True

    def report(self, done: float, total: float, unit: str, message: str = "") -> None:
        """Tell how far the job is; written at most twice a second, the end always.

        The time left is estimated from the pace since this process started, so a resumed job is not flattered
        by what an earlier process did.
        """
        moment = time.monotonic()
        if self._started_at is None:
            self._started_at, self._started_done = moment, done
        if moment - self._reported_at < 0.5 and done < total:
            return
        self._reported_at = moment
        gained, elapsed = done - self._started_done, moment - self._started_at
        eta_s = elapsed / gained * (total - done) if gained > 0 and total > 0 else None
        progress = Progress(done=done, total=total, unit=unit, message=message, eta_s=eta_s)
        self.catalog.change(Job, self.job.id, progress=progress, reported_at=time.time())

    def book(self, what: str, **spent: object) -> None:
        """Keep what the job spent on `what`: fields of Expense, its kind among them."""
        fields = {"id": new_id("expense"), "owner": self.catalog.owner, "project_id": self.project.id}
        self.catalog.add(Expense.model_validate({**fields, "job_id": self.job.id, "what": what, **spent}))

    def spent_usd(self) -> float:
        """US dollars that the job has spent so far, before it was resumed too."""
        return sum(one.usd for one in self.catalog.find(Expense, self.project.id) if one.job_id == self.job.id)

    def phase(self, message: str) -> None:
        """Name what is being done now; the pace is measured anew from here."""
        self._started_at = None
        self.catalog.change(Job, self.job.id, progress=Progress(message=message), reported_at=time.time())


# --- from outside: launch, watch, stop ---------------------------------------------------------------------------


def launch(catalog: Catalog, project: Project, order: Order) -> Job:
    """Start the order as a job of its own; refuses a second active job of the same kind in one project."""
    for other in active(catalog, project.id):
        if other.order.kind == order.kind:
            raise RetortError(
                f"A {order.kind} job ({other.id}) is already {other.state} in {project.name!r}.",
                f"Wait for it to end, or say 'stop {other.id}' first.",
            )
    job = catalog.add(
        Job(id=new_id("job"), owner=catalog.owner, project_id=project.id, order=order, process_started_at=time.time())
    )
    return _start(catalog, job)


def resume(catalog: Catalog, job: Job) -> Job:
    """Start a stopped, failed or died job again; its stage goes on from what is on disk."""
    if job.active:
        raise RetortError(f"{job.id} is already {job.state}.", "There is nothing to resume.")
    fresh = job.but(state="queued", problem="", fix="", result="", announced=False, progress=Progress())
    fresh = fresh.but(pid=0, process_started_at=time.time())  # else a look in between finds the old process dead
    return _start(catalog, catalog.save(fresh))


def _start(catalog: Catalog, job: Job) -> Job:
    log = log_path(catalog, job)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(
            # The stage comes from the order's class here, never from the catalog: what is kept names no code to run.
            # -P: a user's own `tools` folder here is not ours.
            [sys.executable, "-P", "-m", "tools.jobs", job.id, type(job.order).stage],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **_environment(catalog)},
        )
    _children.append(process)
    started = psutil.Process(process.pid).create_time()
    # The job may already be further and have written the same two values itself.
    return catalog.change(Job, job.id, pid=process.pid, process_started_at=started)


def _environment(catalog: Catalog) -> dict[str, str]:
    """What the job's process needs to see the same catalog and settings.

    It works in the launcher's folder, so that it reads the same `.env`. The catalog's URL may hold a password, so it
    is no command-line argument, which everybody on the machine could read.
    """
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUNBUFFERED": "1",
        **compute_environment(),
        "RETORT_CATALOG_URL": catalog.url,
        "RETORT_HOME": str(catalog.home),
        "RETORT_OWNER": catalog.owner,
    }


def compute_environment() -> dict[str, str]:
    """What makes torch fast on a CPU and is read when it is loaded; the user's own values win.

    OpenMP's threads spin while they wait for the next loop. Spinning long (300,000 rounds by default) takes three
    quarters of the speed beside other load, not spinning a third of it on a quiet machine. Answers of four checkpoints
    took 51 s with 3,000 rounds, 41 to 46 with 30,000, 40 with the default; measured on 2 cores. Huge pages spare the
    page faults of large tensors, which are made anew in every layer: 0.3 s of system time in a step, not 1.4 of 5.5.
    """
    wanted = {"GOMP_SPINCOUNT": "30000", "THP_MEM_ALLOC_ENABLE": "1"}
    return {name: os.environ.get(name, value) for name, value in wanted.items()}


def log_path(catalog: Catalog, job: Job) -> Path:
    return catalog.folder(job.project_id) / "jobs" / f"{job.id}.log"


def active(catalog: Catalog, project_id: str | None = None) -> list[Job]:
    """Jobs that are really under way; a job whose process is gone is marked as died on the way."""
    found = catalog.find(Job, project_id, states=("queued", "running", "stopping"))
    return [job for job in (check(catalog, job) for job in found) if job.active]


def check(catalog: Catalog, job: Job) -> Job:
    """The job as it is now: one that claims to run without a process has died, and is told so with its reason."""
    if not job.active or _alive(job):
        return job
    current = catalog.get(Job, job.id)  # it may have finished between the two looks
    if not current.active or _alive(current):
        return current
    if current.state == "stopping":
        return catalog.change(Job, job.id, only_from=("stopping",), state="stopped", result="Stopped.")
    tail = _last_words(log_path(catalog, job))
    return catalog.change(
        Job,
        job.id,
        only_from=("queued", "running"),
        state="died",
        problem=f"The process of {job.id} ended unexpectedly{f'; its log ends with: {tail}' if tail else ''}.",
        fix=f"Say 'resume {job.id}' to continue from what is saved.",
    )


def silence(job: Job) -> str:
    """A sentence on a job whose process lives and has told nothing for long; empty for any other."""
    silent_s = time.time() - max(job.reported_at, job.process_started_at)
    if job.state != "running" or not job.order.ends or silent_s < SILENT_AFTER_S:
        return ""
    return (
        f"{job.id} has reported nothing for {silent_s / 60:.0f} minutes and may be stuck. Say 'stop "
        f"{job.id}', then 'resume {job.id}'; it continues from what is saved."
    )


def stop(catalog: Catalog, job: Job) -> Job:
    """Ask the job's process group to stop; it saves its work first. Returns at once."""
    job = check(catalog, job)
    if not job.active:
        return job
    job = catalog.change(Job, job.id, only_from=("queued", "running"), state="stopping")
    _signal(job, signal.SIGTERM)
    return job


def wait(catalog: Catalog, job: Job, timeout_s: float, poll_s: float = 0.2) -> Job:
    """Block until the job has ended, at most `timeout_s`; a job that will not stop is killed after its grace."""
    deadline = time.monotonic() + timeout_s
    stopping_since: float | None = None
    while time.monotonic() < deadline:
        job = check(catalog, catalog.get(Job, job.id))
        if not job.active:
            return job
        if job.state == "stopping":
            stopping_since = stopping_since or time.monotonic()
            if time.monotonic() - stopping_since > STOP_GRACE_S:
                _signal(job, signal.SIGKILL)
        time.sleep(poll_s)
    return job


def _signal(job: Job, number: signal.Signals) -> None:
    if job.pid and _alive(job):
        with suppress(ProcessLookupError):  # it ended this very moment
            os.killpg(job.pid, number)  # the job leads its group, so its pid names the group


def _alive(job: Job) -> bool:
    _children[:] = [child for child in _children if child.poll() is None]  # reaps those that ended
    if job.pid == 0:  # its process is being started; a launcher killed at that moment leaves it so
        return time.time() - max(job.process_started_at, job.created_at.timestamp()) < START_GRACE_S
    try:
        process = psutil.Process(job.pid)
        same = abs(process.create_time() - job.process_started_at) < 1.0
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _last_words(log: Path) -> str:
    if not log.is_file():
        return ""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


# --- from inside: the job's own process ---------------------------------------------------------------------------


def main(job_id: str, stage: str) -> int:
    """Run one job to its end by its stage ("module:function") and write the end into the catalog.

    The edge where every error is caught. The stage's module is loaded first: it may define the order.
    """
    module, name = stage.split(":")
    run: Callable[[Work], str] = getattr(import_module(module), name)
    catalog = Catalog()
    own = psutil.Process()
    job = catalog.change(
        Job,
        job_id,
        only_from=("queued",),
        state="running",
        pid=own.pid,
        process_started_at=own.create_time(),
    )
    if job.state != "running":
        return 0  # stopped before it began
    work = Work(catalog, job)
    signal.signal(signal.SIGTERM, work.ask_to_stop)
    try:
        result = run(work)
        catalog.change(Job, job_id, state="done", result=result)
    except Stopped as stopped:
        catalog.change(Job, job_id, state="stopped", result=str(stopped) or "Stopped.")
    except RetortError as error:
        catalog.change(Job, job_id, state="failed", problem=error.problem, fix=error.fix)
        return 1
    except Exception as error:  # noqa: BLE001  the job's edge: nothing may end silently
        traceback.print_exc()
        log = log_path(catalog, job)
        problem = f"{job.id} failed unexpectedly: {type(error).__name__}: {error}."
        catalog.change(
            Job, job_id, state="failed", problem=problem, fix=f"Look at the log {log}, then say 'resume {job.id}'."
        )
        return 1
    return 0


if __name__ == "__main__":
    # Run as tools.jobs, not as __main__: the stages raise tools.jobs.Stopped, and there must be only one such class.
    sys.exit(import_module("tools.jobs").main(*sys.argv[1:]))
