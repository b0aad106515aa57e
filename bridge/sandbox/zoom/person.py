"""What a host does in Zoom's own web portal: the edits that a bridge has to notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.sandbox.world import Json
from bridge.sandbox.zoom import times
from bridge.sandbox.zoom.directory import SCHEDULED, SERIES, Deed, Directory, Meeting, User
from bridge.sandbox.zoom.editing import Editor
from bridge.sandbox.zoom.errors import no_meeting


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account; every method raises ZoomError where the portal says no."""

    directory: Directory
    user: User
    leave: Callable[[User, str], None]
    """Takes back what the person allowed a program."""

    def create(self, topic: str, start: datetime, minutes: int = 60, **more: Any) -> int:
        """Schedule a meeting and return its id.

        Args:
            topic: its title.
            start: when.
            minutes: how long.
            more: other properties, as the API has them; a `recurrence` makes a series.
        """
        body: Json = {
            "type": SERIES if "recurrence" in more else SCHEDULED,
            "topic": topic,
            "start_time": times.written(start),
            "duration": minutes,
            **more,
        }
        with self.directory.world.lock:
            return self._editor.create(body).id

    def change(self, meeting: int, occurrence: str = "", **changes: Any) -> None:
        """Change properties, as the API has them, of a meeting or of one occurrence."""
        with self.directory.world.lock:
            self._editor.patch(self.find(meeting), changes, occurrence)

    def move(self, meeting: int, start: datetime, minutes: int = 0, occurrence: str = "") -> None:
        """Give a meeting or an occurrence another time; a series keeps its recurrence."""
        changes: Json = {"start_time": times.written(start)}
        if minutes:
            changes["duration"] = minutes
        with self.directory.world.lock:
            found = self.find(meeting)
            if found.recurrence and not occurrence:
                changes["recurrence"] = found.recurrence
            self._editor.patch(found, changes, occurrence)

    def delete(self, meeting: int, occurrence: str = "") -> None:
        """Delete a meeting, or one occurrence of a series."""
        with self.directory.world.lock:
            self._editor.delete(self.find(meeting), occurrence)

    def begin(self, meeting: int) -> None:
        """Start a meeting: it cannot be deleted then."""
        with self.directory.world.lock:
            self.find(meeting).is_started = True

    def end(self, meeting: int) -> None:
        """End a meeting for all."""
        with self.directory.world.lock:
            found = self.find(meeting)
            found.is_started, found.is_ended = False, True

    def remove(self, client: str) -> None:
        """Remove a program: its tokens end, and it is told (app_deauthorized)."""
        with self.directory.world.lock:
            self.leave(self.user, client)

    def find(self, meeting: int) -> Meeting:
        """Find one of the meetings.

        Raises:
            ZoomError: 404.
        """
        with self.directory.world.lock:
            if meeting not in self.user.meetings:
                raise no_meeting(meeting)
            return self.user.meetings[meeting]

    @property
    def meetings(self) -> list[Meeting]:
        """The meetings that there are, in order of creation."""
        with self.directory.world.lock:
            return list(self.user.meetings.values())

    def deeds(self, kind: str = "", *, meeting: int = 0) -> list[Deed]:
        """Return what was ever done to the meetings, by programs and by the person.

        Args:
            kind: created, updated or deleted; else all.
            meeting: of this one; else of all.
        """
        with self.directory.world.lock:
            return [
                each
                for each in self.user.deeds
                if kind in ("", each.kind) and meeting in (0, each.meeting)
            ]

    def occurrence(self, meeting: int, start: datetime) -> str:
        """Name the occurrence of a series that begins then."""
        found = self.find(meeting)
        return next(each.id for each in found.occurrences if each.start == start)

    @property
    def _editor(self) -> Editor:
        return Editor(self.directory, self.user)
