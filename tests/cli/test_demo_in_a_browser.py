"""`demo`: its reader connects accounts in a browser, and sees their busy time appear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.chromium import Chromium, chromium
from tests.cli.demo import Demo, running
from tests.e2e.served import Login, Periods, feed_periods, freebusy_periods, get

pytestmark = [pytest.mark.client("chromium", "chromedriver"), pytest.mark.timeout(400)]
_BERLIN = ZoneInfo("Europe/Berlin")
_LIST = "form.event"
# Days from this week's Monday, and hours of Berlin, at which one kind of calendar has something.
HIKE, WAXED, INTERVIEWS, TALK = (13, 9), (12, 3), (8, 15), (7, 10)
_FREE, LATE = 9, (9, 22)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with running(tmp_path) as started:
        started.wait_for(started.has_told)
        yield started


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
        assert opened.complaints() == []


class Printed:
    """What the last lines say, numbered in the order of what to do."""

    def __init__(self, demo: Demo) -> None:
        steps = demo.out.partition("\nNext, ")[2]
        found = re.findall(r"^  .*?(http\S+)$", steps, re.MULTILINE)
        self.link, self.free_busy, self.google, _, self.microsoft = found[:5]
        bookings = re.findall(r"^  (printf .+)$", steps, re.MULTILINE)
        booked = re.search(r"^  (curl -u .+)$", steps, re.MULTILINE)
        assert booked
        (self.booking, self.at_zoom), self.booked = bookings, booked[1]
        """Books an hour with a guest, another one at Zoom, and shows what came of the first."""
        self.zoom = found[-1]
        adding = re.search(r"^  (curl -H .+)$", steps, re.MULTILINE)
        assert adding
        self.adding = adding[1]
        """Adds an event at Microsoft."""
        wednesday = re.search(r'"dateTime": "([-\d]+)T', self.adding)
        assert wednesday
        self.monday = date.fromisoformat(wednesday[1]) - timedelta(days=LATE[0])
        """The day from which its month counts: of this week in UTC, not at the test's place."""
        self.feed = re.findall(r"http\S+/anna\.ics", demo.out)[0]
        login = re.search(r"\(login (\S+), password (\S+)\)", demo.out)
        assert login
        self.account = Login(login[1], login[2])
        self.dav = self.free_busy.partition("/freebusy/")[0] + "/alice/anna.busy/"

    def busy(self) -> Periods:
        answer = get(self.free_busy)
        return freebusy_periods(answer.body) if answer.status == 200 else []


def connect(
    browser: Chromium, link: str, name: str, account: str = "", permit: str = "Allow"
) -> None:
    """Press the button of one of the accounts, choose whose it is, and permit."""
    browser.open(link)
    assert browser.heading == "Accounts of Anna"
    row = browser.one("li", name)
    browser.leave_by(browser.all("button", inside=row)[0])
    assert browser.heading == "Sign in with the sandbox"
    if account:
        browser.click(f"input[value='{account}']")
    browser.leave("button", permit)


def test_the_printed_link_leads_to_busy_time_and_edits_follow(
    demo: Demo, browser: Chromium
) -> None:
    told = Printed(demo)

    def at(day: int, hour: int) -> tuple[str, int]:
        when = datetime.combine(told.monday + timedelta(days=day), time(hour), _BERLIN)
        return f"{when:%Y-%m-%dT%H:%M}", int(when.timestamp())

    def is_busy(day: int, hour: int) -> bool:
        start = at(day, hour)[1]
        return any(first <= start and start + 1800 <= last for first, last, _ in told.busy())

    demo.wait_for(lambda: is_busy(*HIKE) and is_busy(*WAXED))
    assert not is_busy(*INTERVIEWS)
    assert not is_busy(*TALK)
    connect(browser, told.link, "work")
    assert browser.heading == "Connected"
    demo.wait_for(lambda: is_busy(*INTERVIEWS))
    connect(browser, told.link, "office", permit="Accept")
    assert browser.heading == "Connected"
    demo.wait_for(lambda: is_busy(*TALK))
    assert all(is_busy(*each) for each in (HIKE, WAXED, INTERVIEWS))
    assert "BUSY-UNAVAILABLE" in [kind for *_, kind in told.busy()]
    first, last = at(7, 0)[1], at(14, 0)[1]  # of two windows that both outputs have by default

    def next_week(periods: Periods) -> Periods:
        return [each for each in periods if first <= each[0] and each[1] <= last]

    demo.wait_for(lambda: next_week(feed_periods(get(told.feed).body)) == next_week(told.busy()))
    assert next_week(told.busy())
    assert feed_periods(get(told.dav, told.account.header()).body)

    assert not is_busy(*LATE)
    demo.run(told.adding)
    browser.open(told.microsoft)
    assert "Late call" in browser.page
    demo.wait_for(lambda: is_busy(*LATE))

    assert not is_busy(_FREE, 3)
    browser.open(told.google)
    browser.write(f"{_LIST} input[name=title]", "Night train")
    browser.pick(f"{_LIST} input[name=start]", at(_FREE, 3)[0])
    browser.pick(f"{_LIST} input[name=end]", at(_FREE, 4)[0])
    browser.leave(f"{_LIST} button", "Add")
    assert browser.heading == "Anna Berg"
    demo.wait_for(lambda: is_busy(_FREE, 3))

    event = browser.one("li", "Night train")
    browser.press(browser.all("summary", inside=event)[0])
    browser.pick("li:target input[name=start]", at(_FREE, 1)[0])
    browser.pick("li:target input[name=end]", at(_FREE, 2)[0])
    browser.leave("li:target button", "Save")
    assert "01:00\u201302:00" in browser.text("li:target")
    demo.wait_for(lambda: is_busy(_FREE, 1) and not is_busy(_FREE, 3))

    browser.press(browser.all("summary", inside=browser.one("li", "Night train"))[0])
    browser.leave("li:target button", "Delete")
    assert "Night train" not in browser.page
    demo.wait_for(lambda: not is_busy(_FREE, 1))

    demo.run(told.booking)
    demo.wait_for(lambda: "https://meet.google.com/" in demo.run(told.booked))
    browser.open(told.google)
    assert "meet.google.com" in browser.text("body")
    assert browser.text("body").count("REQUEST ben@sandbox.example Piano lesson") == 1

    demo.run(told.at_zoom)
    booked = told.booked.replace("lesson.ics", "duet.ics")
    demo.wait_for(lambda: "zoom.us/j/" in demo.run(booked))
    browser.open(told.zoom)
    assert "Duet" in browser.text("body")
    browser.open(told.google)
    assert "Duet" in browser.text("body")


def test_who_does_not_agree_may_try_again_and_another_account_is_not_taken_for_this_one(
    demo: Demo, browser: Chromium
) -> None:
    told = Printed(demo)
    browser.open(told.link)
    browser.leave("button", "Connect")
    browser.leave("button", "Deny")
    assert browser.heading == "Not connected"
    assert "did not agree" in browser.page
    before = told.busy()
    connect(browser, told.link, "work")
    assert browser.heading == "Connected"
    demo.wait_for(lambda: len(told.busy()) > len(before))
    connect(browser, told.link, "work", "ben@sandbox.example")
    assert browser.heading == "Not connected"
    assert "Choose the account that was connected before" in browser.page
    browser.open(told.link)
    assert "work: Google Calendar (anna@sandbox.example), connected" in browser.page
    assert "office: Microsoft 365 and Outlook" in browser.page
    row = browser.one("li", "office")
    browser.leave_by(browser.all("button", inside=row)[0])
    browser.leave("button", "Cancel")
    assert browser.heading == "Not connected"
    assert "did not agree" in browser.page


def test_its_pages_fit_on_a_phone(demo: Demo, browser: Chromium) -> None:
    told = Printed(demo)
    browser.resize(390, 844)
    pages = {told.link: "", told.google: "summary", told.google.partition("/accounts")[0]: ""}
    for url, unfolded in pages.items():
        browser.open(url)
        if unfolded:
            browser.click(unfolded, "Change")
        shown, needed = browser.width()
        assert needed <= shown <= 390, url
    for number in range(2):
        browser.open(told.link)
        browser.leave_by(browser.all("button")[number])
        assert browser.heading == "Sign in with the sandbox"
        shown, needed = browser.width()
        assert needed <= shown
