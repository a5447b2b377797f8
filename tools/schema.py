"""The catalog's tables. A record is one row: searchable columns beside the record itself as JSON.

A new field needs no migration, a new search does (`tools/migrations/`).
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.dialects import sqlite

from tools.records import (
    Answer,
    Ballot,
    Checkpoint,
    Dataset,
    Deployment,
    Document,
    Evaluation,
    Expense,
    Job,
    Judgement,
    Passage,
    Project,
    Record,
    Rule,
    Run,
    Sample,
)

TABLE_OF: dict[type[Record], str] = {
    Project: "projects",
    Document: "documents",
    Passage: "passages",
    Sample: "samples",
    Rule: "rules",
    Judgement: "judgements",
    Answer: "answers",
    Dataset: "datasets",
    Run: "runs",
    Checkpoint: "checkpoints",
    Evaluation: "evaluations",
    Ballot: "ballots",
    Deployment: "deployments",
    Expense: "expenses",
    Job: "jobs",
}
metadata = MetaData()


class _Text(sqlite.DATETIME):
    """A time as the text that SQLAlchemy writes too, here in UTC and with less work."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        return lambda value: value.astimezone(UTC).isoformat(" ", "microseconds")[:26] if value else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], datetime | None]:
        return lambda value: datetime.fromisoformat(value).replace(tzinfo=UTC) if value else None


# SQLite keeps no zone: times of two zones would be compared by their digits.
MOMENT = DateTime(timezone=True).with_variant(_Text(), "sqlite")  # type: ignore[no-untyped-call]


class Spelled(TypeDecorator[dict[str, str]]):
    """Names to values as JSON in one spelling, so that equal ones are equal as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, str] | None, dialect: Dialect) -> str:
        return _spelled(tuple(value.items())) if value else "{}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, str]:
        found: dict[str, str] = json.loads(value or "{}")
        return found


@lru_cache(4096)  # few differ among many samples
def _spelled(pairs: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(pairs), ensure_ascii=False, sort_keys=True)


def _searched(name: str) -> list[Column[Any]]:
    """What else of a record can be searched; a column is called like the field or the property that it holds."""
    if name == "samples":
        return [
            Column("source", Text, nullable=False, server_default=""),
            Column("looked", Boolean, nullable=False, server_default=false()),
            Column("drawn_at", MOMENT),
            Column("cell", Spelled, nullable=False, server_default="{}"),
        ]
    if name == "judgements":
        return [
            Column("act", String(40), nullable=False, server_default=""),
            Column("verb", String(10), nullable=False, server_default=""),
        ]
    return []


def _indexes(name: str) -> list[Index]:
    """Each kind is counted by state, and samples by all that a review filters, without a look at the records."""
    seen = ("source", "looked", "cell", "drawn_at", "created_at") if name == "samples" else ()
    made = [Index(f"{name}_by_project", "project_id", "owner", "state", *seen)]
    if name == "judgements":
        made.append(Index("judgements_by_act", "project_id", "owner", "act"))
    return made


def _table(name: str) -> Table:
    columns: list[Column[Any]] = [
        Column("number", Integer, primary_key=True, autoincrement=True),  # order of arrival
        Column("id", String(40), nullable=False, unique=True),
        Column("owner", String(200), nullable=False),
        Column("created_at", MOMENT, nullable=False),
        Column("state", String(20), nullable=False, default=""),
        Column("body", Text, nullable=False),
    ]
    if name == "projects":
        columns.append(Column("slug", String(80), nullable=False))
        return Table(name, metadata, *columns, Index("projects_by_slug", "owner", "slug", unique=True))
    columns.append(Column("project_id", String(40), ForeignKey("projects.id", ondelete="CASCADE"), nullable=False))
    return Table(name, metadata, *columns, *_searched(name), *_indexes(name))


TABLES = {kind: _table(name) for kind, name in TABLE_OF.items()}
_WORKED_OUT = ("number", "state", "body")
_FIELDS = {
    kind: tuple(column.name for column in table.c if column.name not in _WORKED_OUT) for kind, table in TABLES.items()
}
_VALUES = {kind: attrgetter(*names) for kind, names in _FIELDS.items()}


def row_of(record: Record) -> dict[str, object]:
    """The record as a row, but for its number."""
    kind = type(record)
    row: dict[str, object] = dict(zip(_FIELDS[kind], _VALUES[kind](record), strict=True))
    row["state"] = getattr(record, "state", "")
    row["body"] = record.model_dump_json()
    return row
