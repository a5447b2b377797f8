"""A cheap stamp of all that a project's panels show: while it stays the same, nothing need be read or drawn."""

import sqlite3
from collections.abc import Hashable
from pathlib import Path
from threading import Lock
from typing import TypeAlias
from weakref import finalize

from sqlalchemy.engine import make_url

from agent.gate import FILE
from tools.catalog import Catalog
from tools.errors import NotFound
from tools.jobs import active, check, silence
from tools.records import Job, Run
from tools.training.monitor import METRICS

Stamp: TypeAlias = tuple[tuple[int, int], Hashable]  # revisions of catalog and conversations, and what they do not tell


class Pulse:
    """What changes without a word in the catalog is looked at as well: jobs that died, curves that grow."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.watch = Watch(catalog)
        self._lock = Lock()
        self._at = -1  # revision of the catalog at which the two below were read
        self._jobs: list[Job] = []
        self._curves: dict[str, list[Path]] = {}

    def now(self, project_id: str) -> Stamp | None:
        """The stamp as it is; None where the catalog cannot be watched. Costs microseconds while no job runs."""
        revision = self.watch.revision()
        if revision is None:
            return None
        with self._lock:
            if revision[0] != self._at:
                self._jobs, self._curves, self._at = active(self.catalog), {}, revision[0]
            jobs = [job for job in self._jobs if job.project_id == project_id]
            for job in self._jobs:
                check(self.catalog, job)  # a job found dead is written down, which is news
            if not jobs:
                return revision, ()
            if project_id not in self._curves:
                self._curves[project_id] = _curves(self.catalog, project_id)
            curves = self._curves[project_id]
        return revision, (*(silence(job) for job in jobs), *(_size(path) for path in curves))


def _curves(catalog: Catalog, project_id: str) -> list[Path]:
    try:
        folder = catalog.folder(project_id)
    except NotFound:
        return []  # deleted just now
    return [folder / run.folder / METRICS for run in catalog.find(Run, project_id, states=("training",))]


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


class Watch:
    """Watches the catalog and the conversations of one home.

    SQLite counts for each open connection what others have committed (PRAGMA data_version), so the numbers mean
    something beside earlier numbers of this very watch only. https://www.sqlite.org/pragma.html#pragma_data_version
    """

    def __init__(self, catalog: Catalog) -> None:
        url = make_url(catalog.url)
        self._files = [Path(url.database or ""), catalog.home / FILE] if url.get_backend_name() == "sqlite" else []
        self._open: list[sqlite3.Connection] = []
        self._lock = Lock()

    def revision(self) -> tuple[int, int] | None:
        """Of the catalog, of the conversations; None where it cannot be told: no SQLite, or no file yet."""
        with self._lock:
            if not self._open and not self._connect():
                return None
            catalog, talk = (int(one.execute("PRAGMA data_version").fetchone()[0]) for one in self._open)
            return catalog, talk

    def _connect(self) -> bool:
        if not self._files or not all(file.is_file() for file in self._files):
            return False
        for file in self._files:
            connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, check_same_thread=False)
            finalize(self, connection.close)
            self._open.append(connection)
        return True
