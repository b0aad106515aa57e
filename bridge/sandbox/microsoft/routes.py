"""The methods of Graph that the stand-in has: path, types and permissions.

https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from bridge.sandbox.microsoft import events, listing, people, schedule
from bridge.sandbox.microsoft.calls import Handler
from bridge.sandbox.microsoft.delta import Deltas
from bridge.sandbox.microsoft.push import Push

_USERS = frozenset({"user.read", "user.readbasic.all", "user.read.all"})
_WRITE = frozenset({"calendars.readwrite", "calendars.readwrite.shared"})
_READ = _WRITE | {"calendars.read", "calendars.read.shared"}
_BASIC = _READ | {"calendars.readbasic"}


_DELTA = r"(?:microsoft\.graph\.)?delta(?:\(\))?"


class Route(NamedTuple):
    """One method."""

    http_method: str
    pattern: re.Pattern[str]
    handler: Handler
    scopes: frozenset[str]
    """Any of them is enough."""
    request: str
    """Type of the body in the official description; empty where it has none."""
    response: str
    """Type of the answer, or of the items of a list."""
    options: str
    """Type whose properties $select may name."""


class Routes:
    """All methods."""

    def __init__(self, push: Push) -> None:
        self._routes = (*_routes(), *_subscriptions(push))

    def find(self, http_method: str, path: str) -> tuple[Route | None, Mapping[str, str]]:
        """Find the method of a path below the root, still percent-encoded.

        Raises:
            LookupError: nothing is at that path.
        """
        known = False
        for route in self._routes:
            if match := route.pattern.fullmatch(path):
                known = True
                if route.http_method == http_method:
                    parts = {k: unquote(v) for k, v in match.groupdict().items() if v is not None}
                    return route, parts
        if not known:
            raise LookupError(path)
        return None, {}


def route(
    method: str,
    template: str,
    handler: Handler,
    scopes: frozenset[str],
    *,
    request: str = "",
    response: str = "",
) -> Route:
    """Describe one method; `USER`, `CALENDAR` and `EVENTS` stand for their ways of writing."""
    return Route(method, _pattern(template), handler, scopes, request, response, response)


def _routes() -> list[Route]:
    one, deltas = "EVENTS/{event}", Deltas()
    return [
        route("GET", "USER", people.user, _USERS),
        route("GET", "users", people.users, _USERS - {"user.read"}),
        route("GET", "USER/calendars", people.calendars, _BASIC, response="calendar"),
        route("GET", "CALENDAR", people.one_calendar, _BASIC, response="calendar"),
        route("GET", "EVENTS", listing.events, _BASIC, response="event"),
        route("POST", "EVENTS", events.create, _WRITE, request="event", response="event"),
        route("GET", "VIEW", listing.view, _BASIC, response="event"),
        route("GET", f"VIEW/{_DELTA}", deltas.answer, _BASIC, response="event"),
        route("GET", one, events.get, _BASIC, response="event"),
        route("PATCH", one, events.patch, _WRITE, request="event", response="event"),
        route("DELETE", one, events.delete, _WRITE),
        route("GET", f"{one}/instances", listing.instances, _BASIC, response="event"),
        route(
            "POST",
            "CALENDAR/(?:microsoft\\.graph\\.)?getSchedule",
            schedule.get,
            _READ,
            request="-",
            response="scheduleInformation",
        ),
        route("POST", f"{one}/cancel", events.cancel, _WRITE, request="-"),
        route("POST", f"{one}/accept", events.accept, _WRITE, request="-"),
        route("POST", f"{one}/decline", events.decline, _WRITE, request="-"),
        route("POST", f"{one}/tentativelyAccept", events.accept_tentatively, _WRITE, request="-"),
    ]


def _subscriptions(push: Push) -> list[Route]:
    kind, one = "subscription", "subscriptions/{subscription}"
    return [
        route("POST", "subscriptions", push.create, _READ, request=kind, response=kind),
        route("GET", "subscriptions", push.listing, _READ, response=kind),
        route("GET", one, push.get, _READ, response=kind),
        route("PATCH", one, push.renew, _READ, request=kind, response=kind),
        route("DELETE", one, push.delete, _READ),
        route("POST", f"{one}/reauthorize", push.reauthorize, _READ, request="-"),
    ]


_PLACES = {
    "USER": r"(?:me|users/(?P<user>[^/]+))",
    "CALENDAR": r"USER/(?:calendar|calendars/(?P<calendar>[^/]+))",
    "EVENTS": r"USER(?:/calendar|/calendars/(?P<calendar>[^/]+))?/events",
    "VIEW": r"USER(?:/calendar|/calendars/(?P<calendar>[^/]+))?/calendarView",
}


def _pattern(template: str) -> re.Pattern[str]:
    text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
    for _ in range(2):
        for name, pattern in _PLACES.items():
            text = re.sub(rf"\b{name}\b", lambda _, p=pattern: p, text)  # type: ignore[misc]
    return re.compile(text, re.IGNORECASE)
