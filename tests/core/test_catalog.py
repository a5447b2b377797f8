"""The catalog: one owner's records, all or nothing, and two processes at once."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.dataset.rows import sample
from tools.catalog import Catalog
from tools.errors import NotFound, RetortError
from tools.records import Document, Job, Judgement, Passage, Progress, Project, Sample, SynthesisOrder, new_id
from tools.schema import TABLE_OF, TABLES, metadata

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stranger(catalog: Catalog) -> Iterator[Catalog]:
    found = Catalog(catalog.url, "stranger", catalog.home)
    yield found
    found.close()


def job(project: Project) -> Job:
    order = SynthesisOrder(count=1, max_usd=0)
    return Job(id=new_id("job"), owner="local", project_id=project.id, order=order)


# --- owners -------------------------------------------------------------------------------------------------------


def test_a_strangers_id_answers_like_none(catalog: Catalog, stranger: Catalog, project: Project) -> None:
    mine = catalog.add(sample(project, "a", "b"))
    for kind, id_ in ((Project, project.id), (Sample, mine.id)):
        with pytest.raises(NotFound) as theirs:
            stranger.get(kind, id_)
        with pytest.raises(NotFound) as nobodys:
            stranger.get(kind, "none-1")
        assert str(theirs.value).replace(id_, "X") == str(nobodys.value).replace("none-1", "X")
        with pytest.raises(NotFound):
            stranger.change(kind, id_, id="changed")
    with pytest.raises(NotFound):
        stranger.save(mine.but(owner="stranger", state="rejected"))
    with pytest.raises(NotFound):
        stranger.save_all([mine.but(owner="stranger", state="rejected")])
    with pytest.raises(NotFound):
        stranger.folder(project.id)
    stranger.delete(mine)
    stranger.delete(project)
    assert stranger.find(Sample) == stranger.find(Sample, project.id) == []
    assert stranger.count(Sample, project.id) == {}
    assert catalog.get(Sample, mine.id) == mine


def test_nothing_is_added_for_or_to_another_owner(catalog: Catalog, stranger: Catalog, project: Project) -> None:
    with pytest.raises(ValueError, match="belongs to 'local'"):
        stranger.add(sample(project, "a"))
    with pytest.raises(NotFound) as theirs:
        stranger.add(sample(project, "a", owner="stranger"))
    with pytest.raises(NotFound) as nobodys:
        stranger.add(sample(project, "a", owner="stranger", project_id="project-none"))
    assert str(theirs.value).replace(project.id, "project-none") == str(nobodys.value)
    assert catalog.find(Sample, project.id) == []


def test_owners_may_use_the_same_slug_and_have_folders_of_their_own(
    catalog: Catalog, stranger: Catalog, project: Project
) -> None:
    theirs = stranger.add(project.but(id=new_id("project"), owner="stranger"))
    assert catalog.folder(project) == catalog.home / "projects/contacts"
    assert stranger.folder(theirs.id) == catalog.home / "owners/stranger/projects/contacts"
    second = project.but(id=new_id("project"))
    with pytest.raises(RetortError, match="cannot be added"):
        catalog.add(second)
    free = catalog.add(second.but(slug="free"))
    with pytest.raises(RetortError, match="cannot be changed"):
        catalog.save(free.but(slug="contacts"))
    with pytest.raises(RetortError, match="cannot be changed"):
        catalog.change(Project, free.id, slug="contacts")


# --- writing ------------------------------------------------------------------------------------------------------


def test_deleting_a_project_deletes_what_belongs_to_it_and_no_more(catalog: Catalog, project: Project) -> None:
    other = catalog.add(project.but(id=new_id("project"), slug="other"))
    kept = catalog.add(sample(other, "kept"))
    document = Document(
        id="document-1", owner="local", project_id=project.id, name="a", path="a", sha256="0", size_bytes=1
    )
    passage = Passage(
        id="passage-1", owner="local", project_id=project.id, document_id=document.id, position=0, text="a"
    )
    catalog.add_all([sample(project, "a"), document, passage, job(project)])
    catalog.delete(project)
    assert all(catalog.find(kind, project.id) == [] for kind in TABLE_OF if kind is not Project)
    assert catalog.find(Project) == [other]
    assert catalog.find(Sample) == [kept]


def test_all_are_added_or_none(catalog: Catalog, project: Project) -> None:
    first = sample(project, "a")
    with pytest.raises(RetortError, match=first.id):
        catalog.add_all([first, sample(project, "b"), first])
    assert catalog.find(Sample) == []


def test_all_are_saved_or_none(catalog: Catalog, project: Project) -> None:
    stored = catalog.add(sample(project, "a"))
    with pytest.raises(NotFound):
        catalog.save_all([stored.but(state="rejected"), sample(project, "never added")])
    assert catalog.get(Sample, stored.id) == stored
    with pytest.raises(NotFound):
        catalog.save(sample(project, "never added"))


def test_change_only_from_a_state(catalog: Catalog, project: Project) -> None:
    stored = catalog.add(job(project))
    assert catalog.change(Job, stored.id, only_from=("running",), state="done").state == "queued"
    assert catalog.change(Job, stored.id, only_from=("queued",), state="running").state == "running"
    assert catalog.get(Job, stored.id).state == "running"
    assert catalog.count(Job, project.id) == {"running": 1}
    with pytest.raises(ValueError, match="state"):
        catalog.change(Job, stored.id, state="no such state")
    with pytest.raises(NotFound):
        catalog.change(Job, "job-none", state="done")


def test_one_of_many_wins_a_change(catalog: Catalog, project: Project) -> None:
    """Threads with connections of their own move one job on; exactly one finds it queued."""
    stored = catalog.add(job(project))
    names = [f"worker {number}" for number in range(8)]
    ready = threading.Barrier(len(names))

    def move(name: str) -> bool:
        mine = Catalog(catalog.url, "local", catalog.home)
        ready.wait()
        moved = mine.change(Job, stored.id, only_from=("queued",), state="running", progress=Progress(message=name))
        mine.close()
        return moved.progress.message == name

    with ThreadPoolExecutor(len(names)) as pool:
        winners = [name for name, won in zip(names, pool.map(move, names), strict=True) if won]
    assert winners == [catalog.get(Job, stored.id).progress.message]


def test_writers_wait_for_each_other(catalog: Catalog, project: Project) -> None:
    stored = catalog.add(job(project))

    def fill(_: int) -> None:
        mine = Catalog(catalog.url, "local", catalog.home)
        for _ in range(10):
            mine.add(sample(project, new_id("question")))
        mine.close()

    with ThreadPoolExecutor(4) as pool:
        filling = pool.map(fill, range(4))
        for done in range(20):
            catalog.change(Job, stored.id, progress=Progress(done=done))
        assert list(filling) == [None] * 4
    assert catalog.count(Sample, project.id) == {"approved": 40}
    assert catalog.get(Job, stored.id).progress.done == 19


# --- reading ------------------------------------------------------------------------------------------------------


def test_records_come_in_order_of_arrival(catalog: Catalog, project: Project) -> None:
    stored = [
        sample(project, letter, state=state) for letter, state in (("a", "draft"), ("b", "approved"), ("c", "draft"))
    ]
    catalog.add_all(stored)
    catalog.save(stored[0])  # a change moves nothing
    assert catalog.find(Sample, project.id) == stored
    assert catalog.find(Sample, project.id, newest=2) == stored[1:]
    assert catalog.find(Sample, states=("draft",)) == [stored[0], stored[2]]
    assert catalog.find(Sample, project.id, states=("draft",), newest=1) == [stored[2]]
    assert catalog.count(Sample, project.id) == {"draft": 2, "approved": 1}
    assert catalog.get(Sample, stored[1].id) == stored[1]


# --- the database -------------------------------------------------------------------------------------------------


def test_sqlite_is_set_up_for_two_processes_and_power_cuts(catalog: Catalog) -> None:
    with sqlite3.connect(catalog.home / "catalog.sqlite") as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()
    with catalog._engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("foreign_keys", "synchronous")
        }
    assert pragmas == {"foreign_keys": 1, "synchronous": 2}


def test_migrations_give_the_tables_that_the_code_uses(catalog: Catalog) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with catalog._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    # Only what differs by the naming of a unique constraint may be left: the column's `unique=True` says the same.
    assert [entry for entry in found if entry[0] not in ("add_constraint", "remove_constraint")] == []
    assert len(TABLES) == len(TABLE_OF)


def test_a_review_of_before_is_searchable_after_the_migration(tmp_path: Path) -> None:
    """A catalog taken back to version 004 and opened again: columns filled from the records, and a copy kept."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, inspect

    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    old = Catalog(url, "local", tmp_path)
    project = old.add(Project(id="project-1", owner="local", slug="a", name="A"))
    drawn = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    plain = sample(project, "plain")
    judged = sample(project, "judged", source="import:é", cell={"b": "é", "a": "1"}, drawn_at=drawn, looked_at=drawn)
    act = Judgement(id="j", owner="local", project_id=project.id, act="act-1", verb="reject", before=(judged,))
    old.add_all([plain, judged, *(sample(project, str(number)) for number in range(1100)), act])
    columns = TABLES[Sample].c
    wanted = (columns.id, columns.source, columns.looked, columns.drawn_at, columns.cell)
    before = old.rows(Sample, project.id, *wanted)
    old.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "tools/migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, "004")
        assert not {"looked", "act"} & {one["name"] for one in inspect(connection).get_columns("samples")}
    engine.dispose()
    new = Catalog(url, "local", tmp_path)
    assert (tmp_path / "catalog.sqlite.004.bak").exists()
    assert new.rows(Sample, project.id, *wanted) == before
    [found] = new.rows(Sample, project.id, *wanted[1:], where=(columns.id == judged.id,))
    assert tuple(found) == ("import:é", True, drawn, {"a": "1", "b": "é"})
    assert new.find(Judgement, project.id, where=(TABLES[Judgement].c.act == "act-1",)) == [act]
    assert new.find(Sample, project.id)[:2] == [plain, judged]
    new.close()


OPEN = """
import sys, time
from pathlib import Path
from tools.catalog import Catalog
from tools.records import Project, new_id
home = Path(sys.argv[1])
while not (home / "go").exists():
    pass
catalog = Catalog(f"sqlite:///{home}/catalog.sqlite", "local", home)
catalog.add(Project(id=new_id("project"), owner="local", slug=sys.argv[2], name="x"))
"""


def _upgraded(path: Path, version: str) -> None:
    """A catalog as an earlier version left it."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ROOT / "tools" / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()


@pytest.mark.parametrize("version", ["001", "002", "003"])
def test_a_catalog_is_kept_before_it_is_migrated(tmp_path: Path, version: str) -> None:
    path = tmp_path / "catalog.sqlite"
    _upgraded(path, version)
    with closing(sqlite3.connect(path)) as old:
        row = (
            "project-1",
            "local",
            "2026-01-01",
            "",
            '{"id": "project-1", "owner": "local", "slug": "tea", "name": "Tea"}',
            "tea",
        )
        old.execute("INSERT INTO projects (id, owner, created_at, state, body, slug) VALUES (?, ?, ?, ?, ?, ?)", row)
        old.commit()
        before = list(old.iterdump())
    catalog = Catalog(f"sqlite:///{path}", "local", tmp_path)
    assert [one.name for one in catalog.find(Project)] == ["Tea"]
    catalog.close()
    with closing(sqlite3.connect(f"{path}.{version}.bak")) as kept:
        assert list(kept.iterdump()) == before
    Catalog(f"sqlite:///{path}", "local", tmp_path).close()
    assert sorted(one.name for one in tmp_path.glob("*.bak")) == [f"catalog.sqlite.{version}.bak"]


def test_a_new_catalog_has_nothing_to_keep(catalog: Catalog) -> None:
    assert list(catalog.home.glob("*.bak*")) == []


def test_processes_that_start_together_are_all_served(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path)]
    starts = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, stderr=subprocess.PIPE, text=True) for number in range(4)
    ]
    (tmp_path / "go").touch()
    assert [start.communicate(timeout=60)[1] for start in starts] == [""] * 4
    catalog = Catalog(f"sqlite:///{tmp_path}/catalog.sqlite", "local", tmp_path)
    assert sorted(found.slug for found in catalog.find(Project)) == ["0", "1", "2", "3"]
    catalog.close()


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/at/all/catalog.sqlite", "postgresql+nodriver://x/y"])
def test_a_catalog_that_cannot_be_opened_says_so(url: str) -> None:
    with pytest.raises(RetortError) as caught:
        Catalog(url)
    assert "RETORT_CATALOG_URL" in caught.value.fix


def test_a_secret_in_the_url_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(RetortError) as caught:
        Catalog(f"sqlite://user:hunter2@/{tmp_path}/none/catalog.sqlite")
    assert "hunter2" not in str(caught.value)
