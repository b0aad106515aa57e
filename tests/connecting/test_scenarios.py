"""Whole scenarios of accounts: what happens at the provider, here, and to the browser."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from urllib.parse import quote, urlencode

import pytest

from bridge.access import Scope
from bridge.ingest import PullReport
from bridge.model.interval import rfc3339
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import compact
from tests.connecting.application import OWN, tokens
from tests.connecting.home import APP, ROOM, WORK, Home, revealed, state_of
from tests.connecting.owner import ANN, BOB, Browser, asked

NINE = datetime(2026, 9, 22, 9, tzinfo=UTC)
EVENTS = "https://www.googleapis.com/auth/calendar.events"


@pytest.mark.covers("A-26", "F7", "F28")
@pytest.mark.parametrize("how", ["by the clock", "by a 401"])
def test_a_token_that_ended_costs_one_refresh_and_what_rotates_is_stored_before_it_is_used(
    home: Home, how: str
) -> None:
    home.google.rotates = True
    home.google.sandbox.person(ANN).create("talk", NINE)
    home.connect()
    grants, stored, used = home.google.sandbox.google.grants, [revealed(home.grant())], []
    ask = grants.access

    def watched(token: str) -> object:
        held = revealed(home.grant())
        used.append((token, held[0]))
        if held not in stored:
            stored.append(held)
        return ask(token)

    grants.access = watched  # type: ignore[method-assign, assignment]
    if how == "by the clock":
        home.now += 4000
    else:
        home.google.fault("expired_tokens")
    together = Barrier(8)

    def pull(_: int) -> PullReport:
        together.wait(60)
        return home.bridge.ingest.pull(WORK, home.now)

    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(pull, range(8)))
    assert [each.error for each in reports] == [None] * 8
    assert home.google.calls == ["authorization_code", "refresh_token"]
    before, after = stored
    assert not set(before) & set(after), "both tokens are others"
    assert {token for token, _ in used if token != before[0]} == {after[0]}
    assert [(token, held) for token, held in used if token == after[0] != held] == []
    home.now += 4000
    home.google.fault("expired_tokens", value=False)
    assert home.bridge.ingest.pull(WORK, home.now).error is None, "the rotated one is good"
    assert home.status() is ConnectionStatus.ACTIVE


@pytest.mark.covers("A-28", "T7")
def test_another_account_at_the_second_consent_is_refused_and_the_application_told(
    home: Home,
) -> None:
    home.google.sandbox.person(ANN).create("talk", NINE)
    home.connect()
    home.bridge.ingest.pull(WORK, home.now)
    before, grant = home.row(), revealed(home.grant())
    browser = Browser()
    start = browser.get(home.direct(APP))
    back = browser.get(browser.consent(start.headers["Location"], BOB)).headers["Location"]
    assert back.startswith(f"{APP}&error=account_mismatch&message=")
    assert back.endswith("&provider=google&connectionId=room-a.work")
    assert home.row() == before
    assert revealed(home.grant()) == grant
    assert not home.google.allows(BOB)
    report = home.bridge.ingest.pull(WORK, home.now)
    assert [each.error for each in report.calendars] == [None]


@pytest.mark.covers("A-40", "T1", "T3", "T8")
def test_what_is_not_right_is_refused_with_its_code_and_no_redirect_carries_a_token(
    home: Home,
) -> None:
    browser, seen = Browser(), []

    def ends(**choices: str) -> str:
        start = browser.get(home.direct(APP))
        back = browser.get(browser.consent(start.headers["Location"], **choices))
        assert back.status_code == 303
        seen.append(back.headers["Location"])
        assert back.headers["Location"].startswith(f"{APP}&")
        return asked(back.headers["Location"])["error"]

    assert ends(decision="deny") == "access_denied"
    assert ends(untick=EVENTS) == "invalid_scope"
    assert home.grant() is None

    # A code that was not asked for with the challenge of this question, as one that was stolen.
    mine = browser.get(home.direct(APP)).headers["Location"]
    assert asked(mine)["code_challenge_method"] == "S256"
    bare = {name: value for name, value in asked(mine).items() if "challenge" not in name}
    page = mine.partition("?")[0]
    back = browser.get(browser.consent(f"{page}?{urlencode(bare)}"))
    seen.append(back.headers["Location"])
    assert asked(seen[-1])["error"] == "invalid_grant"
    assert home.grant() is None

    foreign = f"/auth/google/url?resource={ROOM}&redirect_url={quote('https://evil.example')}"
    refused = home.api(home.key(), foreign)
    assert (refused.status_code, refused.json()["code"]) == (403, "redirect_not_allowed")

    start = browser.get(home.direct(APP))
    answer = browser.consent(start.headers["Location"])
    good = browser.get(answer)
    seen.append(good.headers["Location"])
    assert asked(seen[-1])["success"] == "true"
    replayed = browser.get(answer)
    assert (replayed.status_code, "Location" in replayed.headers) == (400, False)
    calls = len(home.google.calls)
    assert browser.get(answer.replace(state_of(answer), "a" * 52)).status_code == 400
    assert len(home.google.calls) == calls

    secrets = {each for each in home.google.secrets if each} | {asked(answer)["code"]}
    assert len(secrets) > 6
    told = " ".join(seen)
    assert [each for each in secrets if each in told or quote(each, safe="") in told] == []


def found(home: Home, *words: str) -> set[str]:
    """Which of these words, and of the secrets that were sent, stand in the database's files."""
    path = home.bridge.database.path
    assert path is not None
    content = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    return {each for each in {*words, *home.google.secrets} if each.encode() in content}


@pytest.mark.covers("T69")
def test_nothing_of_an_account_is_in_the_file_after_it_was_disconnected(home: Home) -> None:
    home.google.sandbox.person(ANN).create("CANARY-talk", NINE, description="CANARY-words")
    home.connect()
    home.bridge.ingest.pull(WORK, home.now)
    assert found(home, "CANARY-talk", ANN) == {"CANARY-talk", ANN}, "and no secret, at any time"
    assert home.bridge.connecting.disconnect(WORK) is None
    home.bridge.rebuild()
    assert compact.run(home.bridge.database)
    assert found(home, "CANARY-talk", ANN) == set()
    assert not home.google.allows()


@pytest.mark.covers("T69", "S2-15")
def test_nothing_of_an_account_is_in_the_file_after_it_was_deleted(home: Home) -> None:
    home.google.sandbox.person(ANN).create("CANARY-talk", NINE)
    given = tokens(home.google)
    key = home.key(scope=" ".join(scope.value for scope in Scope))
    wish = {
        "provider": "google",
        "id": "own",
        "resource_id": ROOM,
        "client_id": OWN.id,
        "client_secret": OWN.secret,
        "refresh_token": given["refresh_token"],
    }
    status, made = home.call(key, "POST", "/connections", wish)
    assert (status, made["status"]) == (201, "active"), made
    assert home.pull(ConnectionId(made["id"])) == "ok"
    assert found(home, "CANARY-talk", ANN, OWN.secret) == {"CANARY-talk", ANN}
    assert home.call(key, "DELETE", f"/connections/{made['id']}")[0] == 200
    home.bridge.rebuild()
    assert compact.run(home.bridge.database)
    assert found(home, "CANARY-talk", ANN, OWN.id, OWN.secret) == set()
    assert not home.google.allows()


@pytest.mark.covers("S0-52")
def test_another_account_takes_the_place_of_the_connected_one_where_the_application_says_so(
    home: Home,
) -> None:
    home.google.meet(home.now + 86400)
    home.google.meet(home.now + 2 * 86400, BOB, BOB)
    home.connect()
    assert home.pull() == "ok"
    key, target = home.key(scope="connections:write busy:read"), f"/connections/{WORK}/auth-url"

    def again(body: dict[str, object], account: str) -> dict[str, str]:
        status, made = home.call(key, "POST", target, {"redirect_url": APP} | body)
        assert (status, made["connection_id"]) == (200, WORK), made
        browser = Browser()
        start = browser.get(made["auth_url"])
        back = browser.get(browser.consent(start.headers["Location"], account))
        return asked(back.headers["Location"])

    def busy() -> tuple[int, list[str]]:
        window = f"start={rfc3339(home.now)}&end={rfc3339(home.now + 7 * 86400)}"
        status, found = home.call(key, "GET", f"/resources/{ROOM}/busy?{window}")
        return status, [each["start"] for each in found.get("periods", ())]

    tea = (200, [rfc3339(home.now + 86400)])
    assert again({}, ANN)["success"] == "true", "the same account needs no leave"
    assert home.pull() == "ok"
    assert again({}, BOB)["error"] == "account_mismatch"
    assert (busy(), home.google.allows(ANN), home.google.allows(BOB)) == (tea, True, False)
    assert again({"allow_account_change": True}, ANN)["success"] == "true"
    assert busy() == tea, "nothing of the same account is forgotten"

    outcome = again({"allow_account_change": True}, BOB)
    assert (outcome["success"], outcome["connectionId"]) == ("true", WORK)
    assert (home.google.allows(ANN), home.google.allows(BOB)) == (False, True)
    assert busy()[0] == 503, "nothing of the other account was read yet: nobody is called free"
    home.bridge.rebuild()
    assert busy()[0] == 503
    assert home.pull() == "ok"
    assert busy() == (200, [rfc3339(home.now + 2 * 86400)]), "and nothing of the one before"
    assert compact.run(home.bridge.database)
    assert found(home, ANN) == set()
