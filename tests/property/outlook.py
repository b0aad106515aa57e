"""What Outlook makes of an event: the stand-in's rules, without a server between."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import reject

from bridge.providers.microsoft import wire
from bridge.sandbox.microsoft import checks
from bridge.sandbox.microsoft.errors import GraphError
from bridge.sandbox.microsoft.mailbox import Calendar, Item, Mailbox
from bridge.sandbox.microsoft.series import Entry
from bridge.sandbox.microsoft.shown import View, Wishes

Json = dict[str, Any]

BOX = Mailbox("u1", "ann@example.com", "Ann", "t1")
CALENDAR = Calendar("c1", "Calendar", is_default=True)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
UID = f"{1:016X}{0:016X}10000000{1:032X}"


def kept(body: Json) -> Item:
    """Give an event as Outlook keeps it, a series begun with its first occurrence."""
    try:
        event = checks.settled(checks.draft(body), None)
    except GraphError as err:
        if "no occurrence" in str(err):
            reject()  # it ends before the first one
        raise
    event["organizer"] = {"emailAddress": {"name": BOX.name, "address": BOX.email}}
    return Item("key", UID, event, 1, NOW, NOW)


def shown(entry: Entry) -> wire.Event:
    """Give what Graph answers to those who wish for UTC and text."""
    document = View(BOX, Wishes(is_text=True)).event(CALENDAR, entry)
    extended = entry.event.get("singleValueExtendedProperties", [])
    return wire.read(
        msgspec.json.encode({**document, "singleValueExtendedProperties": extended}), wire.Event
    )
