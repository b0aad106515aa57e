"""The part of a body that Outlook added for a Teams meeting. Pure.

It stands between two lines of underscores and holds the link. Without it Outlook ends the meeting
(https://learn.microsoft.com/graph/api/event-update, "body property and online meetings"), so that
who writes a body takes it along; and it is no part of what somebody wrote.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

_LINE = re.compile(r"_{20,}")
_OURS = re.compile(r"Microsoft Teams|//teams\.(?:microsoft|live)\.[a-z.]+/", re.IGNORECASE)
_HOST = re.compile(
    r"https://(?:[a-z-]+\.)*teams\.(?:microsoft|live)\.[a-z.]+/(?:l/meetup-join|meet)/",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)([^<>]*+)>|<[!?][^<>]*+>|[^<]++|<")
_HREF = re.compile(r"href\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_WHOLE = frozenset({"", "html", "body"})


def without(text: str) -> str:
    """Return a body's text without the part about the meeting."""
    lines = list(_LINE.finditer(text))
    for first, last in zip(reversed(lines), [None, *reversed(lines)], strict=False):
        end = last.start() if last else len(text)
        if _OURS.search(text, first.end(), end):
            after = text[last.end() :].strip() if last else ""
            return f"{text[: first.start()].rstrip()}\n{after}".strip()
    return text


@dataclass(slots=True)
class _Element:
    """One element of a body, or the whole of it."""

    name: str
    parent: _Element | None
    start: int
    inside: int
    """Where its begin tag ends."""
    until: int = 0
    """Where its end tag begins."""
    end: int = 0

    def path(self) -> list[_Element]:
        """Name the elements around it from the outside, and itself."""
        found: list[_Element] = [self]
        while (parent := found[-1].parent) is not None:
            found.append(parent)
        return found[::-1]


@dataclass(slots=True)
class _Body:
    """What is of interest in a body: the elements around lines and links, and where they are."""

    whole: _Element
    lines: list[tuple[int, int, _Element]] = field(default_factory=list)
    links: list[tuple[_Element, str]] = field(default_factory=list)


def block(html: str, link: str) -> str:
    """Return the part of a body about the meeting, as it stands; empty where there is none.

    Args:
        html: the body.
        link: to join, as Graph says it; empty where it is not known.
    """
    body = _read(html)
    joins = [each for each, address in body.links if link and address == link]
    joins = joins or [each for each, address in body.links if _HOST.match(address)]
    if not joins:
        return ""
    join = joins[0]
    before = [each for each in body.lines if each[0] < join.start]
    after = [each for each in body.lines if each[0] >= join.end]
    marks = [(join.start, join.end, join.parent or body.whole), *before[-1:], *after[:1]]
    return html[slice(*_range(html, marks))]


def _range(html: str, marks: list[tuple[int, int, _Element]]) -> tuple[int, int]:
    """Find the smallest run of whole elements that holds all of the marks."""
    paths = [element.path() for _, _, element in marks]
    shared = 0
    while all(len(path) > shared and path[shared] is paths[0][shared] for path in paths):
        shared += 1
    around = paths[0][shared - 1]
    starts, ends = [], []
    for (start, end, _), path in zip(marks, paths, strict=True):
        child = path[shared] if len(path) > shared else None
        starts.append(child.start if child else start)
        ends.append(child.end if child else end)
    start, end = min(starts), max(ends)
    while around.name not in _WHOLE and not _rest(html, around, start, end):
        start, end = around.start, around.end
        if around.parent is None:
            break
        around = around.parent
    return start, end


def _rest(html: str, around: _Element, start: int, end: int) -> str:
    return (html[around.inside : start] + html[end : around.until]).strip()


def _read(html: str) -> _Body:
    """Find elements in one pass that never goes back; what is not closed ends with its parent."""
    whole = _Element("", None, 0, 0, len(html), len(html))
    body, stack, opened = _Body(whole), [whole], Counter[str]()
    for start, end, name, closes, inside in _tokens(html):
        if not name:
            here = stack[-1]
            found = _LINE.finditer(html, start, end)
            body.lines.extend((each.start(), each.end(), here) for each in found)
        elif closes:
            if opened[name]:
                opened.subtract(_close(stack, name, start, end))
        elif name not in _VOID and not inside.endswith("/"):
            stack.append(_Element(name, stack[-1], start, end))
            opened[name] += 1
            if name == "a" and (href := _HREF.search(inside)):
                address = unescape(href[1] or href[2] or href[3] or "")
                body.links.append((stack[-1], address))
    while len(stack) > 1:
        left = stack.pop()
        left.until = left.end = len(html)
    return body


def _close(stack: list[_Element], name: str, start: int, end: int) -> list[str]:
    """End an element and what is open in it, and name all of them."""
    ended = [name]
    while (left := stack.pop()).name != name:
        left.until = left.end = start
        ended.append(left.name)
    left.until, left.end = start, end
    return ended


def _tokens(html: str) -> Iterator[tuple[int, int, str, bool, str]]:
    """Yield start, end, name of the element, whether it ends there, and the rest of the tag."""
    place = 0
    while place < len(html):
        if html.startswith("<!--", place):
            end = html.find("-->", place)
            place = len(html) if end < 0 else end + 3
            continue
        token = _TAG.match(html, place)
        if token is None:  # every character is one, or the begin of one
            break
        place = token.end()
        if token[2]:
            yield token.start(), place, token[2].lower(), bool(token[1]), token[3] or ""
        elif not token[0].startswith("<"):
            yield token.start(), place, "", False, ""
