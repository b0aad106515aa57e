"""Times as properties of calendar systems need them: days, and what the clocks of zones show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bridge.model.event import EventTime

ZONES = [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]
KINDS = st.integers(0, len(ZONES))
"""A zone by its place, or beyond the last one a day."""
_instants = st.integers(946_684_800, 1_893_456_000)


@st.composite
def some_time(draw: st.DrawFn, kind: int) -> EventTime:
    """A day, or a time that a clock of the zone shows."""
    moment = datetime.fromtimestamp(draw(_instants), UTC)
    return moment.date() if kind == len(ZONES) else moment.astimezone(ZONES[kind])


@st.composite
def spans(draw: st.DrawFn, kind: int) -> tuple[EventTime, EventTime]:
    start, minutes = draw(some_time(kind)), draw(st.integers(1, 3000))
    if not isinstance(start, datetime):
        return start, start + timedelta(days=minutes)
    return start, (start.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(start.tzinfo)
