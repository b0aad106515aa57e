"""What calendar programs ask a CalDAV server, and what its answers say."""

from __future__ import annotations

from typing import NamedTuple

from defusedxml import ElementTree

CALDAV = "urn:ietf:params:xml:ns:caldav"
CALENDARSERVER = "http://calendarserver.org/ns/"
FREE_BUSY_QUERY = f"""<C:free-busy-query xmlns:C="{CALDAV}">
<C:time-range start="{{start}}" end="{{end}}"/></C:free-busy-query>"""
CALENDAR_QUERY = f"""<C:calendar-query xmlns:C="{CALDAV}" xmlns:D="DAV:">
<D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR">
<C:comp-filter name="VEVENT"><C:time-range start="{{start}}" end="{{end}}"/></C:comp-filter>
</C:comp-filter></C:filter></C:calendar-query>"""
MULTIGET = f"""<C:calendar-multiget xmlns:C="{CALDAV}" xmlns:D="DAV:">
<D:prop><D:getetag/><C:calendar-data/></D:prop>{{}}</C:calendar-multiget>"""
SYNC = """<D:sync-collection xmlns:D="DAV:"><D:sync-token>{}</D:sync-token>
<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"""
ASK_BUSY = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//tests//EN\r
METHOD:REQUEST\r
BEGIN:VFREEBUSY\r
UID:asked-by-tests\r
DTSTAMP:20260101T000000Z\r
DTSTART:{start}\r
DTEND:{end}\r
ORGANIZER:mailto:somebody@example.com\r
ATTENDEE:/{resource}/\r
END:VFREEBUSY\r
END:VCALENDAR\r
"""
CTAG = f"""<D:propfind xmlns:D="DAV:" xmlns:CS="{CALENDARSERVER}">
<D:prop><CS:getctag/></D:prop></D:propfind>"""


def objects_of(multistatus: bytes) -> dict[str, str]:
    """What a multistatus gives: href -> iCalendar text."""
    found = {}
    for response in ElementTree.fromstring(multistatus).iter("{DAV:}response"):
        text = response.findtext(f".//{{{CALDAV}}}calendar-data")
        if text is not None:
            found[response.findtext("{DAV:}href")] = text
    return found


def reply_of(response: bytes) -> bytes:
    """The iCalendar text of a schedule-response about one attendee, who could be asked about."""
    root = ElementTree.fromstring(response)
    assert root.findtext(f".//{{{CALDAV}}}request-status") == "2.0;Success", response
    return root.findtext(f".//{{{CALDAV}}}calendar-data").replace("\n", "\r\n").encode()


def replies_of(response: bytes) -> dict[str, bytes]:
    """The iCalendar texts of a schedule-response, by the address that was asked about."""
    found = {}
    for each in ElementTree.fromstring(response).iter(f"{{{CALDAV}}}response"):
        assert each.findtext(f"{{{CALDAV}}}request-status") == "2.0;Success", response
        text = each.findtext(f"{{{CALDAV}}}calendar-data").replace("\n", "\r\n").encode()
        found[each.findtext(f"{{{CALDAV}}}recipient/{{DAV:}}href")] = text
    return found


class Changes(NamedTuple):
    """Of a sync-collection."""

    token: str
    objects: dict[str, str]
    """href -> status of what changed or is gone."""


def changes_of(multistatus: bytes) -> Changes:
    root = ElementTree.fromstring(multistatus)
    found = {
        each.findtext("{DAV:}href"): each.findtext(".//{DAV:}status").split()[1]
        for each in root.iter("{DAV:}response")
    }
    return Changes(root.findtext("{DAV:}sync-token"), found)


def ctag_of(multistatus: bytes) -> str:
    return ElementTree.fromstring(multistatus).findtext(f".//{{{CALENDARSERVER}}}getctag")
