"""Our own revisions of a client's text: a few lines change, everything else stays as it came.

The text is the octets that were sent. Lines that we do not touch keep their folds, their order and
their line ends, so that no client loses what only it understands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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


Said = dict[str, str]
"""Properties of one event, the first of each name, with raw values."""
Edit = Callable[[Line, Said], str | None]
"""Told a line and what its event says, gives the line that takes its place, unfolded and without
its end; None leaves it."""
Properties = Mapping[str, str | None]
"""By name: the whole new line (`STATUS:CANCELLED`), or None to take it out."""


def revise(
    text: str, properties: Properties, *, edit: Edit | None = None, every: bool = False
) -> str:
    """Set properties of events.

    Args:
        text: whole calendar.
        properties: what is set.
        edit: changes single other lines of all events.
        every: set them in changed occurrences, too; else in the master alone, or the first event.
    """
    found = list(lines(text))
    chosen = _chosen(found, every=every)
    events = _events(found)
    wanted = [properties if at in chosen else {} for at in range(len(events))]
    return _written(text, found, list(zip(events, wanted, strict=True)), edit)


def revise_each(text: str, decide: Callable[[Said], Properties], *, edit: Edit | None) -> str:
    """Set properties of each event, decided by what it says; see `revise`."""
    found = list(lines(text))
    return _written(text, found, [(it, decide(it)) for it in _events(found)], edit)


def _written(
    text: str,
    found: Sequence[Line],
    events: Sequence[tuple[Said, Properties]],
    edit: Edit | None,
) -> str:
    end = "\r\n" if "\r\n" in text or "\n" not in text else "\n"
    made: list[str] = []
    coming = iter(events)
    said: Said = {}
    wanted: Properties = {}
    missing: dict[str, str] = {}
    for line in found:
        if _edge(line, "BEGIN"):
            said, wanted = next(coming)
            missing = {name: it for name, it in wanted.items() if it is not None}
        elif _is_own(line):
            if line.name in wanted:
                new = missing.pop(line.name, None)
                if new is not None:
                    made.append(line.raw if new == f"{line.head}:{line.value}" else _new(new, end))
                continue
            new = edit(line, said) if edit is not None else None
            if new is not None:
                made.append(_new(new, end))
                continue
        elif missing and (_edge(line, "END") or (line.name == "BEGIN" and line.depth == EVENT)):
            # Before its alarms: RFC 5545 section 3.6.1 has properties first.
            made.extend(_new(it, end) for it in missing.values())
            missing = {}
        made.append(line.raw)
    return "".join(made)


def _is_own(line: Line) -> bool:
    return line.depth == EVENT and line.name not in ("BEGIN", "END")


def _edge(line: Line, name: str) -> bool:
    """Tell whether a line begins, or ends, an event."""
    return line.name == name and bounds(line, "VEVENT")


def bounds(line: Line, component: str) -> bool:
    """Tell whether a line begins, or ends, a component of the calendar."""
    return (
        line.name in ("BEGIN", "END")
        and line.depth == EVENT[:1]
        and line.value.strip().upper() == component
    )


def _new(line: str, end: str) -> str:
    return fold(line + "\n").replace("\r\n", end)


def _events(found: Iterable[Line]) -> list[Said]:
    """Give what each event says."""
    events: list[Said] = []
    for line in found:
        if _edge(line, "BEGIN"):
            events.append({})
        elif _is_own(line) and events:
            events[-1].setdefault(line.name, line.value)
    return events


def _chosen(found: Iterable[Line], *, every: bool) -> set[int]:
    """Number the events that are meant."""
    events = _events(found)
    if every:
        return set(range(len(events)))
    return {at for at, said in enumerate(events) if "RECURRENCE-ID" not in said} or {0}


def with_parameter(line: Line, name: str, value: str) -> Line:
    """Give a line with a parameter set."""
    head = re.sub(
        rf";{re.escape(name)}=(?:\"[^\"]*\"|[^;:\"]+)+", "", line.head, flags=re.IGNORECASE
    )
    return replace(line, head=f"{head};{name}={value}")


def text_line(name: str, value: str) -> str:
    """Write a property of type TEXT."""
    return f"{name}:{escape_text(value)}"


def said(text: str) -> Said:
    """Give the properties of the master, or of the first event."""
    found = list(lines(text))
    events = _events(found)
    return events[min(_chosen(found, every=False))] if events else {}


def is_private(text: str) -> bool:
    """Whether others see no more than when it is: any of its events has a CLASS but PUBLIC."""
    return any(
        line.name == "CLASS" and _is_own(line) and line.value.strip().upper() not in ("", "PUBLIC")
        for line in lines(text)
    )
