"""A calendar and its sink, as the contract suite of sinks tries them, and the events it writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import (
    RemoteChanged,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.ical.recurrence import expand
from bridge.model.conference import Conference, ConferenceState
from bridge.model.event import (
    Event,
    EventSeries,
    EventTime,
    PartStat,
    Status,
)
from bridge.model.interval import Window, utc
from bridge.provider import CalendarId, Provider, RemoteId
from bridge.sink import Desired, EventSink, Marked, Written
from tests.contract.provider_contract import DAY, HOUR, NOW, Mirror, mirrored

Result = TypeVar("Result")
ORIGIN = "origin-of-the-suite"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, 9, tzinfo=BERLIN)
"""The first Monday after `NOW`."""
WEEK = timedelta(weeks=1)
ANN, BOB, EVE = "mailto:ann.guest@example.net", "mailto:bob@example.net", "mailto:eve@example.net"
LATE = Window(NOW - 7 * DAY, NOW + 300 * DAY)


class Cannot(Enum):
    """What a provider cannot say; it refuses it with a text before anything is written."""

    BE_SILENT = "change an event without mailing its guests"
    SPARE_A_GUEST = "leave the mail to one guest to somebody else (SCHEDULE-AGENT=CLIENT)"
    DROP_THE_MEETING = "take the meeting away again"
    ADD_DATES = "RDATE"
    HAVE_TWO_ALARMS = "two VALARMs"
    ALARM_BY_MAIL = "ACTION:EMAIL"
    ATTACH = "ATTACH"
    CATEGORIZE = "CATEGORIES"
    BE_CONFIDENTIAL = "CLASS:CONFIDENTIAL"
    BE_TENTATIVE = "STATUS:TENTATIVE"


class SinkWorld(Protocol):
    """Where a sink is tried."""

    cannot: Collection[Cannot]

    def open(self, calendar: CalendarId, /) -> Provider:
        """Open an adapter that remembers nothing."""
        ...

    def new_calendar(self) -> CalendarId: ...

    def write(self, calendar: CalendarId, summary: str) -> None:
        """Make an event in the hour of `NOW`, as a person does at the provider."""
        ...

    def in_short_pages(self) -> AbstractContextManager[None]:
        """Have listings come a few events a page, where the provider has pages."""
        ...

    def rename(self, calendar: CalendarId, remote_id: RemoteId, summary: str) -> None:
        """Change the title, as a person does at the provider."""
        ...

    def remove(self, calendar: CalendarId, remote_id: RemoteId) -> None:
        """Delete the event, as a person does at the provider."""
        ...

    def colour(self, calendar: CalendarId, remote_id: RemoteId, value: str) -> None:
        """Set something that only the provider knows: a colour, an X- property."""
        ...

    def coloured(self, calendar: CalendarId, remote_id: RemoteId) -> str:
        """Read that again; empty when it was lost."""
        ...

    def answer(
        self, calendar: CalendarId, remote_id: RemoteId, guest: str, partstat: PartStat
    ) -> None:
        """Answer as a guest (`mailto:...`)."""
        ...

    def mailed(self, calendar: CalendarId, /) -> Sequence[tuple[str, str]] | None:
        """What guests were sent: (`mailto:` address, `invited`, `updated` or `cancelled`).

        None where the provider mails nobody.
        """
        ...

    def interrupted(self, number: int, *, done: bool) -> AbstractContextManager[None]:
        """Have the n-th writing request from now on fail, once it is done or before it is.

        It is a `TemporarilyUnavailable` to the sink, once; see `tests.contract.interrupting`.
        """
        ...


def booking(uid: str = "meeting@example.com", **fields: object) -> EventSeries:
    """An event in the hour of `NOW`, as a client might save it."""
    master = Event(uid=uid, start=utc(NOW), end=utc(NOW + HOUR), summary="Meeting")
    return EventSeries(uid=uid, master=replace(master, **fields))  # type: ignore[arg-type]


def weekly(count: int = 6, **fields: object) -> EventSeries:
    """Mondays at nine in Berlin."""
    rule = f"FREQ=WEEKLY;COUNT={count};BYDAY=MO"
    end = MONDAY + timedelta(hours=1)
    return booking(**{"start": MONDAY, "end": end, "rrules": (rule,), **fields})


def changed(series: EventSeries, *overrides: Event, **fields: object) -> EventSeries:
    """The series with other fields in its master, and with these overrides instead of its own."""
    assert series.master is not None
    return replace(series, master=replace(series.master, **fields), overrides=overrides)  # type: ignore[arg-type]


def override(series: EventSeries, original: EventTime, **fields: object) -> Event:
    """One occurrence of the series, changed."""
    assert series.master is not None
    assert isinstance(original, datetime)
    return replace(
        series.master,
        **{  # type: ignore[arg-type]
            "rrules": (), "exdates": (), "rdates": (),
            "recurrence_id": original, "start": original,
            "end": original + timedelta(hours=1), **fields,
        },
    )  # fmt: skip


def wanted(series: EventSeries, **fields: object) -> Desired:
    return replace(Desired(token=TOKEN, origin=ORIGIN, series=series), **fields)  # type: ignore[arg-type]


def taking_place(series: EventSeries) -> list[tuple[int, int, str]]:
    """When it takes place and what it is called then, however the provider says that."""
    found = expand(series, LATE, UTC, day_zone=UTC)
    return sorted(
        (it.start, it.end, it.event.summary)
        for it in found.occurrences
        if it.event.status is not Status.CANCELLED
    )


@dataclass
class Calendar:
    """A calendar and its sink."""

    world: SinkWorld
    id: CalendarId

    def ask(self, question: Callable[[EventSink], Result]) -> Result:
        provider = self.world.open(self.id)
        assert provider.sink is not None
        try:
            return question(provider.sink)
        finally:
            provider.close()

    def put(self, desired: Desired, base: Written | None = None) -> Written:
        return self.ask(lambda sink: sink.put(self.id, desired, base))

    def find(self, token: str = TOKEN) -> Written | None:
        return self.ask(lambda sink: sink.find(self.id, token))

    def read(self, remote_id: RemoteId) -> Written:
        return self.ask(lambda sink: sink.read(self.id, remote_id))

    def marked(self, origin: str = ORIGIN) -> dict[str, Marked]:
        """What an instance wrote, by token."""
        found = self.ask(lambda sink: sink.marked(self.id, origin))
        assert {it.origin for it in found} <= {origin}
        assert len({it.token for it in found}) == len(found)
        return {it.token: it for it in found}

    def delete(self, base: Written, *, notify: bool = True) -> None:
        self.ask(lambda sink: sink.delete(self.id, base, notify=notify))

    def persist(self, desired: Desired, base: Written | None = None) -> Written:
        """Write as the dispatcher does: look where the outcome is unknown, read what changed."""
        started = False
        for _ in range(6):
            try:
                if started and base is None:
                    base = self.find(desired.token)
                started = True
                return self.put(desired, base)
            except RemoteChanged:
                assert base is not None
                base = self.read(base.remote_id)
            except TemporarilyUnavailable:
                continue
        raise AssertionError("it never ends")

    def mirror(self) -> Mirror:
        """What a pull brings, from nothing."""
        mirror = mirrored(self.world, self.id)  # type: ignore[arg-type]
        mirror.pull()
        return mirror

    def holds(self) -> dict[RemoteId, EventSeries]:
        return self.mirror().objects

    def refuses(self, desired: Desired, base: Written | None = None) -> None:
        """It is refused, with a text, and nothing is written."""
        before = self.holds()
        with pytest.raises(RemoteRejected) as refusal:
            self.put(desired, base)
        assert len(str(refusal.value)) > 10, "a refusal says what and why"
        assert self.holds() == before

    def ready(self, written: Written) -> Conference:
        """Wait for the meeting of an event, as the dispatcher polls for it."""
        for _ in range(10):
            if written.conference and written.conference.state is not ConferenceState.PENDING:
                return written.conference
            written = self.read(written.remote_id)
        raise AssertionError("the meeting is never there")


def guests(series: EventSeries) -> set[str]:
    """Those who are invited."""
    assert series.master is not None
    return {guest.address for guest in series.master.attendees}


def replies(series: EventSeries) -> dict[str, PartStat]:
    assert series.master is not None
    return {guest.address: guest.partstat for guest in series.master.attendees}
