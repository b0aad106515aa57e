"""Mirrors: busy time of some connections of a resource, written into a calendar of another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field

from bridge.config.document import KeyPath
from bridge.config.logins import Id
from bridge.config.schema import nearest
from bridge.config.section import Section, section, written
from bridge.config.values import Duration

RESOURCE = "{{resource}}"
_VARIABLE = re.compile(r"\{\{.*?\}\}")

Finding: TypeAlias = tuple[KeyPath, str, str | KeyPath]
"""Where, what is wrong, and the remedy: a text, or where the same stands for the first time."""


def _check_target(value: str) -> str:
    connection, _, calendar = value.partition("/")
    if not connection or not calendar:
        raise ValueError("names no calendar; write connection/calendar, as in team/primary")
    return value


def _check_title(value: str) -> str:
    for found in _VARIABLE.findall(value):
        if found != RESOURCE:
            raise ValueError(f"{found} is not known here; there is {RESOURCE} alone")
    if not value.strip():
        raise ValueError("must not be empty; the owner of the calendar has to know what it is")
    return value


Target = Annotated[str, AfterValidator(_check_target)]
Title = Annotated[str, AfterValidator(_check_title)]


class MirrorPrivacy(Section):
    """What blocks in another calendar reveal."""

    mode: Literal["busy_only"] = Field(
        default="busy_only", description="times only: a block may be of many events"
    )


class Mirror(Section):
    """Busy time written as blocks into another calendar of the same resource."""

    model_config = ConfigDict(serialize_by_alias=True)  # `from` is a word of Python

    to: Target = Field(
        description="connection/calendar that gets the blocks; the calendar by id, name or primary",
        examples=["work/primary"],
    )
    sources: tuple[Id, ...] | None = Field(
        default=None,
        alias="from",
        description="connections whose busy time it is; left out: all but that of the target",
        examples=[["family"]],
    )
    privacy: MirrorPrivacy = section()
    title: Title = Field(
        default="Busy", max_length=200, description="title of a block; may hold {{resource}}"
    )
    ahead: Duration = written(
        "90d", "how far ahead; never beyond sync.window.future", least="1d", most="3650d"
    )

    @property
    def connection(self) -> str:
        """The connection of the target, by its id within the resource."""
        return self.to.partition("/")[0]

    @property
    def calendar(self) -> str:
        """The target's calendar: an id, a name, or `primary`."""
        return self.to.partition("/")[2]

    def sources_among(self, connections: list[str]) -> list[str]:
        """Name the connections whose busy time is mirrored."""
        if self.sources is None:
            return [name for name in connections if name != self.connection]
        return [name for name in connections if name in self.sources]


def findings(
    mirrors: tuple[Mirror, ...], writable: dict[str, str], path: KeyPath, *, whole: bool
) -> Iterator[Finding]:
    """Yield what is wrong with the mirrors of a resource.

    Args:
        mirrors: of the resource.
        writable: its connections by id -> why nothing can be written there; empty: it can.
        path: of the list.
        whole: these are all connections; else some may have been made by API.
    """
    names = list(writable)
    first: dict[str, int] = {}
    for index, mirror in enumerate(mirrors):
        here = (*path, index)
        if first.setdefault(mirror.to, index) != index:
            yield (*here, "to"), f'"{mirror.to}" is taken', (*path, first[mirror.to], "to")
        target = mirror.connection
        if writable.get(target):
            yield (*here, "to"), f"{target} {writable[target]}", "mirror into another one"
        yield from _cycles(mirror, here)
        if whole:
            yield from _unknown(mirror, names, here)


def _cycles(mirror: Mirror, here: KeyPath) -> Iterator[Finding]:
    target = mirror.connection
    for place, name in enumerate(mirror.sources or ()):
        if name == target:
            hint = f"leave {name} out of from"
            yield (
                (*here, "from", place),
                f"mirror cycle: {name} would be mirrored into itself",
                hint,
            )


def _unknown(mirror: Mirror, names: list[str], here: KeyPath) -> Iterator[Finding]:
    target = mirror.connection
    said: list[tuple[KeyPath, str]] = [((*here, "to"), target)]
    said += [((*here, "from", place), name) for place, name in enumerate(mirror.sources or ())]
    for at, name in said:
        if name not in names:
            hint = nearest(name, names) or f"there are {', '.join(names) or 'none'}"
            yield at, f'no connection "{name}" in this resource', hint
    if target in names and not (mirror.sources or mirror.sources_among(names)):
        hint = "name other connections in from, or add one"
        yield here, "mirrors nothing: there is no connection to mirror from", hint
