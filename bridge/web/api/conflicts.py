"""What stands in the way of a booking, and which kinds of bookings there are."""

from __future__ import annotations

from flask import Response, g

from bridge.access import Scope, authorize
from bridge.bookings import conflicts, place
from bridge.config.booking import EventType
from bridge.errors import BeyondHorizon
from bridge.model.interval import Window
from bridge.model.resource import Access, Projection
from bridge.web.api.answers import answer, unknown_resource
from bridge.web.api.booking_models import Conflicts, ConflictsQuery, EventTypes
from bridge.web.api.models import ResourcePath
from bridge.web.api.routes import Routes, asking
from bridge.web.booked import conflicts_json
from bridge.web.context import WebContext
from bridge.web.problem import Problem
from bridge.web.reading import Reader


class ConflictRoutes:
    """Asking before one books."""

    def __init__(self, context: WebContext, reader: Reader) -> None:
        self._context = context
        self._reader = reader

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        path = "/resources/<resource_id>/conflicts"
        routes.add("GET", path, self.get_conflicts, scope=Scope.BUSY_READ, answer=Conflicts)
        routes.add(
            "GET",
            "/event-types",
            self.get_event_types,
            scope=Scope.BOOKINGS_READ,
            answer=EventTypes,
        )

    def get_conflicts(self, path: ResourcePath, query: ConflictsQuery) -> Response:
        """What a booking of this time would lie over, by the resource's `conflict_with`.

        The same decision as when it is booked: bookings count that are not settled yet, and
        calendars that count as busy while they cannot be read. Titles show to keys with
        `bookings:read`, as far as the privacy of their calendar lets them.
        """
        entry = self._reader.directory.find(path.resource_id)
        if entry is None or not authorize(g.principal, entry.plan.id, Access.FREE_BUSY):
            raise unknown_resource()
        window = _window(query, entry.plan.event_types)
        titled = Scope.BOOKINGS_READ.value in g.principal.scopes
        with self._context.database.read() as conn:
            known = self._reader.look(conn, entry, Projection.TIMES).state.horizon
            if window.start < known.start or window.end > known.end:
                raise BeyondHorizon(known)
            here = place.look(conn, entry.plan.id)
            found = conflicts.standing(conn, here, window, asking().now)
        return answer(conflicts_json(entry.plan.id, window, found, titled=titled))

    def get_event_types(self) -> Response:
        """Kinds of bookings: the `event_types` of the configuration file."""
        kinds = self._context.live.current.event_types
        return answer({"items": [_kind_json(it) for it in kinds]})


def _window(query: ConflictsQuery, kinds: tuple[EventType, ...]) -> Window:
    kind = next((it for it in kinds if it.id == query.event_type), None)
    if query.event_type is not None and kind is None:
        raise _wrong("event_type", "is none of GET /event-types")
    end = query.end
    if end is None and kind is not None and kind.duration is not None:
        end = query.start + int(kind.duration.total_seconds())
    if end is None:
        raise _wrong("end", "is missing: the event type has no length of its own")
    if end <= query.start:
        raise _wrong("end", "is not after start")
    return Window(query.start, end)


def _wrong(field: str, message: str) -> Problem:
    errors = [{"field": field, "message": message}]
    return Problem(422, "invalid_request", f"{field} {message}.", errors=errors)


def _kind_json(kind: EventType) -> dict[str, object]:
    own = kind.event_defaults.conference
    meeting = kind.conference or own
    return {
        "id": kind.id,
        "title": kind.title,
        "duration_minutes": (
            None if kind.duration is None else round(kind.duration.total_seconds() / 60)
        ),
        "conference": meeting.value if meeting else None,
        "location": {"type": meeting.value if meeting else "none"},
    }
