"""The kinds of providers there are: the only file that names them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from bridge.provider import ProviderKind
from bridge.providers import caldav, google, ics, microsoft, zoom

KINDS: Mapping[str, ProviderKind] = {
    kind.name: kind
    for kind in (
        google.KIND,
        microsoft.KIND,
        caldav.KIND,
        caldav.APPLE,
        ics.KIND,
        zoom.KIND,
    )
}
_NAMES = {name: kind for kind in KINDS.values() for name in (kind.name, *kind.synonyms)}


def kind(name: str) -> ProviderKind:
    """Return the kind of that name or synonym, in any case.

    Raises:
        KeyError: there is none; its text names the nearest, or all that there are.
    """
    found = _NAMES.get(name.strip().lower())
    if found is None:
        near = get_close_matches(name.lower(), _NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(KINDS))}"
        raise KeyError(f"there is no provider {name!r}; {hint}")
    return found
