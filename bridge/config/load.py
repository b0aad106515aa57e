"""One YAML file -> frozen settings, or every problem of it at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bridge.config.checks import check
from bridge.config.document import Document, KeyPath, read
from bridge.config.kinds import refuse_unknown_blanks, take_kind_keys
from bridge.config.secrets import Secrets
from bridge.config.settings import Settings
from bridge.config.supplements import Origin, Supplement, lay
from bridge.config.wording import report
from bridge.errors import ConfigError
from bridge.provider import ProviderKind


def load(
    path: str | Path,
    kinds: Mapping[str, ProviderKind] | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    whole: bool = True,
) -> Settings:
    """Read and check a configuration file; offline, and without a look at the database.

    Args:
        path: the file; relative paths in it start from its directory.
        kinds: the registry's provider kinds. Without them the keys that belong to a kind stay
            unread: `Connection.options` is None and `Settings.providers` empty.
        environ: where `x_env` and `${VAR}` look.
        whole: the file has all resources; else some may have been made by API, and a login may
            name them.

    Raises:
        ConfigError: with every problem, in the order of the file's lines.
    """
    return _settle(read(Path(path), environ), kinds, whole=whole)


def settle(
    document: Document,
    kinds: Mapping[str, ProviderKind] | None,
    supplements: Iterable[Supplement] = (),
    generation: int | None = None,
) -> Settings:
    """Check what was read of a file together with what was set by API; offline.

    Args:
        document: as `bridge.config.document.read` gave it; it stays so, and the settings keep it.
        kinds: as for `load`.
        supplements: what was set by API.
        generation: their number in the store; None when nobody looked there, so that not all
            resources are known.

    Raises:
        ConfigError: with every problem; those of a supplement have no line.
    """
    settings = _settle(_copy(document), kinds, supplements, whole=generation is not None)
    settings.come_from(Origin(document, generation))
    return settings


def _copy(document: Document) -> Document:
    """Give one that can be settled while this stays as it was read."""
    return replace(
        document,
        data=deepcopy(document.data),
        places=dict(document.places),
        variables=dict(document.variables),
        blank=list(document.blank),
        reported=set(document.reported),
        problems=list(document.problems),
        warnings=list(document.warnings),
    )


def _settle(
    document: Document,
    kinds: Mapping[str, ProviderKind] | None,
    supplements: Iterable[Supplement] = (),
    *,
    whole: bool = True,
) -> Settings:
    made = lay(document, supplements)
    ids = _resource_ids(document.data)
    refuse_unknown_blanks(document, kinds)
    take_kind_keys(document, kinds)
    Secrets(document).resolve(Settings, document.data, ())
    settings = _settings(document)
    check(document, settings, ids if whole else None)
    if document.problems:
        raise ConfigError(sorted(document.problems, key=lambda problem: problem.line))
    settings.warn(document.warnings)
    settings.were_made(made)
    return settings


def _settings(document: Document) -> Settings:
    """Validate; what is wrong is reported and left out, so that the rest can be checked as well."""
    reported = False
    while True:
        try:
            return Settings.model_validate(document.data, context={"directory": document.directory})
        except ValidationError as err:
            if not reported:
                report(document, Settings, err)
                reported = True
            _leave_out(document, err)


def _leave_out(document: Document, err: ValidationError) -> None:
    """Take every wrong value out of the data; where a key is missing, the mapping that lacks it."""
    wrong = set()
    for error in err.errors(include_url=False, include_context=False, include_input=False):
        path = error["loc"][:-1] if error["type"] == "missing" else error["loc"]
        wrong.add(_existing(document.data, path))
    # From behind: the paths that remain to be done keep their meaning.
    for path in sorted(wrong, reverse=True):
        if path == ():
            document.data["version"] = 1  # the only key that the root can lack
        else:
            _remove(document, path)


def _existing(data: Any, path: KeyPath) -> KeyPath:
    """Cut a path where the data ends: models read some words as mappings."""
    for length, part in enumerate(path):
        inside = part in data if isinstance(data, dict) else isinstance(data, list)
        if not inside:
            return path[:length]
        data = data[part]
    return path


def _remove(document: Document, path: KeyPath) -> None:
    *parents, last = path
    container: Any = document.data
    for part in parents:
        container = container[part]
    if isinstance(last, str):
        container.pop(last, None)
        return
    del container[last]
    # What follows in the list moves up, and its places with it.
    base, depth = tuple(parents), len(parents)
    moved = {}
    for where, place in document.places.items():
        if where[:depth] != base or len(where) == depth:
            moved[where] = place
        elif (index := int(where[depth])) != last:
            moved[*base, index - (index > last), *where[depth + 1 :]] = place
    document.places = moved


def _resource_ids(data: dict[str, Any]) -> list[str]:
    resources = data.get("resources")
    return [
        str(resource.get("id"))
        for resource in (resources if isinstance(resources, list) else ())
        if isinstance(resource, dict)
    ]
