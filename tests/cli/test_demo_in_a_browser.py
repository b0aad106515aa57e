"""`demo`: its reader connects a Google account in a browser, and sees its busy time appear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.chromium import Chromium, chromium
from tests.cli.demo import Demo, running
from tests.e2e.served import Login, Periods, feed_periods, freebusy_periods, get

pytestmark = [pytest.mark.client("chromium", "chromedriver"), pytest.mark.timeout(400)]
_BERLIN = ZoneInfo("Europe/Berlin")
_LIST = "form.event"


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
        self.link, self.free_busy, self.page = re.findall(r"^  .*?(http\S+)$", steps, re.MULTILINE)
        self.feed = re.findall(r"http\S+/anna\.ics", demo.out)[0]
        login = re.search(r"\(login (\S+), password (\S+)\)", demo.out)
        assert login
        self.account = Login(login[1], login[2])
        self.dav = self.free_busy.partition("/freebusy/")[0] + "/alice/anna.busy/"

    def busy(self) -> Periods:
        answer = get(self.free_busy)
        return freebusy_periods(answer.body) if answer.status == 200 else []


def connect(browser: Chromium, link: str, name: str, account: str = "") -> None:
    """Press the button of one of the accounts, choose whose it is, and permit."""
    browser.open(link)
    assert browser.heading == "Accounts of Anna"
    row = browser.one("li", name)
    browser.leave_by(browser.all("button", inside=row)[0])
    assert browser.heading == "Sign in with the sandbox"
    if account:
        browser.click(f"input[value='{account}']")
    browser.leave("button", "Allow")


def test_the_printed_link_leads_to_busy_time_and_edits_follow(
    demo: Demo, browser: Chromium
) -> None:
    told = Printed(demo)
    assert get(told.free_busy).status == 503, "nobody knows yet, so nobody is told free"
    connect(browser, told.link, "work")
    assert browser.heading == "Connected"
    demo.wait_for(told.busy)
    demo.wait_for(lambda: feed_periods(get(told.feed).body) != [])
    assert feed_periods(get(told.dav, told.account.header()).body)

    tomorrow = datetime.now(_BERLIN).date() + timedelta(days=1)

    def at(hour: int) -> tuple[str, int]:
        when = datetime.combine(tomorrow, time(hour), _BERLIN)
        return f"{when:%Y-%m-%dT%H:%M}", int(when.astimezone(UTC).timestamp())

    def is_busy(hour: int) -> bool:
        start, end = at(hour)[1], at(hour + 1)[1]
        return any(first <= start and end <= last for first, last, _ in told.busy())

    assert not is_busy(3)
    browser.open(told.page)
    browser.write(f"{_LIST} input[name=title]", "Night train")
    browser.pick(f"{_LIST} input[name=start]", at(3)[0])
    browser.pick(f"{_LIST} input[name=end]", at(4)[0])
    browser.leave(f"{_LIST} button", "Add")
    assert browser.heading == "Anna Berg"
    demo.wait_for(lambda: is_busy(3))

    event = browser.one("li", "Night train")
    browser.press(browser.all("summary", inside=event)[0])
    browser.pick("li:target input[name=start]", at(1)[0])
    browser.pick("li:target input[name=end]", at(2)[0])
    browser.leave("li:target button", "Save")
    assert "01:00\u201302:00" in browser.text("li:target")
    demo.wait_for(lambda: is_busy(1) and not is_busy(3))

    browser.press(browser.all("summary", inside=browser.one("li", "Night train"))[0])
    browser.leave("li:target button", "Delete")
    assert "Night train" not in browser.page
    demo.wait_for(lambda: not is_busy(1))


def test_who_does_not_agree_may_try_again_and_another_account_is_not_taken_for_this_one(
    demo: Demo, browser: Chromium
) -> None:
    told = Printed(demo)
    browser.open(told.link)
    browser.leave("button", "Connect")
    browser.leave("button", "Deny")
    assert browser.heading == "Not connected"
    assert "did not agree" in browser.page
    connect(browser, told.link, "private")
    assert browser.heading == "Connected"
    demo.wait_for(told.busy)
    before = told.busy()
    connect(browser, told.link, "private", "ben@sandbox.example")
    assert browser.heading == "Not connected"
    assert "Choose the account that was connected before" in browser.page
    browser.open(told.link)
    assert "private: Google Calendar (anna@home.example), connected" in browser.page
    connect(browser, told.link, "work")
    demo.wait_for(lambda: len(told.busy()) > len(before))


def test_its_pages_fit_on_a_phone(demo: Demo, browser: Chromium) -> None:
    told = Printed(demo)
    browser.resize(390, 844)
    pages = {told.link: "", told.page: "summary", told.page.partition("/accounts")[0]: ""}
    for url, unfolded in pages.items():
        browser.open(url)
        if unfolded:
            browser.click(unfolded, "Change")
        shown, needed = browser.width()
        assert needed <= shown <= 390, url
    browser.open(told.link)
    browser.leave("button", "Connect")
    assert browser.heading == "Sign in with the sandbox"
    shown, needed = browser.width()
    assert needed <= shown
