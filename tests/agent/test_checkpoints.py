"""What is kept of a conversation: its newest checkpoint, whole at any kill, in a file that grows with its words."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from agent import memory as checkpoints
from agent import session as sessions
from agent.gate import FILE
from agent.session import Session
from tools.catalog import Catalog
from tools.records import Project, Sample

ROOT = Path(__file__).parents[2]

# One turn on a fresh copy of the home for each of its statements, killed there; then the next turn, by a process of its
# own, whose transcript is printed. Forks, so that the modules are loaded once, by a turn on one more copy.
KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
from agent import session
from agent.session import Session
from tools.catalog import Catalog

home, project = Path(sys.argv[1]), sys.argv[2]

def at(copy):
    return Catalog(f"sqlite:///{copy / 'catalog.sqlite'}", "local", copy)

def copied(name):
    return at(Path(shutil.copytree(home, home.parent / name)))

def die_at(moment, catalog, real=session.open_saver):
    seen = []
    def count(statement):
        if statement.startswith(("INSERT", "COMMIT", "-- DELETE")):  # a trigger's own statements come after --
            seen.append(statement)
            if len(seen) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
    def watched(home):
        saver = real(home)
        saver.setup()
        saver.conn.set_trace_callback(count)
        return saver
    session.open_saver = watched
    Session(catalog, project).say("costs")

def forked(work):
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    work()
    os._exit(0)

def go_on(moment):
    again = Session(at(home.parent / str(moment)), project)
    shown = [entry.text for entry in again.transcript()]
    again.say("status")
    print(json.dumps([shown, [entry.text for entry in again.transcript()]]), flush=True)

Session(copied("warm"), project).say("costs")
moment = 1
while forked(lambda: die_at(moment, copied(str(moment)))) == signal.SIGKILL:
    forked(lambda: go_on(moment))
    moment += 1
"""


def rows(home: Path, table: str = "checkpoints") -> int:
    with closing(sqlite3.connect(home / FILE)) as file:
        return int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def size(home: Path) -> int:
    """Bytes of the conversation file and of what lies beside it."""
    return sum(path.stat().st_size for path in home.glob(f"{FILE}*"))


def keep_all(home: Path) -> SqliteSaver:
    """The checkpointer as versions before had it."""
    return SqliteSaver(sqlite3.connect(home / FILE, check_same_thread=False, timeout=15))


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Sessions of the version before, which kept every checkpoint."""
    with monkeypatch.context() as patch:
        patch.setattr(sessions, "open_saver", keep_all)
        yield patch


def test_a_finished_turn_leaves_one_checkpoint(catalog: Catalog, project: Project) -> None:
    session = Session(catalog, project.id)
    for _ in range(3):
        session.say("status")
    assert rows(catalog.home) == 1
    assert len(Session(catalog, project.id).transcript()) == 9


def test_the_file_grows_with_the_words_and_not_with_their_square(catalog: Catalog, project: Project) -> None:
    session, sizes = Session(catalog, project.id), []
    for _ in range(3):
        for _ in range(8):
            session.say("status")
        sizes.append(size(catalog.home))
    with closing(sqlite3.connect(catalog.home / FILE)) as file:
        (held,) = file.execute("SELECT sum(length(checkpoint)) FROM checkpoints").fetchone()
    assert sizes[2] - sizes[1] <= 4 * held  # 8 turns kept whole add 32 copies and more
    assert len(session.transcript()) == 72


@pytest.mark.slow
def test_a_kill_at_any_statement_loses_nothing_that_was_said_before(catalog: Catalog, project: Project) -> None:
    session = Session(catalog, project.id)
    answers = [entry.text for entry in session.say("status")]
    told = [entry.text for entry in session.transcript()]
    command = [sys.executable, "-c", KILLED, str(catalog.home), project.id]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=catalog.home, env=environment, check=True, capture_output=True, text=True)
    looks: list[tuple[list[str], list[str]]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(looks) > 10, "a turn of several steps has more statements than that"
    for shown, look in looks:
        assert shown[: len(told)] == told
        assert look[: len(shown)] == shown  # what a restart shows stays
        assert look[-3:-1] == answers[:2]  # what comes next is asked in other words each time
    kept = ["costs" in look for _, look in looks]
    assert kept == sorted(kept)  # once kept, it stays
    assert kept[-1]


def test_a_waiting_approval_survives_a_restart_and_its_answer_is_done(
    catalog: Catalog, project: Project, drafts: list[Sample]
) -> None:
    Session(catalog, project.id).say("delete the project")
    assert rows(catalog.home) == 1
    restarted = Session(catalog, project.id)
    pending = restarted.pending()
    assert pending is not None
    assert pending.verb == "delete_project"
    restarted.decide(pending.digest, False)
    assert restarted.pending() is None
    assert restarted.say("status")


def test_a_file_of_the_version_before_is_pruned_and_shrunk_once(
    catalog: Catalog, project: Project, before: pytest.MonkeyPatch
) -> None:
    other = catalog.add(project.but(id="project-other", slug="other"))
    old = Session(catalog, other.id)
    old.say("delete the project")
    waits = old.pending()
    old = Session(catalog, project.id)
    for _ in range(12):
        old.say("status")
    told, was = old.transcript(), size(catalog.home)
    before.undo()
    before.setattr(checkpoints, "WORTH_A_VACUUM_BYTES", 100_000)
    assert Session(catalog, project.id).transcript() == told
    assert rows(catalog.home) == 2
    assert size(catalog.home) < was / 3
    assert Session(catalog, other.id).pending() == waits
    assert waits is not None


def test_pruning_leaves_the_conversations_of_other_projects(catalog: Catalog, project: Project) -> None:
    other = catalog.add(project.but(id="project-other", slug="other"))
    Session(catalog, other.id).say("status")
    Session(catalog, project.id).say("status")
    assert rows(catalog.home) == 2
    assert len(Session(catalog, other.id).transcript()) == 3
