"""A calendar object as its lines stand, to change some of them and leave all others as they are.

Nothing is understood here but BEGIN, END and the form of a content line: what a server or another
program wrote stays, known or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from bridge.errors import InvalidCalendarObject
from bridge.ical import repair
from bridge.ical.bounds import DEFAULT, Limits
from bridge.ical.contentline import fold, split_line, unfold

_NAME = re.compile("[;:]")
_PARAMETER = re.compile(r'(?:[^;"]|"[^"]*(?:"|$))+')


@dataclass(slots=True)
class Component:
    """One component: its own lines, unfolded, then the components in it."""

    name: str
    """In upper case."""
    lines: list[str] = field(default_factory=list)
    parts: list[Component] = field(default_factory=list)

    def every(self, name: str) -> list[Component]:
        """Return the components of one name that stand directly in it."""
        return [part for part in self.parts if part.name == name]

    def named(self, names: Collection[str]) -> list[str]:
        """Return the lines of some properties."""
        return [line for line in self.lines if name_of(line) in names]

    def replace(
        self,
        names: Collection[str],
        lines: Iterable[str],
        *,
        only: Callable[[str], bool] = lambda _line: True,
    ) -> None:
        """Write lines where properties of some names stand, else at the end.

        Args:
            names: of the properties that go.
            lines: what comes.
            only: tells which of them go.
        """
        places = [n for n, line in enumerate(self.lines) if name_of(line) in names and only(line)]
        place = places[0] if places else len(self.lines)
        for number in reversed(places):
            del self.lines[number]
        self.lines[place:place] = lines

    def text(self) -> str:
        """Return all lines, unfolded, each ended by LF."""
        inner = "".join(part.text() for part in self.parts)
        own = "".join(f"{line}\n" for line in self.lines)
        return f"BEGIN:{self.name}\n{own}{inner}END:{self.name}\n"


def read_tree(data: bytes | str, limits: Limits = DEFAULT) -> Component:
    """Read one VCALENDAR.

    Raises:
        InvalidCalendarObject: it is none, or several, or its components are not closed.
    """
    text, _ = unfold(data)
    top = Component("")
    stack = [top]
    for line in text.split("\n"):
        if not line.strip():
            continue
        edge, _, value = line.partition(":")
        match edge.strip().upper():
            case "BEGIN":
                opened = Component(value.strip().upper())
                stack[-1].parts.append(opened)
                stack.append(opened)
                if len(stack) > limits.depth + 1:
                    raise InvalidCalendarObject(f"components nested deeper than {limits.depth}")
            case "END":
                if stack.pop().name != value.strip().upper() or not stack:
                    raise InvalidCalendarObject("BEGIN and END do not match")
            case _:
                stack[-1].lines.append(line)
    if len(stack) != 1 or [part.name for part in top.parts] != ["VCALENDAR"] or top.lines:
        raise InvalidCalendarObject("not one whole calendar")
    return top.parts[0]


def write_tree(calendar: Component) -> str:
    """Return content lines: CRLF, folded."""
    return fold(calendar.text())


def name_of(line: str) -> str:
    """Return the name of a property, in upper case."""
    return repair.property_name(_NAME.split(line, maxsplit=1)[0])


def parts_of(line: str) -> tuple[str, str]:
    """Return the raw parameters and the value of a property."""
    head, _, value = split_line(line)
    return head.partition(";")[2], value


def with_parameter(line: str, name: str, value: str) -> str:
    """Give a property another parameter value, as it is written; empty takes it away."""
    head, colon, rest = split_line(line)
    kept = [
        part for part in _PARAMETER.findall(head) if part.partition("=")[0].strip().upper() != name
    ]
    if value:
        kept.append(f"{name}={value}")
    return ";".join(kept) + colon + rest
