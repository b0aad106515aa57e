"""What is at Zoom, as a document: the key `zoom` of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.sandbox.zoom import push
from bridge.sandbox.zoom.directory import ACCOUNT_ID, User
from bridge.sandbox.zoom.editing import Editor
from bridge.sandbox.zoom.grants import SCOPES, Client
from bridge.sandbox.zoom.server import Zoom
from bridge.sandbox.zoom.settings import DEFAULTS

CLIENT_ID, CLIENT_SECRET = "5andb0xUserManaged", "sandbox-secret"
SERVER_ID, SERVER_SECRET = "5andb0xServerToServer", "sandbox-secret"


def clients() -> tuple[Client, Client]:
    """Make the programs that are always there: one that users let in, one of the first account."""
    return (
        Client(CLIENT_ID, CLIENT_SECRET, "BusyBridge", is_loopback=True),
        Client(SERVER_ID, SERVER_SECRET, "BusyBridge", account=ACCOUNT_ID),
    )


def build(zoom: Zoom, document: Mapping[str, Any]) -> None:
    """Fill a stand-in: `accounts`, `clients`, `tracking_fields`.

    Raises:
        KeyError, TypeError, ValueError, LookupError, ZoomError: it makes no sense.
    """
    with zoom.world.lock:
        for account, names in document.get("tracking_fields", {}).items():
            zoom.directory.tracking_fields[account] = set(names)
        for entry in document.get("accounts", []):
            add_account(zoom, entry)
        for entry in document.get("clients", []):
            add_client(zoom, entry)


def add_account(zoom: Zoom, entry: Mapping[str, Any]) -> User:
    """Add a person: `email`, and what the documentation says."""
    user = zoom.directory.add(
        entry["email"],
        entry.get("name", ""),
        entry.get("timezone", "UTC"),
        entry.get("account_id", ""),
    )
    user.is_licensed = entry.get("licensed", True)
    user.defaults = dict(entry.get("settings", {}))
    if strange := sorted(user.defaults.keys() - DEFAULTS.keys()):
        raise ValueError(f"no setting {strange[0]}")
    user.faults.apply(entry.get("faults", {}))
    for meeting in entry.get("meetings", []):
        Editor(zoom.directory, user).create(dict(meeting))
    return user


def add_client(zoom: Zoom, entry: Mapping[str, Any]) -> Client:
    """Register a program: `id`, `secret`, and `redirect_uris`, `name`, `account_id` and so on."""
    hook = entry.get("webhook")
    return zoom.add_client(
        Client(
            entry["id"],
            entry["secret"],
            entry.get("name", "An application"),
            tuple(entry.get("redirect_uris", ())),
            entry.get("loopback", False),
            entry.get("account_id", ""),
            tuple(entry.get("scopes", SCOPES)),
            push.webhook(hook) if hook else None,
        )
    )
