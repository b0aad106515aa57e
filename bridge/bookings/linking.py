"""The client's text as it is shown once it is settled: its own octets, and what we have to add."""

from __future__ import annotations

from bridge.bookings import revising
from bridge.bookings.showing import REASON
from bridge.ical.contentline import parameters, text_value
from bridge.ical.serialize import uri
from bridge.model.conference import ConferenceState
from bridge.store.bookings import BookingRow

_LINE = "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=Join"
_SENT = "1.1"
"""SCHEDULE-STATUS: the message was sent; whether it arrived is not known (RFC 6638 section 3.2.9).
"""


def settled_text(text: str, booking: BookingRow, *, old_link: str, told: bool, note: str) -> str:
    """Write the visible text of a settled revision.

    Args:
        text: the client's octets.
        booking: with the meeting that it has now.
        old_link: of the meeting that it had before.
        told: the provider mails the guests.
        note: what the client should know, for people; empty for nothing.
    """
    said = revising.said(text)
    changes: dict[str, str | None] = {}
    link = booking.meeting_url if booking.meeting_state == ConferenceState.READY.value else ""
    if booking.meeting_state == ConferenceState.FAILING.value and not note:
        note = f"the meeting could not be made yet: {booking.meeting_reason}"
    changes.update(_links(said, link, old_link))
    if note:
        changes[REASON] = revising.text_line(REASON, note)
    elif REASON in said:
        changes[REASON] = None
    edit = _invited if told else None
    return revising.revise(text, changes, edit=edit) if changes or edit else text


def _links(said: dict[str, str], link: str, old: str) -> dict[str, str | None]:
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


def _invited(line: revising.Line) -> str | None:
    """Say of a guest that the invitation was sent, so that no client mails it as well."""
    if line.name != "ATTENDEE":
        return None
    found = parameters(line.head.partition(";")[2])
    if found.get("SCHEDULE-AGENT", "").upper() in ("CLIENT", "NONE"):
        return None
    if "SCHEDULE-STATUS" in found:
        return None
    return revising.with_parameter(line, "SCHEDULE-STATUS", _SENT)
