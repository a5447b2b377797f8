"""Jobs watched from a terminal: their progress on one line, their log, and how they ended."""

import sys
import time
from pathlib import Path

from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Deployment, Job, ServingOrder
from ui.progress import whole_line

POLL_S = 0.5


def watch(catalog: Catalog, job: Job) -> Job:
    """Stay with a job until it has ended, or serves; Ctrl-C leaves it running. Progress goes to the error stream."""
    shown = ""
    try:
        while (job := jobs.wait(catalog, job, timeout_s=POLL_S)).active and not _serves(catalog, job):
            if sys.stderr.isatty() and (line := whole_line(job)) != shown:
                shown = line
                print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print(f"\n{job.id} keeps running; to wait for it: retort wait {job.id}", file=sys.stderr)
        raise
    finally:
        if shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
    return job


def _serves(catalog: Catalog, job: Job) -> bool:
    order = job.order
    return isinstance(order, ServingOrder) and catalog.get(Deployment, order.deployment_id).state == "serving"


def wait(project: str, name: str, *, as_json: bool) -> int:
    """`retort wait`: 0 when the job is done, or serves; 1 when it failed or was stopped."""
    catalog = Catalog()
    job = watch(catalog, _job(catalog, project, name))
    if as_json:
        print(job.model_dump_json())
    else:
        fix = f"\n{job.fix}" if job.fix else ""
        print(f"{job.order.title} ({job.id}) is {job.state}. {job.result or job.problem}{fix}".rstrip())
    return 0 if job.state == "done" or job.active else 1


def logs(project: str, name: str, *, follow: bool) -> int:
    """`retort logs`: what the job's process has written; with `follow` until it ends."""
    catalog = Catalog()
    job = _job(catalog, project, name)
    path, place = jobs.log_path(catalog, job), 0
    while True:
        running = jobs.check(catalog, catalog.get(Job, job.id)).active
        place = _copy(path, place)
        if not (follow and running):
            return 0
        time.sleep(POLL_S)


def _copy(path: Path, place: int) -> int:
    if not path.is_file():
        return place
    with path.open("rb") as file:
        file.seek(place)
        sys.stdout.write(file.read().decode(errors="replace"))
        sys.stdout.flush()
        return file.tell()


def _job(catalog: Catalog, project: str, name: str) -> Job:
    """The named job, or the project's newest."""
    from ui.projects import need_project

    if name:
        return catalog.get(Job, name)
    known = catalog.find(Job, need_project(catalog, project).id, newest=1)
    if not known:
        raise RetortError("There are no jobs in this project.", "Commands such as 'retort generate' start a job.")
    return known[0]
