"""Calendars for clients: what a login keeps with one, and a floor for each projection's log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "overlays",
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"],
            ["resources.id"],
            name=op.f("fk_overlays_resource_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "login", "resource_id", "collection", "name", name=op.f("pk_overlays")
        ),
    )
    for name in ("times_floor", "details_floor"):
        op.add_column(
            "resources",
            sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        )
    op.execute("UPDATE resources SET times_floor = log_floor, details_floor = log_floor")
    with op.batch_alter_table("resources", schema=None) as batch_op:
        batch_op.drop_column("log_floor")
