"""Meetings are made, changed and deleted: by a program, or by their host at Zoom.

https://developers.zoom.us/docs/api/meetings/
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime

from bridge.sandbox.world import Json, Mail
from bridge.sandbox.zoom import recurrence, shown, times
from bridge.sandbox.zoom.directory import (
    INSTANT,
    SCHEDULED,
    SERIES,
    TIMELESS,
    Change,
    Deed,
    Directory,
    Meeting,
    Occurrence,
    User,
)
from bridge.sandbox.zoom.errors import ZoomError, bad_request, invalid, no_meeting
from bridge.sandbox.zoom.settings import DEFAULTS, ruled

_PASSWORD = re.compile(r"[a-zA-Z0-9@\-_*]{1,10}")
_LONGEST_TOPIC = 200
_DAY_OF_MINUTES = 24 * 60
_OF_AN_OCCURRENCE = frozenset({"agenda", "start_time", "duration", "settings", "timezone"})
_SETTINGS_OF_AN_OCCURRENCE = frozenset(
    {
        "host_video",
        "participant_video",
        "join_before_host",
        "mute_upon_entry",
        "waiting_room",
        "watermark",
        "auto_recording",
    }
)


@dataclass(frozen=True, slots=True)
class Editor:
    """Writes meetings of one host; whoever holds the world's lock may use it."""

    directory: Directory
    user: User
    client: str = ""
    """Which program writes; empty for the host itself."""
    operator: User | None = None
    """In whose name, where it is not the host's."""

    def create(self, body: Json) -> Meeting:
        """Make a meeting.

        Raises:
            ZoomError: 400.
        """
        self._check(body)
        world = self.directory.world
        kind = body.get("type", SCHEDULED)
        zone = body.get("timezone", self.user.timezone)
        times.zone(zone)
        meeting = Meeting(
            self.directory.number(),
            base64.b64encode(world.random.randbytes(16)).decode(),
            kind,
            body.get("topic", "Zoom Meeting"),
            body.get("agenda", ""),
            zone,
            body.get("duration", 60),
            body.get("password") or "".join(world.random.choices("0123456789", k=6)),
            self._settings({**DEFAULTS, **self.user.defaults, **body.get("settings", {})}),
            world.now.replace(microsecond=0),
            world.token(60),
            tracking=self._tracking(body),
        )
        self._place(meeting, self._start(body, meeting), body.get("recurrence"))
        self.user.meetings[meeting.id] = meeting
        self._tell("created", meeting, {}, shown.told(self.user, meeting))
        return meeting

    def patch(self, meeting: Meeting, body: Json, occurrence: str = "") -> None:
        """Change a meeting, or one occurrence of a series.

        Raises:
            ZoomError: 400; 404: there is no such occurrence.
        """
        self._check(body)
        found = self._occurrence(meeting, occurrence)
        before = shown.told(self.user, meeting, found)
        if found is None:
            self._patch(meeting, body)
        else:
            self._patch_occurrence(meeting, found, body)
        after = shown.told(self.user, meeting, found)
        self._tell("updated", meeting, before, after, occurrence)

    def delete(self, meeting: Meeting, occurrence: str = "", *, is_mailed: bool = False) -> None:
        """Delete a meeting, or one occurrence of a series.

        Args:
            meeting: which.
            occurrence: this one alone.
            is_mailed: host and alternative hosts get a message.

        Raises:
            ZoomError: 400: it goes on, or is over; 404: there is no such occurrence.
        """
        if meeting.is_started or self.user.faults.happens("in_progress"):
            text = "Sorry, you cannot delete this meeting since it is in progress."
            raise ZoomError(400, 3002, text)
        if meeting.is_ended and meeting.type in (INSTANT, SCHEDULED):
            text = "Sorry, you cannot delete this meeting since it has ended."
            raise ZoomError(400, 3007, text)
        found = self._occurrence(meeting, occurrence)
        before = shown.told(self.user, meeting, found)
        if found is None:
            del self.user.meetings[meeting.id]
        else:
            found.is_deleted = True
        if is_mailed:
            self._mail(meeting)
        self._tell("deleted", meeting, before, {}, occurrence)

    def _patch(self, meeting: Meeting, body: Json) -> None:
        zone = body.get("timezone", meeting.timezone)
        times.zone(zone)
        kind, rule = body.get("type", meeting.type), body.get("recurrence")
        was = start = meeting.start
        if "start_time" in body:
            asked = times.read(body["start_time"], zone)
            # "If the value is in the past, the API ignores it."
            if asked > self.directory.world.now:
                if kind == SERIES and rule is None:
                    raise invalid("recurrence", "With start_time in the future it is required.")
                start = asked
        is_moved = start != was or kind != meeting.type or rule is not None
        fresh = (zone, body.get("duration", meeting.duration))
        is_moved = is_moved or fresh != (meeting.timezone, meeting.duration)
        settings = self._settings({**meeting.settings, **body.get("settings", {})})
        if is_moved:
            kept = meeting.type, meeting.timezone, meeting.duration
            meeting.type, (meeting.timezone, meeting.duration) = kind, fresh
            try:
                self._place(meeting, start, rule or meeting.recurrence)
            except ZoomError:
                meeting.type, meeting.timezone, meeting.duration = kept
                raise
        meeting.settings = settings
        meeting.topic = body.get("topic", meeting.topic)
        meeting.agenda = body.get("agenda", meeting.agenda)
        meeting.password = body.get("password") or meeting.password
        meeting.tracking |= self._tracking(body)

    def _patch_occurrence(self, meeting: Meeting, found: Occurrence, body: Json) -> None:
        own = body.get("settings", {})
        strange = sorted(
            [*(body.keys() - _OF_AN_OCCURRENCE), *(own.keys() - _SETTINGS_OF_AN_OCCURRENCE)]
        )
        if strange:
            raise invalid(strange[0], "It cannot be changed of one occurrence.")
        if "start_time" in body:
            zone = body.get("timezone", meeting.timezone)
            asked = times.read(body["start_time"], zone)
            found.start = asked if asked > self.directory.world.now else found.start
        found.duration = body.get("duration", found.duration)
        found.agenda = body.get("agenda", found.agenda)
        ruling = self._settings({**meeting.settings, **found.settings, **own})
        found.settings = {
            name: value for name, value in ruling.items() if value != meeting.settings[name]
        }

    def _start(self, body: Json, meeting: Meeting) -> datetime | None:
        if meeting.type in (INSTANT, TIMELESS):
            return None
        now = self.directory.world.now.replace(microsecond=0)
        if "start_time" not in body:
            return now
        # A time that has passed becomes the time when the meeting was made.
        return max(now, times.read(body["start_time"], meeting.timezone))

    def _place(self, meeting: Meeting, start: datetime | None, rule: Json | None) -> None:
        """Give a meeting its time or times."""
        if meeting.type != SERIES:
            if rule is not None and meeting.recurrence is None:
                raise invalid("recurrence", "It is for meetings of type 8.")
            meeting.recurrence, meeting.occurrences = None, []
            timeless = meeting.type in (INSTANT, TIMELESS)
            meeting.start = None if timeless else start or self.directory.world.now
            return
        if rule is None:
            raise invalid("recurrence", "It is required for meetings of type 8.")
        kept = recurrence.kept(rule)
        first = start or self.directory.world.now.replace(microsecond=0)
        every = recurrence.starts(kept, first, meeting.timezone)
        meeting.recurrence = kept
        meeting.start = every[0]
        meeting.occurrences = [
            Occurrence(str(times.stamp(each)), each, meeting.duration) for each in every
        ]

    def _check(self, body: Json) -> None:
        if len(body.get("topic", "")) > _LONGEST_TOPIC:
            raise invalid("topic", f"It is longer than {_LONGEST_TOPIC} characters.")
        if not 1 <= body.get("duration", 60) <= _DAY_OF_MINUTES:
            raise invalid("duration")
        password = body.get("password", "")
        if password and not _PASSWORD.fullmatch(password):
            raise invalid("password")
        other = self.directory.find(body.get("schedule_for", self.user.id))
        if other is not self.user:
            name = body["schedule_for"]
            raise ZoomError(400, 3000, f"You cannot schedule a meeting for {name}.")

    def _settings(self, settings: Json) -> Json:
        return ruled(settings, self.user.faults, is_licensed=self.user.is_licensed)

    def _tracking(self, body: Json) -> dict[str, str]:
        known = self.directory.tracking_fields.get(self.user.account, set())
        given = body.get("tracking_fields", [])
        return {e["field"]: e.get("value", "") for e in given if e.get("field") in known}

    def _occurrence(self, meeting: Meeting, name: str) -> Occurrence | None:
        if not name:
            return None
        if meeting.type != SERIES:
            raise bad_request("The meeting has no occurrences.")
        found = meeting.occurrence(name)
        if found is None:
            raise no_meeting(f"{meeting.id}, occurrence {name}")
        return found

    def _mail(self, meeting: Meeting) -> None:
        world, me = self.directory.world, self.user.email
        others = re.split(r"[,;]", meeting.settings["alternative_hosts"])
        for to in (me, *(each for each in others if each)):
            mail = Mail(world.now, me, to, "CANCEL", meeting.topic, str(meeting.id))
            world.mail.append(mail)

    def _tell(
        self, kind: str, meeting: Meeting, before: Json, after: Json, occurrence: str = ""
    ) -> None:
        now = self.directory.world.now
        deed = Deed(now, kind, meeting.id, occurrence, self.client, meeting.topic)
        operator = self.operator or self.user
        self.directory.tell(self.user, Change(deed, before, after, operator))
