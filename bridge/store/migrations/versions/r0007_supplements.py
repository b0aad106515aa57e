"""What is set by API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(name: str, default: str | sa.TextClause = sa.text("('')")) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def upgrade() -> None:
    op.create_table(
        "supplements",
        sa.Column("id", sa.Text(), nullable=False),
        _text("resource_id"),
        _text("keys", "{}"),
        _text("secrets", "[]"),
        sa.Column("made", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("deduplication_key", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplements")),
    )
    with op.batch_alter_table("supplements", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_supplements_deduplication_key"), ["deduplication_key"], unique=True
        )
