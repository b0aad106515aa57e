"""The text of an HTML body, and the HTML of a text. Pure.

What is read is for reading only, as text: nothing that is left of markup has a meaning. One pass
that never goes back, since whoever can send an invitation can send any body. What is written has no
markup but for the lines, and shows every character that the text has.
"""

from __future__ import annotations

import re
from html import escape, unescape

_LONGEST = 100_000
"""Characters of a body that are looked at; Outlook writes thousands of them about fonts."""
_TOKEN = re.compile(r"<!--|<(/?)([a-zA-Z][a-zA-Z0-9:]*+)[^<>]*+>|<[!?][^<>]*+>|[^<]++|<")
_HIDDEN = frozenset({"style", "script", "title", "xml", "template"})
_LINES = frozenset(
    {"br", "p", "div", "tr", "li", "ul", "ol", "table", "hr", "h1", "h2", "h3", "h4", "h5", "h6"}
)
_WIDE = re.compile(r"^ +| {2,}")
_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")


def plain_text(html: str) -> str:
    """Return what a reader sees of a body, a line for each paragraph."""
    html = html[:_LONGEST]
    lines: list[list[str]] = [[]]
    hidden = ""
    place = 0
    while place < len(html):
        token = _TOKEN.match(html, place)
        if token is None:  # every character is one, or the begin of one
            break
        place = token.end()
        name = (token[2] or "").lower()
        if token[0] == "<!--":
            end = html.find("-->", place)
            place = len(html) if end < 0 else end + 3
        elif hidden:
            hidden = "" if name == hidden and token[1] else hidden
        elif name in _HIDDEN:
            hidden = "" if token[1] or token[0].endswith("/>") else name
        elif name in _LINES:
            lines.append([])
        elif not name and not token[0].startswith(("<!", "<?")):
            lines[-1].append(token[0])
    shown = (_SPACE.sub(" ", unescape("".join(line))).strip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(shown)).strip()


def html(text: str) -> str:
    """Return a text as HTML that shows it: its lines, its spaces, and no markup of its own."""
    lines = escape(text.replace("\r\n", "\n"), quote=False).split("\n")
    return "<br>".join(_WIDE.sub(_kept, line.replace("\t", "    ")) for line in lines)


def is_same(one: str, other: str) -> bool:
    """Tell whether two texts are the same but for blanks that a conversion may add or drop."""
    return _shown(one) == _shown(other)


def _kept(blanks: re.Match[str]) -> str:
    return "&nbsp;" * (len(blanks[0]) - 1) + " " if blanks.start() else "&nbsp;" * len(blanks[0])


def _shown(text: str) -> str:
    lines = (_SPACE.sub(" ", line).strip() for line in text.replace("\r\n", "\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
