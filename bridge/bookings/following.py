"""What somebody changed of an event in its calendar, in the text of its client. Pure."""

from __future__ import annotations

from dataclasses import replace

from bridge.bookings import draft, showing
from bridge.bookings.draft import Draft
from bridge.bookings.merging import Side, merged
from bridge.bookings.place import Place
from bridge.errors import InvalidCalendarObject
from bridge.ical.amend import Writer
from bridge.model.event import Event, EventSeries, PartStat
from bridge.store.bookings import BookingRow


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
    if without_replies(both) == without_replies(ours.after):
        return text
    writer = Writer(own=[f"mailto:{account}"] if account else ())
    return writer.amended_text(text, _raised(both, sequence))


def with_theirs(new: Draft, theirs: Side, booking: BookingRow, standing: str, here: Place) -> Draft:
    """Take over what somebody changed of an event while a revision of it was written.

    Args:
        new: the revision.
        theirs: see `followed`.
        booking: whose it is.
        standing: the text before the revision.
        here: where it is written.
    """
    account = here.accounts.get(booking.connection_id, "")
    sequence = max(booking.sequence, showing.sequence_of(new.text)) + 1
    try:
        ours = Side(draft.parse(standing, here.plan).series, new.series)
        text = followed(new.text, ours, theirs, account=account, sequence=sequence)
        return draft.parse(text, here.plan)
    except InvalidCalendarObject:  # it cannot be said in this text; the event has it all the same
        return new


def without_replies(series: EventSeries) -> list[Event]:
    """Give the events of a series as if no guest had replied."""
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
