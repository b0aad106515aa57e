"""Query options: $select, $filter, $orderby, $top, $skip, $expand (OData 4.01 part 2, 5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.sandbox.microsoft import filters
from bridge.sandbox.microsoft.errors import bad_query, bad_request
from bridge.sandbox.microsoft.times import Json

_OPTIONS = frozenset(
    {"select", "filter", "orderby", "top", "skip", "expand", "count", "skiptoken", "deltatoken"}
)
_LONGEST_PAGE = 1000
_EXTENDED = ("singleValueExtendedProperties", "multiValueExtendedProperties")
_ALWAYS = ("@odata.etag", "@odata.type", "@removed", "id")


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks for."""

    options: Mapping[str, str]
    """System options, in lower case and without the dollar sign."""
    others: Mapping[str, str]
    """What else stands there; names in lower case."""
    names: frozenset[str] = field(default_factory=frozenset)
    """Properties that the type has."""

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]], names: frozenset[str]) -> Query:
        """Read a query; the dollar sign may be left out.

        Raises:
            GraphError: 400: there is no such option, or it is there twice.
        """
        options: dict[str, str] = {}
        others: dict[str, str] = {}
        for name, value in pairs:
            plain = name.lower().removeprefix("$")
            if plain in _OPTIONS:
                if plain in options:
                    raise bad_request(f"Query option '${plain}' was specified more than once.")
                options[plain] = value
            elif name.startswith("$"):
                raise bad_request(f"The query parameter '{name}' is not supported.")
            else:
                others[plain] = value
        made = cls(options, others, names)
        # What is wrong is wrong of an empty list, too.
        made.chosen([])
        made.selected({})
        _ = made.top, made.skip, made.expanded
        return made

    def refuse(self, kind: str, *names: str) -> None:
        """Refuse options where they do not work.

        Raises:
            GraphError: 400.
        """
        found = [f"${name}" for name in names if name in self.options]
        if found:
            listed = ", ".join(found)
            raise bad_query(
                "The following parameters are not supported with change tracking over the "
                f"'{kind}' resource: '{listed}'."
            )

    @property
    def top(self) -> int | None:
        """How many are wanted on a page."""
        return self._number("top", 1, _LONGEST_PAGE)

    @property
    def skip(self) -> int:
        """How many come before the page."""
        return self._number("skip", 0, 10**9) or 0

    @property
    def page(self) -> int:
        """Number of the page."""
        text = self.options.get("skiptoken", "")
        return int(text) if text.isdecimal() else 0

    @property
    def expanded(self) -> Mapping[str, frozenset[str]]:
        """Extended properties that are wanted, by collection; their ids in lower case."""
        made: dict[str, frozenset[str]] = {}
        for name, inside in _expansions(self.options.get("expand", "")):
            if name in _EXTENDED:
                ids = filters.values(inside, "id")
                if not ids:
                    raise bad_query(f"Expanding {name} needs a $filter on id.")
                made[name] = ids
            elif name not in ("exceptionOccurrences", "calendar"):
                raise bad_request(f"The property '{name}' can't be expanded.")
        return made

    def expands(self, name: str) -> bool:
        """Tell whether a navigation property is wanted."""
        return any(each == name for each, _ in _expansions(self.options.get("expand", "")))

    def selects(self, name: str) -> bool:
        """Tell whether a property is named in $select."""
        return name in self._selected()

    def chosen(self, documents: list[Json]) -> list[Json]:
        """Filter and sort."""
        if text := self.options.get("filter"):
            predicate = filters.parse(text)
            documents = [each for each in documents if predicate(each)]
        for part in reversed([p for p in self.options.get("orderby", "").split(",") if p.strip()]):
            path, _, direction = part.strip().partition(" ")
            self._known(path.split("/")[0])
            backwards = direction.strip().lower() == "desc"
            documents = sorted(documents, key=_key(path), reverse=backwards)
        return documents

    def selected(self, document: Json) -> Json:
        """Keep the properties that $select names."""
        wanted = self._selected()
        if not wanted:
            return document
        kept = {*wanted, *_ALWAYS, *self.expanded}
        return {
            name: value
            for name, value in document.items()
            if name in kept or name.startswith("@odata.")
        }

    def _selected(self) -> frozenset[str]:
        names = [each.strip() for each in self.options.get("select", "").split(",")]
        wanted = frozenset(each.split("/")[0] for each in names if each)
        for name in wanted:
            self._known(name)
        return wanted

    def _known(self, name: str) -> None:
        if self.names and name not in self.names:
            raise bad_request(
                f"Could not find a property named '{name}' on type 'microsoft.graph.event'."
            )

    def _number(self, name: str, least: int, most: int) -> int | None:
        text = self.options.get(name)
        if text is None:
            return None
        if not text.isdecimal() or not least <= int(text) <= most:
            raise bad_query(f"Invalid value '{text}' for ${name} query option found.")
        return int(text)


def _expansions(text: str) -> list[tuple[str, str]]:
    found = re.findall(r"\s*([\w]+)(?:\(((?:[^()']|'(?:[^']|'')*')*)\))?\s*(?:,|$)", text)
    return [(name, inside) for name, inside in found if name]


def _key(path: str) -> Any:
    def value(document: Json) -> str:
        found: Any = document
        for name in path.split("/"):
            found = found.get(name) if isinstance(found, dict) else None
        return str(found or "").lower()

    return value
