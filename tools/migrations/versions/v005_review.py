"""What a review filters and counts stands in columns, filled from the records; every kind is counted from its index."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "005"
down_revision = "004"
OF_A_PROJECT = (
    "documents",
    "passages",
    "samples",
    "rules",
    "judgements",
    "answers",
    "datasets",
    "runs",
    "checkpoints",
    "evaluations",
    "ballots",
    "deployments",
    "expenses",
    "jobs",
)
SEEN = ("source", "looked", "cell", "drawn_at", "created_at")
BATCH = 1000  # records in memory at once


def _new(table: str) -> list[sa.Column[Any]]:
    if table == "judgements":
        return [
            sa.Column("act", sa.String(40), nullable=False, server_default=""),
            sa.Column("verb", sa.String(10), nullable=False, server_default=""),
        ]
    return [
        sa.Column("source", sa.Text, nullable=False, server_default=""),
        sa.Column("looked", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("drawn_at", sa.DateTime(timezone=True)),
        sa.Column("cell", sa.Text, nullable=False, server_default="{}"),
    ]


def upgrade() -> None:
    for table in ("samples", "judgements"):
        for column in _new(table):
            op.add_column(table, column)
        _fill(table)
    for table in OF_A_PROJECT:
        op.drop_index(f"{table}_by_project", table)
        seen = SEEN if table == "samples" else ()
        op.create_index(f"{table}_by_project", table, ["project_id", "owner", "state", *seen])
    op.create_index("judgements_by_act", "judgements", ["project_id", "owner", "act"])


def downgrade() -> None:
    op.drop_index("judgements_by_act", "judgements")
    for table in OF_A_PROJECT:
        op.drop_index(f"{table}_by_project", table)
        op.create_index(f"{table}_by_project", table, ["project_id", "state"])
    for table in ("samples", "judgements"):
        for column in _new(table):
            op.drop_column(table, column.name)


def _fill(name: str) -> None:
    """Take each record's values out of its JSON, a batch at a time; Python reads it, so that no dialect has to."""
    connection = op.get_bind()
    table = sa.Table(name, sa.MetaData(), sa.Column("number", sa.Integer), sa.Column("body", sa.Text), *_new(name))
    values = {column.name: sa.bindparam(f"new_{column.name}", type_=column.type) for column in _new(name)}
    change = sa.update(table).where(table.c.number == sa.bindparam("at")).values(values)
    for batch in _batches(connection, table):
        found = [(row.number, _searched(name, json.loads(row.body))) for row in batch]
        connection.execute(
            change, [{"at": number, **{f"new_{key}": one[key] for key in values}} for number, one in found]
        )


def _batches(connection: sa.Connection, table: sa.Table) -> Iterator[Sequence[Any]]:
    last = 0
    some = sa.select(table.c.number, table.c.body).order_by(table.c.number).limit(BATCH)
    while batch := connection.execute(some.where(table.c.number > last)).all():
        yield batch
        last = batch[-1].number


def _searched(name: str, record: dict[str, Any]) -> dict[str, object]:
    if name == "judgements":
        return {"act": record["act"], "verb": record["verb"]}
    drawn = record.get("drawn_at")
    return {
        "source": record["source"],
        "looked": record.get("looked_at") is not None,
        "drawn_at": datetime.fromisoformat(drawn).astimezone(UTC) if drawn else None,
        "cell": json.dumps(record.get("cell") or {}, ensure_ascii=False, sort_keys=True),
    }
