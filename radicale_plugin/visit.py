"""One CalDAV request: who asks, where we are mounted, and what they see of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from radicale.types import WSGIEnviron, WSGIResponse

from bridge.access import Principal
from bridge.store import overlays
from bridge.store.database import Transaction
from radicale_plugin import places, xml
from radicale_plugin.calendars import Calendar, ResourceCalendar
from radicale_plugin.ground import Ground
from radicale_plugin.opening import open_calendar
from radicale_plugin.places import CALENDARS, LISTS, Place
from radicale_plugin.properties import Subject
from radicale_plugin.refusals import Refused, not_found, unsupported_report


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request of somebody who has logged in."""

    ground: Ground
    principal: Principal
    prefix: str
    """Path under which a proxy shows us, without a slash at its end."""
    path: str
    """Decoded, without the prefix."""
    environ: WSGIEnviron = field(repr=False)
    conn: Transaction
    afterwards: Callable[[Transaction], None] | None = None
    """What the answer promises to change, in a transaction of its own once this one is closed."""
    finally_answer: Callable[[], WSGIResponse] | None = None
    """Gives the answer once nothing of the store is held any more: it may wait for others."""
    _kept: Mapping[tuple[str, str], overlays.Kept] | None = None

    def place(self) -> Place:
        """Return what the request is about.

        Raises:
            Refused: 404.
        """
        found = places.find(self.path, self.principal, self.ground.directory)
        if found is None:
            raise not_found()
        return found

    def locate(self, link: str) -> Place | None:
        """Return what an href of ours is about; None for every other."""
        path = link
        if self.prefix:
            if not path.startswith(f"{self.prefix}/"):
                return None
            path = path.removeprefix(self.prefix)
        return places.find(path, self.principal, self.ground.directory)

    def calendar(self, place: Place) -> Calendar:
        """Open the calendar at a place.

        Raises:
            Refused: 404.
        """
        try:
            return open_calendar(self.ground, place, self.principal, self.conn)
        except LookupError as err:
            raise not_found() from err

    def resource_calendar(self, place: Place) -> ResourceCalendar:
        """Open the calendar of a resource at a place.

        Raises:
            Refused: 404, and 403 with DAV:supported-report for an inbox.
        """
        calendar = self.calendar(place)
        if not isinstance(calendar, ResourceCalendar):
            raise unsupported_report()
        return calendar

    def subject(self, place: Place, calendar: Calendar | None = None) -> Subject:
        """Make what properties are asked of."""
        place = place.collection
        if calendar is None and place.kind in LISTS:
            calendar = self.calendar(place)
        return Subject(
            ground=self.ground,
            principal=self.principal,
            prefix=self.prefix,
            place=place,
            calendar=calendar,
            kept=self._overlay(place),
            minimal=self.minimal,
        )

    def header(self, name: str) -> str:
        """Return a header's value, empty when it was not sent."""
        return str(self.environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    def prefers(self, name: str, value: str) -> bool:
        """Tell whether a client prefers something (RFC 7240)."""
        for each in self.header("Prefer").split(","):
            key, _, given = each.partition(";")[0].partition("=")
            if key.strip().lower() == name:  # section 2: of several the first one counts
                return given.strip().strip('"').lower() == value
        return False

    @property
    def minimal(self) -> bool:
        """Whether what is not there shall go unmentioned (RFC 8144 section 2.1)."""
        # Before there was Prefer, Microsoft's Brief said it; Apple's clients still send both.
        return self.prefers("return", "minimal") or self.header("Brief").strip().lower() == "t"

    def xml(self) -> Element | None:
        """Read the body as XML; None when there is none.

        Raises:
            Refused: 400.
        """
        try:
            return xml.read(self.body())
        except xml.Malformed as err:
            raise Refused(400, reason=str(err)) from err

    def body(self) -> bytes:
        """Read the body."""
        length = int(self.environ.get("CONTENT_LENGTH") or 0)
        body: bytes = self.environ["wsgi.input"].read(length) if length else b""
        return body

    def _overlay(self, place: Place) -> overlays.Kept:
        if place.entry is None or place.kind not in CALENDARS:
            return {}
        if self._kept is None:
            self._kept = overlays.of_login(self.conn, self.principal.name)
        return self._kept.get((place.entry.plan.id, place.kind.value), {})


def multistatus(body: bytes) -> WSGIResponse:
    """Answer 207."""
    return 207, {"Content-Type": xml.MEDIA_TYPE}, body, None
