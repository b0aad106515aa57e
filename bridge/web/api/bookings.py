"""Bookings: made, changed and cancelled by programs under the rules that calendar clients have."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import uuid4

from flask import Response, g

from bridge.access import Scope, authorize
from bridge.bookings import Bookings, failing, place, shelf
from bridge.bookings.shelf import Seen
from bridge.bookings.wishing import Wishing
from bridge.bookings.words import KEY, Act, Outcome, Outdated, Result, Viewer, Write
from bridge.config.plan import ResourcePlan
from bridge.errors import BridgeError
from bridge.model.resource import Access, ResourceId
from bridge.store import bookings, busy, outbox, resources
from bridge.store.bookings import BookingRow, State
from bridge.store.database import Transaction
from bridge.store.outbox import ProposalRow
from bridge.store.resources import ResourceRow, ResourceState
from bridge.web.api.answers import answer
from bridge.web.api.booking_models import (
    Booking,
    BookingGone,
    BookingKeys,
    BookingList,
    BookingPath,
    BookingsQuery,
    NewBooking,
)
from bridge.web.api.finding import find_resource, paged
from bridge.web.api.models import Nothing, ResourcePath
from bridge.web.api.once import HEADER
from bridge.web.api.refusing import refusals, refuse_undone, unknown_booking
from bridge.web.api.routes import PREFIX, Routes, asking
from bridge.web.booked import booking_json, state_of
from bridge.web.context import WebContext
from bridge.web.problem import Problem

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_TRIES = 3


class _Found(NamedTuple):
    """A booking as the key sees it, and what failed of it."""

    seen: Seen
    plan: ResourcePlan
    failed: Sequence[ProposalRow]

    def json(self) -> dict[str, object]:
        return booking_json(self.seen, self.plan, self.failed)


class BookingRoutes:
    """Reading and writing bookings."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        read, write = Scope.BOOKINGS_READ, Scope.BOOKINGS_WRITE
        of_resource, one = "/resources/<resource_id>/bookings", "/bookings/<booking_id>"
        made, gone = [201, 200, 202], [200, 202]
        routes.add("GET", of_resource, self.get_bookings, scope=read, answer=BookingList)
        routes.add("POST", of_resource, self.post_booking, scope=write, answer=Booking, status=made)
        routes.add("GET", one, self.get_booking, scope=read, answer=Booking)
        routes.add("PATCH", one, self.patch_booking, scope=write, answer=Booking, status=gone)
        routes.add("DELETE", one, self.delete_booking, scope=write, answer=BookingGone, status=gone)
        retry = f"{one}/retry"
        routes.add("POST", retry, self.retry_booking, scope=write, answer=Booking, status=[202])

    def get_bookings(self, path: ResourcePath, query: BookingsQuery) -> Response:
        """Bookings of a resource.

        With `start` and `end` those that take place in between; with `state=failed` those that a
        human has to look at, deletions included. In no order of time.
        """
        row = find_resource(self._context, path.resource_id, Access.READ)
        with self._context.database.read() as conn:
            found = list(self._listed(conn, row, query))
        page = paged(found, lambda it: it.seen.booking.id, _Found.json, query)
        return answer(page.json())

    def post_booking(self, path: ResourcePath, body: NewBooking) -> Response:
        """Book, and wait for the calendar, at most `bookings.confirm_within` of the resource.

        201 when it stands there; 202 when that is not known yet: `state` is `pending`, and becomes
        another one by itself. 409 `conflict` over busy time. With an Idempotency-Key no repetition
        makes a second booking.
        """
        row = find_resource(self._context, path.resource_id, Access.WRITE)
        uid = _uid()
        with refusals():
            wishing, plan = self._wishing(row.id)
            octets = wishing.new(uid, body.wish(plan.timezone))
            write = Write(
                resource_id=row.id,
                viewer=_viewer(),
                act=Act.PUT,
                name=f"{uid.partition('@')[0]}.ics",
                octets=octets,
            )
            outcome = self._desk().perform(write)
        return self._done(outcome, 201 if outcome.created else 200)

    def get_booking(self, path: BookingPath) -> Response:
        """One booking, with the ETag that If-Match takes."""
        return self._shown(self._find(path.booking_id, Access.READ), 200)

    def patch_booking(self, path: BookingPath, body: BookingKeys) -> Response:
        """Change fields of a booking; its event stays the same one.

        If-Match makes sure that it is the revision that was read: 412 otherwise. Answers as POST
        does. In a series, a new start of which single occurrences were changed takes its
        `recurrence` along.
        """
        given = _if_match()
        for _ in range(_TRIES):
            found = self._find(path.booking_id, Access.WRITE)
            if not found.seen.whole:
                raise Problem(403, "not_allowed", "This booking is somebody else's, and private.")
            with refusals():
                try:
                    outcome = self._desk().perform(self._change(found, body, given))
                except Outdated:
                    if given is not None:
                        raise
                    continue  # somebody changed it between our look and our write
            return self._done(outcome, 200)
        raise Problem(
            409, "conflict", "It is being changed by others.", headers=[("Retry-After", "1")]
        )

    def delete_booking(self, path: BookingPath) -> Response:
        """Cancel a booking: its event goes, its meeting too, and its guests are told.

        200 when it is gone from the calendar, 202 when that is still to be done; for readers it is
        gone in both cases. If-Match as in PATCH.
        """
        row = self._find(path.booking_id, Access.WRITE).seen.booking
        if not row.state.is_visible:
            return answer({"id": row.id, "state": "leaving"}, 202)
        write = Write(
            resource_id=ResourceId(row.resource_id),
            viewer=_viewer(),
            act=Act.DELETE,
            booking_id=row.id,
            if_match=_if_match(),
        )
        with refusals():
            outcome = self._desk().perform(write)
        refuse_undone(outcome)
        if outcome.result is Result.TENTATIVE:
            return answer({"id": row.id, "state": "leaving"}, 202)
        return answer({"id": row.id, "state": "removed"})

    def retry_booking(self, path: BookingPath, body: Nothing) -> Response:  # noqa: ARG002
        """Have tried again what failed of a booking; 409 `conflict` when nothing did."""
        found = self._find(path.booking_id, Access.WRITE)
        if not self._desk().retry(found.seen.booking.id):
            raise Problem(409, "conflict", "Nothing of this booking waits for a human.")
        return self._shown(self._find(path.booking_id, Access.WRITE), 202)

    # What they share

    def _desk(self) -> Bookings:
        if self._context.bookings is None:
            raise BridgeError("this process takes no bookings")
        return self._context.bookings

    def _listed(
        self, conn: Transaction, row: ResourceRow, query: BookingsQuery
    ) -> Iterator[_Found]:
        here = place.of(conn, row)
        failed = failing.by_booking(conn)
        within: set[str] | None = None
        if query.window is not None:
            longest = busy.extents(conn, row.id).occurrence
            taking_place = bookings.published_at(conn, row.id, query.window, longest=longest)
            within = {it.booking_id for it in taking_place}
        for each in bookings.living(conn, row.id):
            wrong = failed.get(each.id, ())
            if not each.state.is_visible and not wrong:
                continue
            if within is not None and each.id not in within:
                continue
            found = _Found(shelf.seen(each, _viewer()), here.plan, wrong)
            if query.state in (None, state_of(each, wrong)):
                yield found

    def _find(self, booking_id: str, needed: Access) -> _Found:
        """Find a booking that readers see, or whose deletion a human has to look at."""
        with self._context.database.read() as conn:
            row = bookings.get(conn, booking_id)
            resource = resources.get(conn, ResourceId(row.resource_id)) if row else None
            if row is None or resource is None or resource.state is not ResourceState.ACTIVE:
                raise unknown_booking()
            if not authorize(g.principal, row.resource_id, needed):
                raise unknown_booking()
            wrong = failing.of_booking(conn, row.id)
            leaves = row.state is State.LEAVING and bool(wrong)
            if not row.state.is_visible and not leaves:
                raise unknown_booking()
            return _Found(shelf.seen(row, _viewer()), place.of(conn, resource).plan, wrong)

    def _standing(self, row: BookingRow) -> str:
        """Give the text that a change goes on from: what was asked last, not that it is pending."""
        if row.state is not State.TENTATIVE:
            return row.text
        with self._context.database.read() as conn:
            asked = outbox.of_booking(conn, row.id)
        undone = (it for it in asked if it.state.is_open or it.state is outbox.State.FAILED)
        return next((it.text for it in undone if it.text), row.text)

    def _change(self, found: _Found, body: BookingKeys, given: tuple[str, ...] | None) -> Write:
        """Write a change down, from what was just read: no other one gets lost under it."""
        row = found.seen.booking
        wishing, plan = self._wishing(ResourceId(row.resource_id))
        clock = booking_json(found.seen, plan)["time_zone"]
        return Write(
            resource_id=ResourceId(row.resource_id),
            viewer=_viewer(),
            act=Act.PUT,
            booking_id=row.id,
            octets=wishing.changed(self._standing(row), body.wish(clock)),
            if_match=(row.etag,) if given is None else given,
        )

    def _wishing(self, resource_id: ResourceId) -> tuple[Wishing, ResourcePlan]:
        with self._context.database.read() as conn:
            here = place.look(conn, resource_id)
        wishing = Wishing(
            event_types=here.plan.event_types,
            account=here.target.account if here.target else "",
            now=asking().now,
        )
        return wishing, here.plan

    def _done(self, outcome: Outcome, status: int) -> Response:
        refuse_undone(outcome)
        if outcome.booking is None:
            raise Problem(409, "conflict", "It was cancelled at this moment.")
        if outcome.result is Result.TENTATIVE:
            status = 202
        return self._shown(self._find(outcome.booking.id, Access.WRITE), status)

    def _shown(self, found: _Found, status: int) -> Response:
        response = answer(found.json(), status)
        response.headers["ETag"] = f'"{found.seen.etag}"'
        if status in (201, 202):
            response.headers["Location"] = f"{PREFIX}/bookings/{found.seen.booking.id}"
        return response


def _viewer() -> Viewer:
    return Viewer(f"{KEY}{g.principal.name}")


def _uid() -> str:
    """Name a new booking: the same request with the same Idempotency-Key is the same booking."""
    key = asking().header(HEADER)
    if key is None:
        return f"{uuid4().hex}@busybridge"
    request = asking()
    head = f"{g.principal.name}\n{key}\n{request.path}\n".encode()
    return f"{hashlib.sha256(head + request.body).hexdigest()[:32]}@busybridge"


def _if_match() -> tuple[str, ...] | None:
    """Read If-Match; a weak tag is none (RFC 9110 section 13.1.1)."""
    given = asking().header("If-Match")
    if given is None:
        return None
    if given.strip() == "*":
        return ("*",)
    return tuple(it[2] for it in _TAG.finditer(given[:8192]) if not it[1])
