"""Believable people at Microsoft: a month of their calendars around today."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from bridge.sandbox.microsoft.scenario import CLIENT_ID

Json = dict[str, Any]

_ZONE = "W. Europe Standard Time"
_PERMISSIONS = ["Calendars.ReadWrite", "User.Read.All"]


def document(monday: date, anna: str, ben: str) -> Json:
    """Describe a work account, a personal one and a room, for `microsoft.scenario.build`.

    Args:
        monday: of this week.
        anna: e-mail address of somebody at work.
        ben: e-mail address of somebody's personal account.
    """

    def at(day: int, start: str, end: str, subject: str, **more: Any) -> Json:
        when = monday + timedelta(days=day)
        return {
            "subject": subject,
            "start": {"dateTime": f"{when}T{start}:00", "timeZone": _ZONE},
            "end": {"dateTime": f"{when}T{end}:00", "timeZone": _ZONE},
            **more,
        }

    def days(first: int, last: int, subject: str, **more: Any) -> Json:
        ends = {"start": monday + timedelta(days=first), "end": monday + timedelta(days=last)}
        whole = {n: {"dateTime": f"{d}T00:00:00", "timeZone": _ZONE} for n, d in ends.items()}
        return {"subject": subject, "isAllDay": True, **whole, **more}

    def weekly(day: int, *names: str) -> Json:
        return {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": list(names)},
            "range": {"type": "noEnd", "startDate": str(monday + timedelta(days=day))},
        }

    domain = anna.partition("@")[2]
    room = f"meeting-room@{domain}"
    guests = [{"emailAddress": {"address": room}, "type": "resource"}]
    return {
        "tenants": [{"domain": domain, "consented": {CLIENT_ID: _PERMISSIONS}}],
        "accounts": [
            {"email": room, "name": "Meeting room", "timezone": _ZONE, "room": True},
            {
                "email": anna,
                "name": "Anna Berg",
                "timezone": _ZONE,
                "events": [
                    at(-7, "10:00", "10:30", "One on one", recurrence=weekly(-7, "monday")),
                    at(1, "15:00", "16:00", "Review", attendees=guests, isOnlineMeeting=True),
                    at(2, "12:00", "13:00", "Gym", sensitivity="private", showAs="tentative"),
                    days(4, 5, "Working from home", showAs="workingElsewhere"),
                    days(15, 17, "Conference", showAs="oof"),
                ],
                "calendars": [
                    {"name": "Side project", "events": [at(5, "10:00", "12:00", "Hack")]}
                ],
            },
            {
                "email": ben,
                "name": "Ben Ode",
                "timezone": "Eastern Standard Time",
                "personal": True,
                "events": [at(3, "18:00", "19:30", "Choir", recurrence=weekly(3, "thursday"))],
            },
        ],
    }
