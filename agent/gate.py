"""The gate: what needs the user's own yes, how that yes is bound to exactly one action, and where it is remembered.

What a call risks stands in its command's declaration. Here it is decided whether the user's own words already said
this very call, and what is asked otherwise; no model has a say. Decisions and acts are kept in two small tables beside
the conversation, outside of what a model can write: `decisions` is written by `Session.decide` alone and the gate
believes nothing else; `acts` makes a gated action happen at most once: entered as begun before it runs, as done after.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from langchain_core.messages import AnyMessage, ToolMessage
from pydantic import Field

from agent import cards, phrase
from agent.command import Call, Here, need
from agent.transcript import Approval, Outcome, Risk
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import JsonObject, Value

FILE = "conversations.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS decisions (digest TEXT PRIMARY KEY, decision TEXT NOT NULL, decided_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS acts (digest TEXT PRIMARY KEY, outcome TEXT NOT NULL, begun_at TEXT NOT NULL);
"""


def here_at(catalog: Catalog, project_id: str, messages: Sequence[AnyMessage]) -> Here:
    """Where a call runs that follows these messages."""
    return Here(catalog, project_id, cards.shown(messages))


def risk_of(here: Here, call: Call, messages: Sequence[AnyMessage]) -> Risk | None:
    """What approval this call needs now; None when it may run at once."""
    risk = call.command.risk_of(here, call)
    return None if risk == "review" and _user_said_so(here, call, messages) else risk


def _user_said_so(here: Here, call: Call, messages: Sequence[AnyMessage]) -> bool:
    """Whether the user's own latest message is this very command, not yet used.

    Read by the grammar, never by a model. Numbers and 'all' count on what was shown *before* the message, so that
    nothing shown since, on whoever's suggestion, slips in.
    """
    called = cards.last_called(messages)
    if called is not None and called.additional_kwargs.get("own") is True:
        return True  # typed as a command of its own, at the person's own terminal
    spoken = cards.last_spoken(messages)
    if spoken is None or spoken.additional_kwargs.get("files"):
        return False
    said = phrase.parse(str(spoken.content))
    if said is None or said.verb != call.command.name or str(spoken.content).rstrip().endswith(("?", "？")):
        return False  # a question is no order
    place = list(messages).index(spoken)
    if any(isinstance(one, ToolMessage) and one.name == said.verb for one in messages[place:]):
        return False  # said once, done once
    before = here_at(here.catalog, here.project_id, messages[:place])
    try:
        return need(said.verb).settle(before, said.arguments).json == call.json
    except RetortError:
        return False


def digest_of(call_id: str, verb: str, arguments: JsonObject) -> str:
    """SHA-256 of the tool call's id, the command and its settled arguments in canonical JSON."""
    canonical = json.dumps([call_id, verb, arguments], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def approval_for(here: Here, call_id: str, call: Call, risk: Risk) -> Approval:
    """What the user is asked: the exact arguments and what they will take."""
    return Approval(
        verb=call.command.name,
        arguments=call.json,
        estimate=call.estimate(here),
        risk=risk,
        digest=digest_of(call_id, call.command.name, call.json),
    )


# --- decisions and acts -------------------------------------------------------------------------------------------


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
