"""Listings and sync tokens: what is read anew, what is believed, what a killed process loses.

The sources are real servers; what none of them does on its own comes from a fault proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.served import Periods, Served, get
from tests.e2e.sources import CalDavCalendar, IcsUrl, vevent
from tests.e2e.town import END, START, TOMORROW, Town, at, busy, resource, serving
from tests.long import long
from tests.servers.faultproxy import (
    Answer,
    Call,
    Forward,
    When,
    halving,
    invalid_token,
    listing,
    report,
    without_sync,
)

SERVERS = ("radicale", long("xandikos"))
FORMS = (400, 403, 409, 410, 412, 507)
SYNC, MULTIGET = report("sync-collection"), report("calendar-multiget")
SHRINKING = (
    *(("synced", 1000), ("listed", 3), ("ics", 3)),
    *(long("synced", 3), long("listed", 1000), long("ics", 1000)),
)


def event(uid: str, hour: int) -> tuple[str, str]:
    day = f"{TOMORROW:%Y%m%d}T{hour:02}"
    return uid, vevent(uid, f"DTSTART:{day}0000Z", f"DTEND:{day}3000Z")


def half_hours(*hours: int) -> Periods:
    return [busy(TOMORROW, f"{hour}:00", f"{hour}:30", "UTC") for hour in hours]


def quarters(count: int) -> Periods:
    """So many quarters of an hour, the first ones of half hours from tomorrow on."""
    start = at(TOMORROW, "0:00", "UTC")
    return [(start + n * 1800, start + n * 1800 + 900, "BUSY") for n in range(count)]


def objects(count: int) -> dict[str, str]:
    def utc(moment: int) -> str:
        return f"{datetime.fromtimestamp(moment, UTC):%Y%m%dT%H%M%SZ}"

    return {
        f"e{n}": vevent(f"e{n}", f"DTSTART:{utc(start)}", f"DTEND:{utc(end)}")
        for n, (start, end, _) in enumerate(quarters(count))
    }


def all_of(source: CalDavCalendar) -> When:
    """A full listing of the calendar itself, not one of the account's calendars."""
    return lambda call: call.is_listing() and call.path == source.path


class Forgetting:
    """A CalDAV calendar with a fault for each form in which servers refuse a sync token."""

    def __init__(self, town: Town, server: str, form: int) -> None:
        self.id = f"token-{server}-{form}"
        self.form = form
        self.source, self.proxy = town.proxied(server)
        self.listing = all_of(self.source)
        for uid, hour in (("kept", 8), ("gone", 10)):
            self.source.put_text(*event(uid, hour))


class Shrinking:
    """A calendar of which one listing suddenly names only a tenth."""

    def __init__(self, town: Town, kind: str, count: int) -> None:
        self.id = f"shrinking-{kind}-{count}"
        self.kind = kind
        self.count, self.left = count, count // 10
        self.faults = ExitStack()
        self.source: CalDavCalendar | IcsUrl
        if kind == "ics":
            self.source = IcsUrl(town.origin, f"/{self.id}.ics")
        else:
            self.source, self.proxy = town.proxied("radicale", self.id)
            if kind == "listed":
                self.faults.enter_context(self.proxy.fault(without_sync()))
        self.source.put_all(objects(count))

    def shrink(self) -> None:
        """The file loses them; a CalDAV server leaves them out without calling them deleted."""
        if isinstance(self.source, IcsUrl):
            self.source.put_all(objects(self.left))
            return
        if self.kind == "listed":
            self.source.put_all({**objects(self.count), "e0": self._touched()})  # another ctag
        else:
            self.faults.enter_context(self.proxy.fault(invalid_token(403)))
        self.faults.enter_context(self.proxy.fault(self._omit))

    def _touched(self) -> str:
        return objects(1)["e0"].replace("SUMMARY:", "SUMMARY:again ")

    def _omit(self, call: Call, forward: Forward) -> Answer:
        def kept(element: re.Match[bytes]) -> bytes:
            number = re.search(rb"/e(\d+)\.ics", element[0])
            return b"" if number and int(number[1]) >= self.left else element[0]

        answer = forward(call)
        if not listing(call):
            return answer
        response = rb"<((?:\w+:)?response)>.*?</\1>"
        body = re.sub(response, kept, answer.body, flags=re.DOTALL)
        return Answer(answer.status, body, answer.headers)


class Estate:
    """The resources of this file, behind one bridge that pulls only when it is told to."""

    def __init__(self, town: Town, folder: Path, wanted: Sequence[Mapping[str, Any]]) -> None:
        """Build what the tests of this run are about, by their parameters."""
        servers = sorted({each["server"] for each in wanted if "server" in each})
        shrinking = sorted({(each["kind"], each["count"]) for each in wanted if "kind" in each})
        self.forgetting = {
            (server, form): Forgetting(town, server, form) for server in servers for form in FORMS
        }
        self.cut = {server: town.proxied(server) for server in servers}
        self.shrinking = {key: Shrinking(town, *key) for key in shrinking}
        self.feed = IcsUrl(town.origin, "/forgetful.ics")
        for source in (*(source for source, _ in self.cut.values()), self.feed):
            for uid, hour in (("kept", 8), ("gone", 10)):
                source.put_text(*event(uid, hour))
        resources = [
            *(resource(it.id, it.source.connection()) for it in self.forgetting.values()),
            *(resource(f"cut-{server}", it.connection()) for server, (it, _) in self.cut.items()),
            *(resource(it.id, it.source.connection()) for it in self.shrinking.values()),
            resource("feed", self.feed.connection()),
        ]
        # Nothing is pulled by itself, what failed neither: the tests look at what was between.
        sync = {"interval": "6h", "backoff": {"initial": "1h", "max": "6h"}}
        self.served = serving(folder, resources, sync=sync)


@pytest.fixture(scope="module")
def estate(
    request: pytest.FixtureRequest, town: Town, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Estate]:
    items = [each for each in request.session.items if each.path == request.path]
    wanted = [each.callspec.params for each in items if hasattr(each, "callspec")]
    found = Estate(town, tmp_path_factory.mktemp("resync"), wanted)
    yield found
    found.served.__exit__()


def blocks(served: Served, resource_id: str) -> set[str]:
    """The VEVENTs of the feed, as its subscribers see them."""
    return set(get(served.feeds[resource_id]).body.decode().split("BEGIN:VEVENT")[1:])


@pytest.mark.covers("A-29", "F16")
@pytest.mark.parametrize("server", SERVERS)
def test_a_refused_sync_token_of_any_form_costs_one_full_listing_and_nothing_else(
    estate: Estate, server: str
) -> None:
    served = estate.served
    sites = [estate.forgetting[server, form] for form in FORMS]
    before: dict[str, set[str]] = {}
    for site in sites:
        assert served.periods(site.id, START, END) == half_hours(8, 10)
        before[site.id] = blocks(served, site.id)
        site.source.delete("gone")
        site.source.put_text(*event("new", 12))
    listings = {site.id: site.proxy.count(site.listing) for site in sites}
    with ExitStack() as faults:
        for site in sites:
            faults.enter_context(site.proxy.fault(invalid_token(site.form)))
        assert set(served.pull(*(site.id for site in sites)).values()) == {"ok"}
    for site in sites:
        assert served.periods(site.id, START, END) == half_hours(8, 12), site.id
        assert len(blocks(served, site.id) & before[site.id]) == 1, "what stayed is what it was"
        assert site.proxy.count(site.listing) == listings[site.id] + 1
    syncs = {site.id: site.proxy.count(SYNC) for site in sites}
    assert set(served.pull(*(site.id for site in sites)).values()) == {"ok"}
    for site in sites:
        assert site.proxy.count(site.listing) == listings[site.id] + 1, "the new token is good"
        assert site.proxy.count(SYNC) == syncs[site.id] + 1
    [told] = served.explain(sites[0].id, "--event", "kept")
    assert told["blocks"] == "BUSY"


@pytest.mark.covers("A-29")
def test_a_feed_without_its_etag_of_yesterday_is_compared_and_nothing_doubles(
    estate: Estate,
) -> None:
    served, feed = estate.served, estate.feed
    assert served.periods("feed", START, END) == half_hours(8, 10)
    before = blocks(served, "feed")
    feed.put_all(feed.events)  # the same under another ETag
    assert served.pull("feed") == {"feed.feed": "ok"}
    assert blocks(served, "feed") == before
    feed.delete("gone")
    feed.put_text(*event("new", 12))
    assert served.pull("feed") == {"feed.feed": "ok"}
    assert served.periods("feed", START, END) == half_hours(8, 12)


@pytest.mark.covers("F21")
@pytest.mark.parametrize("server", SERVERS)
def test_a_token_is_stored_with_its_data_or_not_at_all(estate: Estate, server: str) -> None:
    served = estate.served
    name = f"cut-{server}"
    source, proxy = estate.cut[server]
    served.pull(name)
    source.delete("gone")
    source.put_text(*event("new", 12))
    with proxy.fault(halving(when=MULTIGET)):
        assert served.pull(name) == {f"{name}.{source.name}": "unreadable_answer"}
    assert served.periods(name, START, END) == half_hours(8, 10), (
        "not even the deletion is believed"
    )
    assert served.pull(name) == {f"{name}.{source.name}": "ok"}
    assert served.periods(name, START, END) == half_hours(8, 12)
    asked = [sync_token(call) for call in proxy.calls if SYNC(call)]
    assert asked[-1] == asked[-2], "the pull that failed left the token where it was"


def sync_token(call: Call) -> bytes:
    found = re.search(rb"sync-token>(.*?)<", call.body)
    assert found
    return found[1]


@pytest.mark.covers("A-32", "P5", "F27")
@pytest.mark.parametrize(("kind", "count"), SHRINKING)
def test_a_calendar_that_shrinks_suddenly_is_believed_when_a_second_full_listing_says_so(
    estate: Estate, kind: str, count: int
) -> None:
    served, site = estate.served, estate.shrinking[kind, count]
    assert served.periods(site.id, START, END) == quarters(count)
    site.shrink()
    connection_id = f"{site.id}.{site.source.name}"
    assert served.pull(site.id) == {connection_id: "ok"}
    assert served.periods(site.id, START, END) == quarters(count)
    [calendar] = served.connection(connection_id)["calendars"]
    assert calendar["waits_for_confirmation"]
    assert served.pull(site.id) == {connection_id: "ok"}
    assert served.periods(site.id, START, END) == quarters(site.left)
    [calendar] = served.connection(connection_id)["calendars"]
    assert not calendar["waits_for_confirmation"]
