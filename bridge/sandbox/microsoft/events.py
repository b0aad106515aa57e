"""One event: read, created, changed, deleted, answered."""

from __future__ import annotations

from bridge.sandbox.microsoft import listing, series
from bridge.sandbox.microsoft.calls import Accepted, Call, Created, Place
from bridge.sandbox.microsoft.errors import bad_request, not_found
from bridge.sandbox.microsoft.mailbox import Found
from bridge.sandbox.microsoft.times import Json


def get(call: Call) -> Json:
    """Read an event, a series or an occurrence."""
    place, found = call.found()
    item = found.item
    document = _shown(call, place, found)
    if item.pending_reads:
        item.pending_reads -= 1
    if found.original is None and item.is_series:
        looks, calendar = call.view(place), place.calendar
        if call.query.selects("cancelledOccurrences"):
            master = looks.master_id(calendar, item)
            gone = sorted(item.cancelled)
            document["cancelledOccurrences"] = [f"OID.{master}.{day.isoformat()}" for day in gone]
        if call.query.expands("exceptionOccurrences"):
            days = sorted(item.overrides)
            made = [looks.event(calendar, series.occurrence(item, day)) for day in days]
            document["exceptionOccurrences"] = made
    return document


def create(call: Call) -> Created:
    """Create an event."""
    place = call.place()
    item = call.editor(place).create(place.calendar, call.body)
    return Created(_shown(call, place, Found(place.calendar, item, None)))


def patch(call: Call) -> Json:
    """Change an event."""
    place, found = call.found()
    call.editor(place).patch(found, call.body)
    return _shown(call, place, found)


def delete(call: Call) -> None:
    """Delete an event."""
    place, found = call.found()
    call.editor(place).delete(found)


def cancel(call: Call) -> Accepted:
    """Cancel a meeting; guests are told."""
    place, found = call.found()
    call.editor(place).cancel(found)
    return Accepted()


def accept(call: Call) -> Accepted:
    """Accept an invitation."""
    return _respond(call, "accepted")


def accept_tentatively(call: Call) -> Accepted:
    """Accept an invitation with doubts."""
    return _respond(call, "tentativelyAccepted")


def decline(call: Call) -> Accepted:
    """Decline an invitation."""
    return _respond(call, "declined")


def _respond(call: Call, response: str) -> Accepted:
    place, found = call.found()
    given = {name.lower(): value for name, value in call.body.items()}
    is_told = given.get("sendresponse", True)
    if not isinstance(is_told, bool):
        raise bad_request("sendResponse is true or false.")
    call.editor(place).respond(found, response, is_told=is_told)
    return Accepted()


def _shown(call: Call, place: Place, found: Found) -> Json:
    entry = series.entry(found)
    if entry is None:
        raise not_found()
    [document] = listing.documents(call, place, [entry])
    return document
