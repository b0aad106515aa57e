"""Descriptions: Google shows HTML, and line breaks count all the same. Pure.

Whoever writes plain text escapes it, and gets it back to the letter. What people format in the web
calendar is read as text: paragraphs become lines, and the target of a link stands behind it. One
pass that never goes back, since whoever can send an invitation can send any description.
"""

from __future__ import annotations

import re
from html import escape, unescape

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*+)([^<>]*+)>(\n?)")
_TARGET = re.compile(r"""\bhref\s*+=\s*+["']?([^"'\s>]++)""", re.IGNORECASE)
_LINES = frozenset({"br", "p", "div", "ul", "ol", "li", "tr", "h1", "h2", "h3", "h4", "hr"})
_HIDDEN = frozenset({"script", "style"})


def write_markup(text: str) -> str:
    """Write plain text so that nothing in it is taken for markup."""
    return escape(text, quote=False)


def read_markup(text: str) -> str:
    """Read what people see."""
    if _TAG.search(text) is None:
        return unescape(text)
    shown = "".join(_pieces(text))
    lines = (line.rstrip(" ") for line in shown.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _pieces(text: str) -> list[str]:
    """Cut at the tags, and keep what is to be seen; no piece is empty."""
    pieces: list[str] = []
    place, hidden, target = 0, "", ""
    for tag in _TAG.finditer(text):
        _keep(pieces, "" if hidden else text[place : tag.start()])
        place = tag.end()
        name, closes = tag[2].lower(), bool(tag[1])
        if hidden or name in _HIDDEN:
            hidden = "" if closes else hidden or name
        elif name == "a":
            if closes and target not in ("", *pieces[-1:]):
                pieces.append(f" ({target})")
            found = None if closes else _TARGET.search(tag[3])
            target = unescape(found[1]) if found else ""
            _keep(pieces, tag[4])
        else:
            _keep(pieces, _break(name, pieces, closes=closes) if name in _LINES else tag[4])
    _keep(pieces, "" if hidden else text[place:])
    return pieces


def _keep(pieces: list[str], text: str) -> None:
    if text:
        pieces.append(unescape(text))


def _break(name: str, pieces: list[str], *, closes: bool) -> str:
    """Begin a line, unless one has just begun for the same reason."""
    if name == "br":
        return "\n"
    begun = not pieces or pieces[-1].endswith("\n")
    if name == "li" and not closes:
        return "- " if begun else "\n- "
    return "" if begun else "\n"
