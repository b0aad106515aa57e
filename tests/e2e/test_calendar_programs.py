"""Real calendar programs, given the server's address, a login and an app password.

Each finds its calendar, downloads it, sees a change and a deletion at the source, and goes on after
a write that was refused.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.programs import Cadaver, Calcurse, CaldavSession, Program, Vdirsyncer
from tests.e2e.served import Login, Periods, Served, events_of, freebusy_periods, merged
from tests.e2e.sources import HEAD, TAIL, Source, vevent
from tests.e2e.town import TOMORROW, Town, at, busy, resource, serving

PLANNING, MOVED, LUNCH = (
    busy(TOMORROW, f"{hour}:00", f"{hour + 1}:00", "UTC") for hour in (9, 10, 12)
)
DAY = at(TOMORROW, "0:00", "UTC"), at(TOMORROW + timedelta(days=1), "0:00", "UTC")
KINDS = {"alice": "radicale", "blue-room": "xandikos", "green-room": "ics", "van": "radicale"}
"""Each resource is for one program."""
NAMES = {"alice": "Alice", "blue-room": "Blue Room", "green-room": "Green Room", "van": "Van"}
BUSY = {"alice": "busy"} | {name: f"{name}.busy" for name in KINDS if name != "alice"}
REASON = "Busy time is made from the calendars that are read; change the event there."


def event(uid: str, hour: int) -> str:
    day = f"{TOMORROW:%Y%m%d}T{hour:02}"
    end = f"{TOMORROW:%Y%m%d}T{hour + 1:02}"
    return vevent(uid, f"DTSTART:{day}0000Z", f"DTEND:{end}0000Z")


MINE = HEAD + event("mine", 15) + TAIL


class Office:
    """A bridge with a resource for each program, and a login that sees them all."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.sources: dict[str, Source] = {}
        for name, kind in KINDS.items():
            self.sources[name] = town.calendar(kind, name)
            self.sources[name].put_text("planning", event("planning", 9))
            self.sources[name].put_text("lunch", event("lunch", 12))
        full = {"mode": "full", "show_title": True}
        resources = [
            resource(name, source.connection(), name=NAMES[name], privacy=full)
            for name, source in self.sources.items()
        ]
        access = dict.fromkeys(KINDS, "free-busy") | {"alice": "read"}
        users = [{"name": "alice", "access": access}]
        self.served: Served = serving(folder, resources, auth={"users": users})
        made = self.served.cli("users", "app-password", "create", "alice", "tests", "--json")
        self.login = Login("alice", json.loads(made)["password"])

    def account(self, kind: type[Program], folder: Path) -> Program:
        return kind(folder / "home", f"{self.served.url}/", self.login)

    def move_planning(self, name: str) -> None:
        self.sources[name].put_text("planning", event("planning", 10))
        self.served.sync(name)

    def delete_lunch(self, name: str) -> None:
        self.sources[name].delete("lunch")
        self.served.sync(name)

    def state(self, name: str) -> tuple[str, str, str]:
        """What a program compares: entity tag of the calendar, tag and token in its properties."""
        path = f"/alice/{BUSY[name]}/"
        got = self.served.dav("GET", path, login=self.login)
        asked = (
            '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><D:sync-token/></D:prop></D:propfind>'
        )
        props = self.served.dav("PROPFIND", path, asked, self.login, Depth="0")
        assert (got.status, props.status) == (200, 207)
        return got.headers["ETag"], got.body.decode(), props.body.decode()

    def card(self, name: str) -> dict[str, str]:
        """What the login is told by the command line."""
        return json.loads(self.served.cli("urls", name, "--user", "alice", "--json"))["user"]


@pytest.fixture(scope="module")
def office(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    opened = Office(town, tmp_path_factory.mktemp("office"))
    yield opened
    opened.served.__exit__()


def clock(day: Periods) -> list[str]:
    """`09:00-10:00` for each period of the day."""
    begin = DAY[0]
    spans = [(start - begin, end - begin) for start, end, _ in day]
    return ["-".join(f"{it // 3600:02}:{it // 60 % 60:02}" for it in span) for span in spans]


@pytest.mark.client("caldav")
def test_python_caldav_follows_the_busy_calendar_and_is_refused_with_the_reason(
    office: Office, tmp_path: Path
) -> None:
    with office.account(CaldavSession, tmp_path) as program:
        assert isinstance(program, CaldavSession)
        calendars = program.ask("discover")
        assert calendars == sorted(
            ["Alice - bookings", *(f"{name} - busy" for name in NAMES.values())]
        )
        mine = {"calendar": "Alice - busy"}
        texts = program.ask("events", **mine)
        assert sorted(events_of("\n".join(texts))) == [PLANNING, LUNCH]
        assert "SUMMARY:secret of planning" in "\n".join(texts), "the login may see details"
        others = "\n".join(program.ask("events", calendar="Van - busy"))
        assert "SUMMARY:Busy" in others
        assert "secret" not in others, "there it may see times"
        text = program.ask("free_busy", **mine, start=DAY[0], end=DAY[1])
        assert freebusy_periods("\r\n".join(text.splitlines()).encode()) == [PLANNING, LUNCH]
        assert program.ask("sync", **mine)["changed"] == 2
        assert program.ask("sync", **mine)["changed"] == 0

        before = office.state("alice")
        for do in ("add", "rename_event", "delete_event", "delete_calendar"):
            told = program.told(do, **mine)
            assert (told["refused"], told["unmet"][0]) == (403, "{DAV:}need-privileges")
            assert REASON in told["body"]
        told = program.told("add", calendar="Alice - bookings")
        assert told["refused"] == 403
        assert "You may see these bookings, and make none." in told["body"]
        assert program.told("make_calendar")["refused"] == 403
        assert office.state("alice") == before

        office.move_planning("alice")
        synced = program.ask("sync", **mine)
        assert sorted(events_of("\n".join(synced["events"]))) == [MOVED, LUNCH]
        office.delete_lunch("alice")
        synced = program.ask("sync", **mine)
        assert (synced["changed"], synced["gone"]) == (0, 1)
        assert events_of("\n".join(synced["events"])) == [MOVED]
        found = program.ask("between", **mine, start=DAY[0], end=DAY[1])
        assert events_of("\n".join(found)) == [MOVED]


@pytest.mark.client("vdirsyncer", "khal")
def test_vdirsyncer_and_khal_follow_the_busy_calendar_and_go_on_after_a_refused_write(
    office: Office, tmp_path: Path
) -> None:
    program = office.account(Vdirsyncer, tmp_path)
    assert isinstance(program, Vdirsyncer)
    name = BUSY["blue-room"]

    def shown() -> list[str]:
        return [line for line in program.khal(TOMORROW) if line.startswith("Blue Room - busy: ")]

    def expected(*periods: tuple[int, int, str]) -> list[str]:
        assert program.stored(name) == sorted(periods)
        return [f"Blue Room - busy: {span} Busy" for span in clock(sorted(periods))]

    program.vdirsyncer("discover")
    program.vdirsyncer("sync")
    program.vdirsyncer("metasync")
    assert {it.name for it in program.folder("").iterdir()} == {"bookings", *BUSY.values()}
    assert shown() == expected(PLANNING, LUNCH)

    before = office.state("blue-room")
    mine = program.write(f"calendars/{name}/mine.ics", MINE)
    refused = program.run("vdirsyncer", "sync")
    assert refused.returncode == 1
    assert "403, message='Forbidden'" in refused.stdout
    assert office.state("blue-room") == before
    mine.unlink()

    office.move_planning("blue-room")
    program.vdirsyncer("sync")
    assert shown() == expected(MOVED, LUNCH)
    office.delete_lunch("blue-room")
    program.vdirsyncer("sync")
    assert shown() == expected(MOVED)

    # Told that the server is read-only, it takes back what was done here, when it syncs again.
    program.configure('partial_sync = "revert"', "read_only = true")
    program.vdirsyncer("discover")
    (kept,) = program.folder(name).glob("*.ics")
    kept.unlink()
    program.write(f"calendars/{name}/mine.ics", MINE)
    program.vdirsyncer("sync")
    program.vdirsyncer("sync")
    assert shown() == expected(MOVED)


@pytest.mark.client("cadaver")
def test_cadaver_browses_from_the_root_and_nothing_that_it_does_changes_the_calendar(
    office: Office, tmp_path: Path
) -> None:
    program = office.account(Cadaver, tmp_path)
    assert isinstance(program, Cadaver)
    assert program.names("/") == ["alice"]
    assert sorted(program.names("/alice")) == sorted(["bookings", *BUSY.values()])
    path = f"/alice/{BUSY['green-room']}"
    assert program.downloaded(path) == [PLANNING, LUNCH]

    before = office.state("green-room")
    program.write("mine.ics", MINE)
    name = program.names(path)[0]
    told = program.at(
        path,
        "put mine.ics",
        f"put mine.ics {name}",
        f"delete {name}",
        f"move {name} elsewhere.ics",
        "mkcol mine",
        f"rmcol {path}/",
        f"propset {name} displayname mine",
        "ls",
    )
    assert told.count("403 Forbidden") == 7
    assert told.rstrip().count("succeeded") == 1, "only the listing"
    assert office.state("green-room") == before

    office.move_planning("green-room")
    assert program.downloaded(path) == [MOVED, LUNCH]
    office.delete_lunch("green-room")
    assert program.downloaded(path) == [MOVED]


@pytest.mark.client("calcurse", "calcurse-caldav")
def test_calcurse_takes_the_path_that_urls_prints_and_goes_on_after_a_refused_write(
    office: Office, tmp_path: Path
) -> None:
    program = office.account(Calcurse, tmp_path)
    assert isinstance(program, Calcurse)
    card = office.card("van")
    assert (card["server"], card["login"]) == (f"{office.served.url}/", "alice")
    program.configure(card["busy"].removeprefix(office.served.url))

    def synced(*arguments: str) -> list[str]:
        done = program.sync(*arguments)
        assert done.returncode == 0, done.stdout
        return program.shown(TOMORROW)

    def expected(*periods: tuple[int, int, str]) -> list[str]:
        return [f"{span} Busy" for span in clock(list(periods))]

    assert synced("--init=keep-remote") == expected(PLANNING, LUNCH)
    assert synced() == expected(PLANNING, LUNCH)

    before = office.state("van")
    program.calcurse("-q", "-i", program.write("mine.ics", MINE))
    refused = program.sync()
    assert refused.returncode == 1
    assert "HTTP status code 403" in refused.stdout
    assert office.state("van") == before
    program.calcurse("-F", "--filter-pattern=Busy")  # keeps only these

    office.move_planning("van")
    assert synced() == expected(MOVED, LUNCH)
    office.delete_lunch("van")
    assert synced() == expected(MOVED)


def test_a_program_that_is_not_here_is_named_at_the_end_of_the_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, __file__],
        cwd=Path(__file__).parents[2],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    *_, said = done.stdout.partition("programs that were not found")
    assert "cadaver, calcurse, calcurse-caldav" in said
    assert "test_cadaver" not in done.stdout
    assert "test_a_program_that_is_not_here" in done.stdout


def test_overlapping_periods_come_to_the_strongest_of_each_moment() -> None:
    """The comparison that other tests of this folder rest on."""
    periods = [(0, 10, "BUSY"), (5, 15, "BUSY-TENTATIVE"), (7, 9, "BUSY-UNAVAILABLE")]
    assert merged(periods) == [
        (0, 7, "BUSY"),
        (7, 9, "BUSY-UNAVAILABLE"),
        (9, 10, "BUSY"),
        (10, 15, "BUSY-TENTATIVE"),
    ]
