"""Ann's calendars in the stand-in, as the contract suite of sinks needs them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from bridge.model.event import PartStat
from bridge.model.interval import utc
from bridge.provider import CalendarId, Provider, RemoteId
from bridge.providers.google import KIND
from bridge.sandbox.faults import Faults
from bridge.sandbox.google import invitations
from bridge.sandbox.google.editing import Editor
from bridge.sandbox.google.times import Json
from bridge.sandbox.server import Sandbox
from tests.contract.google_world import ANN, Signed, account
from tests.contract.interrupting import Interruptions
from tests.contract.provider_contract import NOW
from tests.contract.sink_contract import Cannot

_ANSWERS = {
    PartStat.ACCEPTED: "accepted",
    PartStat.DECLINED: "declined",
    PartStat.TENTATIVE: "tentative",
}


@dataclass
class GoogleSinkWorld:
    """Calendars of Ann that a program writes to; people edit them as in the web calendar."""

    running: Sandbox
    http: Signed
    cannot: Collection[Cannot] = (Cannot.SPARE_A_GUEST,)
    requests: Interruptions = field(init=False)

    def __post_init__(self) -> None:
        self.requests = Interruptions(self.http)

    @property
    def faults(self) -> Faults:
        return self.running.world.account(ANN).faults

    def open(self, _calendar: CalendarId) -> Provider:
        return KIND.open(account(self.running, self.requests))

    def new_calendar(self) -> CalendarId:
        with self.running.world.lock:
            made = self.running.world.add_calendar(ANN, "A calendar", timezone="Europe/Berlin")
        return CalendarId(made.id)

    def write(self, calendar: CalendarId, summary: str) -> None:
        self.running.person(ANN).create(summary, utc(NOW), calendar=calendar)

    @contextmanager
    def in_short_pages(self) -> Iterator[None]:
        self.running.misbehave(ANN, "short_pages")
        try:
            yield
        finally:
            self.running.misbehave(ANN, "short_pages", value=False)

    def rename(self, calendar: CalendarId, remote_id: RemoteId, summary: str) -> None:
        self.change(calendar, remote_id, summary=summary)

    def change(self, calendar: CalendarId, name: str, **changes: Any) -> None:
        """Change an event or an occurrence, as a person does; None removes a property."""
        with self._editing(calendar) as editor:
            editor.patch(name, changes)

    def stored(self, calendar: CalendarId, name: str) -> Json:
        """Show what stands at Google of an event or an occurrence."""
        with self.running.world.lock:
            return dict(self.running.world.calendar(calendar).records[name].event)

    def remove(self, calendar: CalendarId, remote_id: RemoteId) -> None:
        with self._editing(calendar) as editor:
            editor.delete(remote_id)

    def colour(self, calendar: CalendarId, remote_id: RemoteId, value: str) -> None:
        self.change(calendar, remote_id, colorId=value)

    def coloured(self, calendar: CalendarId, remote_id: RemoteId) -> str:
        return str(self.stored(calendar, remote_id).get("colorId", ""))

    def answer(
        self, calendar: CalendarId, remote_id: RemoteId, guest: str, partstat: PartStat
    ) -> None:
        email = guest.removeprefix("mailto:")
        with self._editing(calendar) as editor:
            event = editor.calendar.records[remote_id].event
            told = invitations.answered(event, email, _ANSWERS[partstat])
            editor.patch(remote_id, {"attendees": told["attendees"]})

    def mailed(self, calendar: CalendarId) -> Sequence[tuple[str, str]]:
        with self.running.world.lock:
            mails = [each for each in self.running.world.mail if each.sender == calendar]
        told: list[tuple[str, str]] = []
        for mail in mails:
            address = f"mailto:{mail.to}"
            again = any((address, about) in told for about in ("invited", "updated"))
            about = "cancelled" if mail.method == "CANCEL" else "updated" if again else "invited"
            told.append((address, about))
        return told

    def interrupted(self, number: int, *, done: bool) -> AbstractContextManager[None]:
        return self.requests.interrupted(number, done=done)

    @contextmanager
    def _editing(self, calendar: CalendarId) -> Iterator[Editor]:
        with self.running.world.lock:
            yield Editor(
                self.running.world, self.running.world.calendar(calendar), ANN, conference=True
            )
