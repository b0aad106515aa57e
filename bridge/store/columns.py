"""How columns are declared that many tables have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, MetaData
from sqlalchemy import text as sa_text

from bridge.store.text import Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def time(name: str, *, null: bool = True) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def flag(name: str, *, default: bool = False) -> Column[bool]:
    return Column(
        name, Boolean, nullable=False, server_default=sa_text("true" if default else "false")
    )


def count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=sa_text("0"))


def text(name: str, default: str = "") -> Column[str]:
    # Alembic takes '' from SQLite and "" from here for different defaults.
    return Column(name, Text, nullable=False, server_default=default or sa_text("''"))
