"""The worlds that the contract suite of makers runs in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.config.booking import Conferences
from bridge.errors import TemporarilyUnavailable
from bridge.model.conference import ConferenceKind
from bridge.model.http import Http
from bridge.provider import Account
from bridge.providers.memory import Memory
from bridge.providers.zoom import KIND, ZoomConnection, ZoomDefaults
from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.scenario import CLIENT_ID, SERVER_ID
from bridge.sink import ConferenceMaker
from tests.contract.google_world import Signed
from tests.contract.maker_contract import Held, booking

ANN, BOB = "ann@example.test", "bob@example.test"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = {
    "zoom": {
        "accounts": [
            {"email": ANN, "timezone": "Europe/Berlin"},
            {"email": BOB, "timezone": "America/New_York"},
        ]
    }
}


def sandbox() -> Sandbox:
    """Make a stand-in of two hosts, on a clock that stands still."""
    return Sandbox(PEOPLE, clock=lambda: NOW, seed=1)


@dataclass
class MemoryMakerWorld:
    """Meetings in this process."""

    memory: Memory = field(default_factory=lambda: Memory(making=ConferenceKind.ZOOM))

    def open(self) -> ConferenceMaker:
        maker = self.memory.provider().conferences
        assert maker is not None
        return maker

    def held(self) -> list[Held]:
        found = []
        for reference, each in self.memory.meetings.items():
            master = each.series.master
            if each.cancelled or master is None:
                continue
            assert isinstance(master.start, datetime)
            assert isinstance(master.end, datetime)
            minutes = (master.end - master.start) // timedelta(minutes=1)
            found.append(Held(reference, master.summary, master.start, minutes))
        return found

    def remove(self, reference: str) -> None:
        self.memory.meetings[reference].cancelled = True

    def move(self, reference: str, start: datetime) -> None:
        meeting = self.memory.meetings[reference]
        meeting.series = booking(start)

    def lose(self, operation: str) -> None:
        lost = TemporarilyUnavailable("the answer did not come")
        self.memory.orders.give(f"meeting.{operation}", lost, after=True)

    def fail(self, operation: str) -> None:
        self.memory.orders.give(f"meeting.{operation}", TemporarilyUnavailable("not now"))


@dataclass
class ZoomMakerWorld:
    """Ann's meetings at a stand-in; `alone`: a program that acts for her account makes them."""

    running: Sandbox
    http: Http
    alone: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Requests, as `POST /v2/users/me/meetings`."""

    def open(self) -> ConferenceMaker:
        zoom = self.running.zoom
        token = zoom.app_token(SERVER_ID) if self.alone else zoom.access_token(ANN, CLIENT_ID)
        maker = KIND.open(self.account(Signed(self.http, token, self.asked))).conferences
        assert maker is not None
        return maker

    def account(self, http: Http) -> Account:
        return Account(
            "r.c",
            ZoomConnection(),
            ZoomDefaults.model_validate({"api_url": f"{self.running.url}/v2"}),
            http,
            acts_for=ANN if self.alone else "",
            conference=Conferences.model_validate({"zoom": {"settings": self.settings}}),
        )

    @property
    def host(self) -> Any:
        return self.running.zoom.person(ANN)

    def held(self) -> list[Held]:
        return [
            Held(str(each.id), each.topic, each.start, each.duration) for each in self.host.meetings
        ]

    def remove(self, reference: str) -> None:
        self.host.delete(int(reference))

    def move(self, reference: str, start: datetime) -> None:
        self.host.move(int(reference), start)

    def lose(self, operation: str) -> None:
        fault = {"create": "create_lost", "update": "update_lost", "cancel": "delete_lost"}
        self.misbehave(fault[operation], times=1)

    def fail(self, _operation: str) -> None:
        self.misbehave("unavailable", times=1)

    def misbehave(self, fault: str, value: Any = True, times: int | None = None) -> None:
        self.running.zoom.misbehave(ANN, fault, value, times)

    def clean(self) -> None:
        """Leave nothing behind for the next test."""
        with self.running.world.lock:
            self.running.zoom.behave()
            for user in self.running.zoom.directory.users.values():
                user.meetings.clear()
                user.deeds.clear()


__all__ = ["ANN", "BOB", "NOW", "MemoryMakerWorld", "ZoomMakerWorld", "sandbox"]
