"""What strangers, forgers and numbers do to a running bridge."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.oracle import Written, utc_midnight
from tests.e2e.reports import CALENDAR_QUERY, FREE_BUSY_QUERY, MULTIGET, SYNC, objects_of
from tests.e2e.served import (
    INSIDER,
    READER,
    Login,
    Served,
    events_of,
    freebusy_periods,
    get,
)
from tests.e2e.sources import HEAD, TAIL, CalDavCalendar, IcsUrl, Source, vevent
from tests.e2e.town import TODAY, TOMORROW, resource, serving
from tests.servers.cpu import cpu_of
from tests.servers.origin import Answer, Origin, redirect

DAY_START = f"DTSTART:{TOMORROW:%Y%m%d}T090000Z"
DAY_END = f"DTEND:{TOMORROW:%Y%m%d}T100000Z"
HOSTILE = {
    "count": "RRULE:FREQ=DAILY;COUNT=1000000000",
    "secondly": "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
    "every-second": "RRULE:FREQ=SECONDLY",
    "standing": "RRULE:FREQ=DAILY;INTERVAL=0",
    "dense": "RRULE:FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYHOUR="
    + ",".join(map(str, range(24)))
    + ";BYMINUTE="
    + ",".join(map(str, range(60))),
    "cancelled": "RRULE:FREQ=MINUTELY\r\nEXRULE:FREQ=MINUTELY",
}


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
QUERY = FREE_BUSY_QUERY.format(start="20260101T000000Z", end="20261231T000000Z")
BOMBS = {
    "laughs": f'<!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]>{QUERY.replace(">", ">&l9;", 1)}',
    "file": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    + QUERY.replace(">", ">&f;", 1),
    "outside": f'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">{QUERY}',
    "deep": QUERY.replace(">", ">" + "<a>" * 50_000 + "</a>" * 50_000, 1),
    "wide": QUERY.replace(">", ">" + "<a/>" * 200_000, 1),
    "attributes": QUERY.replace(" ", " " + " ".join(f'a{n}=""' for n in range(50_000)) + " ", 1),
}


def fill_with_hostile(source: Source) -> None:
    for uid, rule in HOSTILE.items():
        source.put_text(uid, vevent(uid, DAY_START, DAY_END, rule))
    folded = "X-LONG:" + "\r\n ".join("y" * 70 for _ in range(20_000))
    source.put_text("folded", vevent("folded", DAY_START, DAY_END, folded))
    good = DAY_START.replace("09", "15"), f"{DAY_END[:-8]}T160000Z"
    source.put_text("good", vevent("good", *good))


@pytest.mark.covers("A-34", "T21", "T22")
def test_hostile_calendars_cost_a_bounded_time_and_the_rest_is_served(
    tmp_path: Path, origin: Origin, xandikos_calendar: CalDavCalendar
) -> None:
    """Radicale would take a minute to store such rules; Xandikos takes what it is given."""
    hostile = IcsUrl(origin, "/hostile.ics", name="hostile")
    for source in (hostile, xandikos_calendar):
        fill_with_hostile(source)
    huge = IcsUrl(origin, "/huge.ics", name="huge")
    body = (HEAD + vevent("x", DAY_START, DAY_END)).encode() + b"X-A:" + b"a" * (21 << 20)
    origin.routes["/huge.ics"] = Answer(200, {"Content-Type": "text/calendar"}, body)
    began = time.monotonic()
    served = serving(
        tmp_path,
        [
            resource("ann", hostile.connection()),
            resource("cid", {**xandikos_calendar.connection(), "id": "hostile"}),
            resource("ben", huge.connection()),
        ],
    )
    with served_until_end(served):
        assert time.monotonic() - began < 60
        start = utc_midnight(TOMORROW)
        for name in ("ann", "cid"):
            busy = freebusy_periods(served.freebusy(name, start, start + 86400).body)
            assert any(it[0] <= start + 15 * 3600 and it[1] >= start + 16 * 3600 for it in busy)
            notes = " ".join(served.connection(f"{name}.hostile")["calendars"][0]["notes"])
            for uid in ("secondly", "every-second", "standing"):
                assert uid in notes, notes
        assert served.connection("ben.huge")["error"]["code"] == "too_large"
        assert get(f"{served.url}/freebusy/ben.ifb").status == 503, "never read, never called free"

        for name, bomb in BOMBS.items():
            before = cpu(served)
            reply = served.dav("REPORT", "/reader/ann.busy/", bomb)
            assert 400 <= reply.status < 500, (name, reply.status)
            assert "root:" not in reply.body.decode()
            assert cpu(served) - before < 0.5, name
        assert freebusy_periods(served.report("ann", FREE_BUSY_QUERY, start, start + 86400).body)
        assert served.calendar("ann", start, start + 86400) == busy
        assert served.report("ben", CALENDAR_QUERY, start, start + 86400).status == 503


@pytest.mark.covers("A-35", "P8", "T12")
def test_private_addresses_are_refused_in_the_file_and_behind_redirects(
    tmp_path: Path, origin: Origin
) -> None:
    with Origin() as trap:
        calendar = (HEAD + vevent("x", DAY_START, DAY_END) + TAIL).encode()
        trap.routes["/x.ics"] = Answer(200, {"Content-Type": "text/calendar"}, calendar)
        origin.routes["/inwards.ics"] = redirect(trap.url("/x.ics"))
        for path in ("/", "/inwards/", "/.well-known/caldav"):
            origin.routes[path] = redirect(trap.url("/dav/"))
        urls = {
            "metadata": "http://169.254.169.254/latest/meta-data",
            "loopback": trap.url("/x.ics"),
            "named": trap.url("/x.ics", host="localhost"),
            "mapped": f"http://[::ffff:127.0.0.1]:{trap.port}/x.ics",
            "decimal": f"http://2130706433:{trap.port}/x.ics",
            "redirect": origin.url("/inwards.ics"),
        }
        connections = [{"id": name, "provider": "ics", "url": url} for name, url in urls.items()]
        login = {"provider": "caldav", "username": "ann", "password": "secret"}
        for name, url in (urls | {"redirect": origin.url("/inwards/")}).items():
            connections.append({"id": f"dav-{name}", "server_url": url, **login})
        networks = {"allow_networks": [f"127.0.0.1/32:{origin.port}"]}
        served = serving(tmp_path, [resource("ann", *connections)], outbound=networks)
        with served_until_end(served):
            codes = {it["id"]: it["error"]["code"] for it in served.status()["connections"]}
            assert set(codes.values()) == {"address_refused"}, codes
            assert {"/inwards.ics", "/inwards/"} <= {each.path for each in origin.requests}
            assert trap.accepts == 0


CANARIES = ("Zwiebelkuchen", "quarrel-with-bob", "attic-room-9", "meet.example/j/4711", "eve@spy")


@pytest.mark.covers("A-36", "P6", "T50", "S0-18", "S0-42", "S4-37")
def test_nothing_but_times_leaves_a_resource_that_is_busy_only(
    tmp_path: Path, origin: Origin
) -> None:
    secret = IcsUrl(origin, "/secret.ics", name="secret")
    secret.put_text(
        "quarrel-with-bob",
        vevent(
            "quarrel-with-bob",
            DAY_START,
            DAY_END,
            "DESCRIPTION:Zwiebelkuchen",
            "LOCATION:attic-room-9",
            "CONFERENCE;VALUE=URI:https://meet.example/j/4711",
            "ATTENDEE;CN=Zwiebelkuchen:mailto:eve@spy.example",
            "CATEGORIES:Zwiebelkuchen",
            "X-NOTE:Zwiebelkuchen",
            "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nDESCRIPTION:Zwiebelkuchen\r\nEND:VALARM",
        ).replace("secret of", "Zwiebelkuchen"),
    )
    served = serving(tmp_path, [resource("ann", secret.connection())])
    with served_until_end(served):
        start = utc_midnight(TOMORROW)
        answers = [
            served.freebusy("ann", start, start + 86400),
            served.busy("ann", start, start + 86400),
            get(served.feed_url("ann", "all")),
            get(f"{served.url}/freebusy/ann.vfb"),
            get(f"{served.url}/metrics"),
            get(f"{served.url}/readyz"),
            get(f"{served.url}/freebusy/nobody"),
            served.busy("nobody", start, start + 86400),
        ]
        assert freebusy_periods(answers[0].body) == [(start + 32400, start + 36000, "BUSY")]
        told = b"".join(reply.body + str(reply.headers).encode() for reply in answers)
        told += served.log.encode()
        assert [canary for canary in CANARIES if canary.encode() in told] == []


@pytest.mark.covers("A-37", "T35", "T36")
def test_a_rotated_a_wrong_and_a_foreign_feed_token_get_the_same_404(
    tmp_path: Path, ics_url: IcsUrl
) -> None:
    ics_url.put(Written("one@tests", slot(0), timedelta(hours=1), "UTC"))
    other = {**ics_url.connection(), "id": "other"}
    resources = [resource("ann", ics_url.connection()), resource("ben", other)]
    with served_until_end(serving(tmp_path, resources)) as served:
        old = served.feed_url("ann", "all")
        assert get(old).status == 200
        fresh = json.loads(served.cli("feeds", "rotate", "ann", "all", "--json"))["url"]
        foreign = old.replace("/ann.ics", "/ben.ics")
        wrong = re.sub(r"/feeds/[^/]+/", f"/feeds/{'a' * 52}/", old)
        replies = [get(url) for url in (old, foreign, wrong)]
        assert {reply.status for reply in replies} == {404}
        assert len({reply.body for reply in replies}) == 1
        assert get(fresh).status == 200
        token = fresh.split("/")[-2]
        assert token not in served.log, "a feed's URL is its password"


@pytest.mark.covers("A-37")
def test_an_ended_a_wrong_and_a_foreign_password_open_no_calendar(
    tmp_path: Path, ics_url: IcsUrl
) -> None:
    ics_url.put(Written("one@tests", slot(0), timedelta(hours=1), "UTC"))
    other = {**ics_url.connection(), "id": "other"}
    resources = [resource("ann", ics_url.connection()), resource("ben", other)]
    access = {"cid": {"ann": "read"}, "dan": {"ben": "free-busy"}}
    users = [{"name": name, "access": grants} for name, grants in access.items()]
    with served_until_end(serving(tmp_path, resources, auth={"users": users})) as served:
        create = ("users", "app-password", "create")
        made = {name: json.loads(served.cli(*create, name, "tests", "--json")) for name in access}
        cid, dan = (Login(name, made[name]["password"]) for name in access)

        def seen(path: str, login: Login) -> tuple[int, bytes]:
            reply = served.dav("PROPFIND", path, login=login, Depth="1")
            return reply.status, reply.body

        assert seen("/cid/ann.busy/", cid)[0] == seen("/dan/ben.busy/", dan)[0] == 207
        nothing = seen("/dan/nobody.busy/", dan)
        assert nothing[0] == 404
        for path in ("/dan/ann.busy/", "/dan/ben.bookings/", "/cid/ann.busy/", "/cid/", "/ann/"):
            assert seen(path, dan) == nothing, path
        strangers = [
            Login("cid", dan.password),
            Login("dan", cid.password),
            Login("cid", served.feed_url("ann", "all").split("/")[-2]),
            Login("cid", served.key),
        ]
        assert {seen("/cid/ann.busy/", login)[0] for login in strangers} == {401}
        served.cli("users", "app-password", "revoke", made["cid"]["id"])
        assert seen("/cid/ann.busy/", cid)[0] == 401, "at once"
        assert seen("/dan/ben.busy/", dan)[0] == 207
        assert not [it for it in (cid, dan) if it.password in served.log]


@pytest.mark.covers("A-38", "P11")
def test_unchanged_busy_time_is_304_also_after_a_restart(
    serve: Callable[..., Served], ics_url: IcsUrl, radicale_calendar: CalDavCalendar
) -> None:
    ics_url.put(Written("one@tests", slot(0), timedelta(hours=1), "UTC"))
    radicale_calendar.put(Written("three@tests", slot(3), timedelta(hours=1), "UTC"))
    served = serve(ics_url, radicale_calendar)
    served.sync("ann")

    def ask(tags: list[str]) -> list[tuple[int, str]]:
        headers = [{"If-None-Match": tag} if tag else {} for tag in tags]
        key = {"Authorization": f"Bearer {served.key}"}
        span = f"start={TODAY}T00:00:00Z&end={TOMORROW}T00:00:00Z"
        replies = [
            get(served.feed_url("ann", "all"), headers[0]),
            get(f"{served.url}/freebusy/ann.ifb", headers[1]),
            get(f"{served.url}/api/v1/resources/ann/busy?{span}", headers[2] | key),
        ]
        return [(reply.status, reply.headers["ETag"]) for reply in replies]

    # The windows of feed and free-busy URL move at midnight: what is compared is of one day.
    served.wait(lambda: time.time() % 86400 < 86400 - 60, "a day that goes on for a minute", 90)
    first = ask(["", "", ""])
    tags = [tag for _, tag in first]
    assert [status for status, _ in first] == [200, 200, 200]
    kept = {
        login: (served.changes("ann", login=login), served.ctag("ann", login))
        for login in (READER, INSIDER)
    }
    assert all(len(changes.objects) == 2 for changes, _ in kept.values())

    def nothing_changed() -> bool:
        """For who sees times and for who sees details alike."""
        for login, (before, tag) in kept.items():
            now = served.changes("ann", before.token, login)
            assert (now.token, now.objects, served.ctag("ann", login)) == (before.token, {}, tag)
            assert served.changes("ann", login=login) == before
            path = f"/{login.name}/ann.busy/"
            again = {"If-None-Match": served.dav("HEAD", path, login=login).headers["ETag"]}
            assert served.dav("GET", path, login=login, **again).status == 304
        return ask(tags) == [(304, tag) for tag in tags]

    served.sync("ann", "--full")
    assert nothing_changed()
    assert served.stop() == 0
    served.start()
    assert nothing_changed()
    ics_url.put(
        Written(
            "two@tests", datetime.combine(TOMORROW, datetime.min.time()), timedelta(hours=1), "UTC"
        )
    )
    served.sync("ann")
    assert [status for status, _ in ask(tags)[:2]] == [200, 200]
    for login, (before, tag) in kept.items():
        now = served.changes("ann", before.token, login)
        assert now.objects.keys().isdisjoint(before.objects)
        assert set(now.objects.values()) == {"200"}
        assert now.token != before.token
        assert served.ctag("ann", login) != tag


@pytest.mark.covers("A-39")
@pytest.mark.timeout(300)
def test_twenty_thousand_events_of_fifty_resources_stay_quick_and_small(tmp_path: Path) -> None:
    resources = []
    counts = [1000 if number == 7 else 388 for number in range(50)]
    assert sum(counts) > 20_000
    for number, count in enumerate(counts):
        write(tmp_path / f"{number}.ics", number, range(count))
        path = str(tmp_path / f"{number}.ics")
        connection = {"id": "file", "provider": "ics", "path": path}
        resources.append(resource(f"room-{number}", connection))
    with served_until_end(serving(tmp_path / "bridge", resources)) as served:
        url = f"{served.url}/freebusy/room-7.ifb?start=0d&end=60d"
        assert len(freebusy_periods(get(url).body)) > 300
        took = []
        for _ in range(30):
            began = time.perf_counter()
            assert get(url).status == 200
            took.append(time.perf_counter() - began)
        assert statistics.median(took) < 0.05
        over_caldav(served, lambda turns: write(tmp_path / "7.ics", 7, turns))
        assert pss(served.process.pid) < 300 << 20


def over_caldav(served: Served, write_room: Callable[[range], None]) -> None:
    """Ask as calendar programs ask; each answer costs less than 300 ms of the processor."""
    weeks = utc_midnight(TODAY), utc_midnight(TODAY + timedelta(weeks=6))
    path = "/reader/room-7.busy/"

    def ask(body: str, expected: int) -> bytes:
        took = []
        for _ in range(3):
            before = cpu(served)
            reply = served.dav("REPORT", path, body, Depth="1")
            took.append(cpu(served) - before)
            assert reply.status == expected, reply
        assert min(took) < 0.3, body[:200]
        return reply.body

    span = {
        "start": f"{TODAY:%Y%m%d}T000000Z",
        "end": f"{TODAY + timedelta(weeks=6):%Y%m%d}T000000Z",
    }
    periods = freebusy_periods(ask(FREE_BUSY_QUERY.format(**span), 200))
    assert len(periods) == 410
    assert periods == freebusy_periods(served.freebusy("room-7", *weeks).body)
    texts = objects_of(ask(CALENDAR_QUERY.format(**span), 207)).values()
    assert sorted(events_of("".join(texts))) == periods
    first = served.changes("room-7")
    assert len(first.objects) == 1000
    links = "".join(f"<D:href>{href}</D:href>" for href in list(first.objects)[:500])
    assert len(objects_of(ask(MULTIGET.format(links), 207))) == 500
    write_room(range(3, 1002))
    served.sync("room-7")
    changes = served.changes("room-7", first.token)
    assert sorted(changes.objects.values()) == ["200", "200", "404", "404", "404"]
    ask(SYNC.format(first.token), 207)
    ask(SYNC.format(changes.token), 207)


def write(path: Path, number: int, turns: range) -> None:
    """A file with an event of half an hour for each turn."""
    events = [
        Written(f"{number}-{turn}@tests", slot(turn), timedelta(minutes=30), "UTC").vevents()
        for turn in turns
    ]
    path.write_text(HEAD + "".join(events) + TAIL, newline="")


def cpu(served: Served) -> float:
    """Seconds of the processor that the bridge has used."""
    return cpu_of(served.process.pid)


def slot(turn: int) -> datetime:
    day, hour = divmod(turn, 10)
    return datetime.combine(TODAY, datetime.min.time()) + timedelta(days=1 + day, hours=8 + hour)


def pss(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) << 10


class served_until_end:  # noqa: N801 - reads as a statement
    """End a bridge that is already running, whatever the test does."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def __enter__(self) -> Served:
        return self.served

    def __exit__(self, *exc: object) -> None:
        self.served.__exit__(*exc)
