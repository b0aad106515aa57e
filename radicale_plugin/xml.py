"""WebDAV's XML: names, reading a body, writing a multistatus. Nothing here knows a calendar.

Answers are written as text, since every value is ours or was escaped here, and a listing of 10,000
objects costs ten times as much when it is built element by element.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

DAV = "DAV:"
CALDAV = "urn:ietf:params:xml:ns:caldav"
CALENDARSERVER = "http://calendarserver.org/ns/"
APPLE = "http://apple.com/ns/ical/"
OWN = "urn:busybridge:dav"

_PREFIXES = {DAV: "D", CALDAV: "C", CALENDARSERVER: "CS", APPLE: "A", OWN: "B"}
_DECLARED = "".join(f' xmlns:{prefix}="{space}"' for space, prefix in _PREFIXES.items())
_PREFIXES["http://www.w3.org/XML/1998/namespace"] = "xml"
"""Namespaces in XML 1.0 section 3: this one is bound, and may be bound to nothing else."""
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 section 2.2."""
MEDIA_TYPE = "application/xml; charset=utf-8"


class Malformed(ValueError):
    """A body that is not the XML that the method needs."""


def dav(name: str) -> str:
    """Name an element of WebDAV."""
    return f"{{{DAV}}}{name}"


def caldav(name: str) -> str:
    """Name an element of CalDAV."""
    return f"{{{CALDAV}}}{name}"


def calendarserver(name: str) -> str:
    """Name an element of Apple's Calendar Server."""
    return f"{{{CALENDARSERVER}}}{name}"


def apple(name: str) -> str:
    """Name an element of iCal."""
    return f"{{{APPLE}}}{name}"


def read(body: bytes) -> Element | None:
    """Read a body; None for an empty one.

    Raises:
        Malformed: it is not XML, or has a document type.
    """
    if not body.strip():
        return None
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as err:
        raise Malformed("the body is not XML") from err
    return root


def element(name: str, inner: str = "") -> str:
    """Write an element by its Clark name, `{namespace}local`; `inner` is XML already."""
    tag, declared = _tag(name)
    return f"<{tag}{declared}>{inner}</{tag}>" if inner else f"<{tag}{declared}/>"


def tags(name: str) -> tuple[str, str]:
    """Write what begins and what ends an element by its Clark name."""
    tag, declared = _tag(name)
    return f"<{tag}{declared}>", f"</{tag}>"


def text(value: str) -> str:
    """Write character data; what no XML 1.0 document may hold is left out."""
    return escape(_NO_CHARACTER.sub("", value))


def href(path: str) -> str:
    """Write DAV:href; the path is percent-encoded here."""
    return f"<D:href>{escape(quote(path))}</D:href>"


def attribute(value: str) -> str:
    """Write an attribute's value with its quotes."""
    return quoteattr(value)


def propstat(status: int, props: Iterable[str], *, error: str = "", reason: str = "") -> str:
    """Write DAV:propstat of properties that share a status."""
    extra = f"<D:error>{error}</D:error>" if error else ""
    if reason:
        extra += f"<D:responsedescription>{text(reason)}</D:responsedescription>"
    return (
        f"<D:propstat><D:prop>{''.join(props)}</D:prop>"
        f"<D:status>{status_line(status)}</D:status>{extra}</D:propstat>"
    )


def response(path: str, *parts: str) -> str:
    """Write DAV:response about a path; the parts are propstats, or a status."""
    return f"<D:response>{href(path)}{''.join(parts)}</D:response>"


def status(code: int) -> str:
    """Write DAV:status."""
    return f"<D:status>{status_line(code)}</D:status>"


def status_line(code: int) -> str:
    """Write the HTTP status line that RFC 4918 section 14.28 asks for."""
    return f"HTTP/1.1 {code} {HTTPStatus(code).phrase}"


def multistatus(responses: Iterable[str], *, sync_token: str = "") -> bytes:
    """Write DAV:multistatus."""
    token = f"<D:sync-token>{text(sync_token)}</D:sync-token>" if sync_token else ""
    inner = "\n".join(responses)
    return f"{_HEAD}<D:multistatus{_DECLARED}>{inner}{token}</D:multistatus>".encode()


def error(*preconditions: str, reason: str = "") -> bytes:
    """Write DAV:error (RFC 4918 section 16) with the elements that say what was not met.

    Args:
        preconditions: elements, as XML.
        reason: a sentence for the reader, in an element of our own.
    """
    said = element(f"{{{OWN}}}reason", text(reason)) if reason else ""
    return f"{_HEAD}<D:error{_DECLARED}>{''.join(preconditions)}{said}</D:error>".encode()


def document(name: str, inner: str) -> bytes:
    """Write a whole document of one element."""
    tag, declared = _tag(name)
    return f"{_HEAD}<{tag}{_DECLARED}{declared}>{inner}</{tag}>".encode()


def _tag(name: str) -> tuple[str, str]:
    space, _, local = name[1:].rpartition("}") if name.startswith("{") else ("", "", name)
    prefix = _PREFIXES.get(space)
    if prefix:
        return f"{prefix}:{local}", ""
    if not space:
        return local, ' xmlns=""'
    return f"x:{local}", f" xmlns:x={quoteattr(space)}"
