"""A calendar of Microsoft 365 that is written to, its guests among the people of the stand-in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.model.event import PartStat
from bridge.model.interval import utc
from bridge.provider import CalendarId, Provider, RemoteId
from bridge.providers.microsoft.adapter import open_account
from bridge.sandbox.microsoft.mailbox import Found, event_id
from bridge.sandbox.server import Sandbox
from tests.contract.interrupting import Interruptions
from tests.contract.microsoft_world import ANN, Signed, account
from tests.contract.provider_contract import NOW
from tests.contract.sink_calendar import ANN as GUEST
from tests.contract.sink_calendar import BOB, EVE, Cannot

_WORDS = {PartStat.ACCEPTED: "accepted", PartStat.DECLINED: "declined",
          PartStat.TENTATIVE: "tentativelyAccepted"}  # fmt: skip
_PLACE = re.compile(r" /v1\.0/.*?/calendars/[^/]+(/events)?(/[^/]+)?(?=$|/)")
_TOLD = {"CANCEL": "cancelled"}


@dataclass
class MicrosoftSinkWorld:
    """Ann's calendars, and what her guests get of them."""

    running: Sandbox
    http: Signed
    owner: str = ANN
    interrupting: Interruptions = field(init=False)
    cannot: Collection[Cannot] = (
        Cannot.BE_SILENT, Cannot.SPARE_A_GUEST, Cannot.ADD_DATES, Cannot.HAVE_TWO_ALARMS,
        Cannot.ALARM_BY_MAIL, Cannot.ATTACH,
    )  # fmt: skip

    def __post_init__(self) -> None:
        self.interrupting = Interruptions(self.http)
        with self.running.world.lock:
            for guest in (GUEST, BOB, EVE):
                email = guest.removeprefix("mailto:")
                if self.directory.find(email) is None:
                    self.directory.add_mailbox(email)
            self.running.world.mail.clear()

    @property
    def directory(self) -> Any:
        return self.running.microsoft.directory

    @property
    def faults(self) -> Any:
        return self.directory.mailbox(self.owner).faults

    def open(self, _calendar: CalendarId) -> Provider:
        return self.through(self.interrupting)

    def through(self, http: Any, **fields: Any) -> Provider:
        """Open an adapter that sends by another way."""
        mine = replace(account(self.running, http), owner=self.owner, **fields)
        return open_account(mine, f"{self.running.url}/v1.0")

    def new_calendar(self) -> CalendarId:
        with self.running.world.lock:
            # A token names its calendar as well; here they are the same in each test.
            box = self.directory.mailbox(self.owner)
            box.transactions.clear()
            return CalendarId(self.directory.add_calendar(box, "A calendar").id)

    def write(self, calendar: CalendarId, summary: str) -> None:
        self.person.create(summary, utc(NOW), calendar=calendar)

    def in_short_pages(self) -> Any:
        return self.fault("short_pages")

    def rename(self, _calendar: CalendarId, remote_id: RemoteId, summary: str) -> None:
        self.person.change(remote_id, subject=summary)

    def remove(self, _calendar: CalendarId, remote_id: RemoteId) -> None:
        self.person.delete(remote_id)

    def colour(self, _calendar: CalendarId, remote_id: RemoteId, value: str) -> None:
        """How important it is: neither read nor written."""
        self.person.change(remote_id, importance="high" if value == "3" else "low")

    def coloured(self, _calendar: CalendarId, remote_id: RemoteId) -> str:
        return "3" if self.event(remote_id)["importance"] == "high" else ""

    def answer(
        self, _calendar: CalendarId, remote_id: RemoteId, guest: str, partstat: PartStat
    ) -> None:
        email = guest.removeprefix("mailto:")
        with self.running.world.lock:
            uid = self.found(remote_id).item.uid
            ((there, copy),) = self.directory.mailbox(email).copies(uid)
            mine = event_id(there, copy, None, immutable=True)
        self.running.microsoft.person(email).answer(mine, _WORDS[partstat])

    def mailed(self, _calendar: CalendarId) -> Sequence[tuple[str, str]]:
        seen: set[tuple[str, str]] = set()
        made = []
        for mail in self.running.world.mail:
            if mail.method not in ("REQUEST", "CANCEL"):
                continue
            again = (mail.event, mail.to) in seen
            seen.add((mail.event, mail.to))
            about = _TOLD.get(mail.method, "updated" if again else "invited")
            made.append((f"mailto:{mail.to}", about))
        return made

    def interrupted(self, number: int, *, done: bool) -> Any:
        return self.interrupting.interrupted(number, done=done)

    @contextmanager
    def fault(self, name: str, value: Any = True, times: int | None = None) -> Iterator[None]:
        with self.running.world.lock:
            self.faults.switch(name, value, times)
        try:
            yield
        finally:
            with self.running.world.lock:
                self.faults.switch(name, value=False)

    @property
    def writes(self) -> list[str]:
        """What was asked for that writes, without the addresses of calendars and events."""
        asked = (each.partition("?")[0] for each in self.http.asked)
        return [_PLACE.sub("", each) for each in asked if not each.startswith("GET")]

    @property
    def person(self) -> Any:
        return self.running.microsoft.person(self.owner)

    def found(self, remote_id: str) -> Found:
        found: Found | None = self.directory.mailbox(self.owner).find(remote_id)
        assert found is not None
        return found

    def event(self, remote_id: str) -> dict[str, Any]:
        with self.running.world.lock:
            return dict(self.found(remote_id).item.event)
