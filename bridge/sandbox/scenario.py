"""A world from a plain document: for the command line, for the control URLs, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.sandbox.google.delegation import ServiceAccount
from bridge.sandbox.google.editing import Editor
from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.google.grants import Client
from bridge.sandbox.google.server import Google
from bridge.sandbox.microsoft import scenario as at_microsoft
from bridge.sandbox.microsoft.errors import GraphError
from bridge.sandbox.microsoft.server import Microsoft
from bridge.sandbox.world import Account, Calendar
from bridge.sandbox.zoom import scenario as at_zoom
from bridge.sandbox.zoom.errors import ZoomError
from bridge.sandbox.zoom.server import Zoom

Json = dict[str, Any]

CLIENT = Client(
    id="sandbox-client.apps.googleusercontent.com",
    secret="sandbox-secret",  # noqa: S106 - nothing is behind it
    name="BusyBridge",
    is_installed=True,
)
"""Known to every sandbox; its answers may go to any port of loopback."""


_REFUSED = (ApiError, GraphError, ZoomError)


class BadScenario(ValueError):
    """A document that makes no world."""


def build(google: Google, microsoft: Microsoft, zoom: Zoom, document: Mapping[str, Any]) -> None:
    """Fill a world.

    Args:
        google: what is filled.
        microsoft: what the key `microsoft` fills.
        zoom: what the key `zoom` fills.
        document: `accounts`, `rooms`, `clients` and `service_accounts`, each a list of what the
            functions below take.

    Raises:
        BadScenario: the document makes no sense.
    """
    try:
        with google.world.lock:
            _build(google, document)
            at_microsoft.build(microsoft, document.get("microsoft", {}))
            at_zoom.build(zoom, document.get("zoom", {}))
    except KeyError as err:
        raise BadScenario(f"{err} is missing") from err
    except (LookupError, TypeError, ValueError, AttributeError, *_REFUSED) as err:
        raise BadScenario(str(err)) from err


def _build(google: Google, document: Mapping[str, Any]) -> None:
    for each in document.get("clients", []):
        add_client(google, each)
    for each in document.get("service_accounts", []):
        add_service_account(google, each)
    accounts = document.get("accounts", [])
    # Whoever is shared with or invited has to be there first.
    for each in accounts:
        google.world.add_account(each["email"], each.get("name", ""), each.get("timezone", "UTC"))
    for each in document.get("rooms", []):
        add_room(google, each)
    for each in accounts:
        _furnish(google, each)


def add_account(google: Google, entry: Mapping[str, Any]) -> Account:
    """Add a person: `email`, and `name`, `timezone`, `events`, `share`, `calendars`, `faults`.

    Events are as the Calendar API has them; `share` gives roles by e-mail address; each of
    `calendars` has a `summary`, and `id`, `timezone`, `events`, `share`.
    """
    account = google.world.add_account(
        entry["email"], entry.get("name", ""), entry.get("timezone", "UTC")
    )
    _furnish(google, entry)
    return account


def add_room(google: Google, entry: Mapping[str, Any]) -> Calendar:
    """Add a room: `summary`, and `id`, `timezone`, `share` (roles by e-mail address)."""
    room = google.world.add_room(
        entry["summary"], timezone=entry.get("timezone", "UTC"), calendar_id=entry.get("id", "")
    )
    _share(google, room, entry)
    return room


def add_client(google: Google, entry: Mapping[str, Any]) -> Client:
    """Register a program: `id`, `secret`, and `redirect_uris`, `name`, `installed`, `testing`."""
    return google.add_client(
        Client(
            entry["id"],
            entry["secret"],
            tuple(entry.get("redirect_uris", ())),
            entry.get("name", "An application"),
            is_installed=entry.get("installed", False),
            is_testing=entry.get("testing", False),
        )
    )


def add_service_account(google: Google, entry: Mapping[str, Any]) -> ServiceAccount:
    """Make a service account: `email`, and `delegated`, the scopes it may use for everybody."""
    made = google.add_service_account(entry["email"])
    made.delegated.update(entry.get("delegated", ()))
    return made


def _furnish(google: Google, entry: Mapping[str, Any]) -> None:
    world, account = google.world, google.world.account(entry["email"])
    _fill(google, world.calendar(account.email), entry)
    for each in entry.get("calendars", []):
        calendar = world.add_calendar(
            account.email,
            each["summary"],
            timezone=each.get("timezone", entry.get("timezone", "UTC")),
            calendar_id=each.get("id", ""),
        )
        _fill(google, calendar, each)
    account.faults.apply(entry.get("faults", {}))


def _fill(google: Google, calendar: Calendar, entry: Mapping[str, Any]) -> None:
    _share(google, calendar, entry)
    editor = Editor(google.world, calendar, calendar.owner, conference=True)
    for event in entry.get("events", []):
        editor.insert(dict(event))


def _share(google: Google, calendar: Calendar, entry: Mapping[str, Any]) -> None:
    for email, role in entry.get("share", {}).items():
        google.world.share(calendar, email, role)
