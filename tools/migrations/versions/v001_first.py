"""The first tables: one a noun, searchable columns beside the record as JSON."""

import sqlalchemy as sa
from alembic import op

revision = "001"
down_revision = None

OF_A_PROJECT = (
    "documents",
    "passages",
    "samples",
    "datasets",
    "runs",
    "checkpoints",
    "evaluations",
    "deployments",
    "expenses",
    "jobs",
)


def _columns() -> list[sa.Column]:  # type: ignore[type-arg]
    return [
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    ]


def upgrade() -> None:
    op.create_table("projects", *_columns(), sa.Column("slug", sa.String(80), nullable=False))
    op.create_index("projects_by_slug", "projects", ["owner", "slug"], unique=True)
    for name in OF_A_PROJECT:
        project_id = sa.Column(
            "project_id", sa.String(40), sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False
        )
        op.create_table(name, *_columns(), project_id)
        op.create_index(f"{name}_by_project", name, ["project_id", "state"])


def downgrade() -> None:
    for name in (*OF_A_PROJECT, "projects"):
        op.drop_table(name)
