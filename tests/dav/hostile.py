"""Bodies and headers that keep other servers busy for minutes, or bring them down."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from tests.dav.requests import ICS, XML, ics, query
from tests.web.site import basic

_PROPFIND = "<a xmlns='DAV:'><prop/></a>"
_ENTITIES = '<!ENTITY x0 "lol">' + "".join(
    f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10)
)


def _dtd(inner: str, use: str = "&x;") -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE a [{inner}]><a>{use}</a>'.encode()


XML_BODIES: Mapping[str, bytes] = {
    "a file by an entity": _dtd('<!ENTITY x SYSTEM "file:///etc/passwd">'),
    "a page by an entity": _dtd('<!ENTITY x SYSTEM "http://127.0.0.1:1/x">'),
    "a parameter entity": _dtd('<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;', ""),
    "a document type from elsewhere": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
    "a document type without entities": _dtd("", ""),
    "billion laughs": _dtd(_ENTITIES, "&x9;"),
    "quadratic": _dtd(f'<!ENTITY x "{"y" * 100_000}">', "&x;" * 100_000),
    "100,000 deep": b"<a>" * 100_000 + b"</a>" * 100_000,
    "100,000 deep and open": b"<a>" * 100_000,
    "invalid UTF-8": b'<?xml version="1.0" encoding="utf-8"?><a>\xff\xfe</a>',
    "a surrogate": b"<a>\xed\xa0\x80</a>",
    "UTF-16": _PROPFIND.encode("utf-16"),
    "UTF-16 without a mark": _PROPFIND.encode("utf-16-be"),
    "UTF-32": _PROPFIND.encode("utf-32"),
    "NUL": b"<a>\0</a>",
    "not closed": b"<a><b></a>",
    "an undeclared prefix": b"<D:propfind><D:allprop/></D:propfind>",
    "250,000 elements": b"<a>" + b"<b/>" * 250_000 + b"</a>",
    "100,000 attributes": b"<a " + b" ".join(b'x%d=""' % n for n in range(100_000)) + b"/>",
    # Each name is kept with its namespace: a gigabyte in less than a megabyte.
    "1,000 elements of a long namespace": b'<propfind xmlns="DAV:" xmlns:x="%s">' % (b"u" * 900_000)
    + b"".join(b"<x:p%d/>" % n for n in range(1000))
    + b"</propfind>",
    "80,000 attributes in 1,400 elements": b'<a xmlns:x="%s">' % (b"u" * 250)
    + b"".join(
        b"<b " + b" ".join(b'x:a%d="" ' % (60 * n + m) for m in range(58)) + b"/>"
        for n in range(1400)
    )
    + b"</a>",
    "gzip": gzip.compress(query("")),
    "no XML": b"\x89PNG\r\n\x1a\n" * 20,
    "too much": b"<a>" + b"x" * (2 << 20) + b"</a>",
}
_BY = ",".join(map(str, range(1, 32)))
ICS_BODIES: Mapping[str, bytes] = {
    "each second of 30 February": ics("RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"),
    "each second": ics("RRULE:FREQ=SECONDLY"),
    "INTERVAL=0": ics("RRULE:FREQ=DAILY;INTERVAL=0"),
    "never": ics("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
    "big BY lists": ics(
        f"RRULE:FREQ=MINUTELY;BYMONTHDAY={_BY};BYHOUR={','.join(map(str, range(24)))}"
        f";BYMINUTE={','.join(map(str, range(60)))};BYSECOND={','.join(map(str, range(60)))}"
        f";BYYEARDAY={','.join(map(str, range(1, 367)))}"
    ),
    "an EXRULE of seconds": ics("RRULE:FREQ=DAILY", "EXRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"),
    "fifty rules": ics(*["RRULE:FREQ=DAILY"] * 50),
    "50,000 dates": ics(
        "RDATE:"
        + ",".join(["20261201T100000Z"] * 3000)
        + "\r\nRDATE:"
        + "\r\nRDATE:".join([",".join(["20261201T100000Z"] * 3000)] * 8)
    ),
    "a line of 900 kB": ics("DESCRIPTION:" + "x" * 900_000),
    "a folded line of 900 kB": ics("DESCRIPTION:" + "\r\n ".join(["x" * 60] * 14_000)),
    "20,000 components": b"BEGIN:VCALENDAR\r\n"
    + b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 20_000
    + b"END:VCALENDAR\r\n",
    "nested 1,000 deep": b"BEGIN:VCALENDAR\r\n" * 1000 + b"END:VCALENDAR\r\n" * 1000,
    "30,000 properties": ics(*["X-A:b"] * 30_000),
    "NUL in a text": ics("SUMMARY:a\0b"),
    "control characters": ics("SUMMARY:a\x1bb"),
    "invalid UTF-8": ics().replace(b"Planning", b"\xff\xfe"),
    "a surrogate": ics().replace(b"Planning", b"\xed\xa0\x80"),
    "UTF-16": ics().decode().encode("utf-16"),
    "a rule of nonsense": ics("RRULE:FREQ=;;=;BYDAY=99XX"),
    "a huge number": ics("RRULE:FREQ=DAILY;INTERVAL=" + "9" * 50_000),
    "not closed": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
    "closed otherwise": b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "no calendar": b"\x89PNG\r\n\x1a\n" * 20,
    "too much": ics() + b" " * (2 << 20),
}
BOUNDED: Mapping[str, bytes] = {
    "COUNT of 10^9": ics("RRULE:FREQ=HOURLY;COUNT=1000000000"),
    **{
        f"a zone of the name {zone!r}": ics().replace(b"Europe/Berlin", zone.encode())
        for zone in ("../../etc/passwd", "/dev/zero", "Europe/../../x", "\u202e")
    },
}
"""What may be read, since it is bounded wherever it is expanded, and opens no file."""
HEADERS: Mapping[str, Mapping[str, str]] = {
    "credentials without a colon": {"authorization": "Basic YWxpY2U="},
    "credentials that are no base64": {"authorization": "Basic ===="},
    "no credentials after Basic": {"authorization": "Basic"},
    "credentials that are no UTF-8": {"authorization": "Basic //46eA=="},
    "a password of 5,000 characters": {"authorization": basic("alice", "x" * 5000)},
    "a name of control characters": {"authorization": basic("a\r\nb", "x")},
    "an unknown charset": {"content-type": "application/xml; charset=no-such"},
    "UTF-7": {"content-type": "text/calendar; charset=utf-7"},
    "gzip": {"content-encoding": "gzip"},
    "an odd depth": {"depth": "99999999999999999999"},
    "a destination that is no URL": {"destination": "http://[::1/x"},
    "a destination that leaves": {"destination": "http://localhost/alice/%2e%2e/bob/x.ics"},
    "a destination of bad bytes": {"destination": "/alice/%ff%00.ics"},
    "a length that is no number": {"content-length": "1, 2"},
    "a length of many digits": {"content-length": "9" * 5000},
    "chunks": {"transfer-encoding": "chunked"},
}
PATHS: Mapping[str, str] = {
    "300 characters": "/alice/room-a.busy/" + "x" * 300 + ".ics",
    "bad bytes": "/alice/\xff\xfe.ics",
    "NUL": "/alice/room-a.busy/\0.ics",
    "the parent": "/alice/../bob/",
    "a line end": "/alice/\r\nSet-Cookie: x",
    "3,000 characters": "/" + "x/" * 1500,
    "a surrogate": "/alice/\xed\xa0\x80/",
    "a backslash": "/alice\\..\\bob/",
}
XML_TYPE, ICS_TYPE = XML, ICS
