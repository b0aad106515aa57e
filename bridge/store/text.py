"""What every text goes through on its way into the database.

PostgreSQL takes no NUL, and no driver takes half of a surrogate pair; providers send both, in
titles, in names and in the reasons of their errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import types


def storable(text: str) -> str:
    """Leave out what no database stores."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def storable_rows(rows: Sequence[tuple[object, ...]]) -> Sequence[tuple[object, ...]]:
    """Leave out what no database stores, in every text of many rows; mostly there is none."""
    everything = "".join(value for row in rows for value in row if isinstance(value, str))
    if storable(everything) == everything:
        return rows
    return [
        tuple(storable(value) if isinstance(value, str) else value for value in row) for row in rows
    ]


class Text(types.TypeDecorator[str]):
    """A text column; what is written and what is looked for is made storable alike."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002 - of the interface
        """Make a text storable."""
        return None if value is None else storable(value)
