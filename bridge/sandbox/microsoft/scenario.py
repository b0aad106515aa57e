"""What is at Microsoft, as a document: the key `microsoft` of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.sandbox.microsoft.editing import Editor
from bridge.sandbox.microsoft.grants import Client
from bridge.sandbox.microsoft.mailbox import Calendar, Mailbox
from bridge.sandbox.microsoft.server import Microsoft

CLIENT_ID, CLIENT_SECRET = "5a4dbc0d-e000-4000-8000-5a4dbc0d0001", "sandbox-secret"


def client() -> Client:
    """Make the program that is always there; it may be on any port of loopback."""
    return Client(
        CLIENT_ID,
        {CLIENT_SECRET: None},
        name="BusyBridge",
        is_public=True,
        is_loopback=True,
    )


def build(microsoft: Microsoft, document: Mapping[str, Any]) -> None:
    """Fill a stand-in: `tenants`, `accounts`, `clients`.

    Raises:
        KeyError, TypeError, ValueError, LookupError, GraphError: it makes no sense.
    """
    with microsoft.world.lock:
        for entry in document.get("tenants", []):
            add_tenant(microsoft, entry)
        boxes = [(_mailbox(microsoft, entry), entry) for entry in document.get("accounts", [])]
        for box, entry in boxes:
            _furnish(microsoft, box, entry)
        for entry in document.get("clients", []):
            add_client(microsoft, entry)


def add_tenant(microsoft: Microsoft, entry: Mapping[str, Any]) -> str:
    """Add an organisation: `domain`, and `id`, `name`, `user_consent`, `consented`."""
    tenant = microsoft.directory.add_tenant(
        entry["domain"], entry.get("name", ""), entry.get("id", "")
    )
    tenant.may_consent = entry.get("user_consent", True)
    for client, names in entry.get("consented", {}).items():
        tenant.consented.setdefault(client, set()).update(each.lower() for each in names)
    return tenant.id


def add_account(microsoft: Microsoft, entry: Mapping[str, Any]) -> Mailbox:
    """Add a user: `email`, and what the documentation says."""
    box = _mailbox(microsoft, entry)
    _furnish(microsoft, box, entry)
    return box


def add_client(microsoft: Microsoft, entry: Mapping[str, Any]) -> Client:
    """Register a program: `id`, and `secret`, `secret_ends`, `redirect_uris`, `name` and so on."""
    ends = entry.get("secret_ends")
    tenant = entry.get("tenant", "")
    policy = entry.get("mailboxes")
    return microsoft.add_client(
        Client(
            entry["id"],
            {entry["secret"]: datetime.fromisoformat(ends) if ends else None}
            if "secret" in entry
            else {},
            tuple(entry.get("redirect_uris", ())),
            entry.get("name", "An application"),
            microsoft.directory.add_tenant(tenant).id if tenant else "",
            is_public=entry.get("public", False),
            is_loopback=entry.get("loopback", False),
            permissions=tuple(each.lower() for each in entry.get("permissions", ())),
            mailboxes=None if policy is None else frozenset(each.lower() for each in policy),
        )
    )


def _mailbox(microsoft: Microsoft, entry: Mapping[str, Any]) -> Mailbox:
    email = entry["email"]
    if microsoft.directory.find(email):
        raise ValueError(f"{email} is there already")
    box = microsoft.directory.add_mailbox(
        email,
        entry.get("name", ""),
        timezone=entry.get("timezone", "UTC"),
        personal=entry.get("personal", False),
        room=entry.get("room", False),
    )
    box.is_enabled = entry.get("licensed", True)
    return box


def _furnish(microsoft: Microsoft, box: Mailbox, entry: Mapping[str, Any]) -> None:
    _fill(microsoft, box, box.default, entry)
    for each in entry.get("calendars", []):
        calendar = microsoft.directory.add_calendar(box, each["name"], each.get("id", ""))
        _fill(microsoft, box, calendar, each)
    box.faults.apply(entry.get("faults", {}))


def _fill(microsoft: Microsoft, box: Mailbox, calendar: Calendar, entry: Mapping[str, Any]) -> None:
    for email, role in entry.get("share", {}).items():
        microsoft.person(box.email).share(email, role, calendar=calendar.id)
    for event in entry.get("events", []):
        Editor(microsoft.directory, box).create(calendar, dict(event))
