"""How commands print: lines and tables for people, JSON for programs, nothing a terminal obeys.

What calendars, providers and servers say may hold control characters, and a terminal would act on
them: it renames itself, hides lines, turns the direction of text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence

import click

from bridge.errors import BridgeError

_UNSAFE_IN_JSON = re.compile(r"[^\x20-\x7e\n]")


def printable(text: str) -> str:
    """Show what a terminal would obey, and what cannot be seen, as a replacement character."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def say(line: str, *, err: bool = False) -> None:
    """Print one line."""
    click.echo(printable(line), err=err)


def as_json(data: object) -> str:
    """Write data as JSON, readable in any language and harmless on a terminal."""
    return _UNSAFE_IN_JSON.sub(_escaped, json.dumps(data, indent=2, ensure_ascii=False))


def table(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, empty: str = "nothing"
) -> None:
    """Print rows under the names of their columns; framed on a terminal, aligned elsewhere.

    Args:
        rows: values by column; what is missing shows as `-`.
        columns: names of those to show; an underscore shows as a blank.
        empty: what to say when there is no row.
    """
    heads = [column.replace("_", " ") for column in columns]
    shown = [[_cell(row.get(column)) for column in columns] for row in rows]
    if not shown:
        say(empty)
    elif sys.stdout.isatty():
        _framed(heads, shown)
    else:
        _plain([heads, *shown])


def fields(values: Mapping[str, object]) -> None:
    """Print one thing's values, a line each."""
    shown = {name.replace("_", " "): _cell(value) for name, value in values.items()}
    width = max(map(len, shown))
    for name, value in shown.items():
        click.echo(f"{name.ljust(width)}  {value}".rstrip())


def told(error: BridgeError) -> str:
    """Write what went wrong, and its remedy."""
    hint = getattr(error, "hint", "")
    return f"{error} ({hint})" if hint else str(error)


def count(number: int, what: str) -> str:
    """Write `1 key`, `2 keys`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _framed(heads: list[str], lines: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    frame = Table(*heads, box=box.ROUNDED)
    for cells in lines:
        frame.add_row(*(Text(cell) for cell in cells))
    Console().print(frame)


def _plain(lines: list[list[str]]) -> None:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value)) or "-"
    return printable(str(value))


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    return char if char.isprintable() else json.dumps(char)[1:-1]
