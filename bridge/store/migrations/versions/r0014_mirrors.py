"""Mirrors, the blocks that they wrote, and which occurrences are never mirrored on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _text(name: str, default: str = "''") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text(f"({default})"), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _time(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _belongs(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def _index(table: str, *columns: str) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        for name in columns:
            batch_op.create_index(batch_op.f(f"ix_{table}_{name}"), [name])


def _find_relayed() -> None:
    """Know blocks of other instances that were read before, by their UIDs.

    What does not change is not read again, so that they would be mirrored on for good.
    """
    names: list[sa.ColumnClause[str]] = [sa.column("calendar_id"), sa.column("remote_id")]
    occurrences = sa.table("occurrences", *names, sa.column("relayed", sa.Boolean()))
    events = sa.table("events", *(sa.column(each.name) for each in names), sa.column("uid"))
    if op.get_bind().dialect.name == "postgresql":
        is_block = events.c.uid.regexp_match("^[0-9a-f]{40}@busybridge$")
    else:
        is_block = events.c.uid.op("GLOB")(f"{'[0-9a-f]' * 40}@busybridge")
    blocks = sa.select(events.c.calendar_id, events.c.remote_id).where(is_block)
    which = sa.tuple_(occurrences.c.calendar_id, occurrences.c.remote_id)
    op.execute(sa.update(occurrences).where(which.in_(blocks)).values(relayed=True))


def upgrade() -> None:
    op.add_column("occurrences", _flag("relayed"))
    _find_relayed()
    op.create_table(
        "mirrors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        _text("target"),
        _text("plan", "'{}'"),
        _flag("leaving"),
        _text("calendar"),
        _count("serial"),
        _count("seq"),
        _text("digest"),
        _time("due_at"),
        _count("rest_until"),
        _text("lease_owner"),
        _count("lease_until"),
        _count("fence"),
        _time("written_at", null=True),
        _count("waiting"),
        _count("held"),
        _text("stays"),
        _count("failures"),
        _text("error_code"),
        _text("error_message"),
        _text("error_hint"),
        _time("error_since", null=True),
        _belongs("mirrors", "resource_id", "resources"),
        _belongs("mirrors", "connection_id", "connections"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirrors")),
    )
    _index("mirrors", "resource_id", "connection_id", "due_at")
    op.create_table(
        "mirrored",
        sa.Column("mirror_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        _text("remote_id"),
        _text("uid"),
        _time("start"),
        _time("end"),
        sa.Column("fbtype", sa.SmallInteger(), nullable=False),
        _text("sources"),
        _text("answer"),
        _count("written_at"),
        _count("refused_at"),
        _time("gone_at", null=True),
        _belongs("mirrored", "mirror_id", "mirrors"),
        sa.PrimaryKeyConstraint("mirror_id", "token", name=op.f("pk_mirrored")),
    )
    _index("mirrored", "gone_at")
