"""Bookings, what is proposed for them, when they take place, and what is told of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _text(name: str, default: str = "''") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text(f"({default})"), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _belongs(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def _index(table: str, *columns: tuple[str, ...]) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        for names in columns:
            batch_op.create_index(batch_op.f(f"ix_{table}_{'_'.join(names)}"), list(names))


def upgrade() -> None:
    op.add_column("resources", _count("bookings_floor"))
    op.create_table(
        "bookings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        _text("name"),
        _text("uid"),
        _count("generation"),
        _text("login"),
        _flag("private"),
        _text("state"),
        _text("text"),
        _text("etag"),
        _text("schedule_tag"),
        _count("sequence"),
        _text("reason"),
        _time("created_at"),
        _time("changed_at"),
        _text("token"),
        _text("connection_id"),
        _text("calendar"),
        _text("remote_id"),
        _text("remote_uid"),
        sa.Column("remote_etag", sa.Text(), nullable=True),
        _text("written"),
        _text("meeting_kind"),
        _text("meeting_state"),
        _text("meeting_reference"),
        _text("meeting_url"),
        _text("meeting_details"),
        _text("meeting_reason"),
        _text("echoed"),
        _belongs("bookings", "resource_id", "resources"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
    )
    _index(
        "bookings",
        ("resource_id", "name"),
        ("resource_id", "uid"),
        ("connection_id", "calendar", "remote_id"),
    )
    op.create_table(
        "proposals",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("booking_id", sa.Text(), nullable=False),
        _text("kind"),
        _text("state"),
        _text("actor"),
        _text("name"),
        _text("text"),
        _text("digest"),
        _text("base"),
        _flag("shown"),
        _text("before"),
        _time("created_at"),
        _time("due_at"),
        _flag("started"),
        _count("attempts"),
        _text("progress", "'{}'"),
        _text("lease_owner"),
        _count("lease_until"),
        _count("fence"),
        _text("error_code"),
        _text("error_message"),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        _belongs("proposals", "booking_id", "bookings"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
        sqlite_autoincrement=True,
    )
    _index("proposals", ("booking_id", "state"), ("state", "due_at"))
    op.create_table(
        "booked",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("booking_id", sa.Text(), nullable=False),
        _time("proposal_id"),
        _time("original_start"),
        _time("start"),
        _time("end"),
        sa.Column("fbtype", sa.SmallInteger(), nullable=False),
        _flag("all_day"),
        _text("reason"),
        _text("details", "'{}'"),
        _belongs("booked", "resource_id", "resources"),
        _belongs("booked", "booking_id", "bookings"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booked")),
    )
    _index(
        "booked",
        ("resource_id", "start", "end", "fbtype"),
        ("booking_id", "proposal_id"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _text("type"),
        _text("resource_id"),
        _text("connection_id"),
        _text("payload", "'{}'"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sqlite_autoincrement=True,
    )
    _index("deliveries", ("created_at",))
