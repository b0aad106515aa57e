"""Meetings as answers and notifications have them."""

from __future__ import annotations

import base64
import hashlib

from bridge.sandbox.world import Json
from bridge.sandbox.zoom import times
from bridge.sandbox.zoom.directory import SCHEDULED, SERIES, Meeting, Occurrence, User

_HOST = "https://us05web.zoom.us"
_AGENDA_IN_LISTS = 250
"""Characters of an agenda in a listing; all of it has the meeting alone."""


def join_url(meeting: Meeting) -> str:
    """Say where guests go."""
    return f"{_HOST}/j/{meeting.id}?pwd={_encrypted(meeting)}"


def created(user: User, meeting: Meeting) -> Json:
    """Show a meeting as the answer to its creation does; the description has no uuid there."""
    made = {"id": meeting.id, "host_email": user.email}
    return {**made, **_detail(meeting), **_times(meeting, 0.0)}


def whole(user: User, meeting: Meeting, since: float, occurrence: Occurrence | None = None) -> Json:
    """Show a meeting.

    Args:
        user: its host.
        meeting: the meeting.
        since: occurrences that ended before this time of POSIX are left out.
        occurrence: show this one of a series, with its own time.
    """
    made = {
        "id": meeting.id,
        "uuid": meeting.uuid,
        "host_id": user.id,
        "host_email": user.email,
        "encrypted_password": _encrypted(meeting),
        "status": "started" if meeting.is_started else "waiting",
        **_detail(meeting),
        **_times(meeting, since),
    }
    if occurrence is not None:
        made["start_time"] = times.written(occurrence.start)
        made["duration"] = occurrence.duration
        made["settings"] = {**meeting.settings, **occurrence.settings}
        made["agenda"] = meeting.agenda if occurrence.agenda is None else occurrence.agenda
    return made


def listed(user: User, meeting: Meeting, occurrence: Occurrence | None = None) -> Json:
    """Show a meeting as listings do: its agenda is cut, and its tracking fields are left out."""
    made = {
        **_outline(user, meeting),
        "created_at": times.written(meeting.created),
        "agenda": meeting.agenda[:_AGENDA_IN_LISTS],
    }
    if occurrence is not None:
        made["duration"] = occurrence.duration
    start = occurrence.start if occurrence else meeting.start
    return made | ({"start_time": times.written(start)} if start else {})


def told(user: User, meeting: Meeting, occurrence: Occurrence | None = None) -> Json:
    """Show what a webhook may say of a meeting."""
    made = {
        **_outline(user, meeting),
        "password": meeting.password,
        "agenda": meeting.agenda,
        "settings": dict(meeting.settings),
        **_times(meeting, 0.0),
    }
    if occurrence is not None:
        made["occurrences"] = [_occurrence(occurrence)]
    return made


def _outline(user: User, meeting: Meeting) -> Json:
    return {
        "uuid": meeting.uuid,
        "id": meeting.id,
        "host_id": user.id,
        "topic": meeting.topic,
        "type": meeting.type,
        "duration": meeting.duration,
        "timezone": meeting.timezone,
        "join_url": join_url(meeting),
    }


def _detail(meeting: Meeting) -> Json:
    return {
        "topic": meeting.topic,
        "type": meeting.type,
        "agenda": meeting.agenda,
        "duration": meeting.duration,
        "timezone": meeting.timezone,
        "created_at": times.written(meeting.created),
        "start_url": f"{_HOST}/s/{meeting.id}?zak={meeting.zak}",
        "join_url": join_url(meeting),
        "password": meeting.password,
        "h323_password": meeting.password,
        "settings": dict(meeting.settings),
        "tracking_fields": [
            {"field": name, "value": value, "visible": True}
            for name, value in meeting.tracking.items()
        ],
    }


def _times(meeting: Meeting, since: float) -> Json:
    if meeting.type == SERIES:
        shown = [each for each in meeting.occurrences if each.end.timestamp() > since]
        return {"recurrence": meeting.recurrence, "occurrences": [_occurrence(e) for e in shown]}
    if meeting.type == SCHEDULED and meeting.start:
        return {"start_time": times.written(meeting.start)}
    return {}


def _occurrence(each: Occurrence) -> Json:
    return {
        "occurrence_id": each.id,
        "start_time": times.written(each.start),
        "duration": each.duration,
        "status": "deleted" if each.is_deleted else "available",
    }


def _encrypted(meeting: Meeting) -> str:
    """Hide the passcode in a link, which is another one when the passcode is."""
    digest = hashlib.sha256(f"{meeting.zak}{meeting.password}".encode()).digest()
    return f"{base64.urlsafe_b64encode(digest[:24]).decode()}.1"
