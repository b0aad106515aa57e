"""Listings in which nothing may be missing: what belongs to a series, what an instance wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bridge.errors import UnreadableAnswer
from bridge.model.remote import ETag
from bridge.providers.google import wire
from bridge.providers.google.client import Client
from bridge.providers.google.translate import ORIGIN, read_origin

CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Found:
    """An event as it stands, with its changed and cancelled occurrences."""

    master: wire.Event
    others: Sequence[wire.Event] = ()
    zone: str = ""

    @property
    def etag(self) -> ETag:
        """Of all of it: occurrences change without their series."""
        own = self.master.etag.strip('"')
        if not self.others:
            return ETag(own)
        every = sorted(f"{each.id} {each.etag}" for each in self.others)
        return ETag(f"{own}-{sha256(chr(10).join(every).encode()).hexdigest()[:16]}")


def whole(client: Client, calendar: str, master: wire.Event) -> Found:
    """Read the changed occurrences of a series; see `adapter` for what is not told of them."""
    if not master.recurrence:
        return Found(master)
    query = {"showDeleted": "true", "iCalUID": master.ical_uid}
    listed, zone = _listed(client, calendar, query)
    others = {each.id: each for each in listed if each.recurring_event_id == master.id}
    return Found(master, tuple(others.values()), zone)


def written_by(client: Client, calendar: str, origin: str) -> list[wire.Event]:
    """List the events and series that an instance wrote, without their occurrences."""
    query = {"showDeleted": "false", "privateExtendedProperty": f"{ORIGIN}={origin}"}
    listed, _ = _listed(client, calendar, query)
    return list(
        {
            each.id: each
            for each in listed
            if each.status != CANCELLED
            and not each.recurring_event_id
            and read_origin(each) == origin
        }.values()
    )


def _listed(
    client: Client, calendar: str, query: Mapping[str, str]
) -> tuple[list[wire.Event], str]:
    """List events, and say the zone of their calendar.

    https://developers.google.com/workspace/calendar/api/v3/reference/events/list
    """
    found: list[wire.Event] = []
    zone = ""
    for page in client.events(calendar, {"singleEvents": "false", "maxResults": "2500", **query}):
        zone = page.time_zone or zone
        for data in page.items:
            try:
                found.append(wire.read(data, wire.Event))
            except wire.NotThatShape as err:
                raise UnreadableAnswer(f"an event at Google cannot be read: {err}") from err
    return found, zone
