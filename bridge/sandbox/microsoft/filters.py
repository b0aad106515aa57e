"""$filter, as far as calendars need it (OData 4.01 part 2, 5.1.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.sandbox.microsoft.errors import bad_query
from bridge.sandbox.microsoft.times import Json

Predicate = Callable[[Json], bool]

_WORD = re.compile(r"'(?:[^']|'')*'|[(),]|[^\s(),']+")
_LAMBDA = re.compile(r"([A-Za-z]\w*):(.*)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?")
_LITERALS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: bool(one == other),
    "ne": lambda one, other: bool(one != other),
    "gt": lambda one, other: bool(one > other),
    "ge": lambda one, other: bool(one >= other),
    "lt": lambda one, other: bool(one < other),
    "le": lambda one, other: bool(one <= other),
}
_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}


def parse(text: str) -> Predicate:
    """Read a filter.

    Raises:
        GraphError: 400.
    """
    words: list[str] = []
    for word in _WORD.findall(text):
        found = _LAMBDA.fullmatch(word)
        words += [f"{found[1]}:", *([found[2]] if found[2] else [])] if found else [word]
    reader = _Reader(words, text)
    predicate = reader.either()
    if reader.words:
        raise reader.wrong()
    return predicate


def values(text: str, name: str) -> frozenset[str]:
    """Read `name eq 'a' or name eq 'b'`, as $expand has it; in lower case."""
    found = re.findall(rf"\b{name}\s+eq\s+'((?:[^']|'')*)'", text)
    return frozenset(each.replace("''", "'").lower() for each in found)


class _Reader:
    """Reads from the left; every method takes what it understands."""

    def __init__(self, words: list[str], text: str) -> None:
        self.words = words
        self._text = text

    def wrong(self) -> Exception:
        return bad_query(f"Invalid filter clause: {self._text}")

    def either(self) -> Predicate:
        one = self._both()
        while self._takes("or"):
            one = _or(one, self._both())
        return one

    def _both(self) -> Predicate:
        one = self._single()
        while self._takes("and"):
            one = _and(one, self._single())
        return one

    def _single(self) -> Predicate:
        if self._takes("not"):
            inner = self._single()
            return lambda document: not inner(document)
        if self._takes("("):
            inner = self.either()
            self._need(")")
            return inner
        name = self._next()
        if name.lower() in _TEXTS:
            return self._text_function(name.lower())
        if name.lower().endswith("/any"):
            return self._any(name[:-4])
        compare = _COMPARE.get(self._next().lower())
        if compare is None:
            raise self.wrong()
        return _compared(name, compare, self._literal())

    def _text_function(self, name: str) -> Predicate:
        self._need("(")
        path = self._next()
        self._need(",")
        wanted = self._literal()
        self._need(")")

        def fits(document: Json) -> bool:
            value = _value(document, path)
            return isinstance(value, str) and _TEXTS[name](value.lower(), str(wanted).lower())

        return fits

    def _any(self, path: str) -> Predicate:
        self._need("(")
        variable = self._next()
        if not variable.endswith(":"):
            raise self.wrong()
        inner = self.either()
        self._need(")")
        name = variable[:-1]
        return lambda document: any(inner({name: each}) for each in _value(document, path) or [])

    def _literal(self) -> Any:
        word = self._next()
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if word in _LITERALS:
            return _LITERALS[word]
        if _MOMENT.fullmatch(word):
            return word
        if not re.fullmatch(r"-?\d{1,9}", word):
            raise self.wrong()
        return int(word)

    def _takes(self, word: str) -> bool:
        if self.words and self.words[0].lower() == word:
            del self.words[0]
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._takes(word):
            raise self.wrong()

    def _next(self) -> str:
        if not self.words:
            raise self.wrong()
        return self.words.pop(0)


def _or(one: Predicate, other: Predicate) -> Predicate:
    return lambda document: one(document) or other(document)


def _and(one: Predicate, other: Predicate) -> Predicate:
    return lambda document: one(document) and other(document)


def _compared(path: str, compare: Callable[[Any, Any], bool], wanted: Any) -> Predicate:
    def fits(document: Json) -> bool:
        found = _value(document, path)
        try:
            return compare(*_alike(found, wanted))
        except TypeError:
            return False

    return fits


def _value(document: Any, path: str) -> Any:
    for name in path.split("/"):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def _alike(found: Any, wanted: Any) -> tuple[Any, Any]:
    """Bring two values into forms that can be compared: moments, and texts of any case."""
    if isinstance(found, str) and isinstance(wanted, str):
        if _MOMENT.fullmatch(found) and _MOMENT.fullmatch(wanted):
            return _moment(found), _moment(wanted)
        return found.lower(), wanted.lower()
    return found, wanted


def _moment(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError as err:
        raise bad_query(f"'{text}' is no time.") from err
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
