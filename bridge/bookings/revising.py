"""Our own revisions of a client's text: a few lines change, everything else stays as it came.

The text is the octets that were sent. Lines that we do not touch keep their folds, their order and
their line ends, so that no client loses what only it understands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bridge.ical.contentline import fold, split_line
from bridge.ical.serialize import escape_text

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|$)(?:[ \t][^\r\n]*(?:\r\n?|\n|$))*")
_FOLD = re.compile(r"(?:\r\n?|\n)[ \t]")


@dataclass(frozen=True, slots=True)
class Line:
    """One content line as it stands, with what it says."""

    raw: str
    """With its folds and its line end."""
    head: str
    """Name and parameters, unfolded."""
    value: str
    depth: tuple[str, ...]
    """Components that it is in, `("VCALENDAR", "VEVENT")`; BEGIN and END count as outside."""

    @property
    def name(self) -> str:
        """Its name in upper case."""
        return _name(self.head)


EVENT = ("VCALENDAR", "VEVENT")


def _name(head: str) -> str:
    # Without the group of RFC 6350, which some put before it, and the mark that begins a file.
    return head.partition(";")[0].rpartition(".")[2].strip(" \t\ufeff").upper()


def lines(text: str) -> Iterator[Line]:
    """Cut a text into content lines."""
    stack: list[str] = []
    for match in _LINE.finditer(text):
        raw = match[0]
        if not raw:
            continue
        plain = _FOLD.sub("", raw).rstrip("\r\n")
        head, _, value = split_line(plain)
        name = _name(head)
        if name == "END" and stack:
            stack.pop()
        yield Line(raw, head, value, tuple(stack))
        if name == "BEGIN":
            stack.append(value.strip().upper())


Edit = Callable[[Line], str | None]
"""Gives the line that takes another's place, unfolded and without its end; None leaves it."""


def revise(
    text: str,
    properties: Mapping[str, str | None],
    *,
    edit: Edit | None = None,
    every: bool = False,
) -> str:
    """Set properties of events.

    Args:
        text: whole calendar.
        properties: by name: the whole new line (`STATUS:CANCELLED`), or None to take it out.
        edit: changes single other lines of events.
        every: of changed occurrences, too; else of the master alone, or of the first event.
    """
    found = list(lines(text))
    end = "\r\n" if "\r\n" in text or "\n" not in text else "\n"
    chosen = _chosen(found, every=every)
    made: list[str] = []
    event = -1
    missing: dict[str, str] = {}
    for line in found:
        if line.name == "BEGIN" and line.depth == EVENT[:1] and _is(line, "VEVENT"):
            event += 1
            here = event in chosen
            missing = {k: v for k, v in properties.items() if v is not None} if here else {}
        elif event in chosen and line.depth == EVENT and line.name not in ("BEGIN", "END"):
            if line.name in properties:
                new = missing.pop(line.name, None)
                if new is not None:
                    made.append(line.raw if new == f"{line.head}:{line.value}" else _new(new, end))
                continue
            new = edit(line) if edit is not None else None
            if new is not None:
                made.append(_new(new, end))
                continue
        elif missing and (_closes(line) or (line.name == "BEGIN" and line.depth == EVENT)):
            # Before its alarms: RFC 5545 section 3.6.1 has properties first.
            made.extend(_new(it, end) for it in missing.values())
            missing = {}
        made.append(line.raw)
    return "".join(made)


def _closes(line: Line) -> bool:
    return line.name == "END" and line.depth == EVENT[:1] and _is(line, "VEVENT")


def _is(line: Line, component: str) -> bool:
    return line.value.strip().upper() == component


def _new(line: str, end: str) -> str:
    return fold(line + "\n").replace("\r\n", end)


def _chosen(found: Iterable[Line], *, every: bool) -> set[int]:
    """Number the events that are meant."""
    overrides: set[int] = set()
    count = -1
    for line in found:
        if line.name == "BEGIN" and line.depth == EVENT[:1] and _is(line, "VEVENT"):
            count += 1
        elif line.name == "RECURRENCE-ID" and line.depth == EVENT:
            overrides.add(count)
    everything = set(range(count + 1))
    if every:
        return everything
    return (everything - overrides) or {0}


def with_parameter(line: Line, name: str, value: str) -> str:
    """Write a line with a parameter set."""
    head = re.sub(
        rf";{re.escape(name)}=(?:\"[^\"]*\"|[^;:\"]+)+", "", line.head, flags=re.IGNORECASE
    )
    return f"{head};{name}={value}:{line.value}"


def text_line(name: str, value: str) -> str:
    """Write a property of type TEXT."""
    return f"{name}:{escape_text(value)}"


def said(text: str) -> dict[str, str]:
    """Give the properties of the master, or of the first event: names and raw values, the first."""
    found = list(lines(text))
    which = min(_chosen(found, every=False))
    said: dict[str, str] = {}
    event = -1
    for line in found:
        if line.name == "BEGIN" and line.depth == EVENT[:1] and _is(line, "VEVENT"):
            event += 1
        elif event == which and line.depth == EVENT and line.name not in ("BEGIN", "END"):
            said.setdefault(line.name, line.value)
    return said
