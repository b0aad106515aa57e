"""What a client sees of events and calendars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape, unescape

from bridge.sandbox.microsoft import online, recurrence, series, times
from bridge.sandbox.microsoft.checks import address
from bridge.sandbox.microsoft.mailbox import Calendar, Item, Mailbox, event_id
from bridge.sandbox.microsoft.series import Entry
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.microsoft.zones import CUSTOM

_NOWHERE: Json = {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"}
_TAGS = re.compile(r"<[^>]*>")
_LINES = re.compile(r"<br>|</(?:div|p|tr|li)>", re.IGNORECASE)
_UID = "040000008200E00074C5B7101A82E008"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the Prefer header asks for."""

    zone: str = "UTC"
    is_immutable: bool = False
    is_text: bool = False
    page_size: int | None = None
    applied: tuple[str, ...] = ()

    @classmethod
    def read(cls, header: str) -> Wishes:
        """Read a Prefer header; what is not known is ignored (RFC 7240)."""
        found: dict[str, str] = {}
        for name, quoted, plain in re.findall(r'([\w.-]+)\s*=\s*(?:"([^"]*)"|([^",;\s]+))', header):
            found.setdefault(name.lower(), quoted or plain)
        size = found.get("odata.maxpagesize", "")
        zone = found.get("outlook.timezone")
        is_immutable = found.get("idtype", "").lower() == "immutableid"
        applied = (
            *([f'outlook.timezone="{zone}"'] if zone else []),
            *(['IdType="ImmutableId"'] if is_immutable else []),
        )
        return cls(
            zone or "UTC",
            is_immutable,
            found.get("outlook.body-content-type", "").lower() == "text",
            int(size) if size.isdecimal() and int(size) else None,
            applied,
        )


@dataclass(frozen=True, slots=True)
class View:
    """How the events of one mailbox look to one request."""

    box: Mailbox
    wishes: Wishes
    role: str = "owner"
    """Of who looks; else one of `mailbox.ROLES`."""
    is_basic: bool = False
    """Whether only times and titles are seen: Calendars.ReadBasic."""

    def id(self, calendar: Calendar, entry: Entry) -> str:
        """Name what a listing shows."""
        immutable = self.wishes.is_immutable
        return event_id(calendar, entry.item, entry.original, immutable=immutable)

    def master_id(self, calendar: Calendar, item: Item) -> str:
        """Name a series."""
        return event_id(calendar, item, None, immutable=self.wishes.is_immutable)

    def stub(self, calendar: Calendar, entry: Entry) -> Json:
        """Show all that a delta round has of an occurrence that nobody changed."""
        return {
            "@odata.type": "#microsoft.graph.event",
            "@odata.etag": etag(entry),
            "id": self.id(calendar, entry),
            "seriesMasterId": self.master_id(calendar, entry.item),
            "type": "occurrence",
            "start": self._time(entry.event, "start"),
            "end": self._time(entry.event, "end"),
        }

    def event(self, calendar: Calendar, entry: Entry) -> Json:
        """Show an event."""
        item, event = entry.item, entry.event
        body = self._body(event["body"])
        made: Json = {
            "@odata.etag": etag(entry),
            "id": self.id(calendar, entry),
            "createdDateTime": times.precise(item.created),
            "lastModifiedDateTime": times.precise(item.modified),
            "changeKey": change_key(entry),
            **{name: value for name, value in event.items() if name not in _HIDDEN},
            "originalStartTimeZone": self._zone(event["start"]["timeZone"]),
            "originalEndTimeZone": self._zone(event["end"]["timeZone"]),
            "iCalUId": uid(entry),
            "hasAttachments": False,
            "isDraft": False,
            "isOrganizer": address(event["organizer"]) == self.box.email.lower(),
            "seriesMasterId": self.master_id(calendar, item) if entry.original else None,
            "transactionId": event.get("transactionId"),
            "type": entry.kind,
            "webLink": f"https://outlook.office365.com/owa/?itemid={self.id(calendar, entry)}",
            "onlineMeetingUrl": None,
            "onlineMeeting": None if item.pending_reads else event.get("onlineMeeting"),
            "body": body,
            "bodyPreview": _preview(str(body["content"])),
            "location": {**_NOWHERE, **(event.get("location") or {})},
            "locations": event.get("locations") or ([event["location"]] if event.get("location")
                                                    else []),
            "start": self._time(event, "start"),
            "end": self._time(event, "end"),
            "recurrence": None,
        }  # fmt: skip
        if entry.kind == "seriesMaster":
            custom = self.box.faults.is_on("custom_zones")
            made["recurrence"] = recurrence.shown(event["recurrence"], custom=custom)
        if entry.original is not None:
            original = series.original_start(item, entry.original)
            made["originalStart"] = times.instant(original)
        return self._hidden(made)

    def _hidden(self, made: Json) -> Json:
        if self.role == "freeBusyRead":
            return {**_FREE_BUSY, **{name: made[name] for name in _TIMES if name in made}}
        if self.role != "owner" and made["sensitivity"] in ("private", "confidential"):
            made |= {"subject": "Private appointment", "attendees": [], "location": dict(_NOWHERE)}
            made |= {"body": {"contentType": "html", "content": ""}, "bodyPreview": ""}
        if self.role == "limitedRead" or self.is_basic:
            made |= {"body": None, "bodyPreview": None}
        if self.box.faults.is_on("null_fields"):
            made |= {"subject": None, "body": None, "location": None, "organizer": None}
        return made

    def _time(self, event: Json, name: str) -> Json:
        return times.shown(event[name], self.wishes.zone, all_day=bool(event.get("isAllDay")))

    def _zone(self, name: str) -> str:
        return CUSTOM if self.box.faults.is_on("custom_zones") else name

    def _body(self, body: Json) -> Json:
        is_html, content = body["contentType"] == "html", str(body["content"])
        if self.wishes.is_text:
            if is_html:
                content = unescape(_TAGS.sub("", _LINES.sub("\n", content)))
            return {"contentType": "text", "content": content}
        if not is_html:
            # Outlook keeps HTML; a text becomes some.
            inside = escape(content).replace("\n", "<br>")
            content = f'<html><body><div class="PlainText">{inside}</div></body></html>'
        return {"contentType": "html", "content": content}


_HIDDEN = frozenset(
    {"recurrence", "singleValueExtendedProperties", "multiValueExtendedProperties", "start", "end"}
)
_TIMES = (
    *("@odata.etag", "id", "start", "end", "isAllDay", "showAs", "type", "seriesMasterId"),
    *("createdDateTime", "lastModifiedDateTime", "changeKey", "isCancelled", "originalStart"),
    *("originalStartTimeZone", "originalEndTimeZone", "iCalUId", "recurrence", "sensitivity"),
)
_FREE_BUSY: Json = {"subject": "Busy", "attendees": [], "organizer": None, "body": None}


def calendar(box: Mailbox, there: Calendar, viewer: Mailbox | None) -> Json:
    """Show a calendar to somebody, or to a program."""
    role = role_in(box, there, viewer)
    mine = role == "owner"
    allowed = online.providers(box)
    return {
        "id": there.id,
        "name": there.name,
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": there.is_default and mine,
        "changeKey": f"ck{there.change}",
        "canShare": mine,
        "canViewPrivateItems": mine,
        "canEdit": role in ("owner", "write"),
        "isRemovable": not there.is_default,
        "isTallyingResponses": there.is_default,
        "allowedOnlineMeetingProviders": allowed,
        "defaultOnlineMeetingProvider": allowed[0] if allowed else "unknown",
        "owner": {"name": box.name, "address": box.email},
    }


def role_in(box: Mailbox, there: Calendar, viewer: Mailbox | None) -> str:
    """Tell what somebody may do in a calendar: owner, one of `mailbox.ROLES`, or nothing."""
    if viewer is None or viewer is box:
        return "owner"
    return there.roles.get(viewer.id, "")


def tombstone(identity: str, reason: str, *, is_typed: bool) -> Json:
    """Show that something is no more in a delta round; usually not what it was."""
    kind = {"@odata.type": "#microsoft.graph.event"} if is_typed else {}
    return {**kind, "id": identity, "@removed": {"reason": reason}}


def change_key(entry: Entry) -> str:
    """Name the state of an event."""
    return f"DwAAABYAAAA{entry.change:08d}"


def etag(entry: Entry) -> str:
    """Name the state of an event as HTTP does."""
    return f'W/"{change_key(entry)}"'


def uid(entry: Entry) -> str:
    """Write the GlobalObjectId; of occurrences it holds the day."""
    day = f"{entry.original:%Y%m%d}" if entry.original else "00000000"
    if entry.original:
        day = f"{entry.original.year:04X}{entry.original.month:02X}{entry.original.day:02X}"
    return f"{_UID}{day}{entry.item.uid}"


def extended(event: Json, wanted: Mapping[str, frozenset[str]]) -> Json:
    """Return the extended properties that $expand names, by collection."""
    made: Json = {}
    for name, ids in wanted.items():
        found = [each for each in event.get(name, []) if each["id"].lower() in ids]
        if found:
            made[name] = found
    return made


def _preview(content: str) -> str:
    return unescape(_TAGS.sub(" ", content)).strip()[:255]
