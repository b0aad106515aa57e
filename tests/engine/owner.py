"""A person who edits a calendar, a provider that misbehaves, and a bridge that reads it.

This is what is the same whatever the provider: things are drawn and done, time passes, and in the
end the mirror is the calendar. What people do there, and what goes wrong, each provider's own class
says.

Each run begins with a stand-in, a database and a process of its own, so that a seed repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bridge.authorizer import Grant
from bridge.config.settings import Settings
from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Http
from bridge.model.interval import utc
from bridge.model.resource import ConnectionStatus
from bridge.registry import KINDS
from bridge.sandbox.faults import Faults
from bridge.sandbox.server import Sandbox
from bridge.scheduler.pulls import LEASE
from tests.builders import make_settings
from tests.engine.door import Door
from tests.engine.process import WORK, Killed, Line, Process
from tests.engine.reckoning import Spans, united

ANN, BOB = "ann@example.test", "bob@example.test"
BERLIN = ZoneInfo("Europe/Berlin")
NOW = int(datetime(2026, 11, 20, 12, tzinfo=BERLIN).timestamp())
MINUTE, DAY = 60, 86400
AHEAD = 300 * DAY
MOST = 6
"""Of events: in a small calendar more happens to each."""
START = datetime(2026, 11, 16, tzinfo=BERLIN)

Method = TypeVar("Method", bound=Callable[..., None])
Name = TypeVar("Name", bound=str)


def thing(**drawn: st.SearchStrategy[Any]) -> Callable[[Method], Method]:
    """Say of a method that it does one of the things, and what it is given."""

    def noted(method: Method) -> Method:
        vars(method)["given"] = drawn
        return method

    return noted


@dataclass(frozen=True)
class Wrongs:
    """What can be switched on at a provider."""

    harmless: Sequence[str]
    """With these on, everything still becomes right."""
    hindering: Sequence[str]
    """As long as one of these is on, something cannot be read."""
    distorting: Sequence[str]
    """What was read meanwhile may be wrong until it changes, or is read anew."""
    elsewhere: Mapping[str, str]
    """Not switched on here, and where it is shown."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Of those that are more than on."""

    @property
    def names(self) -> Sequence[str]:
        """Give all that are switched on here."""
        return (*self.harmless, *self.hindering, *self.distorting)

    def are_all(self, known: Mapping[str, str]) -> bool:
        """Tell whether everything that can go wrong has its place, once."""
        every = [*self.names, *self.elsewhere]
        return sorted(every) == sorted(known)


class Place(NamedTuple):
    """Where a run takes place."""

    database_url: str
    """Of a fresh database."""
    folder: Path
    http: Http
    """Shared by all runs: it remembers nothing."""


class Owner(RuleBasedStateMachine):
    """Ann edits her calendar."""

    provider: ClassVar[str]
    people: ClassVar[dict[str, Any]]
    wrongs: ClassVar[Wrongs]
    most: ClassVar[int] = 1
    """Of what may be read beside Ann's first calendar, by number."""
    edits: ClassVar[Sequence[str]]
    """Things that people do; more often those that are named more often."""
    trouble: ClassVar[Sequence[str]] = (
        *("misbehave", "misbehave", "hinder", "forget", "lose", "kill", "restart", "take_back"),
    )
    time: ClassVar[Sequence[str]] = (
        *("notify", "wait", "pass_days", "pull", "pull", "pull", "work", "check", "be_told"),
    )

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.steps = 0
        self.told = 0
        """How often something was read because it was told."""
        self.place, self.now, self.ends = place, NOW, ExitStack()
        self.running = self.ends.enter_context(
            Sandbox(self.people, clock=lambda: utc(self.now), seed=1)
        )
        self.door = self.ends.enter_context(Door(self.provider))
        self.line = Line(place.http)
        self.distorted = False
        self.more = 0
        self.reconcile = ""
        self.process: Process | None = None

    # What is said by each provider's own class

    @property
    def faults(self) -> Faults:
        """Give the switches of Ann's account."""
        raise NotImplementedError

    def furnish(self) -> None:
        """Let more be read, as much as `more` says."""
        raise NotImplementedError

    def section(self) -> Mapping[str, Any]:
        """Give the section of the provider."""
        raise NotImplementedError

    def readable(self) -> list[str]:
        """Name the calendars that are read."""
        raise NotImplementedError

    def grant(self) -> Grant | None:
        """Let Ann agree; None where no lasting token is given."""
        raise NotImplementedError

    def revoke(self) -> None:
        """Let Ann take that back."""
        raise NotImplementedError

    def forget(self) -> None:
        """Let sync tokens end; a thing."""
        raise NotImplementedError

    def add_news(self, start: datetime) -> None:
        """Let Ann write something into her own calendar."""
        raise NotImplementedError

    @property
    def own(self) -> str:
        """Id of Ann's own calendar."""
        raise NotImplementedError

    def busy(self) -> Spans:
        """Work out when Ann is busy."""
        raise NotImplementedError

    def check_mirror(self) -> None:
        """Hold what is stored against what the provider has."""
        raise NotImplementedError

    def at(self, day: int, hour: int) -> datetime:
        """Say when something is."""
        return START + timedelta(days=day, hours=hour)

    # The frame

    @initialize(data=st.data(), reconciled=st.booleans())
    def begin(self, data: st.DataObject, reconciled: bool) -> None:
        self.more = data.draw(st.integers(0, self.most), "more")
        if self.more:
            self.furnish()
        # What is switched on by the way alone would seldom meet what it is wrong with.
        for _ in range(data.draw(st.integers(0, 3), "wrong")):
            fault = data.draw(st.sampled_from(self.wrongs.harmless))
            self.faults.switch(fault, self.wrongs.values.get(fault, True))
        # What a full listing would mend has to be right without.
        self.reconcile = "1d" if reconciled else "365d"
        self.restart()
        self.reconnect()

    @property
    def bridge(self) -> Process:
        assert self.process is not None
        return self.process

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Do one thing of all that can be done; hypothesis would leave most out in a run."""
        self.steps += 1
        edits = [self.edits] * 4
        kind = data.draw(st.sampled_from([*edits, self.trouble, self.time, self.time]))
        method = getattr(self, data.draw(st.sampled_from(kind)))
        given = {key: data.draw(drawn, key) for key, drawn in method.given.items()}
        method(**given)
        self.hear()

    def hear(self) -> None:
        """Let what was posted by now be heard."""
        self.running.flush()
        self.bridge.hear(self.provider, self.door.taken())

    def drawn(self, data: st.DataObject, names: Sequence[Name]) -> Name | None:
        return data.draw(st.sampled_from(names)) if names else None

    # What goes wrong

    @thing(data=st.data(), on=st.booleans())
    def misbehave(self, data: st.DataObject, on: bool) -> None:
        fault = data.draw(st.sampled_from(self.wrongs.names))
        self.distorted = self.distorted or (fault in self.wrongs.distorting and on)
        self.faults.switch(fault, self.wrongs.values.get(fault, True) if on else None)

    @thing(data=st.data(), times=st.integers(1, 3))
    def hinder(self, data: st.DataObject, times: int) -> None:
        """Do something wrong so many times, beginning in the middle of what comes."""
        fault = data.draw(st.sampled_from(self.wrongs.hindering))
        self.faults.switch(fault, self.wrongs.values.get(fault, True), times)
        self.bridge.mark()
        self.work()

    @thing(after=st.integers(1, 6))
    def lose(self, after: int) -> None:
        """Lose an answer on its way, also one of the token endpoint."""
        self.line.left, self.line.loss = after, TemporarilyUnavailable("the line is cut")

    @thing(after=st.integers(1, 6))
    def kill(self, after: int) -> None:
        """End the process in the middle of a pull; another one takes over."""
        self.bridge.mark()
        self.line.left, self.line.loss = after, Killed()
        with suppress(Killed):
            self.bridge.work()
        self.line.left = 0
        self.restart()

    @thing()
    def restart(self) -> None:
        if self.process is not None:
            self.process.close()
        self.process = Process(
            self.place.database_url,
            self.place.folder / "busybridge.key",
            self.line,
            self._settings(),
            lambda: self.now,
        )

    @thing(again=st.booleans())
    def take_back(self, again: bool) -> None:
        """Take the permission back on the page of the account; perhaps give it again."""
        with self.running.world.lock:
            self.revoke()
        self.work()
        if again:
            self.reconnect()

    def reconnect(self) -> bool:
        """Let the account's owner agree; False where no lasting token is given."""
        with self.running.world.lock:
            grant = self.grant()
        if grant is not None:
            self.bridge.tokens.connect(WORK, grant)
        return grant is not None

    # What time does

    @thing(times=st.sampled_from([0, 2]))
    def notify(self, times: int) -> None:
        """Notifications are lost, come, or come twice."""
        self.bridge.mark(times)
        self.work()

    @thing(day=st.integers(0, 30), hour=st.integers(6, 20), well=st.booleans())
    def be_told(self, day: int, hour: int, well: bool) -> None:
        """Of what changes, once all is well: nothing but what was posted has it read."""
        if well:
            self.faults.clear()
        self.check()
        if self.faults.shown() or not self.bridge.is_told(self.own):
            return
        self.hear()
        self.work()
        self.now += MINUTE  # what came together is read together
        self.add_news(self.at(day, hour))
        for seconds in (1, 7):  # one that overtakes its change is followed by another look
            self.hear()
            self.now += seconds
            self.work()
        self.check_mirror()
        self.told += 1

    @thing(minutes=st.integers(1, 90))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE
        self.work()

    @thing(days=st.integers(1, 8))
    def pass_days(self, days: int) -> None:
        self.now += days * DAY
        self.work()

    @thing()
    def work(self) -> None:
        try:
            self.bridge.work()
        except Killed:
            self.restart()

    @thing()
    def pull(self) -> None:
        """Pull as after most changes."""
        self.notify(1)

    @thing()
    def check(self) -> None:
        self.heal()
        for _ in range(2):  # an empty listing is believed the second time
            self.now = max(self.now + MINUTE, self.bridge.row().limited_until or 0)
            self.bridge.mark()
            assert self.bridge.work()
        row = self.bridge.row()
        assert (row.status, row.failures) == (ConnectionStatus.ACTIVE, 0), row
        window = self.now, self.now + AHEAD
        found = self.bridge.periods()
        assert united(found, *window) == united(self.busy(), *window)
        self.check_mirror()

    def heal(self) -> None:
        """End whatever keeps the calendar from being read."""
        self.now += LEASE + MINUTE  # what a killed process holds
        self.line.left = 0
        for fault in (*self.wrongs.hindering, *self.wrongs.distorting):
            self.faults.switch(fault, value=False)
        if self.distorted:
            self.distorted = False
            self.forget()
        self.bridge.mark()
        self.bridge.work()  # which may find that nobody permits it any more
        if self.bridge.row().status is not ConnectionStatus.ACTIVE:
            assert self.reconnect()

    def teardown(self) -> None:
        try:
            if self.process is not None:
                self.check()
                self.hear()
                self.be_told(8, 10, well=True)
                assert self.running.world.defects == []
        finally:
            if self.process is not None:
                self.process.close()
            self.ends.close()

    def _settings(self) -> Settings:
        limits = {"requests": "1000000/min", "requests_per_account": "1000000/min"}
        section = KINDS[self.provider].provider_settings.model_validate(
            {**limits, **self.section()}
        )
        connection = {
            "id": "work",
            "provider": self.provider,
            "read_calendars": self.readable(),
        }
        return make_settings(
            server={"base_url": self.door.url},
            sync={"shrink_guard": {"ratio": "100%"}, "full_reconcile": self.reconcile},
            providers={self.provider: section},
            resources=[
                {
                    "id": "room-a",
                    "timezone": "Europe/Berlin",
                    "email": ANN,
                    "connections": [connection],
                }
            ],
        )


def are_all_done(owner: type[Owner]) -> bool:
    """Tell whether everything that can be done is, and nothing else."""
    every = {name: each for kind in owner.__mro__ for name, each in vars(kind).items()}
    things = {name for name, each in every.items() if hasattr(each, "given")}
    return things <= {*owner.edits, *owner.trouble, *owner.time}
