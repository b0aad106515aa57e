"""Partial answers: the `fields` parameter, `items(id,start/date),nextPageToken`.

Whoever asks for too few fields has to notice it here and not at Google.
https://developers.google.com/workspace/calendar/api/guides/performance#partial-response
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]
Mask = dict[str, "Mask"]
"""Wanted names; an empty one stands for everything below."""

_WORD = re.compile(r"[\w*-]+|[(),/]")


class BadMask(ValueError):
    """It does not follow the grammar."""


def parse(text: str) -> Mask:
    """Read a mask.

    Raises:
        BadMask: it does not follow the grammar.
    """
    words = _WORD.findall(text)
    if "".join(words) != text.replace(" ", ""):
        raise BadMask(f"Invalid field selection {text}")
    mask, rest = _list(words)
    if rest:
        raise BadMask(f"Invalid field selection {text}")
    return mask


def select(document: Any, mask: Mask) -> Any:
    """Keep what a mask names."""
    if not mask:
        return document
    if isinstance(document, list):
        return [select(each, mask) for each in document]
    if not isinstance(document, dict):
        return document
    everything = mask.get("*")
    return {
        name: select(value, mask.get(name, everything or {}))
        for name, value in document.items()
        if name in mask or everything is not None
    }


def _list(words: list[str]) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while True:
        name, below, words = _field(words)
        mask[name] = below
        if words[:1] != [","]:
            return mask, words
        words = words[1:]


def _field(words: list[str]) -> tuple[str, Mask, list[str]]:
    if not words or words[0] in "(),/":
        raise BadMask("Invalid field selection")
    name, rest = words[0], words[1:]
    if rest[:1] == ["/"]:
        child, below, rest = _field(rest[1:])
        return name, {child: below}, rest
    if rest[:1] == ["("]:
        below, rest = _list(rest[1:])
        if rest[:1] != [")"]:
            raise BadMask("Invalid field selection: a bracket is open")
        return name, below, rest[1:]
    return name, {}, rest
