"""Requests as calendar clients send them, and as they will when calendars can be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tests.dav.door import BOOKINGS, DETAILS, END, HOME, TIMES, Door, Sent
from tests.web.site import TODAY

XML = {"content-type": "application/xml; charset=utf-8"}
ICS = {"content-type": "text/calendar; charset=utf-8"}
SPACES = (
    'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" '
    'xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/"'
)
COLLECTIONS = ("/", HOME, "/room-a/", "/room-b/", TIMES, DETAILS, BOOKINGS)
NOTHING = ("/bob/", "/bob/vault.busy/", "/vault/", "/alice/vault.busy/", "/alice/nope/")
CALENDARS = (TIMES, DETAILS, BOOKINGS)


def utc(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y%m%dT%H%M%SZ")


RANGE = f'start="{utc(TODAY)}" end="{utc(END)}"'
PROPS = (
    "<D:resourcetype/><D:displayname/><D:getetag/><D:getcontenttype/><D:sync-token/><D:owner/>"
    "<D:current-user-principal/><D:current-user-privilege-set/><D:supported-report-set/>"
    "<D:principal-URL/><D:quota-used-bytes/><D:acl/><CS:getctag/><CS:source/><CS:push-transports/>"
    "<C:calendar-home-set/><C:calendar-user-address-set/><C:schedule-inbox-URL/>"
    "<C:supported-calendar-component-set/><C:max-date-time/><A:calendar-color/>"
)


def xml(name: str, inner: str, attributes: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<{name} {SPACES}{attributes}>{inner}</{name}>'
    ).encode()


def query(inner: str, data: str = "<C:calendar-data/>") -> bytes:
    return xml(
        "C:calendar-query",
        f'<D:prop><D:getetag/>{data}</D:prop><C:filter><C:comp-filter name="VCALENDAR">'
        f'<C:comp-filter name="VEVENT">{inner}</C:comp-filter></C:comp-filter></C:filter>',
    )


def ics(*lines: str, uid: str = "new-1@client") -> bytes:
    return "\r\n".join(
        (
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//client//EN", "BEGIN:VTIMEZONE"),
            *("TZID:Europe/Berlin", "BEGIN:STANDARD", "DTSTART:19701025T030000"),
            *("TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "TZNAME:CET"),
            *("RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "END:STANDARD", "END:VTIMEZONE"),
            *("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261120T120000Z", "SUMMARY:Planning"),
            *("DTSTART;TZID=Europe/Berlin:20261201T100000", "DURATION:PT1H"),
            *lines,
            *("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM"),
            *("END:VEVENT", "END:VCALENDAR", ""),
        )
    ).encode()


EVENTS = (
    ics(),
    ics("RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=20", "EXDATE;TZID=Europe/Berlin:20261207T100000"),
    ics("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:a@example.com", "ORGANIZER:mailto:b@example.com"),
    ics('X-ODD;X-P="a:b;c":text with \\, \\; \\n and ü', "CATEGORIES:Meet,Teams", "CLASS:PRIVATE"),
)
FREEBUSY = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//c//EN\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\n"
    b"UID:f\r\nDTSTAMP:20261120T120000Z\r\nDTSTART:20261201T000000Z\r\nDTEND:20261202T000000Z\r\n"
    b"ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:room-b@example.com\r\n"
    b"END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
)
_ALL, _DATA = "<D:getetag/>", "<C:calendar-data/>"
_EXPAND = f"<C:calendar-data><C:expand {RANGE}/></C:calendar-data>"
_SOME = (
    '<C:calendar-data content-type="text/calendar" version="2.0"><C:comp name="VCALENDAR">'
    '<C:prop name="VERSION"/><C:comp name="VEVENT"><C:prop name="SUMMARY"/><C:prop name="UID"/>'
    f"</C:comp></C:comp><C:limit-recurrence-set {RANGE}/></C:calendar-data>"
)
QUERIES = (
    query(f"<C:time-range {RANGE}/>"),
    query(f"<C:time-range {RANGE}/>", _EXPAND),
    query(f'<C:time-range start="{utc(TODAY)}"/>', _SOME),
    query(
        '<C:prop-filter name="SUMMARY"><C:text-match collation="i;unicode-casemap">board'
        "</C:text-match></C:prop-filter>"
    ),
    query(
        '<C:prop-filter name="UID"><C:text-match negate-condition="yes">x</C:text-match>'
        '<C:param-filter name="LANGUAGE"><C:is-not-defined/></C:param-filter></C:prop-filter>'
    ),
    query(
        f'<C:prop-filter name="DTSTART"><C:time-range {RANGE}/></C:prop-filter>'
        '<C:prop-filter name="COMPLETED"><C:is-not-defined/></C:prop-filter>'
    ),
    query('<C:comp-filter name="VALARM"><C:is-not-defined/></C:comp-filter>'),
)
SEARCH = xml(
    "D:principal-property-search",
    "<D:property-search><D:prop><C:calendar-user-address-set/></D:prop>"
    '<D:match match-type="starts-with">room-b@</D:match></D:property-search>'
    f"<D:prop>{PROPS}</D:prop><D:apply-to-principal-collection-set/>",
    ' test="anyof"',
)
UNKNOWN_REPORTS = (
    xml("D:expand-property", '<D:property name="owner"><D:property name="x"/></D:property>'),
    xml("D:acl-principal-prop-set", "<D:prop><D:displayname/></D:prop>"),
    xml("D:principal-match", "<D:self/>"),
    xml("C:no-such-report", ""),
)
PROPFINDS = (
    b"",
    xml("D:propfind", "<D:allprop/>"),
    xml("D:propfind", "<D:allprop/><D:include><C:max-date-time/><D:acl/></D:include>"),
    xml("D:propfind", "<D:propname/>"),
    xml("D:propfind", f"<D:prop>{PROPS}</D:prop>"),
    xml("D:propfind", "<D:prop><D:getetag/><D:getcontentlength/><D:getlastmodified/></D:prop>"),
    xml("D:propfind", "<D:prop><CS:getctag/><D:sync-token/></D:prop>"),
)
PROPPATCHES = (
    xml(
        "D:propertyupdate",
        "<D:set><D:prop><A:calendar-color>#ff2968ff</A:calendar-color></D:prop></D:set>",
    ),
    xml(
        "D:propertyupdate",
        "<D:set><D:prop><D:displayname>Mine</D:displayname><A:calendar-order>3</A:calendar-order>"
        "</D:prop></D:set><D:remove><D:prop><A:calendar-color/></D:prop></D:remove>",
    ),
    xml("D:propertyupdate", "<D:remove><D:prop><D:resourcetype/></D:prop></D:remove>"),
    xml(
        "D:propertyupdate",
        "<D:set><D:prop><C:calendar-timezone>BEGIN:VCALENDAR</C:calendar-timezone>"
        '<x:own xmlns:x="http://client.example/"><x:inner/></x:own></D:prop></D:set>',
    ),
)
MAKES = (
    b"",
    xml(
        "C:mkcalendar",
        "<D:set><D:prop><D:displayname>New</D:displayname><C:supported-calendar-component-set>"
        '<C:comp name="VEVENT"/></C:supported-calendar-component-set></D:prop></D:set>',
    ),
)
MKCOLS = (
    b"",
    xml(
        "D:mkcol",
        "<D:set><D:prop><D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"
        "<D:displayname>New</D:displayname></D:prop></D:set>",
    ),
)


def valid_requests(door: Door) -> Mapping[str, Sequence[Sent]]:
    """Requests of every method, on every kind of path, about objects that are there."""
    objects = [href for path in (TIMES, DETAILS) for href in list(door.objects(path))[:4]]
    tokens = {
        path: door.propfind(path, "{DAV:}sync-token").texts("{DAV:}sync-token")[0]
        for path in CALENDARS
    }
    etags = door.objects(DETAILS)
    everywhere = (*COLLECTIONS, *objects, *NOTHING)
    reports = [
        *(
            Sent("REPORT", path, body, {**XML, "depth": "1"})
            for path in (*CALENDARS, HOME)
            for body in QUERIES
        ),
        *(Sent("REPORT", path, _multiget(objects), {**XML, "depth": "0"}) for path in CALENDARS),
        *(
            Sent("REPORT", path, _sync(token, limit), XML)
            for path in CALENDARS
            for token in ("", tokens[path])
            for limit in ("", "2", "1000")
        ),
        *(
            Sent("REPORT", path, xml("C:free-busy-query", f"<C:time-range {RANGE}/>"), XML)
            for path in (*CALENDARS, HOME)
        ),
        *(Sent("REPORT", path, SEARCH, {**XML, "depth": "0"}) for path in COLLECTIONS),
        *(
            Sent("REPORT", path, body, XML)
            for path in ("/", DETAILS)
            for body in (*UNKNOWN_REPORTS, xml("D:principal-search-property-set", ""))
        ),
    ]
    gets = [
        *(Sent("GET", path) for path in everywhere),
        *(Sent("GET", path, headers={"if-none-match": f'"a", {etags[path]}'}) for path in etags),
        *(Sent("GET", path, headers={"if-match": etags[path]}) for path in list(etags)[:4]),
        *(Sent("GET", path, query="view=freebusy") for path in (*CALENDARS, *objects)),
        *(
            Sent("GET", path, query=f"view=freebusy&start={utc(TODAY)}&end={utc(END)}")
            for path in CALENDARS
        ),
    ]
    return {
        "PROPFIND": [
            Sent("PROPFIND", path, body, {**XML, "depth": depth, "prefer": "return=minimal"})
            for path in everywhere
            for body in PROPFINDS
            for depth in ("0", "1")
        ],
        "PROPPATCH": [
            Sent("PROPPATCH", path, body, XML) for path in everywhere for body in PROPPATCHES
        ],
        "REPORT": reports,
        "PUT": [
            Sent("PUT", path, body, ICS | condition)
            for path in (BOOKINGS + "new.ics", TIMES + "new.ics", *objects, HOME, "/new.ics")
            for body in EVENTS
            for condition in ({}, {"if-none-match": "*"}, {"if-match": '"abc"'})
        ],
        "DELETE": [
            Sent("DELETE", path, headers={"if-match": "*", "depth": "infinity"})
            for path in everywhere
        ],
        "MOVE": [
            Sent("MOVE", path, headers={"destination": f"http://localhost{to}", "overwrite": "F"})
            for path in objects
            for to in (BOOKINGS + "moved.ics", TIMES, "/bob/vault.busy/x.ics")
        ],
        "MKCALENDAR": [
            Sent("MKCALENDAR", path, body, XML)
            for path in (HOME + "new/", "/new/", TIMES, "/bob/x/")
            for body in MAKES
        ],
        "MKCOL": [
            Sent("MKCOL", path, body, XML)
            for path in (HOME + "new/", "/new/", TIMES, "/bob/x/")
            for body in MKCOLS
        ],
        "POST": [
            Sent("POST", path, body, ICS)
            for path in (HOME, HOME + "outbox/", *CALENDARS)
            for body in (FREEBUSY, *EVENTS)
        ],
        "GET": gets,
        "HEAD": [each._replace(method="HEAD") for each in gets],
        "OPTIONS": [Sent("OPTIONS", path) for path in (*everywhere, "*")],
    }


def _multiget(objects: Sequence[str]) -> bytes:
    hrefs = "".join(f"<D:href>{each}</D:href>" for each in (*objects, "/alice/gone.ics"))
    return xml("C:calendar-multiget", f"<D:prop><D:getetag/><C:calendar-data/></D:prop>{hrefs}")


def _sync(token: str, limit: str) -> bytes:
    most = f"<D:limit><D:nresults>{limit}</D:nresults></D:limit>" if limit else ""
    return xml(
        "D:sync-collection",
        f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level>{most}"
        f"<D:prop>{_ALL}{_DATA}</D:prop>",
    )
