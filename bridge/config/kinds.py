"""The keys that belong to a provider kind: `providers.<kind>`, and a connection's own ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from bridge.config.document import Document, KeyPath
from bridge.config.schema import Many, keys, model_at, nearest, spellings
from bridge.config.secrets import Secrets
from bridge.config.settings import Connection, Settings
from bridge.config.supplements import reveal
from bridge.config.wording import refuse_unknown, report
from bridge.provider import ProviderKind

_COMMON = spellings(Connection)


def take_kind_keys(document: Document, kinds: Mapping[str, ProviderKind] | None) -> None:
    """Turn a document's kind-specific keys into instances of the kinds' models.

    Without kinds those keys are dropped unread, and `provider` may be any word.
    """
    if kinds is None:
        document.data.pop("providers", None)
        for connection, _ in _connections(document):
            _split(connection)
    else:
        _Kinds(document, kinds).take()


def refuse_unknown_blanks(document: Document, kinds: Mapping[str, ProviderKind] | None) -> None:
    """Note each unknown key without a value: it counts as left out, and is a mistake still.

    To be called before `take_kind_keys`, which moves keys of kinds away.
    """
    for *parents, name in document.blank:
        known = _spellings_at(document, kinds, tuple(parents))
        if known is not None and name not in known:
            document.problem((*parents, name), "unknown key", nearest(str(name), known))


def _spellings_at(
    document: Document, kinds: Mapping[str, ProviderKind] | None, path: KeyPath
) -> list[str] | None:
    """Name the keys of the mapping at `path`; None where any name may stand."""
    own = {name: kind for kind in (kinds or {}).values() for name in (kind.name, *kind.synonyms)}
    match path:
        case ("providers",):
            return list(own) or None
        case ("providers", str(name)):
            kind = own.get(name.lower())
            return spellings(kind.provider_settings) if kind else None
        case ("resources", int(index), "connections", int(position)):
            given = document.data["resources"][index]["connections"][position].get("provider")
            kind = own.get(given.lower()) if isinstance(given, str) else None
            return [*_COMMON, *spellings(kind.connection_settings)] if kind else None
        case (*parents, str(name)):
            parent = model_at(Settings, tuple(parents))
            if parent and any(it.name == name and it.many is Many.MAP for it in keys(parent)):
                return None
    model = model_at(Settings, path)
    return spellings(model) if model else None


class _Kinds:
    def __init__(self, document: Document, kinds: Mapping[str, ProviderKind]) -> None:
        self._document = document
        self._kinds = {
            name: kind for kind in kinds.values() for name in (kind.name, *kind.synonyms)
        }
        self._secrets = Secrets(document)

    def take(self) -> None:
        self._document.data["providers"] = self._defaults()
        for connection, path in _connections(self._document):
            own = _split(connection)
            kind = self._named(connection.get("provider"), (*path, "provider"))
            if kind is not None:
                connection["provider"] = kind.name
                options = self._build(kind.connection_settings, own, path, _COMMON)
                if options is not None:
                    connection["options"] = options
                    connection["unwritable"] = kind.unwritable
                    self._without_calendars(kind, connection, path)
                    self._delegate(kind, options, connection, path)

    def _without_calendars(
        self, kind: ProviderKind, connection: dict[str, Any], path: KeyPath
    ) -> None:
        """Have nothing read of an account that has nothing to read."""
        if kind.has_calendars:
            return
        for name in ("read_calendars", "write_calendar"):
            if connection.get(name):
                self._document.problem((*path, name), f"{kind.title} has no calendars")
        connection["read_calendars"] = []

    def _delegate(
        self, kind: ProviderKind, options: BaseModel, connection: dict[str, Any], path: KeyPath
    ) -> None:
        """Say whose account is opened without consent.

        Only the file can: who may connect accounts by API could else read anybody's calendar.
        """
        defaults = self._document.data["providers"].get(kind.name)
        if defaults is None or not self._document.line(path):
            return
        if not kind.is_delegated(options, defaults):
            return
        place = self._document.places.get((*path, "account_email"))
        if place is None or not place.line:
            self._document.problem(
                (*path, "account_email"),
                "is missing",
                "a program that nobody has to let in has to be told whom it acts for; or consent: "
                "true asks the account's owner",
            )
        elif isinstance(connection["account_email"], str):
            connection["acts_for"] = connection["account_email"]

    def _defaults(self) -> dict[str, BaseModel]:
        given: dict[str, tuple[dict[str, Any], KeyPath]] = {}
        section = self._document.data.get("providers", {})
        if not isinstance(section, dict):
            self._document.problem(("providers",), "must be a mapping of keys to values")
            section = {}
        for name, data in section.items():
            path: KeyPath = ("providers", name)
            kind = self._named(name, path)
            if kind is None:
                continue
            if kind.name in given:
                self._document.problem(path, f"the defaults of {kind.name} are given twice")
            elif isinstance(data, dict):
                given[kind.name] = (data, path)
            else:
                self._document.problem(path, "must be a mapping of keys to values")
        built = {}
        for kind in {kind.name: kind for kind in self._kinds.values()}.values():
            data, path = given.get(kind.name, ({}, ("providers", kind.name)))
            if (model := self._build(kind.provider_settings, data, path, [])) is not None:
                built[kind.name] = model
        return built

    def _named(self, name: object, path: KeyPath) -> ProviderKind | None:
        if not isinstance(name, str):
            return None  # missing, or not a text: the common keys say so
        kind = self._kinds.get(name.lower())
        if kind is None:
            known = list(self._kinds)
            hint = nearest(name, known) or f"there are {', '.join(sorted(known))}"
            self._document.problem(path, f'no provider "{name}"', hint)
        return kind

    def _build(
        self, model: type[BaseModel], data: dict[str, Any], path: KeyPath, common: list[str]
    ) -> BaseModel | None:
        known = spellings(model)
        refuse_unknown(self._document, data, path, known, common)
        reveal(model, data)
        self._secrets.resolve(model, data, path)
        try:
            return model.model_validate(data, context={"directory": self._document.directory})
        except ValidationError as err:
            report(self._document, model, err, path)
            return None


def _connections(document: Document) -> Iterator[tuple[dict[str, Any], KeyPath]]:
    """Yield what looks like a connection; what does not is told by the common keys' check."""
    resources = document.data.get("resources")
    for index, resource in enumerate(resources if isinstance(resources, list) else ()):
        connections = resource.get("connections") if isinstance(resource, dict) else None
        for position, each in enumerate(connections if isinstance(connections, list) else ()):
            if isinstance(each, dict):
                yield each, ("resources", index, "connections", position)


def _split(connection: dict[str, Any]) -> dict[str, Any]:
    """Take the keys out that are not common to all connections."""
    return {name: connection.pop(name) for name in list(connection) if name not in _COMMON}
