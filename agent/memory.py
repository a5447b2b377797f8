"""Where conversations are kept: LangGraph's checkpointer on the home's conversation file, which keeps the newest only.

LangGraph writes a checkpoint a step, each with every message so far, and reads none but the newest: with the writes
that belong to it, it is all that a waiting question, an interrupted step or a restart needs. Undo has its own records
(`Judgement`), and what was approved and done is in the ledger. So an older checkpoint is a copy that nobody asks for,
and keeping them lets the file grow with the square of the turns.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from agent.gate import FILE

# Within the very statement that brings a new checkpoint the older ones go: no moment lies between the two, and a
# process of another version that shares the file prunes as well. `<>`, not `<`: ids hold the time, and clocks go back.
_PRUNES = """
CREATE TRIGGER IF NOT EXISTS only_the_newest AFTER INSERT ON checkpoints BEGIN
    DELETE FROM checkpoints WHERE thread_id = NEW.thread_id AND checkpoint_ns = NEW.checkpoint_ns
        AND checkpoint_id <> NEW.checkpoint_id;
    DELETE FROM writes WHERE thread_id = NEW.thread_id AND checkpoint_ns = NEW.checkpoint_ns
        AND checkpoint_id <> NEW.checkpoint_id;
END;
"""
_PRUNE_ALL = (
    """DELETE FROM writes WHERE checkpoint_id < (SELECT max(checkpoint_id) FROM checkpoints AS newest
        WHERE newest.thread_id = writes.thread_id AND newest.checkpoint_ns = writes.checkpoint_ns)""",
    """DELETE FROM checkpoints WHERE checkpoint_id < (SELECT max(checkpoint_id) FROM checkpoints AS newest
        WHERE newest.thread_id = checkpoints.thread_id AND newest.checkpoint_ns = checkpoints.checkpoint_ns)""",
)
_PRUNED = 1  # PRAGMA user_version of a file without the older checkpoints that earlier versions kept
WORTH_A_VACUUM_BYTES = 4 * 2**20
WAL_PAGES = 200  # the log beside the file is taken into it at this size: 0.8 MB, where SQLite's own choice is 4 MB


class NewestSaver(SqliteSaver):
    """SQLite checkpointer that holds one checkpoint a thread, and its pending writes."""

    def setup(self) -> None:
        """Make the tables and the trigger; a file of an earlier version is pruned and shrunk once."""
        if self.is_setup:
            return
        super().setup()
        self.conn.executescript(_PRUNES)
        _prune_all(self.conn)
        _shrink(self.conn)


def open_saver(home: Path) -> SqliteSaver:
    """The checkpointer on the home's conversation file; it rebuilds plain messages only, never arbitrary objects."""
    connection = sqlite3.connect(home / FILE, check_same_thread=False, timeout=15)
    for pragma in ("synchronous=FULL", f"wal_autocheckpoint={WAL_PAGES}", f"journal_size_limit={WAL_PAGES * 4096}"):
        connection.execute(f"PRAGMA {pragma}")
    return NewestSaver(connection, serde=JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None))


def _prune_all(connection: sqlite3.Connection) -> None:
    """Prune every thread of a file that an earlier version wrote, in one transaction."""
    if _pragma(connection, "user_version") >= _PRUNED:
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _PRUNE_ALL:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={_PRUNED}")


def _shrink(connection: sqlite3.Connection) -> None:
    """Give free pages back where they are most of the file. A busy or full disk puts it off to the next start."""
    free, pages = _pragma(connection, "freelist_count"), _pragma(connection, "page_count")
    if 2 * free < pages or free * _pragma(connection, "page_size") < WORTH_A_VACUUM_BYTES:
        return
    with suppress(sqlite3.OperationalError):
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
