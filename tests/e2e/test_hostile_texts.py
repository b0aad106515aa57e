"""Texts that would be markup, in bookings and in the calendars that they are written to."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from bridge.ical.serialize import escape_text
from tests.chromium import Chromium, chromium
from tests.e2e.bookable import PLACES, text
from tests.e2e.trio import Trio

pytestmark = pytest.mark.client("chromium", "chromedriver")
TITLE = "<img src=x onerror=alert(1)>"
PAYLOADS = (
    TITLE,
    "<svg/onload=alert(1)>",
    "\"'><script>alert(1)</script>",
    '<a href="javascript:alert(1)">here</a>',
    "</body></html><iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<!--><img src=x onerror=alert(1)>-->",
    "&lt;img src=x onerror=alert(1)&gt; &amp;lt;",
    "<style>*{background:url(//evil.example)}</style>",
    "' onmouseover='alert(1)",
    "<form action=//evil.example><button autofocus onfocus=alert(1)>go</button></form>",
)
TEXT = "\n".join(PAYLOADS)
_OF_THE_LINK = {"A", "BR", "DIV", "HR", "SPAN"}
"""Elements of what Teams writes about its link."""
_ELEMENTS = "return [...document.body.querySelectorAll('*')].map(each => each.tagName)"
_LIVE = """
const acts = each => each.name.startsWith("on") || each.value.startsWith("javascript:")
const live = each => [...each.attributes].some(acts)
return [...document.querySelectorAll("*")].filter(live).map(each => each.outerHTML)
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
        assert opened.complaints() == [], "nothing was to be loaded or run"


def see(browser: Chromium, html: str) -> set[str]:
    """Open what a provider keeps as HTML; an alert would fail it. Give its kinds of elements."""
    browser.open(f"data:text/html;charset=utf-8,{quote(html)}")
    assert browser.send("POST", "/execute/sync", script=_LIVE, args=[]) == []
    return set(browser.send("POST", "/execute/sync", script=_ELEMENTS, args=[]))


@pytest.mark.covers("T29")
@pytest.mark.parametrize("room", ["meet", "teams"])
def test_what_is_booked_is_text_in_a_browser_and_comes_back_to_the_letter(
    three: Trio, browser: Chromium, room: str
) -> None:
    uid, start = f"{room}-hostile", three.hour()
    assert three.put(room, uid, start).status == 201
    texts = escape_text(TEXT), escape_text(TITLE)
    body = text(room, uid, start, f"DESCRIPTION:{texts[0]}", f"LOCATION:{texts[1]}")
    titled = body.replace(f"SUMMARY:{uid}", f"SUMMARY:{TITLE}")
    assert three.write("PUT", room, uid, titled).status == 204
    assert see(browser, three.described(room, TITLE)) <= _OF_THE_LINK
    assert " ".join(browser.page.split()).startswith(" ".join(TEXT.split()))
    three.pull(room)
    shown = three.shown(room, uid)
    assert (shown.value("DESCRIPTION"), shown.value("LOCATION")) == texts
    assert shown.value("SUMMARY") == TITLE
    browser.open(f"{three.booked.sandbox.url}/accounts/{PLACES[room].owner}")
    assert TITLE in browser.page


@pytest.mark.covers("T29")
@pytest.mark.parametrize("room", ["meet", "teams"])
def test_what_is_formatted_in_the_calendar_is_text_also_when_it_is_written_back(
    three: Trio, browser: Chromium, room: str
) -> None:
    uid, start = f"{room}-formatted", three.hour()
    assert three.put(room, uid, start).status == 201
    three.describe(room, uid, f"<p>Before</p>{TEXT}<p>After</p>")
    three.pull(room)
    shown = three.shown(room, uid)
    told = shown.value("DESCRIPTION")
    assert told.startswith("Before")
    assert told.endswith("After")
    assert not [line for line in shown.lines if "ALTREP" in line or line.startswith("X-ALT-DESC")]
    assert three.put(room, uid, start, f"DESCRIPTION:{told}!").status == 204
    assert see(browser, three.described(room, uid)) <= _OF_THE_LINK
    assert "Before" in browser.page
