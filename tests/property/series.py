"""Series of events of every kind, as a provider can have them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bridge.model.event import (
    Attendee,
    Class,
    Event,
    EventSeries,
    EventTime,
    Floating,
    PartStat,
    Period,
    ShowAs,
    Status,
    Transp,
)

ZONES = [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]
_text = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], include_characters="\n\t"))
_line = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
_texts = _text.map(lambda it: it.replace("\t", " ").strip())
_url = st.from_regex(r"https://[a-z]{1,9}\.example/[a-z0-9?=&]{0,20}", fullmatch=True)
_address = st.from_regex(r"mailto:[a-z]{1,9}@example\.com", fullmatch=True)
_wall = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - walls
    lambda it: it.replace(microsecond=0)
)
_person = st.builds(Attendee, _address, st.sampled_from(PartStat), _line)


@st.composite
def _moment(draw: st.DrawFn, kind: str) -> EventTime:
    wall = draw(_wall)
    if kind == "date":
        return wall.date()
    return Floating(wall) if kind == "floating" else wall.replace(tzinfo=ZONES[int(kind)])


def _later(moment: EventTime, by: timedelta) -> EventTime:
    if isinstance(moment, Floating):
        return Floating(moment.wall + by)
    if isinstance(moment, datetime):
        return (moment.astimezone(UTC) + by).astimezone(moment.tzinfo)
    return moment + timedelta(days=max(by.days, 1))


@st.composite
def _event(draw: st.DrawFn, kind: str) -> Event:
    start = draw(_moment(kind))
    length = timedelta(minutes=draw(st.integers(1, 3000)))
    stamp = draw(_wall).replace(tzinfo=UTC)
    return Event(
        uid="one@example.com",
        start=start,
        end=_later(start, length),
        exact=None if kind == "date" or draw(st.booleans()) else length,
        status=draw(st.none() | st.sampled_from(Status)),
        transp=draw(st.sampled_from(Transp)),
        show_as=draw(st.none() | st.sampled_from(ShowAs)),
        event_type=draw(st.sampled_from(["default", "focusTime", "outOfOffice"])),
        self_partstat=draw(st.none() | st.sampled_from(PartStat)),
        classification=draw(st.sampled_from(Class)),
        summary=draw(_texts),
        description=draw(_texts),
        location=draw(_texts),
        url=draw(st.just("") | _url),
        conference_url=draw(_url),
        categories=tuple(draw(st.lists(_line, max_size=2))),
        organizer=draw(st.none() | _person),
        attendees=tuple(draw(st.lists(_person, max_size=2))),
        sequence=draw(st.integers(0, 9)),
        created=stamp,
        last_modified=stamp,
        origin=draw(st.sampled_from(["", "0123456789abcdef"])),
        mirror=draw(st.sampled_from(["", "fedcba98"])),
    )


@st.composite
def series_of_events(draw: st.DrawFn) -> EventSeries:
    """A master, perhaps recurring, and changed occurrences."""
    kind = draw(st.sampled_from(["date", "floating", "0", "1", "2", "3"]))
    master = draw(_event(kind))
    if draw(st.booleans()):
        extra = draw(st.lists(_moment(kind), max_size=2))
        periods = [Period(it, timedelta(minutes=90)) for it in extra if kind != "date"]
        master = replace(
            master,
            rrules=("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=5",),
            rdates=(*extra, *periods[:1]),
            exdates=tuple(draw(st.lists(_moment(kind), max_size=2))),
        )
    originals = draw(st.lists(_moment(kind), max_size=2, unique=True))
    overrides = [
        replace(draw(_event(kind)), recurrence_id=it, this_and_future=draw(st.booleans()))
        for it in originals
    ]
    return EventSeries(uid=master.uid, master=master, overrides=tuple(overrides))
