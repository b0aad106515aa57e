"""People who book while their server is killed again and again, and what must be true then."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from sqlalchemy import select

from bridge.dispatch.points import Point
from bridge.store.booking_tables import proposals
from bridge.store.outbox import LEASE, State
from tests.databases import closing_database
from tests.e2e.bookable import EVE, GUEST, HOME, PLACES, Answer, Bookable, Client, path, text
from tests.e2e.dying import dying
from tests.e2e.served import freebusy_periods, joined, unfolded

HALF_HOUR, SPACE = 1800, 48 * 40
"""Seconds; how many of them each person has for themselves."""
FIRST = (int(time.time()) // 86400 + 2) * 86400
PATIENCE = 120.0
"""Seconds for which a moment is awaited."""
REFUSING = "zoom"
"""The room in which bookings are refused when their meeting is made already."""
MISSPELT = "no body@example.com"
"""Whom its calendar does not invite."""
UNDOING = Point.UNDOING.value


@dataclass
class Misspelt:
    """What a person knows of one booking that is refused."""

    asked: int
    """How often."""
    said: Answer
    """In the end."""


@dataclass
class Booked:
    """What a person knows of one booking."""

    room: str
    start: int
    moves: int = 0
    is_deleted: bool = False


@dataclass
class Person:
    """Books, moves and deletes one thing after the other, and repeats what got no answer."""

    booked: Bookable
    number: int
    random: Random
    stopping: threading.Event = field(default_factory=threading.Event)
    misspelling: threading.Event = field(default_factory=threading.Event)
    """Every second booking has a guest whom nobody can invite; else few have."""
    bookings: dict[str, Booked] = field(default_factory=dict)
    misspelt: dict[str, Misspelt] = field(default_factory=dict)
    defects: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    """Every request and its answer, without those that got none."""
    acknowledged: int = 0
    repeated: int = 0
    _slot: int = 0

    def __post_init__(self) -> None:
        # The second half books what belongs to somebody else.
        self.login = self.booked.login if self.number < 2 else self.booked.other
        self._client: Client = self.booked.client(login=self.login)
        self._thread = threading.Thread(target=self._live, name=f"person-{self.number}")

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join(120)
        assert not self._thread.is_alive(), f"person {self.number} still waits for an answer"
        self._client.close()

    def living(self) -> dict[str, Booked]:
        return {uid: it for uid, it in self.bookings.items() if not it.is_deleted}

    def _live(self) -> None:
        while not self.stopping.is_set():
            if self.random.random() < (0.5 if self.misspelling.is_set() else 0.05):
                self._misspell()
            living = list(self.living())
            chosen = self.random.choice(living) if living else ""
            if len(living) < 2 or (len(living) < 6 and self.random.random() < 0.4):
                self._create()
            elif self.random.random() < 0.5:
                self._move(chosen)
            else:
                self._delete(chosen)

    def _create(self) -> None:
        room = self.random.choice(self.booked.rooms)
        uid = f"{room}-{self.number}-{len(self.bookings)}"
        made = Booked(room, self._free())
        # DAVx5 and vdirsyncer send it, curl and others do not.
        only_new = {"If_None_Match": "*"} if self.random.random() < 0.5 else {}
        if self._ask("PUT", uid, made, text(room, uid, made.start, hours=0.5), **only_new):
            self.bookings[uid] = made

    def _misspell(self) -> None:
        uid = f"{REFUSING}-{self.number}-misspelt-{len(self.misspelt)}"
        guest = f"ATTENDEE:mailto:{MISSPELT}"
        body = text(REFUSING, uid, self._free(), guest, hours=0.5)
        answer, tries = self._answered("PUT", uid, REFUSING, body, {})
        self.misspelt[uid] = Misspelt(tries + 1, answer)

    def _move(self, uid: str) -> None:
        known = self.bookings[uid]
        start = self._free()
        if self._ask("PUT", uid, known, text(known.room, uid, start, hours=0.5)):
            known.start, known.moves = start, known.moves + 1

    def _delete(self, uid: str) -> None:
        known = self.bookings[uid]
        if self._ask("DELETE", uid, known):
            known.is_deleted = True

    def _free(self) -> int:
        held = {it.start for it in self.living().values()}
        while True:
            self._slot = (self._slot + 1) % SPACE
            start = FIRST + (self.number * SPACE + self._slot) * HALF_HOUR
            if start not in held:
                return start

    def _ask(
        self, method: str, uid: str, known: Booked, body: str | None = None, **headers: str
    ) -> bool:
        """Repeat a request until it is answered; true when the answer says that it is done."""
        answer, tries = self._answered(method, uid, known.room, body, headers)
        done = answer.status in {201, 204}
        if tries and answer.status == (404 if method == "DELETE" else 412):
            done = True  # by the request whose answer was lost
        if not done:
            self.defects.append(f"{method} {uid}, {tries} times before: {answer}")
        self.acknowledged += done
        return done

    def _answered(
        self, method: str, uid: str, room: str, body: str | None, headers: dict[str, str]
    ) -> tuple[Answer, int]:
        """Repeat a request until it is answered, and say how often it was not."""
        tries = 0
        where = path(room, uid, self.login.name)
        while True:
            answer = self._once(method, where, body, headers)
            if answer is not None and answer.status != 503:
                break
            tries += 1
            time.sleep(self.random.uniform(0.02, 0.2))
        self.repeated += bool(tries)
        now = datetime.now(UTC).time().isoformat("milliseconds")
        self.story.append(f"{now} {method} {uid}, {tries} times before: {answer.status}")
        return answer, tries

    def _once(
        self, method: str, where: str, body: str | None, headers: dict[str, str]
    ) -> Answer | None:
        with suppress(OSError, http.client.HTTPException):
            return self._client.ask(method, where, body, **headers)
        return None


class Killing:
    """One bridge, four people, and a number of kills."""

    def __init__(self, booked: Bookable, seed: int, url: str = "") -> None:
        self.booked = booked
        self.url = url or f"sqlite:///{booked.served.folder}/busybridge.sqlite3"
        # Whoever shares a server of databases cannot tell that a process is dead: it gives up what
        # that one held when its time is over, and each one that is started here is that much later.
        self.wait = 2 * LEASE if url else 0
        self.ahead = 0
        self.random = Random(seed)
        self.people = [Person(booked, number, Random(f"{seed}/{number}")) for number in range(4)]
        self.died: Counter[str] = Counter()

    def run(self, moments: Sequence[str]) -> None:
        """Kill the server once for each moment; an empty one is a random time after its start."""
        served = self.booked.served
        assert served.stop() == 0
        for person in self.people:
            person.start()
        try:
            for moment in moments:
                self._kill(moment)
            served.program = dying("", self.ahead)
            served.start()
        finally:
            for person in self.people:
                person.stopping.set()
        for person in self.people:
            person.join()
        served.wait(lambda: not self.open(), "everything is settled", 120)

    def _kill(self, moment: str) -> None:
        served = self.booked.served
        served.program = dying(moment, self.ahead)
        process = served.launch()
        for person in self.people:
            (person.misspelling.set if moment == UNDOING else person.misspelling.clear)()
        patience = PATIENCE
        if not moment:
            patience = self.random.uniform(0.0, 2.0)
            served.wait(served.answers, "the server answers")
        try:
            code = process.wait(patience)
            assert code == -signal.SIGKILL, f"it ended with {code}\n{served.log[-4000:]}"
            self.died[moment] += 1
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.died["at random" if not moment else f"not at {moment}"] += 1
        self.ahead += self.wait

    def open(self) -> list[Any]:
        """Name the proposals that are not done with."""
        done = [it.value for it in State if not it.is_open and it is not State.FAILED]
        with closing_database(self.url) as database, database.read() as conn:
            rows = select(proposals.c.id, proposals.c.state, proposals.c.error_message)
            return list(conn.execute(rows.where(proposals.c.state.not_in(done))))

    def reckon(self) -> list[str]:
        """Say what is not as it was acknowledged."""
        read = self.booked.served.outside("sync")
        assert read.returncode == 0, read.stderr
        wrong = [defect for person in self.people for defect in person.defects]
        for room in self.booked.rooms:
            wrong += self._at_provider(room)
            wrong += self._busy(room)
        wrong += self._met()
        wrong += self._mailed()
        wrong += self._shown()
        wrong += self._refused()
        return wrong

    def told(self, wrong: Sequence[str]) -> str:
        """Say what is wrong, with what was asked and answered of that, and what the server says."""
        uids = {re.split("[:, ]", each)[0] for each in wrong}
        story = sorted(line for it in self.people for line in it.story)
        asked = [line for line in story if any(f" {uid}," in line for uid in uids)]
        log = [line for line in self.booked.served.log.splitlines() if "access" not in line]
        named = [line for line in self.booked.served.log.splitlines() if "access" in line]
        named = [line for line in named if any(f"/{uid}.ics" in line for uid in uids)]
        return "\n".join([str(self), *wrong, *asked, *named, *log[-20:]])

    def _living(self, room: str = "") -> dict[str, Booked]:
        every = {uid: it for person in self.people for uid, it in person.living().items()}
        return {uid: it for uid, it in every.items() if room in ("", it.room)}

    def _at_provider(self, room: str) -> list[str]:
        wrong, living, standing = [], self._living(room), self.booked.events(room)
        wrong += [f"{uid}: acknowledged, and not there" for uid in living.keys() - standing.keys()]
        wrong += [f"{uid}: deleted, and there" for uid in standing.keys() - living.keys()]
        links = Counter(link for events in standing.values() for _, link in events)
        wrong += [f"{link!r}: of {count} events" for link, count in links.items() if count > 1]
        for uid in living.keys() & standing.keys():
            if [start for start, _ in standing[uid]] != [living[uid].start]:
                wrong.append(f"{uid}: {standing[uid]} instead of {living[uid]}")
            if not all(link for _, link in standing[uid]):
                wrong.append(f"{uid}: without a meeting")
        return wrong

    def _met(self) -> list[str]:
        """Look at Zoom, whose meetings are made by themselves, none of them twice."""
        rooms = [it for it in self.booked.rooms if PLACES[it].meeting == "zoom"]
        living = [each for room in rooms for each in self._living(room).items()]
        wanted = sorted((uid, it.start) for uid, it in living)
        found = sorted(self.booked.meetings())
        wrong = [] if found == wanted else [f"meetings at Zoom {found} instead of {wanted}"]
        made = Counter(self.booked.meetings_made())
        for each in self.people:
            most = {uid: 1 for uid, it in each.bookings.items() if it.room in rooms}
            # Who asks again for what was refused, without knowing, has another one made.
            most |= {uid: it.asked for uid, it in each.misspelt.items()}
            for uid, number in most.items():
                if not 1 <= made.pop(uid, 0) <= number:
                    wrong.append(f"{uid}: not {number} meetings were made")
        return wrong + [f"{uid}: {number} meetings were made" for uid, number in made.items()]

    def _refused(self) -> list[str]:
        """Look at what was refused: as if it had never been, but for who was told otherwise."""
        client, wrong = self.booked.client(), []
        with self.booked.sandbox.world.lock:
            mailed = {it.summary for it in self.booked.sandbox.world.mail}
        for person in self.people:
            for uid, it in person.misspelt.items():
                told = it.said.status == 403 and b"Invalid attendee email" in it.said.body
                # It took so long that it was taken as tentative, and is cancelled since.
                late = it.said.status in {201, 204}
                answer = client.ask("GET", path(REFUSING, uid))
                ended = "STATUS:CANCELLED" in unfolded(answer.body)
                if not ((told or late) and (answer.status == 404 or (late and ended))):
                    wrong.append(f"{uid}: {it}, and then {answer}")
                if uid in mailed:
                    wrong.append(f"{uid}: somebody was mailed")
        client.close()
        return wrong

    def _busy(self, room: str) -> list[str]:
        end = FIRST + 4 * SPACE * HALF_HOUR
        found = joined(freebusy_periods(self.booked.served.freebusy(room, FIRST, end).body))
        starts = [it.start for it in self._living(room).values()]
        wanted = joined([(start, start + HALF_HOUR, "BUSY") for start in starts])
        return [] if found == wanted else [f"{room} is busy {found} instead of {wanted}"]

    def _mailed(self) -> list[str]:
        with self.booked.sandbox.world.lock:
            mails = list(self.booked.sandbox.world.mail)
        told = Counter((it.to, it.summary, it.method) for it in mails)
        wrong = []
        for person in self.people:
            own = [EVE] if person.login == self.booked.other else []
            for uid, it in person.bookings.items():
                if it.room == HOME:
                    continue  # Radicale mails nobody
                wanted = 1 + it.moves, int(it.is_deleted)
                for guest in (GUEST, *own):
                    found = told[(guest, uid, "REQUEST")], told[(guest, uid, "CANCEL")]
                    if found != wanted:
                        wrong.append(f"{uid}: {guest} got {found} instead of {wanted}")
        return wrong

    def _shown(self) -> list[str]:
        client, wrong = self.booked.client(), []
        for person in self.people:
            for uid, it in person.bookings.items():
                answer = client.ask("GET", path(it.room, uid))
                if answer.status != (404 if it.is_deleted else 200):
                    wrong.append(f"{uid}: {answer.status}, {it}")
                elif not it.is_deleted and "STATUS:TENTATIVE" in unfolded(answer.body):
                    wrong.append(f"{uid}: still tentative")
        client.close()
        return wrong

    def __str__(self) -> str:
        told = {
            "killed": dict(self.died),
            "acknowledged": sum(person.acknowledged for person in self.people),
            "repeated": sum(person.repeated for person in self.people),
            "refused": sum(len(person.misspelt) for person in self.people),
        }
        return json.dumps(told)
