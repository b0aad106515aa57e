"""Free-busy URLs: CalConnect CC/S 0903, and the forms that Zimbra and Outlook's templates use.

`/freebusy/{resource or mail address}[.ifb|.vfb]?start&end&period&format&token&sync&user`
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bridge.access import Principal, authorize, feed_principal, public
from bridge.access.credentials import read_basic
from bridge.access.directory import Entry
from bridge.model.interval import Instant, Window
from bridge.model.resource import Access, Projection
from bridge.publish import rendering
from bridge.publish.outlook import View
from bridge.store.database import Transaction
from bridge.web.context import WebContext
from bridge.web.documents import busy_json
from bridge.web.exchange import Reply, Request
from bridge.web.problem import Problem, login_required, not_found, too_many
from bridge.web.reading import Reader, Shape
from bridge.web.times import DAY, Edge, floor_day, parse_moment, parse_span

_PREFIX = "/freebusy"
_CALENDAR = "text/calendar; charset=utf-8"
_JSON = "application/json"
_FORMATS = {
    "text/calendar": _CALENDAR,
    "ifb": _CALENDAR,
    "vfb": _CALENDAR,
    "ics": _CALENDAR,
    "application/json": _JSON,
    "text/javascript": _JSON,
    "json": _JSON,
}


class FreeBusyUrls:
    """Answers GET and HEAD below `/freebusy`."""

    def __init__(self, context: WebContext, reader: Reader) -> None:
        self._context = context
        self._reader = reader

    def answer(self, request: Request) -> Reply:
        """Answer with exactly one VFREEBUSY, without METHOD, or with the same as JSON."""
        query = request.query
        media_type = _media_type(query)
        entry = self._admit(request, _name(request))
        asked = asked_window(query, request.now, entry.plan.freebusy.min_window)
        if query.get("sync", "").lower() in {"true", "1"}:
            self._reader.refresh([entry.plan.id])
        with self._context.database.read() as conn:
            view = self._reader.look(conn, entry, Projection.TIMES)
            shape = Shape(
                view.clip(asked),
                media_type,
                variant=self._context.live.current.server.base_url,
                weak=media_type is _JSON,
            )
            return self._reader.answer(
                request, view, shape, lambda: self._render(conn, view, shape)
            )

    def _admit(self, request: Request, name: str) -> Entry:
        """Find the resource for whoever may see it.

        What does not exist and what may not be seen answer alike, so that nobody learns which
        resources there are (T36): 401 without credentials or with wrong ones, else 404.
        """
        entry = self._reader.directory.find(name)
        if entry is not None and _may_look(public(entry.plan), entry):
            return entry
        principal = self._principal(request)
        if entry is None or principal is None or not _may_look(principal, entry):
            raise not_found()
        return entry

    def _principal(self, request: Request) -> Principal | None:
        """Tell who asks; None for a token that is not in force.

        Raises:
            Problem: 401 without a token and without a good login; 429 after too many bad ones.
        """
        token = request.query.get("token")
        if token is not None:
            found = self._context.gate.feed(token)
            return None if found is None else feed_principal(*found)
        basic = read_basic(request.header("Authorization"))
        if basic is None:
            raise login_required()
        gate, address = self._context.gate, request.client.address
        login = gate.login(*basic, address, request.now)
        if login is None:
            wait = gate.retry_after(basic.name, address, request.now)
            raise too_many(wait, "failed logins") if wait else login_required()
        return login

    def _render(self, conn: Transaction, view: View, shape: Shape) -> bytes:
        plan = view.entry.plan
        periods = self._context.publisher.periods(conn, plan.id, shape.window)
        if shape.media_type is _JSON:
            return busy_json(plan.id, shape.window, periods, view.freshness)
        return rendering.freebusy(
            plan,
            periods,
            shape.window,
            dtstamp=view.stamp,
            instance=self._context.instance,
            base_url=self._context.live.current.server.base_url,
        )


def _may_look(principal: Principal, entry: Entry) -> bool:
    return authorize(principal, entry.plan.id, Access.FREE_BUSY)


def asked_window(query: Mapping[str, str], now: Instant, shortest: timedelta) -> Window:
    """Read `start`, `end` and `period`.

    Without a start the window begins at this UTC day's midnight; without an end it holds at least
    `shortest` from now. Either is the same all day, so that unchanged busy time stays 304.

    Raises:
        Problem: 400 `invalid_window`, naming the parameter.
    """
    start_text, end_text, period_text = (query.get(name) for name in ("start", "end", "period"))
    if end_text and period_text:
        raise _wrong("period", "give end or period, not both")
    start = _moment(query, "start", now, Edge.START) if start_text else floor_day(now)
    if end_text:
        end = _moment(query, "end", now, Edge.END)
    else:
        try:
            span = parse_span(period_text) if period_text else shortest
        except ValueError as err:
            raise _wrong("period", str(err)) from err
        base = start if start_text else floor_day(now) + DAY
        end = base + min(int(span.total_seconds()), 1000 * 366 * DAY)
    if end <= start:
        raise _wrong("end", "the end is not after the start")
    return Window(start, end)


def _moment(query: Mapping[str, str], name: str, now: Instant, edge: Edge) -> Instant:
    try:
        return parse_moment(query[name], now, edge)
    except ValueError as err:
        raise _wrong(name, str(err)) from err


def _wrong(name: str, message: str) -> Problem:
    return Problem(
        400,
        "invalid_window",
        f"{name}: {message}",
        errors=[{"field": name, "message": message}],
    )


def _name(request: Request) -> str:
    """Return what the URL calls the resource: the path's last part, or `user`."""
    name = request.path.removeprefix(_PREFIX).strip("/") or request.query.get("user", "")
    for suffix in (".ifb", ".vfb"):
        name = name.removesuffix(suffix)
    return name.removeprefix("mailto:").strip()


def _media_type(query: Mapping[str, str]) -> str:
    wanted = query.get("format") or query.get("fmt") or "text/calendar"
    media_type = _FORMATS.get(wanted.partition(";")[0].strip().lower())
    if media_type is None:
        raise Problem(
            406,
            "format_not_available",
            "format is text/calendar or application/json.",
            errors=[{"field": "format", "message": "text/calendar or application/json"}],
        )
    return media_type
