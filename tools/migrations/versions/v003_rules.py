"""What the user's judgement of samples was, and the rules made of it."""

import sqlalchemy as sa
from alembic import op

revision = "003"
down_revision = "002"
NEW = ("rules", "judgements")


def upgrade() -> None:
    for name in NEW:
        op.create_table(
            name,
            sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
            sa.Column("id", sa.String(40), nullable=False, unique=True),
            sa.Column("owner", sa.String(200), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("state", sa.String(20), nullable=False),
            sa.Column("body", sa.Text, nullable=False),
            sa.Column("project_id", sa.String(40), sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        )
        op.create_index(f"{name}_by_project", name, ["project_id", "state"])


def downgrade() -> None:
    for name in NEW:
        op.drop_table(name)
