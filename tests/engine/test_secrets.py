"""No byte of an event but its times leaves through `times`, whatever the event holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.ical.parse import parse_calendar
from bridge.model.interval import Window
from bridge.model.resource import Projection
from bridge.provider import (
    CalendarId,
    CalendarInfo,
    Page,
    Provider,
    RemoteId,
    Series,
    SyncToken,
    Unreadable,
)
from bridge.store.database import Database
from tests.engine.house import House

CANARY = "CANARY7x"
NAMES = [
    "SUMMARY",
    "DESCRIPTION",
    "LOCATION",
    "CATEGORIES",
    "COMMENT",
    "CONTACT",
    "URL",
    "ATTACH",
    "GEO",
    "RESOURCES",
    "CLASS",
    "STATUS",
    "TRANSP",
    "PRIORITY",
    "ORGANIZER",
    "ATTENDEE",
    "CONFERENCE",
    "COLOR",
    "IMAGE",
    "RELATED-TO",
    "REQUEST-STATUS",
    "X-SECRET",
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "X-ALT-DESC",
    "X-APPLE-STRUCTURED-LOCATION",
    "X-BUSYBRIDGE-ORIGIN",
]


class Text:
    """Serves one iCalendar text as the one calendar of an account."""

    def __init__(self, text: str) -> None:
        self.text = text

    def list_calendars(self) -> Sequence[CalendarInfo]:
        return [CalendarInfo(CalendarId("main"), f"Calendar {CANARY}")]

    def changes(self, _calendar: CalendarId, _since: object, _window: Window) -> Iterator[Page]:
        parsed = parse_calendar(self.text)
        items = [Series(RemoteId(it.series.uid), it.series, None, it.text) for it in parsed.series]
        broken = [Unreadable(RemoteId(it.uid), it.reason) for it in parsed.broken]
        yield Page([*items, *broken], SyncToken("t"), full=True, notes=parsed.notes)


_value = st.sampled_from(["", "a ", "\\n", "https://x.example/", "mailto:"]).map(
    lambda head: f"{head}{CANARY}"
)
_line = st.tuples(
    st.sampled_from(NAMES), st.sampled_from(["", f';CN="{CANARY}"', f";X-P={CANARY}"]), _value
).map(lambda it: f"{it[0]}{it[1]}:{it[2]}")
_event = st.tuples(
    st.integers(1, 28), st.integers(0, 23), st.lists(_line, max_size=8), st.booleans()
)


def _vevent(number: int, day: int, hour: int, lines: list[str], *, alarm: bool) -> str:
    body = [
        "BEGIN:VEVENT",
        f"UID:{CANARY}-{number}",
        f"DTSTAMP:{datetime(2026, 11, 1, tzinfo=UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART:202612{day:02}T{hour:02}0000Z",
        f"DTEND:202612{day:02}T{hour:02}3000Z",
        *lines,
    ]
    if alarm:
        body += [
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "TRIGGER:-PT5M",
            f"DESCRIPTION:{CANARY}",
            "END:VALARM",
        ]
    return "\r\n".join([*body, "END:VEVENT"])


@pytest.mark.covers("T50", "A-36")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_event, min_size=1, max_size=5), st.sampled_from(["busy_only", "private"]))
def test_no_canary_in_any_property_comes_out(
    sqlite_database: Database, events: list[tuple[int, int, list[str], bool]], mode: str
) -> None:
    house = House(sqlite_database, privacy={"mode": mode})
    text = "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            f"PRODID:{CANARY}",
            f"X-WR-CALNAME:{CANARY}",
            *(
                _vevent(number, day, hour, lines, alarm=alarm)
                for number, (day, hour, lines, alarm) in enumerate(events)
            ),
            "END:VCALENDAR",
            "",
        ]
    )
    house.accounts.providers["room-a.work"] = Provider(source=Text(text))
    house.pull()
    for projection in Projection:
        for block in house.blocks(projection):
            assert CANARY.lower() not in repr(block).lower()
    assert CANARY not in repr(house.periods())
    assert all(block.details == "{}" for block in house.blocks(Projection.TIMES))


def test_times_never_hold_details_even_when_everything_may_show(house: House) -> None:
    house.configure(connections=[{"id": "work"}], privacy={"mode": "full"})
    lunch = _vevent(1, 5, 9, ["SUMMARY:Lunch"], alarm=False)
    text = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", lunch, "END:VCALENDAR", ""])
    house.accounts.providers["room-a.work"] = Provider(source=Text(text))
    house.pull()
    (times,), (details,) = house.blocks(Projection.TIMES), house.blocks(Projection.DETAILS)
    assert times.details == "{}"
    assert details.details == '{"title":"Lunch"}'
