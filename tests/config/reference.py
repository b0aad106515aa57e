"""The example and the reference page, made from what the models say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bridge.config.booking import EventDefaultsOverride, EventType, Reminder
from bridge.config.logins import Grant
from bridge.config.mirroring import Mirror
from bridge.config.policy import AvailabilityOverride, PrivacyOverride
from bridge.config.schema import Key, Many, keys
from bridge.config.settings import Connection, ReadCalendar, Settings
from bridge.provider import ProviderKind

COMMENT_COLUMN = 44
INTRODUCTION = """\
# BusyBridge: every key with its default and one line about it.
# A "#" right before a key marks an example, of something that has to exist before it can be named.
# docs/configuration.md says more; `busybridge check` tells every mistake with its line.
"""
PROVIDERS = """\
A connection takes the keys of its `provider` beside those that every connection has;
`providers.<name>` holds what all connections of a kind share."""
OVERRIDES = {
    EventDefaultsOverride: (
        {"conference": "zoom"},
        "keys of event_defaults, for this one alone",
    ),
    AvailabilityOverride: ({"all_day": "free"}, "keys of availability, for this one alone"),
    PrivacyOverride: ({"mode": "private"}, "keys of privacy, for this one alone"),
}

ONLY_EXAMPLES = (EventType, Mirror, Reminder)
"""Lists that are empty, or somebody else's to fill, unless they are written."""


@dataclass(frozen=True)
class Example:
    """A connection of the example."""

    id: str
    kind: str
    own: Mapping[str, Any]
    """Keys that are shown, in this order: those of the kind, secrets as names of variables, and
    such of every connection as matter to it."""
    active: bool = False
    whole: bool = False
    """Shows the keys that every connection has, too."""
    later: Mapping[str, Any] = field(default_factory=dict)
    """Own keys that are only examples although the connection is active."""


CONNECTIONS = (
    Example(
        "holidays",
        "ics",
        {"url": "https://example.com/holidays.ics"},
        active=True,
        later={"username": "alice", "password": "FEED_PASSWORD"},
    ),
    Example("closures", "ics", {"path": "/srv/calendars/closures.ics"}),
    Example(
        "work",
        "caldav",
        {
            "server_url": "https://dav.example.com",
            "username": "room-a",
            "password": "WORK_PASSWORD",
        },
        whole=True,
    ),
    Example("room", "google", {"account_email": "room-a@example.com", "consent": False}),
    Example("office", "microsoft", {"account_email": "room-a@example.com", "consent": False}),
    Example("zoom", "zoom", {"account_email": "host@example.com"}),
    Example("family", "apple", {"username": "alice@icloud.com", "password": "ICLOUD_APP_PASSWORD"}),
)


@dataclass(frozen=True)
class Line:
    """One line of the example, before its comment is put in its column."""

    indent: int
    text: str
    comment: str = ""

    def inside(self, prefix: str, indent: int) -> Line:
        """Move the line into an item of a list."""
        return Line(indent, f"{prefix}{' ' * self.indent}{self.text}", self.comment)

    def __str__(self) -> str:
        line = " " * self.indent + self.text
        return f"{line:<{COMMENT_COLUMN - 2}}  # {self.comment}" if self.comment else line


def example(kinds: Mapping[str, ProviderKind]) -> str:
    """Write the example."""
    return INTRODUCTION + "".join(f"{line}\n" for line in _Example(kinds).settings())


class _Example:
    def __init__(self, kinds: Mapping[str, ProviderKind]) -> None:
        self._kinds = kinds

    def settings(self) -> Iterator[Line]:
        plain = False
        for key in keys(Settings):
            if key.section is not None or not plain:
                yield Line(0, "")
            plain = key.section is None
            yield from self._key(key, 0, in_item=False)
            if key.name == "auth":
                yield from self._providers()

    def _providers(self) -> Iterator[Line]:
        yield Line(0, "")
        yield Line(0, "providers:", "Defaults of each kind of calendar system.")
        shown = {each.kind for each in CONNECTIONS}
        for kind in self._kinds.values():
            if kind.name in shown:
                own = list(keys(kind.provider_settings))
                yield Line(2, f"{kind.name}:" + (" {}" if not own else ""), kind.title)
                for key in own:
                    yield from self._key(key, 4, in_item=False)

    def _key(self, key: Key, indent: int, *, in_item: bool) -> Iterator[Line]:
        if key.section in OVERRIDES:
            value, comment = OVERRIDES[key.section]
            yield Line(indent, f"#{key.name}: {_yaml(value)}", comment)
        elif key.section is None or key.section is ReadCalendar:
            yield Line(indent, _setting(key, _default(key), in_item=in_item), _comment(key))
        elif key.section is Grant:
            yield Line(indent, _setting(key, None, in_item=in_item), _comment(key))
        elif key.section in ONLY_EXAMPLES:
            head = Line(0, f"{key.name}:", _sentence(key.section))
            for line in [head, *self._section(key, 2, in_item=in_item)]:
                plain = Line(line.indent, line.text.replace("#", "", 1), line.comment)
                yield plain.inside("#", indent)
        else:
            yield Line(indent, f"{key.name}:", _sentence(key.section))
            yield from self._section(key, indent + 2, in_item=in_item)

    def _section(self, key: Key, indent: int, *, in_item: bool) -> Iterator[Line]:
        assert key.section is not None
        if key.section is Connection:
            for connection in CONNECTIONS:
                yield from self._connection(connection, indent)
        elif key.many is Many.LIST:
            inner = [x for each in keys(key.section) for x in self._key(each, 0, in_item=True)]
            for number, line in enumerate(inner):
                yield line.inside("  " if number else "- ", indent)
        else:
            for each in with_defaults(key):
                yield from self._key(each, indent, in_item=in_item)

    def _connection(self, shown: Example, indent: int) -> Iterator[Line]:
        kind = self._kinds[shown.kind]
        own = {key.name: key for key in keys(kind.connection_settings)}
        common = {key.name: key for key in keys(Connection)}
        lines = [
            Line(0, f"id: {shown.id}", _comment(common.pop("id"))),
            Line(0, f"provider: {kind.name}", kind.title),
        ]
        del common["provider"]
        for mark, values in (("", shown.own), ("#", shown.later)):
            for name, value in values.items():
                key = own.get(name) or common[name]
                spelled = f"{name}_env" if key.is_secret else name
                lines.append(Line(0, f"{mark}{spelled}: {_yaml(value)}", _comment(key)))
        for key in common.values() if shown.whole else ():
            lines += self._key(key, 0, in_item=True)
        for number, line in enumerate(lines):
            dash = "  " if number else "- "
            if shown.active:
                yield line.inside(dash, indent)
            else:
                plain = Line(line.indent, line.text.removeprefix("#"), line.comment)
                yield plain.inside(f"#{dash}", indent)


def with_defaults(key: Key) -> Iterator[Key]:
    """Yield the keys of a section with the defaults that it has in this place."""
    given = key.info.default_factory() if callable(key.info.default_factory) else {}  # type: ignore[call-arg]
    for inner in keys(key.section):  # type: ignore[arg-type] # asked for sections only
        default = given.get(inner.name, inner.info.default)
        yield replace(inner, info=FieldInfo.merge_field_infos(inner.info, default=default))


def _setting(key: Key, default: Any, *, in_item: bool) -> str:
    examples = key.info.examples
    if key.section is ReadCalendar:
        inner = {
            "calendar": "Maintenance",
            "availability": {"all_day": "busy"},
            "privacy": {"mode": "full"},
        }
        return f"{key.name}: {_yaml(['primary', inner])}"
    if key.is_secret:
        shown = examples[0] if examples else "VARIABLE"
        return f"#{key.name}_{'file' if '.' in shown else 'env'}: {shown}"
    if examples and (in_item or default is PydanticUndefined):
        return f"{key.name}: {_yaml(examples[0])}"
    return f"{key.name}: {_yaml(default)}"


def _default(key: Key) -> Any:
    info = key.info
    value = info.default_factory() if callable(info.default_factory) else info.default  # type: ignore[call-arg]
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _comment(key: Key) -> str:
    text = key.info.description or ""
    return f"{' | '.join(key.choices)}: {text}" if len(key.choices) > 1 else text


def _sentence(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _yaml(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
    return text.strip().removesuffix("...").strip().replace("'", '"')


# The reference page


def page(kinds: Mapping[str, ProviderKind], introduction: str) -> str:
    """Write the reference page below its introduction."""
    parts = [introduction.rstrip(), "", "## Every key", "", *_table(keys(Settings))]
    for title, model, inner in _sections(keys(Settings), ""):
        parts += ["", f"### `{title}`", "", _sentence(model), "", *_table(inner)]
    parts += ["", "## Providers", "", PROVIDERS]
    for kind in kinds.values():
        names = "".join(f", `{name}`" for name in kind.synonyms)
        parts += ["", f"### {kind.title}: `{kind.name}`{names}", "", "Of a connection:", ""]
        parts += _table(keys(kind.connection_settings)) or ["No keys of its own."]
        if table := _table(keys(kind.provider_settings)):
            parts += ["", f"Of `providers.{kind.name}`:", "", *table]
    return "\n".join(parts) + "\n"


def _sections(listed: Iterable[Key], base: str) -> Iterator[tuple[str, type[BaseModel], list[Key]]]:
    for key in listed:
        if key.section is not None and key.section not in OVERRIDES:
            mark = {Many.ONE: "", Many.LIST: "[]", Many.MAP: ".*"}[key.many]
            title = f"{base}.{key.name}".lstrip(".") + mark
            inner = list(with_defaults(key))
            yield title, key.section, inner
            yield from _sections(inner, title)


def _table(listed: Iterable[Key]) -> list[str]:
    rows = [_row(key) for key in listed]
    return ["| Key | Default | What it is |", "|---|---|---|", *rows] if rows else []


def _row(key: Key) -> str:
    names = f"`{key.name}_env`, `{key.name}_file`" if key.is_secret else f"`{key.name}`"
    default = _default(key)
    if key.section in OVERRIDES:
        shown, text = "inherited", f"keys of [`{key.name}`](#{key.name}), for this one alone"
    elif key.section is not None:
        shown, text = "", key.info.description or _sentence(key.section)
    else:
        required = default is PydanticUndefined
        shown = "**needed**" if required else "" if default is None else f"`{_yaml(default)}`"
        text = _comment(key)
    return f"| {names} | {shown} | {text.replace('|', chr(92) + '|')} |"


def schema_paths(kinds: Mapping[str, ProviderKind]) -> set[tuple[str, ...]]:
    """Every key path that a file can have; list positions and free names are left out."""
    found = set(_paths(Settings, ()))
    for kind in kinds.values():
        base = ("resources", "connections")
        found |= set(_paths(kind.connection_settings, base))
        found |= set(_paths(kind.provider_settings, ("providers", kind.name)))
    return found


def _paths(model: type[BaseModel], base: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key in keys(model):
        path = (*base, key.name)
        yield path
        if key.section is not None and key.section not in OVERRIDES and key.many is not Many.MAP:
            yield from _paths(key.section, path)


def written_paths(value: Any, base: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every key path of a document, in the same manner; the spellings of a secret count as one."""
    if isinstance(value, dict):
        found: set[tuple[str, ...]] = set()
        for name, each in value.items():
            path = (*base, str(name).removesuffix("_env").removesuffix("_file"))
            found |= {path, (*base, str(name))} | written_paths(each, path)
        return found
    if isinstance(value, Sequence) and not isinstance(value, str):
        return set().union(*(written_paths(each, base) for each in value))
    return set()
