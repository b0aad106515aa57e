"""What was set by API, laid over what the file says: the file's word goes first.

A supplement speaks the file's vocabulary. It makes a resource or connection that the file does not
have, or it adds keys to one of the file; a key that the file has by now is left to the file, and
counts again when that leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from bridge.config.document import Document, KeyPath, Place
from bridge.config.schema import SUFFIXES, keys

NOWHERE = "https://unreadable.invalid/"
"""Stands for the secret address of a feed that cannot be decrypted: it is never found, so that the
connection fails alone, and its last busy time stays."""


@dataclass(frozen=True, slots=True)
class Supplement:
    """What was set by API of one resource or one connection."""

    id: str
    """`room-a`, or the global id of a connection: `room-a.work`."""
    keys: Mapping[str, Any] = field(default_factory=dict)
    """As the YAML would have them; no secrets, and no ids."""
    made: bool = False
    """It stands in no file; else it adds keys to what does."""
    secrets: Mapping[str, SecretStr] = field(default_factory=dict, repr=False)
    """Keys that are kept encrypted; empty ones could not be read."""
    deduplication_key: str | None = None

    @property
    def resource_id(self) -> str:
        """The resource, or the connection's resource."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """The connection's id within its resource; empty for a resource."""
        return self.id.partition(".")[2]


class Origin(NamedTuple):
    """What settings were made of."""

    document: Document
    """The file as it was read; the settings of another generation are made of it, too."""
    generation: int | None
    """Of what was set by API; None when nobody looked."""


def lay(document: Document, supplements: Iterable[Supplement]) -> frozenset[str]:
    """Add to a document's data what the file leaves open.

    An id of the file that something made by API has is noted as a problem, unless it is adopted.

    Returns:
        The ids of what is made by API alone.
    """
    stands = _entries(document)
    made = set()
    # Resources before their connections.
    for each in sorted(supplements, key=lambda it: (it.name != "", it.resource_id, it.name)):
        if (found := stands.get(each.id)) is None:
            if each.made and (put := _append(document, stands, each)) is not None:
                stands[each.id] = put
                made.add(each.id)
            continue
        if each.made and found.entry.get("adopt") is not True:
            document.problem(
                (*found.path, "id"),
                f"{each.id} was made by API",
                "adopt: true takes it over; else choose another id, or delete that one",
            )
            continue
        _add(document, found, each)
    return frozenset(made)


def names(entry: Mapping[str, Any], key: str) -> bool:
    """Tell whether an entry of the file has a key, as `x_env` or `x_file` too."""
    return any(key + suffix in entry for suffix in SUFFIXES)


def entry_of(document: Document, id_: str) -> Mapping[str, Any] | None:
    """Find a resource or connection in what was read of the file."""
    found = _entries(document).get(id_)
    return found.entry if found else None


def reveal(model: type[BaseModel], data: dict[str, Any]) -> None:
    """Give those secrets as text whose keys have a check of their own: the addresses of feeds."""
    secret = {key.name for key in keys(model) if key.is_secret}
    for name, value in data.items():
        if isinstance(value, SecretStr) and name not in secret:
            data[name] = value.get_secret_value() or NOWHERE


class _Found(NamedTuple):
    entry: dict[str, Any]
    path: KeyPath


def _add(document: Document, found: _Found, each: Supplement) -> None:
    for name, value in _values(each):
        if not names(found.entry, name):
            found.entry[name] = value
            document.places[*found.path, name] = Place(0, f"{each.id}.{name}")


def _append(document: Document, stands: Mapping[str, _Found], each: Supplement) -> _Found | None:
    """Put what was made by API behind what the file has; None where its resource is not."""
    container: dict[str, Any] = document.data
    path: KeyPath = ()
    key = "resources"
    if each.name:
        if (above := stands.get(each.resource_id)) is None:
            return None
        container, path, key = above.entry, above.path, "connections"
    entries = container.setdefault(key, [])
    if not isinstance(entries, list):
        return None  # which is a problem of its own
    path = (*path, key, len(entries))
    entry = {"id": each.name or each.id} | dict(_values(each))
    document.places[path] = Place(0, each.id)
    entries.append(entry)
    return _Found(entry, path)


def _values(each: Supplement) -> Iterator[tuple[str, Any]]:
    yield from deepcopy(dict(each.keys)).items()  # who settles a document changes it
    yield from each.secrets.items()


def _entries(document: Document) -> dict[str, _Found]:
    """Index the resources and connections of a document by their ids; the first of an id counts."""
    found: dict[str, _Found] = {}
    for index, resource in _listed(document.data.get("resources")):
        path: KeyPath = ("resources", index)
        id_ = resource.get("id")
        found.setdefault(str(id_), _Found(resource, path))
        for place, connection in _listed(resource.get("connections")):
            inner = (*path, "connections", place)
            found.setdefault(f"{id_}.{connection.get('id')}", _Found(connection, inner))
    return found


def _listed(entries: object) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield index, entry
