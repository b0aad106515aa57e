"""An owner connects an account in a browser; and what others make of that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from bridge.connecting.connecting import AT_ONCE
from bridge.model.resource import ConnectionStatus, Direction
from bridge.providers.google import GoogleDefaults
from tests.connecting.home import (
    APP,
    DESK,
    OTHER,
    ROOM_B,
    WORK,
    Home,
    opened,
    revealed,
    state_of,
)
from tests.connecting.owner import ANN, BOB, Browser, asked

DONE = "&success=true&provider=google&connectionId=room-a.work"
EVENTS = "https://www.googleapis.com/auth/calendar.events"


@pytest.mark.covers("S0-08", "S1-10", "S3-04")
def test_an_owner_connects_an_account_and_its_busy_time_is_read(home: Home) -> None:
    browser = Browser()
    page = browser.get(home.link())
    assert "Accounts of Room &lt;A&gt;" in page.text
    assert "<b>work</b>: Google Calendar, not connected yet" in page.text
    done = home.connect(browser)
    assert (done.status_code, "<h1>Connected</h1>" in done.text) == (200, True)
    assert home.status() is ConnectionStatus.ACTIVE
    assert home.google.calls == ["authorization_code"]
    grant = home.grant()
    assert grant is not None
    assert grant.subject == ANN
    assert set(grant.scopes) == set(GoogleDefaults().wanted_scopes(Direction.BOTH))
    report = home.bridge.ingest.pull(WORK, home.now)
    assert [each.error for each in report.calendars] == [None]


@pytest.mark.covers("T61")
def test_pages_run_no_script_are_framed_by_nobody_and_kept_by_nobody(home: Home) -> None:
    browser = Browser()
    page = browser.get(home.link())
    done = home.connect(browser)
    refused = browser.get(f"{home.url}/oauth/google/callback")
    for answer in (page, done, refused):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "<script" not in answer.text
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("busybridge-connect=")
    assert "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax" in cookie


@pytest.mark.covers("T2")
def test_an_answer_counts_once_in_the_browser_that_began_and_in_time(home: Home) -> None:
    mine, other = Browser(), Browser()
    other.get(home.link())
    answer = mine.consent(home.asks(mine))
    callback = f"{home.url}/oauth/google/callback"
    wrong = {
        "another browser": other.get(answer),
        "no cookie": Browser().get(answer),
        "no state": mine.get(f"{callback}?{urlencode({'code': asked(answer)['code']})}"),
        "wrong state": mine.get(answer.replace(state_of(answer), "a" * 52)),
    }
    assert {name: each.status_code for name, each in wrong.items()} == dict.fromkeys(wrong, 400)
    assert home.google.calls == []
    assert home.grant() is None
    assert mine.get(answer).status_code == 200
    assert mine.get(answer).status_code == 400, "used"
    late = mine.consent(home.asks(mine))
    home.now += 600
    assert mine.get(late).status_code == 400, "expired"
    assert home.google.calls == ["authorization_code"]


@pytest.mark.covers("T5")
def test_the_same_answer_many_times_at_once_is_traded_once(home: Home) -> None:
    browser = Browser()
    answer = browser.consent(home.asks(browser))
    cookie = browser.http.cookies["busybridge-connect"]
    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(
                lambda _: Browser().get(answer, Cookie=f"busybridge-connect={cookie}").status_code,
                range(8),
            )
        )
    assert sorted(codes) == [200, *[400] * 7]
    assert home.google.calls == ["authorization_code"]


@pytest.mark.covers("T4")
def test_a_code_of_one_provider_is_never_shown_to_another(home: Home) -> None:
    browser = Browser()
    link = home.link()
    of_google = browser.consent(home.asks(browser, link))
    at_other = home.asks(browser, link, number=1)
    assert urlsplit(at_other).netloc == urlsplit(home.other.sandbox.url).netloc
    of_other = browser.consent(at_other)
    swapped = of_google.replace("/oauth/google/", "/oauth/other/")
    assert browser.get(swapped).status_code == 400
    # The mix-up itself: the other one's question, answered with Google's code.
    mixed = {**asked(of_google), "state": state_of(of_other)}
    answer = browser.get(f"{home.url}/oauth/other/callback?{urlencode(mixed)}")
    assert answer.status_code == 400
    assert (home.google.calls, home.other.calls) == ([], [])
    assert home.grant(OTHER) is None
    assert browser.get(of_google).status_code == 200


@pytest.mark.covers("T4")
def test_an_answer_in_the_name_of_another_server_is_refused(home: Home) -> None:
    home.google.fault("wrong_issuer")
    assert home.connect().status_code == 400
    assert home.google.calls == []


@pytest.mark.covers("T6")
def test_who_began_is_who_ends_and_what_it_was_begun_for_must_still_be(home: Home) -> None:
    """An attacker begins for a room of theirs and has a victim's browser end it, or begin it."""
    attacker, victim = Browser(), Browser()
    link = home.link()
    answer = attacker.consent(home.asks(attacker, link), BOB)
    assert victim.get(link).status_code == 404, "the link is the attacker's browser's by now"
    assert victim.get(answer).status_code == 400
    victim.get(home.link())
    page = attacker.get(link)
    forged = victim.press(page, Sec_Fetch_Site="cross-site")
    assert forged.status_code == 400
    forged = victim.press(page, Origin="https://evil.example")
    assert forged.status_code == 400
    without_cookie = Browser().press(attacker.get(home.link()))
    assert without_cookie.status_code == 400
    assert home.google.calls == []
    config = home.bridge.config_path.read_text().replace("id: work", "id: elsewhere")
    home.bridge.config_path.write_text(config)
    assert home.bridge.reload().ok
    assert attacker.get(answer).status_code == 400, "its connection is gone"
    assert home.google.calls == []


@pytest.mark.covers("T7")
def test_another_account_does_not_take_the_place_of_the_connected_one(home: Home) -> None:
    home.connect()
    before = revealed(home.grant())
    refused = home.connect(account=BOB)
    assert refused.status_code == 409
    assert "Choose the account that was connected before" in refused.text
    assert revealed(home.grant()) == before
    assert home.status() is ConnectionStatus.ACTIVE
    assert home.token() == before[0]
    assert not home.google.allows(BOB), "what nobody keeps is given back"
    assert home.google.allows(ANN)


@pytest.mark.covers("T8")
def test_an_account_that_permits_only_a_part_is_not_connected(home: Home) -> None:
    refused = home.connect(untick=EVENTS)
    assert refused.status_code == 403
    assert "read and write events" in refused.text
    assert "leave every box ticked" in refused.text
    row = home.row()
    assert (row.status, row.error_code) == (ConnectionStatus.ERROR, "invalid_scope")
    assert home.grant() is None
    assert home.connect().status_code == 200
    assert (home.row().status, home.row().error_code) == (ConnectionStatus.ACTIVE, "")
    again = home.connect(untick=EVENTS)
    assert again.status_code == 403
    assert home.status() is ConnectionStatus.ACTIVE, "what was granted before goes on"


def test_an_account_is_connected_again_under_its_id(home: Home) -> None:
    home.connect()
    before = home.row()
    home.google.fault("invalid_grant")
    home.now += 4000
    with pytest.raises(Exception, match="invalid_grant"):
        home.token()
    home.google.fault("invalid_grant", value=False)
    assert home.connect().status_code == 200
    after = home.row()
    assert (after.id, after.plan, after.status) == (before.id, before.plan, before.status)
    assert home.token() in revealed(home.grant())


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("token_unavailable", 503, "503 Service Unavailable"),
        ("no_refresh_token", 503, "Take the permission back"),
        ("calendar_gone", 502, "404 Not Found"),
        ("server_error", 503, "500"),
    ],
)
def test_what_goes_wrong_at_the_provider_is_said(
    home: Home, fault: str, status: int, text: str
) -> None:
    home.google.fault(fault)
    answer = home.connect()
    assert (answer.status_code, text in answer.text) == (status, True), answer.text
    assert home.grant() is None


def test_an_owner_who_does_not_agree_is_not_connected(home: Home) -> None:
    answer = home.connect(decision="deny")
    assert answer.status_code == 403
    assert "did not agree" in answer.text
    assert home.google.calls == []


def test_when_many_connect_at_once_the_others_are_told_to_wait_and_lose_nothing(
    home: Home,
) -> None:
    browsers = [Browser() for _ in range(AT_ONCE + 1)]
    answers = [each.consent(home.asks(each)) for each in browsers]
    home.google.open.clear()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        busy = list(map(pool.submit, [it.get for it in browsers[1:]], answers[1:]))
        home.until(lambda: home.used() == AT_ONCE, "they have all come in")
        refused = browsers[0].get(answers[0])
        assert refused.status_code == 503
        assert home.used() == AT_ONCE
        home.google.open.set()
        assert [each.result().status_code for each in busy] == [200] * AT_ONCE
    assert refused.headers["Retry-After"] == "5"
    assert browsers[0].get(answers[0]).status_code == 200


def test_over_https_the_cookie_is_one_that_no_other_host_can_have_set(tmp_path: Path) -> None:
    with opened(tmp_path, server={"base_url": "https://cal.example.com/bridge"}) as home:
        link = home.link()
        assert link.startswith("https://cal.example.com/bridge/connect/")
        page = Browser().get(link.replace("https://cal.example.com", home.url))
        cookie = page.headers["Set-Cookie"]
        assert cookie.startswith("__Host-busybridge-connect=")
        assert cookie.endswith("; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure")
        assert 'action="/bridge/oauth/google/start"' in page.text


@pytest.mark.covers("S0-10", "S1-16", "S1-17")
def test_an_application_gets_its_user_back(home: Home) -> None:
    browser = Browser()
    start = browser.get(home.direct(APP))
    assert start.status_code == 303
    back = browser.get(browser.consent(start.headers["Location"]))
    assert back.status_code == 303
    assert back.headers["Location"] == f"{APP}{DONE}"
    start = browser.get(home.direct(APP))
    back = browser.get(browser.consent(start.headers["Location"], decision="deny"))
    said = "error=access_denied&message=the+owner+did+not+agree"
    assert back.headers["Location"] == f"{APP}&{said}&provider=google&connectionId=room-a.work"


@pytest.mark.covers("T6")
def test_a_link_that_a_program_opened_is_as_good_as_before_until_somebody_agreed(
    home: Home,
) -> None:
    """Mail servers and chats open every link that they see; some with a browser of their own."""
    link = home.direct(APP)
    visit = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    scanners = [Browser(), Browser(), Browser()]
    seen = [
        scanners[0].get(link),
        scanners[1].get(link, **visit),
        scanners[2].get(link, Sec_Purpose="prefetch;prerender", **visit),
    ]
    assert [each.status_code for each in seen] == [303] * 3
    mine = Browser()
    start = mine.get(link, **visit)
    answer = mine.consent(start.headers["Location"])
    other = scanners[1].consent(seen[1].headers["Location"], BOB)
    assert mine.get(answer).headers["Location"] == f"{APP}{DONE}"
    assert home.google.calls == ["authorization_code"]
    assert scanners[1].get(other).status_code == 400, "the link is somebody else's by now"
    assert scanners[0].get(link).status_code == 404
    assert home.google.calls == ["authorization_code"]
    assert mine.get(link).status_code == 303, "they may go there again"


@pytest.mark.covers("T2")
@pytest.mark.parametrize(
    "how",
    [
        {"Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Mode": "cors", "Sec_Fetch_Dest": "empty"},
        {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    ],
    ids=["picture", "script", "frame"],
)
def test_a_page_of_somebody_else_does_not_begin_anything_unseen(
    home: Home, how: dict[str, str]
) -> None:
    answer = Browser().get(home.direct(APP), **how)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("fault", ["calendar_gone", "server_error", "no_refresh_token"])
def test_what_was_granted_in_vain_is_given_back(home: Home, fault: str) -> None:
    home.google.fault(fault)
    assert home.connect().status_code >= 500
    assert home.grant() is None
    assert not home.google.allows()


def test_what_was_granted_only_in_part_is_given_back(home: Home) -> None:
    assert home.connect(untick=EVENTS).status_code == 403
    assert not home.google.allows()


@pytest.mark.parametrize("fault", ["calendar_gone", "server_error"])
def test_nothing_is_given_back_that_another_account_may_live_on(home: Home, fault: str) -> None:
    """Nobody says whose the new grant is, and a provider ends all of an account's."""
    home.connect()
    home.google.fault(fault)
    browser = Browser()
    browser.get(browser.consent(home.asks(browser, home.link(ROOM_B))))
    home.google.fault(fault, value=False)
    assert home.grant(DESK) is None
    home.bridge.connecting.refresh(WORK)
    assert home.google.allows()
