"""What `event_defaults` of the file make of an event at its provider, and who says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.trio import HOME, WRITTEN, Trio

DEFAULTS = {
    "visibility": "private",
    "reminders": [{"method": "popup", "minutes": 20}],
    "conference": "none",  # it has its own tests
}
PUBLIC = {"meet": "default", "teams": "normal", HOME: "public"}
"""What each provider calls it."""
ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT5M", "END:VALARM")


@contextmanager
def defaults(three: Trio, **said: Any) -> Iterator[None]:
    """Have the file say them, for every resource."""
    before = [dict(resource["event_defaults"]) for resource in three.resources]
    try:
        for resource in three.resources:
            resource["event_defaults"] |= said
        three.served.write()
        three.reload()
        yield
    finally:
        for resource, own in zip(three.resources, before, strict=True):
            resource["event_defaults"] = own
        three.served.write()
        three.reload()


def seen(three: Trio, room: str, uid: str) -> tuple[str, list[int]]:
    """Who may see an event, and how many minutes before it its owner is reminded."""
    event = three.raw(room, uid)
    if room == HOME:
        lines = event.splitlines()
        [who] = [it.partition(":")[2].lower() for it in lines if it.startswith("CLASS:")]
        found = [it.rpartition("PT")[2] for it in lines if it.startswith("TRIGGER")]
        return who, [int(it.removesuffix("M")) for it in found]
    if room == "meet":
        assert event["reminders"]["useDefault"] is False
        return event["visibility"], [it["minutes"] for it in event["reminders"]["overrides"]]
    assert event["isReminderOn"] is True
    return event["sensitivity"], [event["reminderMinutesBeforeStart"]]


@pytest.mark.covers("S0-37", "S0-38")
def test_the_files_defaults_are_in_the_event_unless_its_client_says_otherwise(
    three: Trio,
) -> None:
    with defaults(three, **DEFAULTS):
        for room in WRITTEN:
            three.book(room, f"{room}-silent")
            three.book(room, f"{room}-outspoken", "CLASS:CONFIDENTIAL", *ALARM)
            three.book(room, f"{room}-public", "CLASS:PUBLIC")
    for room in WRITTEN:
        assert seen(three, room, f"{room}-silent") == ("private", [20])
        assert seen(three, room, f"{room}-outspoken") == ("confidential", [5])
        assert seen(three, room, f"{room}-public") == (PUBLIC[room], [20])
