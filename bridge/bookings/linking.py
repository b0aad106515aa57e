"""The client's text as it is shown once it is settled: its own octets, and what we have to add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from bridge.bookings import revising
from bridge.bookings.showing import REASON
from bridge.ical.contentline import parameters, text_value
from bridge.ical.repair import address
from bridge.ical.serialize import uri
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import EventSeries, EventTime, Floating, PartStat
from bridge.store.bookings import BookingRow

_NOT_YET = "the meeting could not be made yet: "
_LINE = "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=Join"
_OF_ITS_MAKER = {ConferenceKind.GOOGLE_MEET.value: "X-GOOGLE-CONFERENCE"}
"""Properties by which programs knew meetings before there was CONFERENCE, by kind."""
_SENT = "1.1"
"""SCHEDULE-STATUS: it was sent; whether it arrived is not known (RFC 6638 section 3.2.9)."""

Replies = Mapping[str, Mapping[str, PartStat]]
"""By RECURRENCE-ID as it may be written, empty of the event as a whole, and by address of the
guest: as the provider has them."""


def settled_text(
    text: str,
    booking: BookingRow,
    *,
    old_link: str,
    told: bool,
    note: str,
    replies: Replies,
) -> str:
    """Write the visible text of a settled revision.

    Args:
        text: the client's octets.
        booking: with the meeting that it has now.
        old_link: of the meeting that it had before.
        told: the provider mails the guests.
        note: what the client should know, for people; empty for nothing.
        replies: of guests; a client does not decide them.
    """
    link = booking.meeting_url if booking.meeting_state == ConferenceState.READY.value else ""
    if booking.meeting_state == ConferenceState.FAILING.value and not note:
        note = f"{_NOT_YET}{booking.meeting_reason}"

    def decide(said: revising.Said) -> revising.Properties:
        changes = _links(said, link, old_link)
        changes |= _of_its_maker(said, booking.meeting_kind, link, old_link)
        if note:
            changes[REASON] = revising.text_line(REASON, note)
        elif REASON in said:
            changes[REASON] = None
        return changes

    return revising.revise_each(text, decide, edit=_guests(replies, told=told))


def met(booking: BookingRow, meeting: Conference | None) -> BookingRow:
    """Give a booking a meeting, or none."""
    if meeting is None:
        return booking._replace(
            meeting_kind="",
            meeting_state="",
            meeting_reference="",
            meeting_url="",
            meeting_details="",
            meeting_reason="",
        )
    return booking._replace(
        meeting_kind=meeting.kind.value,
        meeting_state=meeting.state.value,
        meeting_reference=meeting.reference,
        meeting_url=meeting.join_url,
        meeting_details=meeting.details,
        meeting_reason=meeting.reason,
        meeting_maker=meeting.maker,
    )


def without_link(text: str, link: str) -> str:
    """Take the link of a meeting that is no more out of a text; the same text without one."""
    if not link:
        return text
    return revising.revise_each(text, lambda said: _links(said, "", link), edit=None)


def note_in(text: str) -> str:
    """Give what a text tells its client, unless it is about a meeting that was not made yet."""
    note = text_value(revising.said(text).get(REASON, ""))
    return "" if note.startswith(_NOT_YET) else note


def replies_of(series: EventSeries) -> Replies:
    """Give what guests replied to an event, and to its changed occurrences."""
    found: dict[str, Mapping[str, PartStat]] = {}
    for event in series.events():
        replies = {it.address: it.partstat for it in event.attendees}
        for name in _written(event.recurrence_id):
            found[name] = replies
    return found


def _written(moment: EventTime | None) -> Iterator[str]:
    """Give the ways in which a RECURRENCE-ID may be written."""
    if moment is None:
        yield ""
    elif isinstance(moment, datetime):
        yield f"{moment:%Y%m%dT%H%M%S}"
        yield f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    elif isinstance(moment, Floating):
        yield f"{moment.wall:%Y%m%dT%H%M%S}"
    else:
        yield f"{moment:%Y%m%d}"


def with_replies(text: str, replies: Replies) -> str:
    """Write what guests replied into a text; the same text where it says so already."""
    return revising.revise(text, {}, edit=_guests(replies, told=False))


def _links(said: revising.Said, link: str, old: str) -> dict[str, str | None]:
    """Set the link where it is missing, and take out the one before."""
    changes: dict[str, str | None] = {}
    written = uri(link) if link else ""
    ours = {it for it in (old, uri(old) if old else "") if it}

    def is_empty(name: str) -> bool:
        value = text_value(said.get(name, "")).strip()
        return not value or value in ours

    if link:
        if said.get("CONFERENCE", "").strip() != written:
            changes["CONFERENCE"] = f"{_LINE}:{written}"
        shown = link in (text_value(said.get("LOCATION", "")), said.get("URL", ""))
        if not shown and is_empty("LOCATION"):
            changes["LOCATION"] = revising.text_line("LOCATION", link)
        elif not shown and is_empty("URL"):
            changes["URL"] = f"URL:{written}"
    for name in ("CONFERENCE", "LOCATION", "URL"):
        value = text_value(said.get(name, "")).strip()
        if value in ours and value != link and name not in changes:
            changes[name] = None
    return changes


def _of_its_maker(said: revising.Said, kind: str, link: str, old: str) -> dict[str, str | None]:
    """Say the link in its maker's own property, too."""
    changes: dict[str, str | None] = {}
    for own, name in _OF_ITS_MAKER.items():
        value, wanted = said.get(name, "").strip(), uri(link) if link and own == kind else ""
        if wanted and value != wanted:
            changes[name] = f"{name}:{wanted}"
        elif value and not wanted and value in (old, uri(old) if old else ""):
            changes[name] = None
    return changes


def _guests(replies: Replies, *, told: bool) -> revising.Edit:
    """Write of guests what they replied, and that they were told, so that no client mails them."""

    def edit(line: revising.Line, said: revising.Said) -> str | None:
        if line.name != "ATTENDEE":
            return None
        of_event = replies.get(said.get("RECURRENCE-ID", "").strip(), {})
        found = parameters(line.head.partition(";")[2])
        new = line
        reply = of_event.get(address(line.value, found.get("EMAIL", "")))
        before = found.get("PARTSTAT", PartStat.NEEDS_ACTION.value).upper()
        if reply is not None and before != reply.value:
            new = revising.with_parameter(new, "PARTSTAT", reply.value)
        agent = found.get("SCHEDULE-AGENT", "").upper()
        if told and agent not in ("CLIENT", "NONE") and "SCHEDULE-STATUS" not in found:
            new = revising.with_parameter(new, "SCHEDULE-STATUS", _SENT)
        return None if new is line else f"{new.head}:{new.value}"

    return edit
