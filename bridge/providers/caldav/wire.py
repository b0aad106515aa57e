"""WebDAV's XML, out and in: RFC 4918, RFC 4791, RFC 6578. What comes in is not trusted.

Hrefs are compared in one spelling: percent-encoded where RFC 3986 asks for it and nowhere else,
since servers answer `ann@x.ics` where another wrote `ann%40x.ics`. An encoded slash stays one.
"""

from __future__ import annotations

import re

# Only what we write is made by the standard library; what comes in goes through defusedxml.
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from bridge.errors import UnreadableAnswer

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
CALENDARSERVER = "{http://calendarserver.org/ns/}"
APPLE = "{http://apple.com/ns/ical/}"

RESOURCETYPE = f"{DAV}resourcetype"
GETETAG = f"{DAV}getetag"
SYNC_TOKEN = f"{DAV}sync-token"
GETCTAG = f"{CALENDARSERVER}getctag"
SUPPORTED_REPORTS = f"{DAV}supported-report-set"
SYNC_COLLECTION = f"{DAV}sync-collection"
CALENDAR_DATA = f"{CALDAV}calendar-data"
UNSUPPORTED = frozenset({f"{CALDAV}supported-filter", f"{CALDAV}supported-collation"})
"""Preconditions by which a server says that it cannot look for something."""
VALID_SYNC_TOKEN = f"{DAV}valid-sync-token"

_MAX_DEPTH = 50
_MAX_ELEMENTS = 500_000
_LONGEST_NAMESPACE = 256
"""The parser writes it out with the name of every element in it."""
_STATUS = re.compile(r"HTTP/\d(?:\.\d)?\s+(\d{3})\b")
_SEGMENT_SAFE = "!$&'()*+,;=:@-._~"  # RFC 3986 section 3.3, pchar
_END = re.compile(rb"</(?:[\w.-]+:)?multistatus\s*>\s*\Z")
for _prefix, _namespace in (("D", DAV), ("C", CALDAV), ("CS", CALENDARSERVER), ("A", APPLE)):
    ET.register_namespace(_prefix, _namespace[1:-1])


class BrokenXml(UnreadableAnswer):
    """A whole answer that is not well-formed: one object's text can do that to all the others."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a multistatus says of one resource."""

    href: str
    """As the server spells it."""
    status: int | None
    """Of the resource itself; None where only its properties have one."""
    _found: dict[str, ET.Element] = field(default_factory=dict, repr=False)
    """Properties under a 2xx status; what stands under another is unknown, not absent."""
    _refused: frozenset[int] = frozenset()
    """The other statuses."""

    def has(self, name: str) -> bool:
        """Tell whether the property was given."""
        return name in self._found

    def fails(self) -> bool:
        """Tell whether the server could not look at the resource, or at a property of it."""
        return any(status >= 500 for status in (self.status or 0, *self._refused))

    def text(self, name: str) -> str:
        """Return a property's text, empty when it was not given."""
        element = self._found.get(name)
        return "" if element is None else (element.text or "").strip()

    def tags(self, name: str) -> frozenset[str]:
        """Return the names of all elements inside a property."""
        element = self._found.get(name)
        return frozenset() if element is None else frozenset(each.tag for each in element.iter())

    def hrefs(self, name: str) -> list[str]:
        """Return the hrefs inside a property, a preferred one (RFC 6638) first."""
        element = self._found.get(name)
        found = [] if element is None else list(element.iter(f"{DAV}href"))
        found.sort(key=lambda each: each.get("preferred", "0") != "1")
        return [text for each in found if (text := (each.text or "").strip())]

    def component_names(self, name: str) -> frozenset[str]:
        """Return the names of the CALDAV:comp elements inside a property, in upper case."""
        element = self._found.get(name)
        found = () if element is None else element.iter(f"{CALDAV}comp")
        return frozenset(each.get("name", "").upper() for each in found)


@dataclass(frozen=True, slots=True)
class Multistatus:
    """RFC 4918 section 13."""

    replies: Sequence[Reply]
    sync_token: str


def read_multistatus(body: bytes, what: str) -> Multistatus:
    """Read a 207 answer.

    Raises:
        BrokenXml: not well-formed, yet whole.
        UnreadableAnswer: cut short, hostile (entities, depth, number of elements), or something
            else than a multistatus.
    """
    root = _parse(body, what)
    if root.tag != f"{DAV}multistatus":
        raise UnreadableAnswer(f"{what}: the server did not answer with a multistatus")
    replies = [reply for element in root.findall(f"{DAV}response") for reply in _replies(element)]
    return Multistatus(replies, (root.findtext(SYNC_TOKEN) or "").strip())


def preconditions(body: bytes) -> frozenset[str]:
    """Return the names in a DAV:error body (RFC 4918 section 16), nothing for any other body."""
    try:
        root = _parse(body, "error")
    except UnreadableAnswer:
        return frozenset()
    return frozenset(each.tag for each in root) if root.tag == f"{DAV}error" else frozenset()


def canonical(href: str) -> str:
    """Return the path of an href in the one spelling in which hrefs are compared.

    Raises:
        ValueError: it is no URI reference.
    """
    path = urlsplit(href.strip()).path
    return "/".join(quote(unquote_to_bytes(part), safe=_SEGMENT_SAFE) for part in path.split("/"))


def propfind(names: Iterable[str]) -> bytes:
    """Write a PROPFIND body that asks for properties."""
    root = ET.Element(f"{DAV}propfind")
    _prop(root, names)
    return _written(root)


def sync_collection(token: str) -> bytes:
    """Write a sync-collection REPORT (RFC 6578 section 3.2)."""
    root = ET.Element(SYNC_COLLECTION)
    ET.SubElement(root, SYNC_TOKEN).text = token
    ET.SubElement(root, f"{DAV}sync-level").text = "1"
    _prop(root, [GETETAG])
    return _written(root)


def multiget(hrefs: Iterable[str]) -> bytes:
    """Write a calendar-multiget REPORT (RFC 4791 section 7.9)."""
    root = ET.Element(f"{CALDAV}calendar-multiget")
    _prop(root, [GETETAG, CALENDAR_DATA])
    for href in hrefs:
        ET.SubElement(root, f"{DAV}href").text = href
    return _written(root)


def calendar_query(name: str, value: str) -> bytes:
    """Write a calendar-query REPORT (RFC 4791 section 7.8) for events with a text in a property."""
    root = ET.Element(f"{CALDAV}calendar-query")
    _prop(root, [GETETAG])
    inner = ET.SubElement(root, f"{CALDAV}filter")
    for component in ("VCALENDAR", "VEVENT"):
        inner = ET.SubElement(inner, f"{CALDAV}comp-filter", name=component)
    inner = ET.SubElement(inner, f"{CALDAV}prop-filter", name=name)
    ET.SubElement(inner, f"{CALDAV}text-match", collation="i;octet").text = value
    return _written(root)


def _prop(root: ET.Element, names: Iterable[str]) -> None:
    prop = ET.SubElement(root, f"{DAV}prop")
    for name in names:
        ET.SubElement(prop, name)


def _written(root: ET.Element) -> bytes:
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _replies(element: ET.Element) -> Iterator[Reply]:
    status = _status(element)
    found: dict[str, ET.Element] = {}
    refused: set[int] = set()
    for propstat in element.findall(f"{DAV}propstat"):
        code = _status(propstat) or 0
        if code // 100 == 2:
            found |= {prop.tag: prop for prop in propstat.findall(f"{DAV}prop/*")}
        else:
            refused.add(code)
    # RFC 4918 section 14.24: a status may stand for several hrefs at once.
    for href in element.findall(f"{DAV}href"):
        yield Reply((href.text or "").strip(), status, found, frozenset(refused))


def _status(element: ET.Element) -> int | None:
    match = _STATUS.match((element.findtext(f"{DAV}status") or "").strip())
    return int(match[1]) if match else None


def _parse(body: bytes, what: str) -> ET.Element:
    parser = DefusedXMLParser(target=_Bounded(what), forbid_dtd=True)
    try:
        parser.feed(body)
        root: ET.Element = parser.close()
    except DefusedXmlException as err:
        raise UnreadableAnswer(f"{what}: the answer holds a document type or entities") from err
    except ET.ParseError as err:
        if _END.search(body[-200:]):
            raise BrokenXml(f"{what}: the answer is not well-formed XML") from err
        raise UnreadableAnswer(f"{what}: the answer is cut short or not XML") from err
    except (ValueError, LookupError) as err:  # an encoding that nobody knows
        raise UnreadableAnswer(f"{what}: the answer's encoding is unknown") from err
    return root


class _Bounded(ET.TreeBuilder):
    """Stops building a tree that is too deep or too large to be a calendar's."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._depth = 0
        self._elements = 0

    def start_ns(self, _prefix: str, uri: str) -> None:
        if len(uri) > _LONGEST_NAMESPACE:
            raise UnreadableAnswer(f"{self._what}: a namespace of the answer is too long")

    def start(self, tag: str, attrs: dict[Any, Any], /) -> ET.Element:
        self._depth += 1
        self._elements += 1
        if self._depth > _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise UnreadableAnswer(f"{self._what}: the answer is nested too deep or too large")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)
