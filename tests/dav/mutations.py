"""Small and odd changes to valid requests, the same for the same source of chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml.ElementTree import fromstring

from tests.dav.door import Sent

ODD = (
    *("", " ", "0", "-1", "1e9", "9" * 30, "infinity", "null", "\u202eevil", "a\u200bb", "\ufeff"),
    *("Ünï\u0301code", "\U0001f4c5", "%", "%2e%2e", "%00", "%ff", "%C3%28", "../../etc/passwd"),
    *("<b>", "&amp;", "]]>", "'\"", "a" * 300, "\t\n", "{DAV:}x", "${jndi:x}", "javascript:x"),
    *("20260231T000000Z", "00000101T000000Z", "99991231T235960Z", "20261201", "2026-12-01"),
    *(
        "\uff12\uff10\uff12\uff161201T000000Z",
        "urn:busybridge:sync:x.y.1",
        "urn:busybridge:sync:0.times-0.9",
    ),
    *(
        "/alice/",
        "/bob/vault.busy/",
        "http://[::1/",
        "//evil.example/x",
        "mailto:x@y",
        "*",
        "\u0130",
    ),
    *("VEVENT", "VCALENDAR", "VTODO", "i;octet", "i;no-such", "yes", "no", "text/plain", "3.0"),
)
NAMES = (
    *("prop", "allprop", "propname", "href", "filter", "set", "remove", "include", "limit", "é"),
    *("comp-filter", "prop-filter", "param-filter", "text-match", "time-range", "is-not-defined"),
    *("calendar-data", "expand", "comp", "limit-freebusy-set", "sync-token", "sync-level", "match"),
    *("nresults", "property-search", "resourcetype", "getetag", "displayname", "calendar-color"),
)
SPACES = (
    *("DAV:", "urn:ietf:params:xml:ns:caldav", "http://calendarserver.org/ns/", "", "urn:é"),
    *("http://apple.com/ns/ical/", "urn:busybridge:dav", "http://www.w3.org/XML/1998/namespace"),
    *('quote"space', "a b", "<&>"),
)
ATTRIBUTES = ("name", "start", "end", "collation", "negate-condition", "match-type", "test", "x")
LINES = (
    *("RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "RRULE:FREQ=DAILY;INTERVAL=0", "BEGIN:VEVENT"),
    *("RRULE:FREQ=YEARLY;BYSETPOS=400;BYDAY=MO,TU", "RDATE:20260230T250000Z", "END:VCALENDAR"),
    *("DTSTART:99991231T235959Z", "DTSTART;VALUE=DATE:00010101", "DURATION:P99999999D", "UID:"),
    *("DTSTART;TZID=../../etc/passwd:20261201T100000", "RECURRENCE-ID:x", ":", ";", " fold", "X"),
    *(
        "ATTACH;VALUE=URI:file:///etc/passwd",
        "SUMMARY:\u202e\u200b\ufffd",
        "DTEND:20000101T000000Z",
    ),
    *("EXDATE:" + ",".join(["20261201T100000Z"] * 30), "X-LONG:" + "x" * 500, "STATUS:\\"),
)
HEADERS: Mapping[str, Sequence[str]] = {
    "depth": ("0", "1", "infinity", "Infinity", " 1 ", "2", "-1", "", "1,1", "noroot"),
    "if-match": ("*", "", '"x"', 'W/"x"', '"' * 50, "x, y", '"a" "b"', "(<x>)", '"\xff"'),
    "if-none-match": ("*", "", '""', 'W/"x", *', "," * 50, '"unclosed', '"\x80"'),
    "if": ("(<urn:x>)", "", "((("),
    "if-modified-since": ("Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", ""),
    "destination": (
        *("", "/", "http://localhost/alice/", "//x", "http://[::1/x", "http://h/%2e%2e/x", "%ff"),
        *("http://other.example/alice/room-b.bookings/x.ics", "http://h/bob/vault.busy/x.ics", "?"),
    ),
    "overwrite": ("T", "F", "", "maybe"),
    "prefer": ("return=minimal", "return=representation", "depth-noroot", '"', ";;;"),
    "content-type": (
        *("", "text/calendar", "application/xml", "text/xml; charset=utf-8", "text/plain", "/"),
        *("text/xml; charset=utf-7", "application/xml; charset=\xff", "multipart/mixed", ";" * 50),
    ),
    "content-encoding": ("identity", "gzip", ""),
    "authorization": (
        *("", "Basic", "Basic ===", "Basic YWxpY2U6eA==", "Basic YQ==", "Bearer x", "Digest x"),
        *("Basic Ym9iOndyb25n", "Basic 4pi6OuKYug==", "Basic Oi8uLi8=", "Basic L2FsaWNlLzp4"),
    ),
    "user-agent": ("DAVx5/4", "\xff" * 20, ""),
    "host": ("localhost", "evil.example", "", "a:b:c"),
    "x-script-name": ("/elsewhere",),
    "x-remote-user": ("bob",),
    "x-http-method-override": ("DELETE",),
    "range": ("bytes=0-1", "bytes=-", "x"),
    "accept": ("text/vcard", "", "*/*;q=x"),
    "schedule-reply": ("F",),
    "timeout": ("Infinite, Second-4100000000",),
}
QUERIES = (
    *(
        "",
        "view",
        "view=",
        "view=freebusy",
        "view=x",
        "view=freebusy&view=freebusy",
        "%",
        "%ff=%ff",
    ),
    *("view=freebusy&start=20260101T000000Z", "view=freebusy&start=&end=", "&" * 60, "a=b;c=d"),
    *("view=freebusy&start=20260101T000000Z&end=20251231T000000Z", "=" * 20, "export", "sync=true"),
    *("view=freebusy&start=00000101T000000Z&end=99991231T235959Z", "view=freebusy&start=x&end=y"),
    *(
        "view=freebusy&start=20261120T000000Z&end=20261120T000000Z",
        "period=P1D",
        "\xff",
        "view=%00",
    ),
)
BYTES = (b"<", b">", b"&", b"\0", b'"', b"\xff", b"]]>", b"\xed\xa0\x80", b"\x1b", b"<!DOCTYPE a>")
SEGMENTS = (
    *("", "..", ".", "bob", "vault", "alice", "room-a.busy", "room-b.busy", "vault.busy", "busy"),
    *("room-b.bookings", "alice.busy", ".busy", "busy.busy", "x.ics", "a" * 256, "\x00", "\xff"),
    *(
        "é",
        "e\u0301",
        "\u202e",
        "%41",
        "%2e%2e",
        "a\\b",
        "\n",
        "*",
        "~",
        "ALICE",
        "outbox",
        "inbox",
    ),
    *(".well-known", "a\u2028b", "\ufffd", "\U0001f4c5.ics", " ", "a b", "api", "0" * 40 + ".ics"),
)

Change = Callable[[random.Random, Sent], Sent]


def mutated(chance: random.Random, sent: Sent) -> Sent:
    """Change a request in one to three ways."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3))):
        sent = chance.choices(CHANGES, WEIGHTS)[0](chance, sent)
    return sent


def octets(text: str) -> str:
    """Text as WSGI has it."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def change_tree(chance: random.Random, sent: Sent) -> Sent:
    """Change an XML body as a tree, so that it stays XML; change lines where it is iCalendar."""
    try:
        root = fromstring(sent.body)
    except (ParseError, ValueError, LookupError):  # no XML, or an encoding that nobody has
        return change_lines(chance, sent)
    for _ in range(chance.randint(1, 3)):
        every = list(root.iter())
        if len(every) > 500:
            break
        root = chance.choice(TREE_CHANGES)(chance, root, chance.choice(every)) or root
    return sent._replace(
        body=tostring(root, encoding="utf-8", xml_declaration=chance.random() < 0.5)
    )


def change_lines(chance: random.Random, sent: Sent) -> Sent:
    lines = sent.body.split(b"\r\n") if sent.body else [b"BEGIN:VCALENDAR", b"END:VCALENDAR"]
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines))
        match chance.randrange(6):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines.insert(at, chance.choice(lines))
            case 2:
                lines.insert(at, chance.choice(LINES).encode())
            case 3:
                head, _, _ = lines[at].partition(b":")
                lines[at] = head + b":" + chance.choice(ODD).encode()
            case 4:
                lines[at] = lines[at][: chance.randint(0, 60)] + b"\r\n " + lines[at]
            case _:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
    return sent._replace(body=b"\r\n".join(lines))


def change_bytes(chance: random.Random, sent: Sent) -> Sent:
    body = bytearray(sent.body or b"x")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(5):
            case 0:
                body[at : at + chance.randint(1, 20)] = b""
            case 1:
                body[at:at] = chance.randbytes(chance.randint(1, 4))
            case 2:
                body[at:at] = body[: chance.randint(0, 200)]
            case 3:
                body[at : at + 1] = chance.choice(BYTES)
            case _:
                body[at:at] = chance.choice(ODD).encode()
    return sent._replace(body=bytes(body))


def change_header(chance: random.Random, sent: Sent) -> Sent:
    name = chance.choice(list(HEADERS))
    headers = dict(sent.headers)
    if headers and chance.random() < 0.2:
        del headers[chance.choice(list(headers))]
    elif chance.random() < 0.1:
        text = octets(chance.choice(ODD))
        headers[name] = "".join(char for char in text if char.isprintable())
    else:
        headers[name] = chance.choice(HEADERS[name])
    return sent._replace(headers=headers)


def change_path(chance: random.Random, sent: Sent) -> Sent:
    parts = sent.path.split("/")
    at = chance.randrange(len(parts))
    match chance.randrange(5):
        case 0:
            parts[at] = octets(chance.choice(SEGMENTS))
        case 1:
            parts.insert(at, octets(chance.choice(SEGMENTS)))
        case 2:
            del parts[at]
        case 3:
            parts[at] = quote(parts[at] or "x", safe="").swapcase()
        case _:
            parts.append(octets(chance.choice(SEGMENTS)))
    return sent._replace(path="/".join(parts))


def change_query(chance: random.Random, sent: Sent) -> Sent:
    return sent._replace(query=chance.choice(QUERIES))


def _drop(chance: random.Random, root: Element, at: Element) -> None:
    del chance
    for parent in root.iter():
        if at in list(parent):
            parent.remove(at)
            return


def _double(chance: random.Random, root: Element, at: Element) -> None:
    target = chance.choice(list(root.iter()))
    copy = deepcopy(at)  # the target may lie in it: copies of copies double each time
    size = sum(1 for _ in copy.iter())
    for _ in range(chance.choice((1, 1, 2, 30)) if size < 20 else 1):
        target.insert(chance.randint(0, len(target)), deepcopy(copy))


def _rename(chance: random.Random, root: Element, at: Element) -> None:
    del root
    space, local = at.tag[1:].split("}") if at.tag.startswith("{") else ("", at.tag)
    if chance.random() < 0.5:
        space = chance.choice(SPACES)
    else:
        local = chance.choice(NAMES)
    at.tag = f"{{{space}}}{local}" if space else local


def _retext(chance: random.Random, root: Element, at: Element) -> None:
    del root
    at.text = chance.choice(ODD)


def _tail(chance: random.Random, root: Element, at: Element) -> None:
    if at is not root:
        at.tail = chance.choice(ODD)


def _attribute(chance: random.Random, root: Element, at: Element) -> None:
    del root
    name = chance.choice([*at.attrib, *ATTRIBUTES] if at.attrib else ATTRIBUTES)
    if name in at.attrib and chance.random() < 0.2:
        del at.attrib[name]
    else:
        at.set(name, chance.choice(ODD))


def _shuffle(chance: random.Random, root: Element, at: Element) -> None:
    del root
    inner = list(at)
    chance.shuffle(inner)
    at[:] = inner


def _nest(chance: random.Random, root: Element, at: Element) -> None:
    del root
    inner = deepcopy(at)
    at[:] = []
    for _ in range(chance.choice((1, 2, 40, 120))):
        outer = Element(at.tag)
        outer.append(inner)
        inner = outer
    at.append(inner)


def _wrap(chance: random.Random, root: Element, at: Element) -> Element | None:
    if at is not root:
        return None
    outer = Element(f"{{{SPACES[0]}}}{chance.choice(NAMES)}")
    outer.append(root)
    return outer


TREE_CHANGES = (
    *(_drop, _double, _rename, _rename, _retext, _retext, _tail),
    *(_attribute, _attribute, _shuffle, _nest, _wrap),
)
CHANGES: Sequence[Change] = (
    *(change_tree, change_header, change_path, change_query, change_bytes),
)
WEIGHTS = (50, 18, 12, 8, 12)
