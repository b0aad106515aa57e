"""Asking for a meeting with what is written; where Google refuses it, writing without it."""

from __future__ import annotations

import msgspec

from bridge.errors import RemoteRejected
from bridge.providers.google import meet, wire
from bridge.providers.google.changes import is_unseen
from bridge.providers.google.editing import Editing
from bridge.sink import Desired


def inserted(
    editing: Editing, event: wire.Event, desired: Desired
) -> tuple[wire.Event | None, str]:
    """Insert an event with its meeting, else without: then say why there is none."""
    if desired.conference is None:
        return editing.insert(event), ""
    asking = msgspec.structs.replace(event, conference_data=meet.request(desired.token))
    try:
        return editing.insert(asking), ""
    except RemoteRejected as err:
        return editing.insert(event), str(err)


def patched(
    editing: Editing, event: wire.Event, patch: dict[str, object]
) -> tuple[wire.Event, str]:
    """Change an event; where Google refuses its meeting, without: then say why there is none."""
    try:
        return editing.patch(event, patch, unseen=is_unseen(patch)), ""
    except RemoteRejected as err:
        rest = {name: value for name, value in patch.items() if name != "conferenceData"}
        if len(rest) == len(patch) or patch["conferenceData"] is None:
            raise
        changed = editing.patch(event, rest, unseen=is_unseen(rest)) if rest else event
        return changed, str(err)


def wanted_meeting(event: wire.Event, desired: Desired) -> dict[str, object]:
    """Ask for a meeting, take it away, or leave it: one is never asked for beside another."""
    if desired.conference is None:
        return {"conferenceData": None} if meet.is_meet(event) else {}
    if not meet.is_to_be_asked(event):
        return {}
    return {"conferenceData": wire.properties(meet.request(desired.token, event))}
