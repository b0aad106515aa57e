"""An ICS feed or file: what it is told apart from, what it remembers, what it never shows."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.config.settings import Outbound
from bridge.errors import (
    AddressRefused,
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    SyncTokenExpired,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.event import PartStat
from bridge.model.interval import Window
from bridge.provider import Account, CalendarId, EventSource, Page, Series, SyncToken, Unreadable
from bridge.providers.ics import KIND, IcsConnection, IcsDefaults, adapter
from bridge.providers.ics.adapter import CALENDAR
from bridge.transport import Transport
from tests.servers.names import Names
from tests.servers.origin import (
    Answer,
    Origin,
    compressed,
    gzip_bomb,
    half,
    half_gzip,
    html,
    redirect,
    slow,
)
from tests.servers.tls import Authority

WINDOW = Window(1_790_000_000, 1_830_000_000)
SECRET = "canary-5c1e"
PATH = f"/{SECRET}/basic.ics"
NAMES = Names({"feeds.example.com": ["127.0.0.1"], "inside.example.com": ["127.0.0.1"]})


def event(uid: str, start: str = "20261123T090000Z", *lines: str) -> str:
    middle = [f"UID:{uid}", "DTSTAMP:20261101T000000Z", f"DTSTART:{start}", "DURATION:PT1H", *lines]
    return "\r\n".join(["BEGIN:VEVENT", *middle, "END:VEVENT"])


def calendar(*parts: str) -> bytes:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    return "\r\n".join([*head, *parts, "END:VCALENDAR", ""]).encode()


PLAIN = calendar(event("one"), event("two", "20261124T090000Z"))


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as server:
        yield server


@pytest.fixture
def transport(origin: Origin) -> Iterator[Transport]:
    outbound = Outbound.model_validate({"allow_networks": [f"127.0.0.1/32:{origin.port}"]})
    made = Transport(outbound, resolver=NAMES, user_agent="BusyBridge/test")
    yield made
    made.close()


OpenFeed = Callable[..., EventSource]


@pytest.fixture
def feed(origin: Origin, transport: Transport) -> OpenFeed:
    """Open the feed at PATH; keys of settings and section, and the owner, can be given."""

    def opened(*, owner: str = "", defaults: dict | None = None, **settings: str) -> EventSource:
        if "path" not in settings:
            settings.setdefault("url", origin.url(PATH, "feeds.example.com"))
        account = Account(
            connection="room-a.feed",
            settings=IcsConnection.model_validate(settings),
            defaults=IcsDefaults.model_validate(defaults or {}),
            http=transport,
            owner=owner,
        )
        source = KIND.open(account).source
        assert source is not None
        return source

    return opened


def pull(source: EventSource, since: SyncToken | None = None) -> Page:
    (page,) = source.changes(CALENDAR, since, WINDOW)
    return page


def uids(page: Page) -> list[str]:
    return [str(item.remote_id) for item in page.items if isinstance(item, Series)]


def test_a_feed_is_read_whole(origin: Origin, feed: OpenFeed) -> None:
    origin.routes[PATH] = compressed(PLAIN)
    page = pull(feed())
    assert (uids(page), page.full) == (["one", "two"], True)
    assert origin.requests[0].headers["accept"].startswith("text/calendar")


def test_an_unchanged_feed_is_asked_for_with_both_validators_and_read_once(
    origin: Origin, feed: OpenFeed
) -> None:
    validators = {"ETag": 'W/"7"', "Last-Modified": "Sat, 21 Nov 2026 08:00:00 GMT"}
    origin.routes[PATH] = Answer(200, validators, PLAIN)
    token = pull(feed()).token
    origin.routes[PATH] = Answer(304)
    page = pull(feed(), token)
    assert page == Page(token=token)
    asked = origin.requests[1].headers
    assert asked["if-none-match"] == 'W/"7"'
    assert asked["if-modified-since"] == "Sat, 21 Nov 2026 08:00:00 GMT"


def test_the_same_content_under_new_validators_is_no_change(origin: Origin, feed: OpenFeed) -> None:
    origin.routes[PATH] = Answer(200, {"ETag": '"1"'}, PLAIN)
    token = pull(feed()).token
    origin.routes[PATH] = Answer(200, {"ETag": '"2"'}, PLAIN)
    page = pull(feed(), token)
    assert (page.items, page.full) == ((), False)
    assert page.token != token
    pull(feed(), page.token)
    assert origin.requests[-1].headers["if-none-match"] == '"2"'


@pytest.mark.parametrize("etag", ['"a b"', '"\xe9"', '"' + "x" * 500 + '"', ""])
def test_an_etag_that_might_not_be_sendable_is_not_sent(
    etag: str, origin: Origin, feed: OpenFeed
) -> None:
    origin.routes[PATH] = Answer(200, {"ETag": etag}, PLAIN)
    page = pull(feed(), pull(feed()).token)
    assert (page.items, page.full) == ((), False)
    assert "if-none-match" not in origin.requests[1].headers


def test_a_full_listing_is_asked_for_without_conditions(origin: Origin, feed: OpenFeed) -> None:
    origin.routes[PATH] = Answer(200, {"ETag": '"1"'}, PLAIN)
    source = feed()
    pull(source)
    pull(source)
    assert "if-none-match" not in origin.requests[1].headers
    origin.routes[PATH] = Answer(304)
    with pytest.raises(UnreadableAnswer):
        pull(source)


def test_the_token_of_another_address_is_not_continued_from(
    origin: Origin, feed: OpenFeed, tmp_path: Path
) -> None:
    origin.routes[PATH] = Answer(200, {"ETag": '"1"'}, PLAIN)
    token = pull(feed()).token
    file = tmp_path / "x.ics"
    file.write_bytes(PLAIN)
    for other in (
        feed(url=origin.url(PATH + "?new", "feeds.example.com")),
        feed(username="ann", password="x"),
        feed(path=str(file)),
    ):
        with pytest.raises(SyncTokenExpired):
            pull(other, token)


@pytest.mark.covers("F21", "F70")
@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (html(), "login page"),
        (Answer(200, {"Content-Type": "text/html"}, PLAIN), "login page"),
        (Answer(200, {"Content-Type": "text/calendar"}, html().body), "login page"),
        (Answer(200, {}, b"\xef\xbb\xbf\r\n <?xml version='1.0'?><html/>"), "login page"),
        (Answer(200, {"Content-Type": "text/calendar"}), "BEGIN:VCALENDAR"),
        (Answer(200, {}, b" \r\n"), "BEGIN:VCALENDAR"),
        (Answer(200, {}, b'{"error": "not found"}'), "browser"),
        (Answer(200, {}, PLAIN[:-20]), ""),
        (Answer(200, {}, PLAIN[: len(PLAIN) // 2]), ""),
        (Answer(206, {"Content-Range": "bytes 0-9/99"}, PLAIN), ""),
        (half(PLAIN), ""),
        (half_gzip(PLAIN), ""),
        (Answer(204), ""),
    ],
)
def test_what_is_not_a_whole_calendar_is_unreadable_and_never_empty(
    answer: Answer, hint: str, origin: Origin, feed: OpenFeed
) -> None:
    origin.routes[PATH] = Answer(200, {"ETag": '"1"'}, PLAIN)
    token = pull(feed()).token
    origin.routes[PATH] = answer
    for since in (None, token):
        with pytest.raises(UnreadableAnswer) as caught:
            pull(feed(), since)
        assert hint in caught.value.hint
        assert SECRET not in "".join(traceback.format_exception(caught.value)) + caught.value.hint


@pytest.mark.covers("F70")
def test_a_captive_portal_is_a_web_page(origin: Origin, feed: OpenFeed) -> None:
    origin.routes[PATH] = redirect(origin.url("/portal", "inside.example.com"))
    origin.routes["/portal"] = html("Welcome to the hotel")
    with pytest.raises(UnreadableAnswer, match="web page"):
        pull(feed())


@pytest.mark.covers("F13", "F18", "F19")
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(401), AuthorizationExpired),
        (Answer(403), RemoteRejected),
        (Answer(404), RemoteNotFound),
        (Answer(410), RemoteNotFound),
        (Answer(500), TemporarilyUnavailable),
        (Answer(502), TemporarilyUnavailable),
        (Answer(503, {"Retry-After": "90"}), TemporarilyUnavailable),
        (Answer(504), TemporarilyUnavailable),
        (Answer(429, {"Retry-After": "90"}), RateLimited),
        (slow(PLAIN, 0.1), TemporarilyUnavailable),
        (gzip_bomb(1 << 30), UnreadableAnswer),
        (Answer(body=PLAIN * 4000), UnreadableAnswer),
        (redirect("http://127.0.0.1:1/"), AddressRefused),
    ],
)
def test_a_failure_says_what_it_is_and_asks_once(
    answer: Answer, kind: type[ProviderError], origin: Origin, feed: OpenFeed
) -> None:
    origin.routes[PATH] = answer
    with pytest.raises(ProviderError) as caught:
        pull(feed(defaults={"timeout": "1s", "max_size": "1MiB"}))
    assert type(caught.value) is kind
    if "Retry-After" in answer.headers:
        assert isinstance(caught.value, TemporarilyUnavailable)
        assert caught.value.retry_after == timedelta(seconds=90)
    assert len(origin.requests) == 1
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_login_is_sent(origin: Origin, feed: OpenFeed) -> None:
    origin.routes[PATH] = Answer(body=PLAIN)
    pull(feed(username="ann", password="secret"))
    assert origin.requests[0].headers["authorization"] == "Basic YW5uOnNlY3JldA=="


def test_webcal_is_fetched_by_https(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Origin(authority.server("feeds.example.com")) as secure:
        secure.routes["/x.ics"] = Answer(body=PLAIN)
        outbound = Outbound.model_validate(
            {"allow_networks": [f"127.0.0.1/32:{secure.port}"], "ca_file": str(authority.pem)}
        )
        http = Transport(outbound, resolver=NAMES, user_agent="BusyBridge/test")
        for scheme in ("webcal", "WEBCALS"):
            url = f"{scheme}://feeds.example.com:{secure.port}/x.ics"
            settings = IcsConnection.model_validate({"url": url})
            source = KIND.open(Account("r.c", settings, IcsDefaults(), http)).source
            assert source is not None
            assert uids(pull(source)) == ["one", "two"]
        http.close()


def test_the_calendar_is_called_what_the_file_calls_it(
    origin: Origin, feed: OpenFeed, tmp_path: Path
) -> None:
    folded = "X-WR-CALNAME;X-A=b:Team\\, Hol\r\n idays"
    nested = "BEGIN:VTIMEZONE\r\nTZID:X\r\nX-WR-CALNAME:No\r\nEND:VTIMEZONE"
    for parts, name in (
        ((folded,), "Team, Holidays"),
        (("NAME:By RFC 7986",), "By RFC 7986"),
        (("X-WR-CALNAME:",), "feeds.example.com"),
        ((nested, event("one")), "feeds.example.com"),
    ):
        origin.routes[PATH] = Answer(body=calendar(*parts))
        (info,) = feed().list_calendars()
        assert (info.id, info.name, info.is_primary) == (CALENDAR, name, True)
    file = tmp_path / "Public holidays.ics"
    file.write_bytes(PLAIN)
    assert feed(path=str(file)).list_calendars()[0].name == "Public holidays"


def test_listing_calendars_and_then_events_downloads_once(
    origin: Origin, feed: OpenFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_READ_AHEAD", 3600.0)
    origin.routes[PATH] = Answer(body=calendar("X-WR-CALNAME:First", event("one")))
    source = feed()
    source.list_calendars()
    token = pull(source).token
    assert len(origin.requests) == 1
    origin.routes[PATH] = Answer(body=calendar("X-WR-CALNAME:Second", event("two")))
    assert uids(pull(source, token)) == ["two"]
    assert source.list_calendars()[0].name == "Second"
    assert len(origin.requests) == 2


def test_listing_calendars_of_a_dead_feed_fails(origin: Origin, feed: OpenFeed) -> None:
    origin.routes[PATH] = html()
    with pytest.raises(UnreadableAnswer):
        feed().list_calendars()


def test_the_zone_of_the_calendar_is_told(origin: Origin, feed: OpenFeed) -> None:
    origin.routes[PATH] = Answer(body=calendar("X-WR-TIMEZONE:Europe/Berlin", event("one")))
    assert pull(feed()).time_zone == "Europe/Berlin"


def test_one_broken_event_is_unknown_and_the_others_are_read(
    origin: Origin, feed: OpenFeed
) -> None:
    nameless = [event("x", "tomorrow").replace("UID:x\r\n", ""), event("", "yesterday")]
    parts = (event("good"), event("bad", "tomorrow"), *nameless)
    origin.routes[PATH] = Answer(body=calendar(*parts))
    page = pull(feed())
    broken = [item for item in page.items if isinstance(item, Unreadable)]
    assert uids(page) == ["good"]
    assert "bad" in [item.remote_id for item in broken]
    assert all(item.remote_id for item in page.items)
    assert len({item.remote_id for item in page.items}) == len(page.items) == 4


def test_changed_occurrences_of_a_broken_event_are_read(origin: Origin, feed: OpenFeed) -> None:
    moved = event("bad", "20261123T090000Z", "RECURRENCE-ID:20261123T080000Z")
    origin.routes[PATH] = Answer(body=calendar(event("bad", "tomorrow"), moved))
    (item,) = pull(feed()).items
    assert isinstance(item, Unreadable)
    assert item.remains is not None
    assert [it.start.hour for it in item.remains.overrides] == [9]


def test_the_owners_reply_is_read(origin: Origin, feed: OpenFeed) -> None:
    declined = event("one", "20261123T090000Z", "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.com")
    origin.routes[PATH] = Answer(body=calendar(declined))
    for owner, reply in (("ann@example.com", PartStat.DECLINED), ("", None)):
        (item,) = pull(feed(owner=owner)).items
        assert isinstance(item, Series)
        assert item.series.master is not None
        assert item.series.master.self_partstat is reply
        assert item.text.startswith("BEGIN:VCALENDAR")


def test_another_calendar_id_is_not_there(feed: OpenFeed) -> None:
    with pytest.raises(RemoteNotFound):
        list(feed().changes(CalendarId("other"), None, WINDOW))


def test_neither_token_nor_settings_show_the_url(origin: Origin, feed: OpenFeed) -> None:
    origin.routes[PATH] = Answer(200, {"ETag": '"1"'}, PLAIN)
    assert SECRET not in str(pull(feed()).token)
    settings = IcsConnection.model_validate({"url": f"https://h.example/{SECRET}"})
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.covers("T11")
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"url": f"https://h.example/{SECRET}", "path": "/data/x.ics"},
        {"url": f"file:///{SECRET}"},
        {"url": f"FILE:/{SECRET}"},
        {"url": f"gopher://h.example/{SECRET}"},
        {"url": f"data:text/calendar,{SECRET}"},
        {"url": f"ftp://h.example/{SECRET}"},
        {"url": f"h.example/{SECRET}"},
        {"url": f"https:///{SECRET}"},
        {"url": f"https://[::1/{SECRET}"},
        {"url": f"https://ann:{SECRET}@h.example/"},
        {"url": ""},
        {"path": f"/x/{SECRET}", "username": "ann", "password": SECRET},
        {"url": f"https://h.example/{SECRET}", "username": "ann"},
        {"url": f"https://h.example/{SECRET}", "password": SECRET},
        {"url": f"https://h.example/{SECRET}", "color": "red"},
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_the_url(
    keys: dict[str, str],
) -> None:
    with pytest.raises(ValidationError) as caught:
        IcsConnection.model_validate(keys)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device", "large", "under a file"])
def test_only_a_regular_file_of_bounded_size_is_read(
    kind: str, feed: OpenFeed, tmp_path: Path
) -> None:
    path = tmp_path / "x.ics"
    expected: type[ProviderError] = RemoteRejected
    match kind:
        case "missing":
            expected = RemoteNotFound
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path = Path("/dev/zero")
        case "large":
            path.write_bytes(PLAIN * 100)
            expected = UnreadableAnswer
        case "under a file":
            path.write_bytes(PLAIN)
            path /= "y.ics"
            expected = TemporarilyUnavailable
    with pytest.raises(ProviderError) as caught:
        pull(feed(path=str(path), defaults={"max_size": "1KiB"}))
    assert type(caught.value) is expected
    assert str(path) in str(caught.value)


def test_a_file_is_read_and_seen_to_change(feed: OpenFeed, tmp_path: Path) -> None:
    real = tmp_path / "real.ics"
    real.write_bytes(PLAIN)
    path = tmp_path / "link.ics"
    path.symlink_to(real)
    page = pull(feed(path=str(path)))
    assert (uids(page), page.full) == (["one", "two"], True)
    page = pull(feed(path=str(path)), page.token)
    assert (page.items, page.full) == ((), False)
    before = real.stat()
    real.write_bytes(PLAIN.replace(b"UID:two", b"UID:six"))
    os.utime(real, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert uids(pull(feed(path=str(path)), page.token)) == ["one", "six"]
    real.write_bytes(PLAIN[:100])
    with pytest.raises(UnreadableAnswer):
        pull(feed(path=str(path)), page.token)


def test_describing_the_kind_imports_neither_network_nor_parser() -> None:
    code = (
        "import sys, bridge.providers.ics\n"
        "heavy = {'httpx2', 'httpcore2', 'dns', 'tldextract', 'dateutil', 'icalendar', 'ssl'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_section_has_the_documented_defaults() -> None:
    defaults = IcsDefaults()
    assert (defaults.max_size, defaults.timeout) == (20 << 20, timedelta(seconds=20))
