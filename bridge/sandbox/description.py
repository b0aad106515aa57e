"""The official description of an API: which methods there are, and what goes in and out of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import unquote

from jsonschema import Draft202012Validator

Json = dict[str, Any]

# Every Google API takes these (https://cloud.google.com/apis/docs/system-parameters).
_EVERYWHERE = frozenset({"alt", "fields", "key", "prettyPrint", "quotaUser", "userIp"})
_BOOLEANS = {"true": True, "false": False}


class Undescribed(ValueError):
    """Something that the official description does not allow; the text says where."""


class Method(NamedTuple):
    """One method of an API."""

    id: str
    http_method: str
    path: re.Pattern[str]
    parameters: Mapping[str, Json]
    request: str | None
    """Name of the type of its body."""
    response: str | None
    scopes: frozenset[str]
    """Any of them is enough."""


class Description:
    """One API's description."""

    def __init__(self, document: Json, *, ignored: frozenset[str] = _EVERYWHERE) -> None:
        self._document = document
        self._ignored = ignored
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def methods(self) -> Mapping[str, Method]:
        """Every method by its id."""
        return {
            name: Method(
                name,
                entry["httpMethod"],
                _pattern(entry["path"]),
                entry["parameters"],
                entry["request"],
                entry["response"],
                frozenset(entry["scopes"]),
            )
            for name, entry in self._document["methods"].items()
        }

    def find(self, http_method: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """Find the method of a path, still percent-encoded, and what its parts are."""
        for method in self.methods.values():
            if method.http_method == http_method and (match := method.path.fullmatch(path)):
                return method, {name: unquote(part) for name, part in match.groupdict().items()}
        return None

    def query(self, method: Method, given: Iterable[tuple[str, str]]) -> Json:
        """Read a query by the types of its parameters; repeated ones become lists.

        Raises:
            Undescribed: a parameter is unknown, repeated, or of another type.
        """
        read: Json = {}
        for name, text in given:
            if name in self._ignored:
                continue
            known = method.parameters.get(name)
            if known is None or known["location"] != "query":
                raise Undescribed(f"{method.id} has no parameter {name}")
            value = _value(name, text, known)
            if known.get("repeated"):
                read.setdefault(name, []).append(value)
            elif name in read:
                raise Undescribed(f"{name} is given twice")
            else:
                read[name] = value
        for name, known in method.parameters.items():
            if known.get("required") and known["location"] == "query" and name not in read:
                raise Undescribed(f"{method.id} needs {name}")
        return read

    def check(self, type_name: str, document: Any) -> None:
        """Hold a document against a type.

        Raises:
            Undescribed: it is not of that type.
        """
        error = next(self._validator(type_name).iter_errors(document), None)
        if error is not None:
            place = "/".join(map(str, error.absolute_path))
            raise Undescribed(f"{type_name}: {place}: {error.message[:300]}")

    def properties(self, type_name: str) -> frozenset[str]:
        """Name the properties of a type."""
        return frozenset(self._document["$defs"][type_name]["properties"])

    def _validator(self, type_name: str) -> Draft202012Validator:
        found = self._validators.get(type_name)
        if found is None:
            schema = {"$ref": f"#/$defs/{type_name}", "$defs": self._document["$defs"]}
            found = self._validators[type_name] = Draft202012Validator(schema)
        return found


@lru_cache(maxsize=4)
def load(name: str) -> Description:
    """Load one of the descriptions that are shipped."""
    return Description(read(name))


def read(name: str) -> Json:
    """Read one of the files that are shipped; without it no stand-in starts."""
    text = (files("bridge.sandbox") / "schemas" / f"{name}.json").read_text("utf-8")
    document: Json = json.loads(text)
    return document


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile(
        "".join(
            f"(?P<{part}>[^/]+)" if place % 2 else re.escape(part)
            for place, part in enumerate(parts)
        )
    )


def _value(name: str, text: str, known: Json) -> Any:
    if known["type"] == "boolean":
        if text not in _BOOLEANS:
            raise Undescribed(f"{name} is true or false")
        return _BOOLEANS[text]
    if known["type"] == "integer":
        if not re.fullmatch(r"-?\d{1,9}", text):
            raise Undescribed(f"{name} is a whole number")
        number = int(text)
        if number < int(known.get("minimum", number)) or number > int(known.get("maximum", number)):
            raise Undescribed(f"{name} is out of range")
        return number
    if "enum" in known and text not in known["enum"]:
        raise Undescribed(f"{name} is one of {', '.join(known['enum'])}")
    return text
