"""Real calendar programs that book: what they write is in the calendar of the provider, once."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from tests import clients
from tests.bookings.hall import PATIENT
from tests.e2e.programs import Cadaver, Calcurse, CaldavSession, Program, Vdirsyncer
from tests.e2e.served import Login, Periods, Reply, Served, freebusy_periods, ical
from tests.e2e.sources import HEAD, TAIL, CalDavCalendar, vevent
from tests.e2e.town import TOMORROW, Town, at, resource, serving
from tests.servers.faultproxy import Answer, Call, FaultProxy, Forward, answering

ROOMS = ("red", "green", "grey", "raw", "blue", "pink", "lime", "gold")
"""Each is for one program."""
PAGE = Path(__file__).parents[2] / "docs" / "bookings.md"


def hour(number: int) -> int:
    return at(TOMORROW, f"{number}:00", "UTC")


def event(uid: str, begin: int, *more: str) -> str:
    start, end = ical(hour(begin)), ical(hour(begin + 1))
    return HEAD + vevent(uid, f"DTSTART:{start}", f"DTEND:{end}", *more) + TAIL


class Desk:
    """A bridge whose rooms have calendars at a real CalDAV server, and ann, who may book them."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.calendars: dict[str, CalDavCalendar] = {}
        resources = []
        for room in ROOMS:
            calendar = town.calendar("radicale", room)
            assert isinstance(calendar, CalDavCalendar)
            self.calendars[room] = calendar
            written = {"write_calendar": calendar.name, "primary": True}
            connection = calendar.connection() | written | {"account_email": f"{room}@example.com"}
            known = {"name": room.title(), "email": f"{room}@example.com"}
            resources.append(resource(room, connection, **known, bookings=PATIENT))
        access: dict[str, Any] = dict.fromkeys(ROOMS, "write")
        # Programs that synchronize all that they find have a login that finds little.
        narrow = [{"name": room, "access": {room: "write"}} for room in ("green", "pink")]
        users = [{"name": "ann", "email": "ann@example.com", "access": access}, *narrow]
        types = [{"id": "video-call", "title": "Video call", "duration": "30m"}]
        self.served: Served = serving(folder, resources, auth={"users": users}, event_types=types)
        self.login = self.make_login("ann")

    def make_login(self, name: str) -> Login:
        made = self.served.cli("users", "app-password", "create", name, "tests", "--json")
        return Login(name, json.loads(made)["password"])

    def account(
        self, kind: type[Program], folder: Path, url: str = "", login: Login | None = None
    ) -> Program:
        return kind(folder / "home", url or f"{self.served.url}/", login or self.login)

    def dav(self, method: str, path: str, body: str = "", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Type", "text/calendar; charset=utf-8")
        return self.served.dav(method, path, body, self.login, **named)

    def provided(self, room: str) -> list[tuple[str, str]]:
        """UID or title, and start, of every event that the provider has."""
        calendar = self.calendars[room]
        text = calendar.account.send("GET", calendar.path).decode().replace("\r\n ", "")
        events = text.split("BEGIN:VEVENT")[1:]
        return sorted(
            (
                re.findall(r"^SUMMARY:(.*)\r$", it, re.MULTILINE)[0],
                re.findall(r"^DTSTART.*:(.*)\r$", it, re.MULTILINE)[0],
            )
            for it in events
        )

    def busy(self, room: str) -> Periods:
        return freebusy_periods(self.served.freebusy(room, hour(0), hour(23)).body)


@pytest.fixture(scope="module")
def desk(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = Desk(town, tmp_path_factory.mktemp("desk"))
    yield opened
    opened.served.__exit__()


@pytest.mark.client("caldav")
def test_python_caldav_books_moves_and_deletes(desk: Desk, tmp_path: Path) -> None:
    with desk.account(CaldavSession, tmp_path) as program:
        assert isinstance(program, CaldavSession)
        assert "Red - bookings" in program.ask("discover")
        mine = {"calendar": "Red - bookings"}
        program.ask("add", **mine, start=hour(9))
        assert desk.provided("red") == [("mine", ical(hour(9)))]
        assert desk.busy("red") == [(hour(9), hour(10), "BUSY")]
        program.ask("rename_event", **mine, summary="ours")
        assert desk.provided("red") == [("ours", ical(hour(9)))]

        clash = program.told("add", **mine, start=hour(9), uid="other")
        assert (clash["refused"], clash["unmet"][0]) == (403, "{DAV:}need-privileges")
        assert "Busy" in clash["body"]
        assert "ours" not in clash["body"]
        asked = program.ask("ask_busy", address="red@example.com", start=hour(0), end=hour(23))
        assert f"{ical(hour(9))}/{ical(hour(10))}" in asked

        assert len(program.ask("sync", **mine)["events"]) == 1
        program.ask("delete_event", **mine)
        assert desk.provided("red") == []
        assert desk.busy("red") == []
        assert program.ask("sync", **mine)["gone"] == 1


@pytest.mark.client("caldav")
def test_the_first_booking_on_the_page_about_them_is_made_as_it_stands(
    desk: Desk, tmp_path: Path
) -> None:
    text = PAGE.read_text().replace("room-a", "gold").replace("Room A", "Gold")
    enter, shell = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (python,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (card,) = (line for line in enter.splitlines() if " urls " in line)
    assert "/ann/gold.bookings/" in desk.served.cli(*card.split()[1:])
    env = os.environ | {"URL": desk.served.url, "PASSWORD": desk.login.password}
    for run in (["bash", "-e", "-c", shell], [str(clients.PYTHON), "-c", python]):
        done = subprocess.run(
            run, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert "SUMMARY:Talk" in done.stdout
        assert desk.provided("gold") == []


@pytest.mark.client("vdirsyncer")
def test_vdirsyncer_sends_what_is_written_into_its_folder_and_takes_back_what_became_of_it(
    desk: Desk, tmp_path: Path
) -> None:
    program = desk.account(Vdirsyncer, tmp_path, login=desk.make_login("green"))
    assert isinstance(program, Vdirsyncer)
    program.vdirsyncer("discover")
    program.vdirsyncer("sync")
    folder = program.folder("bookings")
    mine = program.write("calendars/bookings/mine.ics", event("mine", 9))
    program.vdirsyncer("sync")
    assert desk.provided("green") == [("secret of mine", ical(hour(9)))]

    clash = program.write("calendars/bookings/clash.ics", event("clash", 9))
    refused = program.run("vdirsyncer", "sync")
    assert refused.returncode == 1
    assert "403, message='Forbidden'" in refused.stdout
    assert len(desk.provided("green")) == 1
    clash.unlink()

    # An emptied folder it would not believe.
    program.write("calendars/bookings/kept.ics", event("kept", 15))
    mine.write_text(event("mine", 11))
    program.vdirsyncer("sync")
    kept = ("secret of kept", ical(hour(15)))
    assert desk.provided("green") == [kept, ("secret of mine", ical(hour(11)))]
    assert len(list(folder.glob("*.ics"))) == 2
    mine.unlink()
    program.vdirsyncer("sync")
    assert desk.provided("green") == [kept]
    assert [it.name for it in folder.glob("*.ics")] == ["kept.ics"]


@pytest.mark.client("cadaver")
def test_cadaver_puts_moves_and_deletes_files(desk: Desk, tmp_path: Path) -> None:
    program = desk.account(Cadaver, tmp_path)
    assert isinstance(program, Cadaver)
    program.write("mine.ics", event("mine", 9))
    told = program.at("/ann/grey.bookings", "put mine.ics", "move mine.ics other.ics", "ls")
    assert told.count("succeeded") == 3, told
    assert program.names("/ann/grey.bookings") == ["other.ics"]
    assert desk.provided("grey") == [("secret of mine", ical(hour(9)))]
    assert "succeeded" in program.at("/ann/grey.bookings", "delete other.ics")
    assert desk.provided("grey") == []


# What they make of answers that are hard to bring about: docs/clients.md says it.


def writes(call: Call) -> bool:
    return call.method in {"PUT", "DELETE"}


def without_etag(call: Call, forward: Forward) -> Answer:
    """Answer a PUT as it is answered where a reader gets more than was sent."""
    answer = forward(call)
    if call.method != "PUT":
        return answer
    kept = {name: it for name, it in answer.headers.items() if name.lower() != "etag"}
    return replace(answer, headers=kept)


@pytest.fixture
def proxy(desk: Desk) -> Iterator[FaultProxy]:
    with FaultProxy(desk.served.url) as between:
        yield between


@pytest.mark.client("caldav")
def test_python_caldav_says_which_answer_it_got_and_can_try_again(
    desk: Desk, tmp_path: Path, proxy: FaultProxy
) -> None:
    mine = {"calendar": "Blue - bookings"}
    with desk.account(CaldavSession, tmp_path, proxy.url()) as program:
        assert isinstance(program, CaldavSession)
        program.ask("discover")
        for status, name in ((409, "PutError"), (412, "Error"), (503, "RateLimitError")):
            with proxy.fault(answering(status, headers={"Retry-After": "1"}, when=writes)):
                told = program.told("add", **mine, start=hour(9))
            assert told["error"].endswith(name)
            assert desk.provided("blue") == []
        program.ask("add", **mine, start=hour(9))
        assert len(desk.provided("blue")) == 1
        with proxy.fault(answering(412, when=writes)):
            assert program.told("rename_event", **mine)["error"] == "ETagMismatchError"
        proxy.calls.clear()
        with proxy.fault(without_etag):
            program.ask("save_twice", **mine)
        conditions = [it.headers.get("if-match") for it in proxy.calls if it.method == "PUT"]
        assert conditions[0]
        assert conditions[1:] == [None], "it forgets the one that it had"
        assert desk.provided("blue") == [("twice", ical(hour(9)))]


@pytest.mark.client("vdirsyncer")
def test_vdirsyncer_reports_any_refusal_and_sends_the_file_at_the_next_run(
    desk: Desk, tmp_path: Path, proxy: FaultProxy
) -> None:
    program = desk.account(Vdirsyncer, tmp_path, proxy.url(), desk.make_login("pink"))
    assert isinstance(program, Vdirsyncer)
    program.vdirsyncer("discover")
    program.vdirsyncer("sync")
    program.write("calendars/bookings/mine.ics", event("mine", 9))
    for status in (409, 412, 503):
        with proxy.fault(answering(status, when=writes)):
            assert program.run("vdirsyncer", "sync").returncode == 1
        assert desk.provided("pink") == []
    with proxy.fault(without_etag):
        program.vdirsyncer("sync")
    assert len(desk.provided("pink")) == 1
    proxy.calls.clear()
    program.vdirsyncer("sync")
    fetched = [it.body for it in proxy.calls if it.is_report("calendar-multiget")]
    assert any(b"mine.ics" in body for body in fetched), "what had no ETag it fetches"
    assert desk.dav("PUT", "/ann/pink.bookings/mine.ics", event("mine", 13)).status == 204
    program.write("calendars/bookings/mine.ics", event("mine", 11))
    both = program.run("vdirsyncer", "sync")
    assert both.returncode == 1
    assert "conflict" in both.stdout
    assert desk.provided("pink") == [("secret of mine", ical(hour(13)))]


@pytest.mark.client("calcurse", "calcurse-caldav")
def test_calcurse_ends_with_the_status_and_sends_the_event_at_the_next_run(
    desk: Desk, tmp_path: Path, proxy: FaultProxy
) -> None:
    program = desk.account(Calcurse, tmp_path, proxy.url())
    assert isinstance(program, Calcurse)
    program.configure("/ann/lime.bookings/")
    # It does not begin with an empty calendar.
    assert desk.dav("PUT", "/ann/lime.bookings/first.ics", event("first", 7)).status == 201
    assert program.sync("--init=keep-remote").returncode == 0
    program.calcurse("-q", "-i", program.write("mine.ics", event("mine", 9)))
    for status in (403, 409, 503):
        with proxy.fault(answering(status, when=writes)):
            refused = program.sync()
        assert refused.returncode == 1
        assert f"HTTP status code {status}" in refused.stdout
    proxy.calls.clear()
    with proxy.fault(without_etag):
        assert program.sync().returncode == 0
    assert len(desk.provided("lime")) == 2
    [put] = [number for number, call in enumerate(proxy.calls) if call.method == "PUT"]
    assert b"getetag" in proxy.calls[put + 1].body, "it asks for what it was not told"
    assert "if-match" not in proxy.calls[put].headers
    program.calcurse("-q", "-P", "--filter-pattern", "secret of mine")
    with proxy.fault(answering(412, when=writes)):
        refused = program.sync()
    assert refused.returncode == 1
    assert "HTTP status code 412" in refused.stdout
    assert "if-match" in proxy.calls[-1].headers
    assert program.sync().returncode == 0
    assert len(desk.provided("lime")) == 1


@pytest.mark.client("cadaver")
def test_cadaver_prints_the_status_and_goes_on(
    desk: Desk, tmp_path: Path, proxy: FaultProxy
) -> None:
    program = desk.account(Cadaver, tmp_path, proxy.url())
    assert isinstance(program, Cadaver)
    program.write("mine.ics", event("mine", 13))
    for status in (403, 409, 412, 503):
        with proxy.fault(answering(status, when=writes)):
            told = program.at("/ann/grey.bookings", "put mine.ics", "ls")
        assert "failed" in told
        assert f"{status} " in told
        assert "Listing" in told.partition("failed")[2], "it goes on with what comes after"
    assert desk.provided("grey") == []
    proxy.calls.clear()
    program.at("/ann/grey.bookings", "put mine.ics")
    assert [it.headers.get("if-match") for it in proxy.calls if it.method == "PUT"] == [None]
    assert "succeeded" in program.at("/ann/grey.bookings", "delete mine.ics")


@pytest.mark.covers("A-18")
def test_one_occurrence_is_changed_and_another_taken_out_and_the_series_stays(desk: Desk) -> None:
    path = "/ann/raw.bookings/series.ics"
    daily = ("RRULE:FREQ=DAILY;COUNT=5",)
    assert desk.dav("PUT", path, event("series", 9, *daily)).status == 201
    second, third = (ical(hour(9) + n * 86400) for n in (1, 2))
    moved = vevent("series", f"RECURRENCE-ID:{second}", f"DTSTART:{ical(hour(12) + 86400)}",
                   f"DTEND:{ical(hour(13) + 86400)}")  # fmt: skip
    text = event("series", 9, *daily, f"EXDATE:{third}").replace(TAIL, moved + TAIL)
    assert desk.dav("PUT", path, text).status == 204
    end = hour(23) + 5 * 86400
    found = freebusy_periods(desk.served.freebusy("raw", hour(0), end).body)
    days = [(start - hour(0)) // 3600 for start, _, _ in found]
    assert days == [9, 24 + 12, 72 + 9, 96 + 9]
    assert len(desk.provided("raw")) == 2, "master and changed occurrence"
    window = f'start="{ical(hour(0))}" end="{ical(end)}"'
    asked = (
        '<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>'
        f"<C:calendar-data><C:expand {window}/></C:calendar-data></D:prop><C:filter>"
        f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range {window}/>'
        "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )
    answer = desk.dav("REPORT", "/ann/raw.bookings/", asked, Content_Type="application/xml")
    assert answer.body.count(b"BEGIN:VEVENT") == 4
    assert answer.body.count(b"RECURRENCE-ID:") == 4
    assert b"RRULE" not in answer.body
    assert desk.dav("DELETE", path).status == 204
    assert desk.provided("raw") == []


@pytest.mark.covers("A-19")
def test_a_series_that_a_client_splits_becomes_two_and_loses_nothing(desk: Desk) -> None:
    first, rest = "/ann/raw.bookings/first.ics", "/ann/raw.bookings/rest.ics"
    assert desk.dav("PUT", first, event("first", 15, "RRULE:FREQ=DAILY;COUNT=6")).status == 201
    until = ical(hour(15) + 2 * 86400)
    shorter = event("first", 15, f"RRULE:FREQ=DAILY;UNTIL={until}")
    assert desk.dav("PUT", first, shorter).status == 204
    later = event("rest", 15, "RRULE:FREQ=DAILY;COUNT=3")
    start = ical(hour(15)), ical(hour(15) + 3 * 86400)
    end = ical(hour(16)), ical(hour(16) + 3 * 86400)
    later = later.replace(*start).replace(*end)
    assert desk.dav("PUT", rest, later).status == 201
    found = freebusy_periods(desk.served.freebusy("raw", hour(0), hour(23) + 7 * 86400).body)
    assert [(start - hour(15)) / 86400 for start, _, _ in found] == [0, 1, 2, 3, 4, 5]
    assert len(desk.provided("raw")) == 2
    for path in (first, rest):
        desk.dav("DELETE", path)
    assert desk.provided("raw") == []


@pytest.mark.covers("F50")
def test_a_put_and_a_deletion_at_once_leave_the_provider_with_what_readers_see(desk: Desk) -> None:
    path = "/ann/raw.bookings/race.ics"

    def seen() -> int:
        return 1 if desk.dav("GET", path).status == 200 else 0

    for number in range(6):
        desk.dav("PUT", path, event("race", 20))
        barrier, said = Barrier(2), dict[str, int]()

        def ask(method: str, *body: str, barrier: Barrier = barrier, said: Any = said) -> None:
            barrier.wait()
            said[method] = desk.dav(method, path, *body).status

        changed = event("race", 20, f"X-NUMBER:{number}")
        threads = [Thread(target=ask, args=args) for args in (("PUT", changed), ("DELETE",))]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert said["PUT"] in {201, 204}, said
        assert said["DELETE"] == 204
        # What is answered while the provider is asked still is settled a moment later.
        desk.served.wait(
            lambda: len(desk.provided("raw")) == seen(), "the provider has what is seen"
        )
    desk.dav("DELETE", path)
    desk.served.wait(lambda: desk.provided("raw") == [], "the provider has nothing any more")


@pytest.mark.covers("S0-57")
@pytest.mark.parametrize("line", ["X-BUSYBRIDGE-EVENT-TYPE:video-call", "CATEGORIES:Video-Call"])
def test_the_kind_of_a_booking_gives_it_title_and_length_where_it_has_none(
    desk: Desk, line: str
) -> None:
    path = "/ann/raw.bookings/typed.ics"
    text = event("typed", 21, line)
    text = re.sub(r"(DTEND|SUMMARY):.*\r\n", "", text)
    assert desk.dav("PUT", path, text).status == 201
    assert desk.provided("raw") == [("Video call", ical(hour(21)))]
    assert desk.busy("raw") == [(hour(21), hour(21) + 1800, "BUSY")]
    assert desk.dav("DELETE", path).status == 204


@pytest.mark.covers("F62")
def test_a_description_of_a_megabyte_is_refused_with_the_precondition(desk: Desk) -> None:
    text = event("long", 22, *(f"X-LONG:{'x' * 1000}" for _ in range(900)))
    text = text.replace("SUMMARY", f"DESCRIPTION:{'y' * 100_000}\r\nSUMMARY")
    answer = desk.dav("PUT", "/ann/raw.bookings/long.ics", text)
    assert answer.status == 403
    assert b"<C:max-resource-size/><D:need-privileges/>" in answer.body
    assert desk.provided("raw") == []


@pytest.mark.covers("A-20", "F48", "F49")
def test_retries_deletions_and_haste_leave_one_event_or_none(desk: Desk) -> None:
    path = "/ann/raw.bookings/hasty.ics"
    for _ in range(2):
        assert desk.dav("PUT", path, event("hasty", 18)).status in {201, 204}
    assert len(desk.provided("raw")) == 1
    assert desk.dav("DELETE", path).status == 204
    assert desk.dav("PUT", path, event("hasty", 19), If_None_Match="*").status == 201
    assert desk.provided("raw") == [("secret of hasty", ical(hour(19)))]
    assert desk.dav("DELETE", path).status == 204
    assert desk.provided("raw") == []
