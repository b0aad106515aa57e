"""What a booking must be like: RFC 4791 section 5.3.2.1, and the resource's own rules. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.bookings import times
from bridge.bookings.draft import Draft
from bridge.bookings.place import Place
from bridge.bookings.words import NotAllowed
from bridge.config.hours import spans
from bridge.errors import InvalidCalendarObject
from bridge.ical.bounds import TooCostly
from bridge.ical.placed import instant_in
from bridge.ical.rules import read_rule
from bridge.ical.values import Unreadable
from bridge.model.event import Occurrence
from bridge.model.interval import Instant, utc

_GRACE = 300
"""Seconds. Filling in a form takes time: what has just begun may still be booked."""


def check(
    draft: Draft, place: Place, standing: Collection[Instant], now: Instant
) -> list[Occurrence]:
    """Check what a client wants, and give its occurrences up to the horizon.

    Args:
        draft: what it wants.
        place: the resource.
        standing: starts that the visible revision has already: what was right may stay.
        now: the present.

    Raises:
        InvalidCalendarObject: RFC 4791 section 5.3.2.1 has a name for why.
        NotAllowed: a rule of the resource forbids it.
    """
    _guests(draft, place)
    _endless(draft, place)
    try:
        found = times.occurrences(draft.series, place)
    except TooCostly as err:
        raise InvalidCalendarObject(str(err), precondition="max-instances") from err
    _within(draft, place, found)
    _length(place, found)
    _past(place, found, standing, now)
    _hours(place, found, standing)
    return found


def _guests(draft: Draft, place: Place) -> None:
    most = place.plan.bookings.max_attendees
    if any(len(it.attendees) > most for it in draft.series.events()):
        raise InvalidCalendarObject(
            f"more than {most} guests", precondition="max-attendees-per-instance"
        )


def _endless(draft: Draft, place: Place) -> None:
    if place.plan.bookings.endless_series:
        return
    for event in draft.series.events():
        for text in event.rrules:
            try:
                rule = read_rule(text)
            except Unreadable as err:
                raise InvalidCalendarObject(str(err)) from err
            if rule.count is None and rule.until is None:
                raise NotAllowed("a series without an end cannot be booked; give it one")


def _within(draft: Draft, place: Place, found: Sequence[Occurrence]) -> None:
    """Refuse what lies where nothing is known of the resource's time."""
    horizon = place.horizon
    if found and draft.series.master is not None and draft.series.master.is_recurring:
        return
    for it in found:
        if it.end > horizon.end:
            raise InvalidCalendarObject(
                "it ends later than can be booked", precondition="max-date-time"
            )
        if it.start < horizon.start:
            raise InvalidCalendarObject(
                "it begins earlier than can be booked", precondition="min-date-time"
            )
    if not found:
        first = instant_in(next(iter(draft.series.events())).start, place.zone)
        raise InvalidCalendarObject(
            "it takes place when nothing can be booked",
            precondition="max-date-time" if first >= horizon.start else "min-date-time",
        )


def _length(place: Place, found: Sequence[Occurrence]) -> None:
    longest = int(place.plan.bookings.max_duration.total_seconds())
    if any(it.end - it.start > longest for it in found):
        hours, minutes = divmod(longest // 60, 60)
        most = f"{hours} h" + (f" {minutes} min" if minutes else "")
        raise NotAllowed(f"at most {most} can be booked at once")


def _past(
    place: Place, found: Sequence[Occurrence], standing: Collection[Instant], now: Instant
) -> None:
    if place.plan.bookings.allow_from == "any":
        return
    for it in found:
        if it.start < now - _GRACE and it.start not in standing:
            raise InvalidCalendarObject(
                "what has begun already cannot be booked", precondition="min-date-time"
            )


def _hours(place: Place, found: Sequence[Occurrence], standing: Collection[Instant]) -> None:
    """Refuse what lies outside of working hours, by the clock of the resource."""
    hours = spans(place.plan.working_hours)
    if place.plan.bookings.outside_hours == "allow" or not hours:
        return
    for it in found:
        start = utc(it.start).astimezone(place.zone)
        first = start.hour * 60 + start.minute
        # By the clock: a day of 25 hours has its hours all the same.
        end = utc(it.end).astimezone(place.zone)
        last = end.hour * 60 + end.minute + (end.date() - start.date()).days * 1440
        within = any(since <= first and last <= until for since, until in hours[start.weekday()])
        if not within and it.start not in standing:
            raise NotAllowed("it lies outside of the hours in which this can be booked")
