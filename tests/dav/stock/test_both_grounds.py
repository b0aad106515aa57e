"""What calendar clients read is the same under `busybridge serve` and under stock Radicale."""

from __future__ import annotations

import pytest

from bridge.ical.serialize import utc_text
from bridge.model.interval import Window
from tests.dav.stock.grounds import (
    HOUR,
    PASSWORD,
    RESOURCES,
    SHOWN,
    SPACES,
    USERS,
    WINDOW,
    Ground,
    Installation,
    Periods,
    gone,
    href_in,
    responses,
    sync_token,
)
from tests.e2e.served import freebusy_periods, instant
from tests.web.site import DAY, TODAY

BUSY = "/bob/room-b.busy/"
TIMES = "/bob/room-c.busy/"
MOVING = "/bob/moving.busy/"
"""The one whose busy time changes while the tests run."""
RANGE = f'<C:time-range start="{utc_text(WINDOW.start)}" end="{utc_text(WINDOW.end)}"/>'
FREE_BUSY_QUERY = f"<C:free-busy-query {SPACES}>{RANGE}</C:free-busy-query>"
VIEW = f"?view=freebusy&start={utc_text(WINDOW.start)}&end={utc_text(WINDOW.end)}"


def query(inner: str = "", data: str = "<C:calendar-data/>") -> str:
    return (
        f"<C:calendar-query {SPACES}><D:prop><D:getetag/>{data}</D:prop><C:filter>"
        f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">{inner}'
        "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )


def multiget(*paths: str) -> str:
    links = "".join(f"<D:href>{path}</D:href>" for path in paths)
    return (
        f"<C:calendar-multiget {SPACES}><D:prop><D:getetag/><C:calendar-data/></D:prop>"
        f"{links}</C:calendar-multiget>"
    )


def spans(texts: list[str]) -> list[tuple[int, int]]:
    """When the events begin and end."""
    found = []
    for text in texts:
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        found.append((instant(lines["DTSTART"]), instant(lines["DTEND"])))
    return sorted(found)


def data(found: dict[str, dict[str, object]]) -> list[str]:
    return [props["calendar-data"].text for props in found.values()]


def in_effect(periods: Periods) -> dict[int, str]:
    """What stock Radicale can say of each half hour: busy goes before tentative."""
    found: dict[int, str] = {}
    for start, end, kind in periods:
        shown = "BUSY-TENTATIVE" if kind == "BUSY-TENTATIVE" else "BUSY"
        for moment in range(start, end, 1800):
            if found.get(moment) != "BUSY":
                found[moment] = shown
    return found


# Discovery


@pytest.mark.parametrize("login", sorted(SHOWN))
def test_a_client_finds_its_calendars_from_the_root_url(ground: Ground, login: str) -> None:
    known = ground.send("PROPFIND", "/.well-known/caldav", None)
    assert (known.status, known.headers["location"].rpartition("/")[2]) == (301, "")
    [root] = ground.propfind("/", "D:current-user-principal", login=login).values()
    principal = href_in(root["current-user-principal"])
    assert principal == f"/{login}/"
    [found] = ground.propfind(principal, "C:calendar-home-set", login=login).values()
    home = href_in(found["calendar-home-set"])
    assert home == f"/{login}/"
    listed = ground.propfind(home, "D:resourcetype", "D:displayname", login=login, depth=1)
    assert set(listed) == SHOWN[login]
    for path, props in listed.items():
        kinds = {str(each.tag).rpartition("}")[2] for each in props["resourcetype"]}
        assert ("calendar" in kinds) is (path != home)
        assert props["displayname"].text


def test_a_calendar_says_what_it_is_and_that_it_cannot_be_written(ground: Ground) -> None:
    [props] = ground.propfind(
        BUSY,
        "D:displayname",
        "D:current-user-privilege-set",
        "C:supported-calendar-component-set",
        "D:supported-report-set",
        "CS:getctag",
        "D:sync-token",
    ).values()
    assert props["displayname"].text == "Room-B - busy"
    privileges = {
        str(each[0].tag).rpartition("}")[2] for each in props["current-user-privilege-set"]
    }
    assert "read" in privileges
    assert not privileges & {"all", "write", "write-content", "write-properties", "bind", "unbind"}
    assert [comp.get("name") for comp in props["supported-calendar-component-set"]] == ["VEVENT"]
    reports = {str(each.tag).rpartition("}")[2] for each in props["supported-report-set"].iter()}
    assert reports >= {"sync-collection", "calendar-query", "calendar-multiget"}
    assert props["getctag"].text
    assert props["sync-token"].text


def test_both_grounds_give_the_same_tags_tokens_and_texts(own: Ground, stock: Ground) -> None:
    """A client may be moved from one to the other and need not download anything again."""
    shown = []
    for each in (own, stock):
        [calendar] = each.propfind(BUSY, "CS:getctag", "D:sync-token", "D:getetag").values()
        objects = each.propfind(BUSY, "D:getetag", depth=1)
        texts = responses(each.report(BUSY, query()))
        shown.append(
            (
                {name: element.text for name, element in calendar.items()},
                {path: props["getetag"].text for path, props in objects.items()},
                {path: props["calendar-data"].text for path, props in texts.items()},
            )
        )
    assert shown[0] == shown[1]
    assert len(shown[0][2]) == 60


# Reading


def test_a_listing_names_every_object_with_its_tag(ground: Ground) -> None:
    listed = ground.propfind(BUSY, "D:getetag", "D:getcontenttype", depth=1)
    assert len(listed) == 61
    for path, props in listed.items():
        assert props["getetag"].text.strip('"') != props["getetag"].text
        assert path == BUSY or path.endswith(".ics")


def test_an_object_is_had_by_get_with_the_tag_that_was_listed(ground: Ground) -> None:
    listed = ground.propfind(BUSY, "D:getetag", depth=1)
    path = max(listed)
    answer = ground.send("GET", path)
    assert answer.status == 200
    assert answer.headers["etag"] == listed[path]["getetag"].text
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.body.count(b"BEGIN:VEVENT") == 1
    assert b"SUMMARY:canary of room-b" in answer.body
    assert ground.send("HEAD", path).headers["etag"] == answer.headers["etag"]
    assert ground.send("GET", f"{BUSY}{'0' * 40}.ics").status == 404


def test_a_whole_calendar_is_had_by_get(ground: Ground, installation: Installation) -> None:
    answer = ground.send("GET", TIMES)
    assert answer.status == 200
    events = answer.body.decode().split("BEGIN:VEVENT")[1:]
    wanted = [(start, end) for start, end, _ in installation.periods("room-c", WINDOW)]
    assert [span for span in spans(events) if span[0] < WINDOW.end] == wanted
    [props] = ground.propfind(TIMES, "D:getetag").values()
    assert answer.headers["etag"] == props["getetag"].text


def test_a_query_gives_everything_or_what_lies_in_its_time_range(
    ground: Ground, installation: Installation
) -> None:
    everything = responses(ground.report(TIMES, query()))
    assert len(everything) == 60
    within = responses(ground.report(TIMES, query(RANGE)))
    wanted = [(start, end) for start, end, _ in installation.periods("room-c", WINDOW)]
    assert spans(data(within)) == wanted
    start = f'<C:time-range start="{utc_text(WINDOW.end)}"/>'
    later = responses(ground.report(TIMES, query(start)))
    assert set(later) == set(everything) - set(within)


def test_a_query_for_other_things_than_events_finds_nothing(ground: Ground) -> None:
    todo = query(RANGE).replace("VEVENT", "VTODO")
    assert responses(ground.report(TIMES, todo)) == {}


def test_a_multiget_gives_what_is_there_and_404_for_what_is_not(ground: Ground) -> None:
    listed = sorted(ground.propfind(BUSY, "D:getetag", depth=1))[1:6]
    absent = f"{BUSY}{'0' * 40}.ics"
    foreign = max(ground.propfind(TIMES, "D:getetag", depth=1))
    answer = ground.report(BUSY, multiget(*listed, absent, foreign))
    assert answer.status == 207
    assert {path for path, props in responses(answer).items() if props} == set(listed)
    assert gone(answer) == {absent, foreign}


def test_a_sync_gives_all_and_then_what_changed(ground: Ground, installation: Installation) -> None:
    first = ground.sync(MOVING)
    known = responses(first)
    token = sync_token(first)
    nothing = ground.sync(MOVING, token)
    assert (responses(nothing), sync_token(nothing)) == ({}, token)
    start = TODAY + 200 * DAY + (12 if ground.is_stock else 6) * HOUR
    installation.site.fill("moving", [(start, start + HOUR)])
    second = ground.sync(MOVING, token)
    [added] = responses(second)
    assert added not in known
    assert ground.send("GET", added).status == 200
    later = sync_token(second)
    assert later != token
    installation.remove("moving", Window(start, start + HOUR))
    third = ground.sync(MOVING, later)
    assert gone(third) == set(responses(third)) == {added}
    assert ground.send("GET", added).status == 404


@pytest.mark.parametrize(
    "token", ["nonsense", "urn:busybridge:sync:0.times-0.1", "http://radicale.org/ns/sync/1"]
)
def test_a_token_that_is_not_ours_means_a_new_beginning(ground: Ground, token: str) -> None:
    answer = ground.sync(BUSY, token)
    assert answer.status == 403
    assert b"valid-sync-token" in answer.body


def test_a_token_of_another_view_of_the_same_resource_is_refused(ground: Ground) -> None:
    """`room-a` sees times only, `bob` details: neither can continue the other's token."""
    token = sync_token(ground.sync(BUSY))
    assert ground.sync("/room-a/room-b.busy/", token, "room-a").status == 403


@pytest.mark.covers("A-03")
@pytest.mark.parametrize(
    ("login", "path", "resource"),
    [
        ("bob", TIMES, "room-c"),
        ("bob", BUSY, "room-b"),
        ("bob", "/bob/types.busy/", "types"),
        ("carl", "/carl/types.busy/", "types"),
    ],
)
def test_free_busy_is_what_our_own_calculation_says(
    ground: Ground, installation: Installation, login: str, path: str, resource: str
) -> None:
    wanted = installation.periods(resource)
    assert wanted
    by_report = ground.report(path, FREE_BUSY_QUERY, login)
    by_view = ground.send("GET", path + VIEW, login)
    for answer in (by_report, by_view):
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/calendar")
        assert answer.body.count(b"BEGIN:VFREEBUSY") == 1
        assert b"canary" not in answer.body
        found = freebusy_periods(answer.body)
        if ground.is_stock:  # it knows no BUSY-UNAVAILABLE and does not resolve overlaps
            assert in_effect(found) == in_effect(wanted)
        else:
            assert found == wanted


def test_bookings_are_empty(ground: Ground) -> None:
    path = "/bob/room-b.bookings/"
    assert set(ground.propfind(path, "D:getetag", depth=1)) == {path}
    assert responses(ground.report(path, query())) == {}
    assert responses(ground.sync(path)) == {}
    assert freebusy_periods(ground.report(path, FREE_BUSY_QUERY).body) == []


# Who sees what


@pytest.mark.covers("T49")
@pytest.mark.parametrize("login", [*sorted(USERS), None])
def test_nobody_sees_more_than_was_granted(ground: Ground, login: str | None) -> None:
    paths = {path for shown in SHOWN.values() for path in shown}
    paths |= {f"/{owner}/{name}.busy/" for owner in USERS for name in RESOURCES}
    paths |= {f"/{name}/" for name in RESOURCES} | {"/closed/busy/"}
    mine = {path for path in paths if login and path.startswith(f"/{login}/")}
    granted = set(USERS.get(login or "", {}))
    readable = SHOWN.get(login or "", set()) | {
        path
        for path in mine
        if (name := path.split("/")[2].removesuffix(".busy")) in granted
        or ("*" in granted and name in RESOURCES)
    }
    if login == "room-a":
        readable.discard("/room-a/room-a.busy/")  # one calendar has one address
    for path in sorted(paths):
        for method, body in (
            ("PROPFIND", ""),
            ("GET", ""),
            ("REPORT", query()),
            ("REPORT", FREE_BUSY_QUERY),
            ("REPORT", multiget(path)),
        ):
            answer = ground.send(method, path, login, body, Depth="1")
            if login is None:
                assert answer.status == 401, (method, path)
                assert answer.headers["www-authenticate"].startswith("Basic ")
            elif path not in readable and not is_principal(path, login):
                assert answer.status in (403, 404), (method, path)
            for name in RESOURCES:
                if f"canary of {name}".encode() in answer.body:
                    level = USERS[login or ""].get(name)
                    assert level == "read", (method, path)


def is_principal(path: str, login: str) -> bool:
    """Principals of resources may be looked up by whoever may look up their busy time."""
    name = path.strip("/")
    return name in RESOURCES and (name in USERS[login] or "*" in USERS[login])


@pytest.mark.covers("T49")
def test_a_report_that_names_what_is_foreign_does_not_get_it(ground: Ground) -> None:
    foreign = sorted(ground.propfind(BUSY, "D:getetag", depth=1))[1:4]
    for path in ("/room-a/room-b.busy/", "/room-a/busy/", "/room-a/"):
        answer = ground.report(path, multiget(*foreign), "room-a")
        assert b"BEGIN:VEVENT" not in answer.body
        assert b"canary" not in answer.body


def test_whoever_may_see_times_sees_no_title(ground: Ground) -> None:
    for path, login in ((TIMES, "bob"), ("/room-a/room-b.busy/", "room-a")):
        texts = data(responses(ground.report(path, query(), login)))
        assert len(texts) == 60
        assert not [text for text in texts if "canary" in text]


def test_a_wrong_password_and_an_unknown_login_are_401(ground: Ground) -> None:
    assert ground.send("PROPFIND", "/bob/", "bob", password=PASSWORD).status == 207
    for login, password in (("bob", "wrong"), ("bob", ""), ("dora", PASSWORD)):
        answer = ground.send("PROPFIND", f"/{login}/", login, password=password)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")


# Writing


WRITES = [
    ("PUT", "new.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"),
    ("PUT", "", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"),
    ("DELETE", "{object}", ""),
    ("DELETE", "", ""),
    ("MOVE", "{object}", ""),
    ("MKCALENDAR", "new/", ""),
    ("MKCALENDAR", "", ""),
    ("MKCOL", "new/", ""),
    ("POST", "", "x"),
    (
        "PROPPATCH",
        "",
        f"<D:propertyupdate {SPACES}><D:remove><D:prop><D:resourcetype/></D:prop></D:remove>"
        "</D:propertyupdate>",
    ),
    (
        "PROPPATCH",
        "",
        f"<D:propertyupdate {SPACES}><D:set><D:prop><D:getetag>x</D:getetag></D:prop></D:set>"
        "</D:propertyupdate>",
    ),
]


@pytest.mark.covers("A-22")
@pytest.mark.parametrize("calendar", [BUSY, "/bob/room-b.bookings/", "/bob/"])
def test_every_write_is_refused_and_changes_nothing(ground: Ground, calendar: str) -> None:
    before = everything(ground)
    [first, *_] = sorted(ground.propfind(BUSY, "D:getetag", depth=1))[1:]
    for method, name, body in WRITES:
        path = calendar + name.format(object=first.rpartition("/")[2])
        headers = {"Destination": f"http://127.0.0.1:{ground.port}/bob/room-c.busy/moved.ics"}
        answer = ground.send(method, path, "bob", body, **headers)
        if answer.status == 207:  # PROPPATCH says it of each property
            assert b" 200 " not in answer.body
            assert b" 403 " in answer.body
        else:
            assert 400 <= answer.status < 500, (method, path, answer)
    assert everything(ground) == before


def everything(ground: Ground) -> object:
    return [
        {
            path: {name: "".join(element.itertext()) for name, element in props.items()}
            for path, props in ground.propfind(
                calendar, "D:getetag", "D:resourcetype", "D:displayname", "CS:getctag", depth=1
            ).items()
        }
        for calendar in ("/bob/", BUSY, "/bob/room-b.bookings/", TIMES)
    ]


# What is not known


def test_a_resource_that_was_never_read_does_not_look_free(ground: Ground) -> None:
    path = "/bob/unread.busy/"
    for method, target, body in (
        ("PROPFIND", path, ""),
        ("GET", path, ""),
        ("GET", path + VIEW, ""),
        ("REPORT", path, query()),
        ("REPORT", path, query(RANGE)),
        ("REPORT", path, FREE_BUSY_QUERY),
    ):
        answer = ground.send(method, target, "bob", body, Depth="1")
        assert answer.status == (500 if ground.is_stock else 503), (method, target)
        assert b"VCALENDAR" not in answer.body


def test_a_resource_that_was_never_read_hides_no_other(ground: Ground) -> None:
    named = ground.propfind("/bob/", "D:displayname", "D:getcontentlength", depth=1)
    everything = ground.send("PROPFIND", "/bob/", Depth="1")
    assert everything.status == 207
    assert set(named) == set(responses(everything)) == SHOWN["bob"]


def test_time_beyond_the_horizon_is_not_called_free(ground: Ground) -> None:
    start, end = TODAY + 500 * DAY, TODAY + 530 * DAY
    asked = FREE_BUSY_QUERY.replace(utc_text(WINDOW.start), utc_text(start))
    asked = asked.replace(utc_text(WINDOW.end), utc_text(end))
    for answer in (
        ground.report(TIMES, asked),
        ground.send("GET", f"{TIMES}?view=freebusy&start={utc_text(start)}&end={utc_text(end)}"),
    ):
        assert 400 <= answer.status < 500
        assert b"VFREEBUSY" not in answer.body


def test_what_another_process_publishes_shows_at_once(
    ground: Ground, installation: Installation
) -> None:
    [before] = ground.propfind(MOVING, "CS:getctag").values()
    start = TODAY + 300 * DAY + (12 if ground.is_stock else 6) * HOUR
    installation.site.fill("moving", [(start, start + HOUR)])
    [after] = ground.propfind(MOVING, "CS:getctag").values()
    assert after["getctag"].text != before["getctag"].text
    asked = RANGE.replace(utc_text(WINDOW.start), utc_text(start))
    asked = asked.replace(utc_text(WINDOW.end), utc_text(start + HOUR))
    found = data(responses(ground.report(MOVING, query(asked))))
    assert spans(found) == [(start, start + HOUR)]
