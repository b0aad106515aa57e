"""What admins were told about connections, and what is still to be delivered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text("('')"), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _time(name: str, *, null: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        _text("alert_id"),
        _time("since", null=False),
        _time("told_at", null=False),
        _count("times"),
        _time("cleared_at"),
        _time("over_at"),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_alerts_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "trouble", name=op.f("pk_alerts")),
    )
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _text("way"),
        _text("connection_id"),
        _text("message_id"),
        _text("body"),
        _time("created_at", null=False),
        _time("next_due", null=False),
        _count("lease_until"),
        _count("attempts"),
        _time("done_at"),
        sa.Column("delivered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_messages")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("alert_messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_messages_way_done_at"), ["way", "done_at"])
    op.create_table(
        "alert_ways",
        sa.Column("way", sa.Text(), nullable=False),
        _count("failures"),
        _time("failing_since"),
        _count("next_try"),
        _text("error"),
        _time("success_at"),
        sa.PrimaryKeyConstraint("way", name=op.f("pk_alert_ways")),
    )
