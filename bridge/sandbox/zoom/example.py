"""Believable people at Zoom: hosts of a few meetings."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

Json = dict[str, Any]

_ZONE = "Europe/Berlin"


def document(monday: date, anna: str, ben: str) -> Json:
    """Describe two hosts of one account, for `zoom.scenario.build`.

    Args:
        monday: of this week.
        anna: e-mail address of a host.
        ben: e-mail address of another.
    """

    def at(day: int, start: str) -> str:
        return f"{monday + timedelta(days=day)}T{start}:00"

    weekly = {"type": 2, "weekly_days": "2", "end_times": 12}
    return {
        "accounts": [
            {
                "email": anna,
                "name": "Anna Berg",
                "timezone": _ZONE,
                "meetings": [
                    {
                        "topic": "Product circle",
                        "type": 8,
                        "start_time": at(7, "16:00"),
                        "duration": 45,
                        "recurrence": weekly,
                    },
                    {"topic": "Open office", "type": 3},
                ],
            },
            {
                "email": ben,
                "name": "Ben Ode",
                "timezone": "America/New_York",
                "meetings": [{"topic": "Interview", "start_time": at(9, "10:00")}],
            },
        ]
    }
