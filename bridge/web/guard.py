"""What is refused before anything parses, stores or even routes a request.

Pure functions over the parts of a request. The parsers behind them answer hostile input with 500,
with 44 seconds of CPU, or with a file name that came from the network; here it costs milliseconds
and is a 4xx. iCalendar bodies are judged by `bridge.ical.limits`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from bridge.access.credentials import MalformedCredentials, read_basic, read_bearer
from bridge.errors import InvalidCalendarObject

LONGEST_PATH = 2048
LONGEST_SEGMENT = 255
DEEPEST_XML = 100
MOST_ELEMENTS = 20_000
MOST_ATTRIBUTES = 64
MOST_EQUALS = 30_000
"""In a whole document: the attributes of one element are all read before any can be counted."""
LONGEST_NAMESPACE = 256
"""A parser writes it out with the name of every element in it."""

_XML_METHODS = frozenset({"PROPFIND", "PROPPATCH", "REPORT", "MKCOL", "MKCALENDAR", "LOCK", "ACL"})
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)
# C0, DEL, C1, line and paragraph separators; U+FFFD, which two broken paths would share (T26).
_FORBIDDEN_IN_PATH = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd\\\\]")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further."""

    status: int
    code: str
    detail: str
    precondition: str = ""
    """Local name of the element of the DAV:error body, in the namespace that `code` implies."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a request is held to."""

    max_size: int
    """Bytes of the body: `server.max_request_size`."""
    check_calendar: Callable[[bytes], None]
    """Raises InvalidCalendarObject for a body that must not reach a parser."""


def inspect_dav(
    method: str, headers: Mapping[str, str], body: bytes, rules: Inspection
) -> Refusal | None:
    """Judge what only CalDAV has, after `inspect_target` and `inspect_headers` let a request pass.

    Args:
        method: in upper case.
        headers: names in lower case.
        body: whole.
        rules: the limits in force.
    """
    return (
        _inspect_depth(method, headers)
        or _inspect_destination(headers)
        or inspect_body(method, headers, body, rules)
    )


def inspect_target(path: str) -> Refusal | None:
    """Judge a path (T25, T26): UTF-8, no control characters, no traversal, no endless names.

    It comes as WSGI has it: percent-decoded bytes read as latin-1.
    """
    if len(path) > LONGEST_PATH:
        return Refusal(414, "path_too_long", f"A path has at most {LONGEST_PATH} bytes.")
    raw = path.encode("latin-1", "replace")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Refusal(400, "invalid_path", "The path is not UTF-8.")
    if _FORBIDDEN_IN_PATH.search(text):
        return Refusal(400, "invalid_path", "The path holds a character that no path may hold.")
    segments = raw.split(b"/")
    if any(len(segment) > LONGEST_SEGMENT for segment in segments):
        return Refusal(
            414, "path_too_long", f"A part of a path has at most {LONGEST_SEGMENT} bytes."
        )
    if b".." in segments or b"." in segments:
        return Refusal(400, "invalid_path", "The path holds a part that is only dots.")
    return None


def inspect_headers(headers: Mapping[str, str], max_size: int) -> Refusal | None:
    """Judge what frames and describes the body, and the form of the credentials."""
    return _inspect_framing(headers, max_size) or _inspect_authorization(headers)


def _inspect_framing(headers: Mapping[str, str], max_size: int) -> Refusal | None:
    # RFC 9112 section 6.1: with both, somebody between us and the client may disagree about where
    # the request ends. The server hides a Transfer-Encoding that it has undone itself.
    if "transfer-encoding" in headers:
        return Refusal(400, "invalid_framing", "This Transfer-Encoding is not understood here.")
    length = headers.get("content-length", "").strip() or "0"
    if not (length.isascii() and length.isdigit()):
        return Refusal(400, "invalid_framing", "Content-Length is not one number.")
    if len(length) > 15 or int(length) > max_size:
        return _too_large(max_size)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        # T55: nothing that unfolds into something larger.
        return Refusal(415, "unsupported_encoding", "Send the body without Content-Encoding.")
    charset = _CHARSET.search(headers.get("content-type", ""))
    if charset and charset[1].lower() not in _CHARSETS:
        return Refusal(415, "unsupported_charset", "Send the body in UTF-8.")
    return None


def _inspect_authorization(headers: Mapping[str, str]) -> Refusal | None:
    authorization = headers.get("authorization")
    try:
        read_basic(authorization)
        read_bearer(authorization)
    except MalformedCredentials as err:
        return Refusal(400, "malformed_authorization", f"The Authorization header: {err}.")
    return None


def inspect_body(
    method: str, headers: Mapping[str, str], body: bytes, rules: Inspection
) -> Refusal | None:
    """Judge a body by what the method and the media type say it is."""
    if len(body) > rules.max_size:
        return _too_large(rules.max_size)
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method in _XML_METHODS or media_type in {"text/xml", "application/xml"}:
        return inspect_xml(body)
    if (method == "PUT" or media_type == "text/calendar") and body:
        try:
            rules.check_calendar(body)
        except InvalidCalendarObject as err:
            return Refusal(403, "invalid_calendar", str(err), precondition=err.precondition)
    return None


def inspect_xml(body: bytes) -> Refusal | None:
    """Judge an XML body (T17-T19): UTF-8, no DTD, no entities, bounded depth and size."""
    if not body.strip():
        return None
    # Expat would find out UTF-16 by itself, and the parser behind us would read something else.
    if b"\0" in body or not _is_utf8(body) or body.count(b"=") > MOST_EQUALS:
        return Refusal(400, "invalid_xml", "The body is not XML in UTF-8 with few attributes.")
    parser = DefusedXMLParser(
        target=_Bounds(),
        encoding="utf-8",
        forbid_dtd=True,
        forbid_entities=True,
        forbid_external=True,
    )
    try:
        parser.feed(body)
        parser.close()
    except DefusedXmlException:
        return Refusal(400, "invalid_xml", "The XML has a document type or entities.")
    except _TooMuch as err:
        return Refusal(400, "invalid_xml", str(err))
    except ParseError as err:
        return Refusal(400, "invalid_xml", f"The body is not well-formed XML: {err}.")
    return None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _TooMuch(Exception):
    """The document is larger than any that a client has a reason to send."""


class _Bounds:
    """Counts what the parser sees and keeps nothing of it."""

    def __init__(self) -> None:
        self._depth = 0
        self._elements = 0

    def start_ns(self, _prefix: str, uri: str) -> None:
        if len(uri) > LONGEST_NAMESPACE:
            raise _TooMuch(f"An XML namespace is longer than {LONGEST_NAMESPACE} characters.")

    def start(self, _tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEEPEST_XML:
            raise _TooMuch(f"The XML is nested deeper than {DEEPEST_XML} elements.")
        if self._elements > MOST_ELEMENTS:
            raise _TooMuch(f"The XML has more than {MOST_ELEMENTS} elements; ask in parts.")
        if len(attributes) > MOST_ATTRIBUTES:
            raise _TooMuch(f"An XML element has more than {MOST_ATTRIBUTES} attributes.")

    def end(self, _tag: str) -> None:
        self._depth -= 1

    def close(self) -> None:
        pass


def _too_large(max_size: int) -> Refusal:
    return Refusal(
        413, "too_large", f"A body has at most {max_size} bytes.", precondition="max-resource-size"
    )


def _inspect_depth(method: str, headers: Mapping[str, str]) -> Refusal | None:
    depth = headers.get("depth")
    if depth is None:
        return None
    depth = depth.strip().lower()
    if depth not in {"0", "1", "infinity"}:
        return Refusal(400, "invalid_depth", "Depth is 0, 1 or infinity.")
    if method == "PROPFIND" and depth == "infinity":
        # RFC 4918 section 9.1: servers may refuse it (T53).
        return Refusal(
            403, "depth_refused", "Ask with Depth 0 or 1.", precondition="propfind-finite-depth"
        )
    return None


def _inspect_destination(headers: Mapping[str, str]) -> Refusal | None:
    destination = headers.get("destination")
    if destination is None:
        return None
    try:
        path = urlsplit(destination).path
    except ValueError:
        return Refusal(400, "invalid_path", "Destination is not a URL.")
    return inspect_target(unquote_to_bytes(path).decode("latin-1"))
