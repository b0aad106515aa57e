"""kill -9 while a mirror is written, and while it is purged: nothing doubled, lost or left."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from bridge.dispatch.points import Point, PurgePoint
from bridge.ical.parse import parse_calendar
from bridge.mirror.points import Point as RoundPoint
from tests.bookings.hall import PATIENT
from tests.e2e.bookable import Client
from tests.e2e.dying import dying
from tests.e2e.served import Login, Served, get, ical, unfolded
from tests.e2e.sources import HEAD, TAIL, CalDavCalendar, vevent
from tests.e2e.town import START, Town, resource

HOUR, DAY = 3600, 86400
LATER = 5000
"""Seconds by which a clock goes ahead: whatever dead processes held is given up by then."""


class Mirrored:
    """A bridge that mirrors one calendar into another one, in which it books, too."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.work, self.team = (town.calendar("radicale", name) for name in ("work", "team"))
        assert isinstance(self.team, CalDavCalendar)
        team = {"id": "team", "write_calendar": self.team.name, "primary": True}
        connections = self.work.connection(), self.team.connection() | team
        mirror = [{"to": f"team/{self.team.name}", "title": "Busy"}]
        config = {
            "outbound": {"allow_networks": ["127.0.0.1/32"]},
            "allow_inline_secrets": True,
            "auth": {"users": [{"name": "ann", "access": {"ann": "write"}}]},
            "resources": [resource("ann", *connections, mirror=mirror, bookings=PATIENT)],
            "sync": {"interval": "10s", "just_in_time": {"min_interval": "1s"}},
        }
        self.served = Served(folder, config)
        self.events: dict[str, int] = {}
        self.booked: dict[str, int] = {}

    def put(self, uid: str, day: int) -> None:
        """Write an event of one hour to the calendar that is mirrored."""
        self.events[uid] = START + day * DAY + 9 * HOUR
        self.work.put_text(uid, spans(uid, self.events[uid]))

    def delete(self, uid: str) -> None:
        del self.events[uid]
        self.work.delete(uid)

    def book(self, uid: str, day: int) -> None:
        """Book an hour."""
        start = afternoon(day)
        answer = self.client.ask("PUT", where(uid), HEAD + spans(uid, start) + TAIL)
        assert answer.status == 201, answer
        self.booked[f"secret of {uid}"] = start

    def standing(self) -> list[tuple[str, int]]:
        """Title and start of all that stands in the calendar that is written to."""
        whole = self.team.account.send("GET", self.team.path)
        found = []
        for parsed in parse_calendar(whole).series:
            [event] = parsed.series.events()
            assert isinstance(event.start, datetime)
            found.append((event.summary, int(event.start.timestamp())))
        return sorted(found)

    def is_as_wanted(self) -> bool:
        """Whether each event has its block and each booking its event, once; and no more."""
        blocks = [("Busy", start) for start in self.events.values()]
        return self.standing() == sorted([*blocks, *self.booked.items()])

    def launch(self, moment: str, ahead: int = 0) -> None:
        self.served.program = dying(moment, ahead)
        self.served.launch()

    def read(self) -> None:
        """Have the calendars read, unless the server is not there."""
        with suppress(OSError, http.client.HTTPException):
            get(f"{self.served.url}/freebusy/ann.ifb?sync=true")

    def settles(self) -> None:
        """See each event get its block, once."""
        self.served.wait(self.served.answers, "the server answers")
        self.served.sync()
        self.served.wait(self.is_as_wanted, "each event has its block, once")

    def dies(self) -> None:
        """See the server die, which is told to read the calendars until it does."""
        process = self.served.process
        assert process is not None

        def is_dead() -> bool:
            self.read()
            return process.poll() is not None

        self.served.wait(is_dead, "it dies", 120)
        assert process.returncode == -signal.SIGKILL, self.served.log[-4000:]

    def log_in(self) -> None:
        made = self.served.cli("users", "app-password", "create", "ann", "tests", "--json")
        self.client = Client(self.served.port, Login("ann", json.loads(made)["password"]))

    def purge(self, moment: str, ahead: int) -> subprocess.CompletedProcess[str]:
        """Purge the calendar in a process of its own, which dies at some moment."""
        self.served.program = dying(moment, ahead)
        return self.served.outside("purge", "ann.team", "--yes")


def where(uid: str) -> str:
    return f"/ann/bookings/{uid}.ics"


def afternoon(day: int) -> int:
    return START + day * DAY + 14 * HOUR


def spans(uid: str, start: int) -> str:
    return vevent(uid, f"DTSTART:{ical(start)}", f"DTEND:{ical(start + HOUR)}")


@pytest.fixture
def mirrored(town: Town, tmp_path: Path) -> Iterator[Mirrored]:
    made = Mirrored(town, tmp_path / "bridge")
    yield made
    made.served.__exit__()


@pytest.mark.timeout(600)
@pytest.mark.covers("A-11")
def test_a_server_killed_while_it_mirrors_doubles_and_forgets_no_block(mirrored: Mirrored) -> None:
    for day in range(1, 7):
        mirrored.put(f"e{day}", day)
    mirrored.served.sync()
    mirrored.launch(f"{RoundPoint.BLOCK_NOTED.value}@3")
    mirrored.dies()
    assert len(mirrored.standing()) == 2, "and the third is noted"
    mirrored.put("e2", 12)
    mirrored.launch(f"{RoundPoint.BLOCK_WRITTEN.value}@2")
    mirrored.dies()
    mirrored.launch(f"{RoundPoint.BLOCK_DELETED.value}@2")
    mirrored.settles()
    for uid in ("e1", "e2", "e3"):
        mirrored.delete(uid)
    mirrored.dies()
    assert not mirrored.is_as_wanted(), "it died in the middle"
    mirrored.put("e7", 7)
    mirrored.launch("")
    mirrored.settles()
    mirrored.served.cli("mirror", "--now")
    assert mirrored.is_as_wanted()


@pytest.mark.timeout(600)
@pytest.mark.covers("A-44")
def test_a_purge_that_is_killed_leaves_nothing_when_it_is_run_again(mirrored: Mirrored) -> None:
    served = mirrored.served
    for day in range(1, 4):
        mirrored.put(f"e{day}", day)
    served.sync()
    mirrored.launch(f"{Point.CLAIMED.value}@3")
    served.wait(served.answers, "the server answers")
    mirrored.log_in()
    served.wait(mirrored.is_as_wanted, "the blocks are written")
    mirrored.book("b1", 1)
    mirrored.book("b2", 2)
    before = mirrored.standing()
    assert mirrored.is_as_wanted()
    with pytest.raises((OSError, http.client.HTTPException)):
        mirrored.book("queued", 3)
    mirrored.dies()
    # It waits for what a living process might be writing, as long as that may take.
    held = mirrored.purge(PurgePoint.HELD.value, ahead=300)
    assert held.returncode == -signal.SIGKILL, held.stderr
    assert mirrored.standing() == before
    mirrored.booked["secret of queued"] = afternoon(3)
    mirrored.launch("", ahead=LATER)
    served.wait(mirrored.is_as_wanted, "what was queued is written, and all else stands as it did")
    for moment, left in ((f"{PurgePoint.DELETED.value}@2", 4), (PurgePoint.CLEARED.value, 0)):
        killed = mirrored.purge(moment, ahead=LATER)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert len(mirrored.standing()) == left
    again = mirrored.purge("", ahead=LATER)
    assert again.returncode == 0, again.stderr
    assert mirrored.standing() == []
    for uid in ("b1", "b2", "queued"):
        answer = mirrored.client.ask("GET", where(uid))
        assert answer.status == 404 or "STATUS:CANCELLED" in unfolded(answer.body), answer
    mirrored.booked.clear()
    mirrored.book("new", 5)
    assert mirrored.standing() == list(mirrored.booked.items())
