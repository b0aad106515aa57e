"""What somebody changed of an event in its calendar, in the text of its client. Pure."""

from __future__ import annotations

from dataclasses import replace

from bridge.bookings.merging import Side, merged
from bridge.ical.amend import Writer
from bridge.model.event import Event, EventSeries, PartStat


def followed(text: str, ours: Side, theirs: Side, *, account: str, sequence: int) -> str:
    """Write both changes into a text.

    Replies of guests are no changes (RFC 6638 section 3.2.10).

    Args:
        text: what a client wants, `ours.after` in its own words.
        ours: the booking, as clients had it before and have it now.
        theirs: the event, as it was and as somebody changed it.
        account: mail address of the calendar's owner; empty where it is not known.
        sequence: the least that a text may have which somebody else has changed.

    Returns:
        The same text where they changed nothing, or only what ours changes otherwise.

    Raises:
        InvalidCalendarObject: it cannot be written into this text.
    """
    both = merged(ours, theirs).series
    if _without_replies(both) == _without_replies(ours.after):
        return text
    writer = Writer(own=[f"mailto:{account}"] if account else ())
    return writer.amended_text(text, _raised(both, sequence))


def _without_replies(series: EventSeries) -> list[Event]:
    return [
        replace(
            event,
            attendees=tuple(replace(it, partstat=PartStat.NEEDS_ACTION) for it in event.attendees),
        )
        for event in series.events()
    ]


def _raised(series: EventSeries, sequence: int) -> EventSeries:
    master = series.master
    if master is None:
        return series
    return replace(series, master=replace(master, sequence=max(sequence, master.sequence)))
