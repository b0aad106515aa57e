"""Believable people to try things with: a month of their calendars around today."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from bridge.sandbox.microsoft import example as at_microsoft
from bridge.sandbox.zoom import example as at_zoom

Json = dict[str, Any]

ANNA, BEN, OFFICE = "anna@sandbox.example", "ben@sandbox.example", "office@sandbox.example"
ANNA_AT_HOME = "anna@home.example"
BEN_AT_HOME = "ben@home.example"
_ROOM = "board-room@resource.calendar.google.com"
_ZONE = "Europe/Berlin"


def document(today: date) -> Json:
    """Describe three people, one with two accounts, and a room: see `bridge.sandbox.scenario`."""
    monday = today - timedelta(days=today.weekday())

    def at(day: int, start: str, end: str, summary: str, **more: Any) -> Json:
        when = monday + timedelta(days=day)
        return {
            "summary": summary,
            "start": {"dateTime": f"{when}T{start}:00", "timeZone": _ZONE},
            "end": {"dateTime": f"{when}T{end}:00", "timeZone": _ZONE},
            **more,
        }

    def days(first: int, last: int, summary: str, **more: Any) -> Json:
        ends = {"start": monday + timedelta(days=first), "end": monday + timedelta(days=last)}
        return {
            "summary": summary,
            **{name: {"date": str(when)} for name, when in ends.items()},
            **more,
        }

    weekly = ["RRULE:FREQ=WEEKLY;BYDAY=MO"]
    workdays = ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"]
    return {
        "rooms": [
            {
                "summary": "Board room",
                "id": _ROOM,
                "timezone": _ZONE,
                "share": {ANNA: "reader", BEN: "freeBusyReader", OFFICE: "writer"},
            }
        ],
        "accounts": [
            {
                "email": ANNA,
                "name": "Anna Berg",
                "timezone": _ZONE,
                "share": {OFFICE: "freeBusyReader", BEN: "reader"},
                "events": [
                    at(-7, "09:00", "09:15", "Stand-up", recurrence=workdays),
                    at(
                        0, "14:00", "15:00", "Planning", recurrence=weekly,
                        attendees=[{"email": BEN}, {"email": _ROOM}],
                    ),
                    at(1, "11:00", "12:30", "Dentist", visibility="private"),
                    days(2, 3, "Off-site"),
                    at(3, "13:00", "17:00", "Focus", eventType="focusTime"),
                    at(8, "15:00", "16:30", "Interviews"),
                    at(10, "10:00", "12:00", "Budget"),
                    days(14, 19, "Holidays", eventType="default"),
                ],
                "calendars": [
                    {
                        "summary": "Family",
                        "id": "family@group.calendar.google.com",
                        "timezone": _ZONE,
                        "events": [at(4, "16:00", "18:00", "School play")],
                    }
                ],
            },
            {
                "email": ANNA_AT_HOME,
                "name": "Anna, private",
                "timezone": _ZONE,
                "share": {ANNA: "freeBusyReader"},
                "events": [
                    at(-6, "19:00", "20:30", "Swimming", recurrence=["RRULE:FREQ=WEEKLY;BYDAY=TU"]),
                    at(6, "10:00", "12:00", "Brunch"),
                    at(11, "20:00", "22:30", "Cinema"),
                ],
            },
            {
                "email": BEN,
                "name": "Ben Ode",
                "timezone": "America/New_York",
                "events": [
                    at(2, "16:00", "17:00", "Interview"),
                    at(
                        -6, "16:30", "17:30", "Review", attendees=[{"email": ANNA}],
                        recurrence=["RRULE:FREQ=WEEKLY;BYDAY=TU"],
                    ),
                    at(-7, "20:00", "21:00", "Running", recurrence=weekly,
                       transparency="transparent"),
                    days(6, 7, "Birthday of Clara", transparency="transparent"),
                ],
            },
            {"email": OFFICE, "name": "Office", "timezone": _ZONE},
        ],
        # The same people have calendars there, too.
        "microsoft": at_microsoft.document(monday, ANNA, BEN_AT_HOME),
        "zoom": at_zoom.document(monday, ANNA, BEN),
    }  # fmt: skip
