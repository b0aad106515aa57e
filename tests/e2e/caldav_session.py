"""A calendar program made with python `caldav`, run by the Python that has it.

`caldav_session.py URL LOGIN PASSWORD` reads a JSON object a line, `{"do": "events", ...}`, and
answers with one; it ends when its input does.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import caldav
import icalendar
from caldav.lib.error import DAVError


class Session:
    """One account, and what the program has of each calendar."""

    def __init__(self, client: caldav.DAVClient) -> None:
        self.client = client
        self.calendars: dict[str, caldav.Calendar] = {}
        self.kept: dict[str, Any] = {}

    def discover(self) -> list[str]:
        for calendar in self.client.principal().get_calendars():
            self.calendars[calendar.get_display_name()] = calendar
        return sorted(self.calendars)

    def events(self, calendar: str) -> list[str]:
        return [event.data for event in self.calendars[calendar].get_events()]

    def between(self, calendar: str, start: int, end: int) -> list[str]:
        found = self.calendars[calendar].search(start=moment(start), end=moment(end), event=True)
        return [event.data for event in found]

    def free_busy(self, calendar: str, start: int, end: int) -> str:
        return self.calendars[calendar].freebusy_request(moment(start), moment(end)).data

    def sync(self, calendar: str) -> dict[str, Any]:
        """Take over what changed; tell how much that was, and what is there now."""
        if calendar in self.kept:
            changed, gone = self.kept[calendar].sync()
        else:
            self.kept[calendar] = self.calendars[calendar].get_objects_by_sync_token(
                load_objects=True, disable_fallback=True
            )
            changed, gone = list(self.kept[calendar]), []
        return {
            "changed": len(list(changed)),
            "gone": len(list(gone)),
            "events": [event.data for event in self.kept[calendar]],
        }

    def add(
        self,
        calendar: str,
        start: int = 1893456000,
        uid: str = "mine",
        summary: str = "mine",
        **more: Any,
    ) -> None:
        begin, end = moment(start), moment(start + 3600)
        named = {"summary": summary, "uid": uid, **more}
        self.calendars[calendar].add_event(dtstart=begin, dtend=end, **named)

    def move_event(self, calendar: str, uid: str, start: int) -> None:
        event = self._event(calendar, uid)
        event.icalendar_component["DTSTART"].dt = moment(start)
        event.icalendar_component["DTEND"].dt = moment(start + 3600)
        event.save()

    def change_series(self, calendar: str, uid: str, moved: list[int], dropped: int) -> None:
        """Move one occurrence of a series, and take out another."""
        event = self._event(calendar, uid)
        original, start = map(moment, moved)
        part, master = icalendar.Event(), event.icalendar_component
        part.add("uid", uid)
        part.add("summary", master["SUMMARY"])
        times = {"dtstamp": start, "recurrence-id": original, "dtstart": start}
        for name, value in (times | {"dtend": start + timedelta(hours=1)}).items():
            part.add(name, value)
        master.add("exdate", moment(dropped))
        event.icalendar_instance.add_component(part)
        event.save()

    def end_series(self, calendar: str, uid: str, until: int) -> None:
        event = self._event(calendar, uid)
        del event.icalendar_component["RRULE"]
        event.icalendar_component.add("rrule", {"freq": "daily", "until": moment(until)})
        event.save()

    def open_event(self, calendar: str, uid: str) -> None:
        """Have an event open while others go on."""
        self.open = self._event(calendar, uid)

    def save_open(self, summary: str) -> None:
        self.open.icalendar_component["SUMMARY"] = summary
        self.open.save()

    def rename_event(self, calendar: str, summary: str = "mine") -> None:
        event = self.calendars[calendar].get_events()[0]
        event.icalendar_component["SUMMARY"] = summary
        event.save()

    def save_twice(self, calendar: str) -> None:
        """Change an event, and again what became of it."""
        event = self.calendars[calendar].get_events()[0]
        for summary in ("once", "twice"):
            event.icalendar_component["SUMMARY"] = summary
            event.save()

    def ask_busy(self, address: str, start: int, end: int) -> str:
        """Ask from the outbox, as it is done while somebody is invited."""
        principal = self.client.principal()
        found = principal.freebusy_request(moment(start), moment(end), [address])
        return str(found[f"mailto:{address}"].data)

    def delete_event(self, calendar: str, uid: str = "") -> None:
        self._event(calendar, uid).delete()

    def _event(self, calendar: str, uid: str) -> Any:
        """Find an event by its UID, or the first one."""
        if uid:
            return self.calendars[calendar].get_event_by_uid(uid)
        return self.calendars[calendar].get_events()[0]

    def delete_calendar(self, calendar: str) -> None:
        self.calendars[calendar].delete()

    def make_calendar(self) -> None:
        self.client.principal().make_calendar("mine")


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def main(url: str, login: str, password: str) -> None:
    with caldav.DAVClient(url, username=login, password=password) as client:
        session = Session(client)
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                told = {"answer": getattr(session, asked.pop("do"))(**asked)}
            except DAVError as err:
                body = err.body.decode() if isinstance(err.body, bytes) else err.body
                told = {"refused": err.status, "unmet": err.preconditions, "body": body}
                told["error"] = type(err).__name__
            print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
