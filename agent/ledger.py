"""What the user decided and what was done about it, kept outside of what the model can write.

Two small tables beside the conversation. `decisions` is written by `Session.decide` alone; the gate believes nothing
else. `acts` makes a gated action happen at most once: it is entered as begun before it runs and as done after.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from agent.transcript import Outcome
from tools.records import Value

FILE = "conversations.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS decisions (digest TEXT PRIMARY KEY, decision TEXT NOT NULL, decided_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS acts (digest TEXT PRIMARY KEY, outcome TEXT NOT NULL, begun_at TEXT NOT NULL);
"""


class Decision(Value):
    """The user's own answer to one approval."""

    digest: str = Field(description="The approval's digest: verb, arguments and tool call in one.")
    approved: bool
    note: str = Field("", description="What the user typed, if anything.")
    follows: bool = Field(False, description="The note is the user's next message: decline, and let it be said.")


class Ledger:
    """Durable memory of decisions and acts, shared by every process that opens the same home."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        with self._connection() as connection:
            connection.executescript(_TABLES)

    def record(self, decision: Decision) -> None:
        """Keep a decision; if Retort died between deciding and acting, the one made afterwards counts."""
        with self._connection() as connection:
            row = (decision.digest, decision.model_dump_json(), _now())
            connection.execute("INSERT OR REPLACE INTO decisions VALUES (?, ?, ?)", row)

    def decision(self, digest: str) -> Decision | None:
        with self._connection() as connection:
            row = connection.execute("SELECT decision FROM decisions WHERE digest = ?", (digest,)).fetchone()
        return Decision.model_validate_json(row[0]) if row else None

    def begin(self, digest: str) -> bool:
        """Enter an act as begun; False when it was begun before, by this or a crashed process."""
        with self._connection() as connection:
            row = (digest, "", _now())
            return connection.execute("INSERT OR IGNORE INTO acts VALUES (?, ?, ?)", row).rowcount == 1

    def finish(self, digest: str, outcome: Outcome) -> None:
        with self._connection() as connection:
            connection.execute("UPDATE acts SET outcome = ? WHERE digest = ?", (outcome.model_dump_json(), digest))

    def outcome(self, digest: str) -> Outcome | None:
        """What a finished act came to; None for one that was begun and never ended."""
        with self._connection() as connection:
            row = connection.execute("SELECT outcome FROM acts WHERE digest = ?", (digest,)).fetchone()
        return Outcome.model_validate_json(row[0]) if row and row[0] else None

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # `with connection` ends the transaction, `closing` the connection: sqlite3 does only one of them by itself.
        with closing(sqlite3.connect(self.path, timeout=15)) as connection, connection:
            connection.execute("PRAGMA synchronous=FULL")
            yield connection


def _now() -> str:
    return datetime.now(UTC).isoformat()
