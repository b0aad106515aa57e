"""Reading one YAML file into plain values, each with the line and key path where it stands.

YAML as configuration needs it, and no more: one document, the tags of the JSON schema (`yes`, `on`
and `12:30` stay text), aliases and `<<`, each key once. What the file could be made to do to its
reader is bounded: its size, its depth, and what its aliases repeat; no tag makes an object.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from bridge.errors import ConfigError, ConfigProblem

MAX_SIZE = 4 << 20
MAX_DEPTH = 40
MAX_REPEATED = 10_000
"""Values that aliases may add to what is written."""

BY_API = "set by API"
"""Stands for the file's name in problems with what is no part of the file."""

KeyPath: TypeAlias = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_PLAIN = re.compile(
    r"""(?P<null>~|null|Null|NULL|)
    |(?P<true>true|True|TRUE) |(?P<false>false|False|FALSE)
    |(?P<int>[-+]?[0-9]{1,300})
    |(?P<float>[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?)""",
    re.VERBOSE | re.ASCII,
)
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_SAFE_TAGS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands."""

    line: int
    """1-based; 0 for what does not stand in the file: it was set by API."""
    key: str
    """`resources[0].connections[1].url`."""


@dataclass(slots=True)
class Document:
    """What was read, and every problem found so far."""

    path: Path
    environ: Mapping[str, str]
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=lambda: {(): Place(1, "")})
    variables: dict[KeyPath, str] = field(default_factory=dict)
    """Values that came from the environment by a placeholder -> the variable's name."""
    blank: list[KeyPath] = field(default_factory=list)
    """Keys without a value, which stand in `places` and not in `data`."""
    reported: set[KeyPath] = field(default_factory=set)
    """Values that could not be had at all: what follows from that is no problem of its own."""
    problems: list[ConfigProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    mode: int = 0
    """Permission bits of the file."""

    @property
    def directory(self) -> Path:
        """What relative paths of the file are taken from."""
        return self.path.absolute().parent

    def problem(self, path: KeyPath, message: str, hint: str = "") -> None:
        """Note a problem with the value at `path`, or where its nearest parent stands."""
        place, missing = self._nearest(path)
        key = show_path((place.key, *missing) if place.key else missing)
        file = str(self.path) if place.line else BY_API
        found = ConfigProblem(message, file=file, line=place.line, key=key, hint=hint)
        if found not in self.problems:
            self.problems.append(found)

    def line(self, path: KeyPath) -> int:
        """Return the line of the value at `path`, or of its nearest parent."""
        return self._nearest(path)[0].line

    def problem_on_line(self, line: int, message: str, hint: str = "") -> None:
        """Note a problem of the text itself."""
        self.problems.append(ConfigProblem(message, file=str(self.path), line=line, hint=hint))

    def _nearest(self, path: KeyPath) -> tuple[Place, KeyPath]:
        for length in range(len(path), -1, -1):
            if place := self.places.get(path[:length]):
                return place, path[length:]
        raise AssertionError("the root has a place")


def show_path(path: KeyPath) -> str:
    """Write a key path: `resources[0].id`; a key that is no plain word stands in brackets."""
    text = ""
    for position, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part}]"
        elif position == 0:
            text = part
        elif re.fullmatch(r"[A-Za-z0-9_-]+", part):
            text += f".{part}"
        else:
            text += f'["{part}"]'
    return text


def read(path: Path, environ: Mapping[str, str]) -> Document:
    """Read a file; its values stand in `data`, what is wrong with them in `problems`.

    Raises:
        ConfigError: there is nothing to go on with: no file, no YAML, too large.
    """
    document = Document(path, environ)
    text = _text(document)
    try:
        root = _Composer(text, document).root()
        if root is not None:
            value = _Values(document).build(root, ())
            if isinstance(value, dict):
                document.data = value
            else:
                document.problem((), "the file must hold keys with values", "version: 1")
    except yaml.MarkedYAMLError as err:
        last = text.rstrip().count("\n")  # an open bracket is missed only after the end
        line = min(err.problem_mark.line, last) + 1 if err.problem_mark else 1
        document.problem_on_line(line, _in_plain_words(err, text))
        raise ConfigError(document.problems) from err
    except yaml.reader.ReaderError as err:
        line = text[: err.position].count("\n") + 1
        document.problem_on_line(line, "a control character that YAML does not allow")
        raise ConfigError(document.problems) from err
    except _TooMuch as err:
        document.problem_on_line(err.line, str(err))
        raise ConfigError(document.problems) from err
    return document


def _in_plain_words(err: yaml.MarkedYAMLError, text: str) -> str:
    said = err.problem or err.context or ""
    if "nesting depth" in said:  # some builds of libyaml have a bound of their own, of a thousand
        return f"nested more than {MAX_DEPTH} levels deep"
    if "cannot start any token" in said and err.problem_mark:
        mark = err.problem_mark
        character = text.split("\n")[mark.line][mark.column : mark.column + 1]
        said = "found a tab character where spaces indent" if character == "\t" else said
    return f"this is not YAML: {said}"


def _text(document: Document) -> str:
    try:
        with document.path.open("rb") as file:
            document.mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_SIZE + 1)
    except OSError as err:
        document.problem_on_line(
            0, f"cannot be read: {err.strerror}", "`busybridge init` writes a first one"
        )
        raise ConfigError(document.problems) from err
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        document.problem_on_line(content[: err.start].count(b"\n") + 1, "this is not UTF-8")
        raise ConfigError(document.problems) from err
    if len(content) > MAX_SIZE:
        document.problem_on_line(0, f"larger than {MAX_SIZE >> 20} MiB")
        raise ConfigError(document.problems)
    return text


class _TooMuch(Exception):
    """The file would cost more than a configuration may."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class _Node:
    line: int
    size: int = 1
    """Values that it stands for when its aliases are written out."""


@dataclass(slots=True)
class _Scalar(_Node):
    text: str = ""
    plain: bool = False


@dataclass(slots=True)
class _Sequence(_Node):
    items: list[_Node] = field(default_factory=list)


@dataclass(slots=True)
class _Mapping(_Node):
    pairs: list[tuple[_Scalar, _Node]] = field(default_factory=list)


class _Composer:
    """Events of the YAML parser -> nodes; an alias is the node itself, never a copy."""

    def __init__(self, text: str, document: Document) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._events: Iterator[Any] = yaml.parse(text, Loader=loader)
        self._document = document
        self._anchors: dict[str, _Node] = {}
        self._written = 0

    def root(self) -> _Node | None:
        """Compose the one document of the text; None when there is none."""
        next(self._events)  # the stream starts
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            self._document.problem((), "the file is empty", "`busybridge init` writes an example")
            return None
        root = self._node(next(self._events), 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if isinstance(after, yaml.DocumentStartEvent):
            self._document.problem_on_line(_line(after), "a second document (---) begins here")
        return root

    def _node(self, event: Any, depth: int) -> _Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise _TooMuch(_line(event), f"nested more than {MAX_DEPTH} levels deep")
        self._written += 1
        plain = self._check_tag(event)
        node: _Node
        if isinstance(event, yaml.ScalarEvent):
            node = _Scalar(_line(event), text=event.value, plain=plain)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, depth)
        else:
            node = self._mapping(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> _Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            self._document.problem_on_line(
                _line(event), f"*{event.anchor} stands for nothing", f"write &{event.anchor} above"
            )
            return _Scalar(_line(event), plain=True)
        return node

    def _sequence(self, event: Any, depth: int) -> _Sequence:
        node = _Sequence(_line(event))
        while not isinstance(each := next(self._events), yaml.SequenceEndEvent):
            node.items.append(item := self._node(each, depth + 1))
            self._grow(node, item)
        return node

    def _mapping(self, event: Any, depth: int) -> _Mapping:
        node = _Mapping(_line(event))
        while not isinstance(each := next(self._events), yaml.MappingEndEvent):
            key = self._node(each, depth + 1)
            value = self._node(next(self._events), depth + 1)
            self._grow(node, value)
            if isinstance(key, _Scalar):
                node.pairs.append((_Scalar(_line(each), text=key.text, plain=key.plain), value))
            else:
                self._document.problem_on_line(_line(each), "a key must be a single word")
        return node

    def _grow(self, node: _Node, child: _Node) -> None:
        node.size += child.size
        if node.size > self._written + MAX_REPEATED:
            raise _TooMuch(
                child.line, f"aliases (*name) repeat more than {MAX_REPEATED} values from here"
            )

    def _check_tag(self, event: Any) -> bool:
        """Tell whether a scalar may be more than text; refuse what would make an object."""
        tag = event.tag
        if tag in {None, "!"}:
            return isinstance(event, yaml.ScalarEvent) and bool(event.implicit[0]) and tag is None
        if tag not in _SAFE_TAGS:
            shown = tag.replace(_TAG, "!!", 1)[:80]
            self._document.problem_on_line(
                _line(event), f"the tag {shown} is not allowed", "write the plain value"
            )
        return bool(tag != f"{_TAG}str")


class _Values:
    """Nodes -> dicts, lists and scalars, with the place of each."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def build(self, node: _Node, path: KeyPath) -> Any:
        """Build the value of a node that stands at `path`."""
        if path not in self._document.places:
            self._document.places[path] = Place(node.line, show_path(path))
        match node:
            case _Mapping():
                return self._mapping(node, path)
            case _Sequence():
                return [self.build(item, (*path, index)) for index, item in enumerate(node.items)]
            case _Scalar():
                return self._scalar(node, path)
        raise AssertionError(node)

    def _mapping(self, node: _Mapping, path: KeyPath) -> dict[str, Any]:
        """Build a mapping; a key without a value, or with null, counts as left out."""
        own: dict[str, tuple[int, _Node]] = {}
        merged: dict[str, tuple[int, _Node]] = {}
        for key, value in node.pairs:
            if key.text == "<<" and key.plain:
                for source in value.items if isinstance(value, _Sequence) else [value]:
                    self._merge(merged, source, key.line)
            elif key.text in own:
                self._document.problem_on_line(
                    key.line,
                    f"{show_path((*path, key.text))} is given twice",
                    f"first on line {own[key.text][0]}",
                )
            else:
                own[key.text] = (key.line, value)
        built = {}
        for name, (line, value) in (merged | own).items():
            self._document.places[*path, name] = Place(line, show_path((*path, name)))
            if (each := self.build(value, (*path, name))) is not None:
                built[name] = each
            else:
                self._document.blank.append((*path, name))
        return built

    def _merge(self, into: dict[str, tuple[int, _Node]], source: _Node, line: int) -> None:
        """Take over what `<<` names; of several sources the first to have a key wins."""
        if not isinstance(source, _Mapping):
            self._document.problem_on_line(line, "<< needs a mapping", "<<: *name")
            return
        for key, value in source.pairs:
            if key.text == "<<" and key.plain:
                for inner in value.items if isinstance(value, _Sequence) else [value]:
                    self._merge(into, inner, key.line)
            else:
                into.setdefault(key.text, (key.line, value))

    def _scalar(self, node: _Scalar, path: KeyPath) -> object:
        if node.plain and (match := _PLAIN.fullmatch(node.text)):
            return _number_or_constant(match)
        if match := _PLACEHOLDER.search(node.text):
            return self._placeholder(node, path, match)
        return node.text

    def _placeholder(self, node: _Scalar, path: KeyPath, match: re.Match[str]) -> str:
        """Put in the variable's text as it is: it is never read as YAML or expanded again."""
        name = match[1]
        if match[0] != node.text:
            self._document.problem(
                path, f"${{{name}}} is only a part of the value", "it must be the whole value"
            )
            return node.text
        value = self._document.environ.get(name)
        if value is None:
            self._document.problem(path, f"the environment variable {name} is not set")
            self._document.reported.add(path)
            value = ""
        self._document.variables[path] = name
        return value


def _number_or_constant(match: re.Match[str]) -> object:
    match match.lastgroup:
        case "true" | "false":
            return match.lastgroup == "true"
        case "int":
            return int(match[0])
        case "float":
            return float(match[0])
        case _:
            return None


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
