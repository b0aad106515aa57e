"""A Microsoft account is connected by its owner."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from urllib.parse import quote, urlencode

import pytest
from pydantic import SecretStr

from bridge.access import Scope
from bridge.errors import (
    AuthorizationExpired,
    NotRevocable,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.interval import rfc3339, utc
from bridge.model.resource import ConnectionStatus
from tests.connecting.home import APP, ROOM, WORK, revealed, state_of
from tests.connecting.outlook import CLIENT, HANS, Office, opened
from tests.connecting.owner import ANN, BOB, Browser, asked


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path) as made:
        yield made


@pytest.mark.covers("S0-20", "S0-21", "S3-02")
def test_an_owner_connects_an_account_by_the_button_of_the_connect_page(office: Office) -> None:
    browser = Browser()
    url = office.asks(browser)
    wish = asked(url)
    assert url.startswith(f"{office.microsoft.sandbox.url}/common/oauth2/v2.0/authorize?")
    assert wish["client_id"] == CLIENT
    assert wish["redirect_uri"] == f"{office.url}/oauth/microsoft/callback"
    assert {"Calendars.ReadWrite", "User.Read", "offline_access"} <= {*wish["scope"].split()}
    assert (wish["response_type"], wish["response_mode"]) == ("code", "query")
    assert wish["code_challenge_method"] == "S256"
    assert wish["prompt"] == "select_account"
    page = browser.get(office.consent(browser, url))
    assert (page.status_code, "Connected" in page.text) == (200, True), page.text
    assert office.status() is ConnectionStatus.ACTIVE
    grant = office.grant()
    assert grant is not None
    assert grant.subject == office.microsoft.id_of(ANN)
    assert len(revealed(grant)) == 2


@pytest.mark.covers("S2-08")
def test_who_only_reads_is_asked_for_no_more(tmp_path: Path) -> None:
    def inbound(_: object, config: dict[str, list[dict[str, str]]]) -> None:
        config["resources"][0]["direction"] = "inbound"

    with opened(tmp_path, inbound) as office:
        scopes = asked(office.asks(Browser()))["scope"].split()
        assert sorted(scopes) == [
            "Calendars.Read", "User.Read", "offline_access", "openid", "profile",
        ]  # fmt: skip


@pytest.mark.covers("S2-07")
def test_a_personal_account_is_connected_as_well(office: Office) -> None:
    assert office.connect(account=HANS).status_code == 200
    grant = office.grant()
    assert grant is not None
    assert grant.subject == office.microsoft.id_of(HANS)


def test_where_a_tenant_signs_people_in_is_asked_once(office: Office) -> None:
    listed = office.api(office.key(scope="connections:read"), "/providers")
    assert "microsoft" in [each["name"] for each in listed.json()["items"]]
    assert office.microsoft.described == 0, "not before somebody is asked"
    office.connect()
    for _ in range(3):
        office.bridge.connecting.refresh(WORK)
    assert office.microsoft.described == 1


@pytest.mark.covers("A-26", "F7", "F28")
def test_many_who_need_a_token_cost_one_refresh_and_what_rotates_is_kept(office: Office) -> None:
    office.microsoft.fault("single_use_refresh")
    office.connect()
    seen = [revealed(office.grant())]
    together = Barrier(8)

    def ask(_: int) -> str:
        together.wait(60)
        return office.token()

    for number in (1, 2):
        office.now += 4000
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(ask, range(8)))
        seen.append(revealed(office.grant()))
        assert found == {seen[-1][0]}
        assert office.microsoft.calls == ["authorization_code", *["refresh_token"] * number]
    assert len({token for pair in seen for token in pair}) == 6, "all of them are others"


@pytest.mark.covers("A-28", "T7")
def test_another_account_does_not_take_the_place_of_the_connected_one(office: Office) -> None:
    office.connect()
    before, grant = office.row(), revealed(office.grant())
    refused = office.connect(account=BOB)
    assert refused.status_code == 409
    assert "Choose the account that was connected before" in refused.text
    browser = Browser()
    start = browser.get(office.direct(APP))
    back = browser.get(office.consent(browser, start.headers["Location"], BOB))
    assert asked(back.headers["Location"])["error"] == "account_mismatch"
    assert (office.row(), revealed(office.grant())) == (before, grant)
    assert office.connect().status_code == 200, "the same one is connected again"


@pytest.mark.covers("A-40", "T1", "T3", "P7")
def test_what_is_not_right_is_refused_with_its_code_and_no_redirect_carries_a_token(
    office: Office,
) -> None:
    browser, seen = Browser(), []

    def back(url: str, decision: str = "allow") -> dict[str, str]:
        answer = browser.get(office.consent(browser, url, decision=decision))
        seen.append(answer.headers["Location"])
        assert seen[-1].startswith(f"{APP}&")
        return asked(seen[-1])

    def start() -> str:
        return str(browser.get(office.direct(APP)).headers["Location"])

    denied = back(start(), "deny")
    assert (denied["error"], "did not agree" in denied["message"]) == ("access_denied", True)

    # A code that was not asked for with the challenge of this question, as one that was stolen.
    mine = start()
    other = {**asked(mine), "code_challenge": asked(start())["code_challenge"]}
    assert back(f"{mine.partition('?')[0]}?{urlencode(other)}")["error"] == "invalid_grant"
    assert office.grant() is None

    answer = office.consent(browser, start())
    good = browser.get(answer)
    seen.append(good.headers["Location"])
    assert asked(seen[-1])["success"] == "true"
    replayed = browser.get(answer)
    assert (replayed.status_code, "Location" in replayed.headers) == (400, False)
    calls = len(office.microsoft.calls)
    assert browser.get(answer.replace(state_of(answer), "a" * 52)).status_code == 400
    assert len(office.microsoft.calls) == calls

    secrets = office.microsoft.secrets | {asked(answer)["code"]}
    assert len(secrets) > 6
    told = " ".join(seen)
    assert [each for each in secrets if each in told or quote(each, safe="") in told] == []


@pytest.mark.covers("T39", "P7")
def test_neither_the_log_nor_what_is_shown_of_a_grant_holds_a_secret(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    office.connect()
    office.bridge.connecting.refresh(WORK)
    office.microsoft.fault("conditional_access")
    with pytest.raises(AuthorizationExpired) as caught:
        office.bridge.connecting.refresh(WORK)
    # The browser of the test has a log, too.
    ours = [each for each in caplog.records if not each.name.startswith("httpx2")]
    log = "\n".join(each.getMessage() for each in ours)
    told = f"{log} {office.grant()!r} {caught.value} {caught.value.hint}"
    assert "AADSTS53003, correlation id" in log
    assert len(office.microsoft.secrets) > 6
    assert [each for each in office.microsoft.secrets if each in told] == []


@pytest.mark.covers("F12")
@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("invalid_grant", "token_expired", "connect the account again"),
        ("password_changed", "password_changed", "connect the account again"),
        ("conditional_access", "conditional_access", "sign-in logs"),
        ("mfa_required", "mfa_required", "the sign-in page asks for it"),
    ],
)
def test_what_ends_a_grant_is_told_apart_and_the_same_account_is_connected_again(
    office: Office, fault: str, code: str, words: str
) -> None:
    office.connect()
    before = office.row()
    office.microsoft.fault(fault)
    office.now += 4000
    for _ in range(2):  # the second time nobody is asked
        with pytest.raises(AuthorizationExpired) as caught:
            office.token()
        assert (caught.value.code, words in caught.value.hint) == (code, True), caught.value.hint
    assert office.microsoft.calls.count("refresh_token") == 1
    office.microsoft.fault(fault, value=False)
    assert office.connect().status_code == 200
    after = office.row()
    assert (after.id, after.plan, after.status) == (before.id, before.plan, before.status)
    assert office.token() in revealed(office.grant())


def test_a_sign_in_that_does_not_work_now_is_asked_again_at_once(office: Office) -> None:
    office.connect()
    office.microsoft.fault("token_unavailable")
    office.now += 4000
    with pytest.raises(TemporarilyUnavailable):
        office.token()
    office.microsoft.fault("token_unavailable", value=False)
    assert office.token() in revealed(office.grant())
    assert office.status() is ConnectionStatus.ACTIVE


def test_an_administrator_has_to_let_the_application_in_where_the_organization_says_so(
    office: Office,
) -> None:
    with office.microsoft.sandbox.world.lock:
        tenant = office.microsoft.sandbox.microsoft.directory.tenant("example.test")
        assert tenant is not None
        tenant.may_consent = False
    browser = Browser()
    url = office.asks(browser)
    page = browser.http.post(url, data={"account": ANN, "decision": "allow"})
    assert "Need admin approval" in page.text
    back = page.text.partition('<a href="')[2].partition('"')[0].replace("&amp;", "&")
    told = browser.get(back)
    assert told.status_code == 403
    assert "Only an administrator" in told.text
    assert "Grant admin consent" in told.text
    row = office.row()
    assert (row.status, row.error_code) == (ConnectionStatus.ERROR, "admin_consent_required")
    browser = Browser()
    assert browser.get(office.consent(browser, office.asks(browser), decision="admin")).is_success
    assert office.status() is ConnectionStatus.ACTIVE


def test_an_owner_who_does_not_agree_is_told_what_that_means(office: Office) -> None:
    answer = office.connect(decision="deny")
    assert answer.status_code == 403
    assert "their time would look free" in answer.text
    assert office.microsoft.calls == []


@pytest.mark.parametrize(
    ("key", "value", "code", "words"),
    [
        ("client_secret", "CANARY-wrong", "invalid_client", "the value of a secret, not its id"),
        ("client_secret", "CANARY-old", "client_secret_expired", "nobody has to agree again"),
        ("client_id", "0bc1d7e4-0000-4000-8000-00000000ffff", "application_unknown", "client_id"),
        ("tenant", "nowhere.example", "tenant_unknown", "providers.microsoft.tenant"),
    ],
    ids=["wrong secret", "expired secret", "another application", "another tenant"],
)
def test_what_is_wrong_with_the_settings_is_told_apart_and_put_right_without_the_owner(
    office: Office, key: str, value: str, code: str, words: str
) -> None:
    office.connect()
    with office.microsoft.sandbox.world.lock:
        client = office.microsoft.sandbox.microsoft.grants.clients[CLIENT]
        client.secrets["CANARY-old"] = office.microsoft.sandbox.world.now
    path = office.bridge.config_path
    good = path.read_text()
    lines = [it for it in good.splitlines() if it.strip().partition(":")[0] != key]
    lines.insert(lines.index("  microsoft:") + 1, f"    {key}: {value}")
    path.write_text("\n".join(lines))
    assert office.bridge.reload().ok
    with pytest.raises(RemoteRejected) as caught:
        office.bridge.connecting.refresh(WORK)
    assert (caught.value.code, words in caught.value.hint) == (code, True), caught.value.hint
    assert "CANARY" not in f"{caught.value} {caught.value.hint}"
    path.write_text(good)
    assert office.bridge.reload().ok
    office.bridge.connecting.refresh(WORK)


def test_a_page_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    def elsewhere(_: object, config: dict[str, dict[str, dict[str, str]]]) -> None:
        config["providers"]["microsoft"]["tenant"] = "nowhere.example"

    with opened(tmp_path, elsewhere) as office:
        browser = Browser()
        answer = browser.press(browser.get(office.link()))
        assert answer.status_code == 502
        assert "Microsoft knows no such tenant (AADSTS90002)" in answer.text
        row = office.row()
        assert (row.status, row.error_code) == (ConnectionStatus.ERROR, "tenant_unknown")
        assert office.pull() != "ok"
        assert office.row().error_code == "tenant_unknown", "it says more than that it waits"
        shown = Browser().get(office.link()).text
        assert "does not work" in shown
        assert "check providers.microsoft.tenant" in shown


def test_what_an_owner_could_not_help_is_shown_to_the_admin_until_it_is_put_right(
    office: Office,
) -> None:
    grants = office.microsoft.sandbox.microsoft.grants
    with office.microsoft.sandbox.world.lock:
        good, grants.clients[CLIENT].secrets = grants.clients[CLIENT].secrets, {"other": None}
    answer = office.connect()
    assert "not its id" in answer.text
    row = office.row()
    assert (row.status, row.error_code) == (ConnectionStatus.ERROR, "invalid_client")
    assert row.error_since == office.now
    assert office.connect(decision="deny").status_code == 403
    assert office.row().error_code == "invalid_client", "who says no is no trouble of the account"
    with office.microsoft.sandbox.world.lock:
        grants.clients[CLIENT].secrets = good
    assert office.connect().status_code == 200
    assert (office.status(), office.row().error_code) == (ConnectionStatus.ACTIVE, "")


def test_scopes_are_understood_however_microsoft_spells_them(office: Office) -> None:
    office.microsoft.fault("qualified_scopes")
    assert office.connect().status_code == 200
    grant = office.grant()
    assert grant is not None
    assert {"Calendars.ReadWrite", "User.Read"} <= {*grant.scopes}
    office.bridge.connecting.refresh(WORK)
    assert office.status() is ConnectionStatus.ACTIVE


def test_who_gave_no_lasting_permission_is_not_connected(office: Office) -> None:
    office.microsoft.fault("no_refresh_token")
    answer = office.connect()
    assert (answer.status_code, "no lasting permission" in answer.text.lower()) == (503, True)
    assert office.grant() is None


def test_an_answer_in_the_name_of_another_server_is_refused(office: Office) -> None:
    browser = Browser()
    answer = office.consent(browser, office.asks(browser))
    evil = quote("https://login.microsoftonline.com.evil.example/common/v2.0")
    assert browser.get(f"{answer}&iss={evil}").status_code == 400
    browser = Browser()
    answer = office.consent(browser, office.asks(browser))
    tenant = quote("https://login.microsoftonline.com/1d0b9b5c-0000-4000-8000-000000000000/v2.0")
    assert browser.get(f"{answer}&iss={tenant}").status_code == 200


@pytest.mark.covers("S0-33")
def test_what_microsoft_does_not_take_back_is_deleted_here_and_its_owner_told_where(
    office: Office,
) -> None:
    office.connect()
    trouble = office.bridge.connecting.disconnect(WORK)
    assert isinstance(trouble, NotRevocable)
    assert "deleted" in str(trouble)
    assert "myapplications.microsoft.com" in trouble.hint
    assert office.grant() is None
    assert office.status() is ConnectionStatus.DISCONNECTED
    assert office.connect(account=BOB).status_code == 200
    assert office.status() is ConnectionStatus.ACTIVE


def test_a_code_that_came_to_an_application_connects_its_account(office: Office) -> None:
    """It asked with a nonce of its own, or with none, and without a challenge."""
    wish = {
        "client_id": CLIENT,
        "redirect_uri": APP,
        "response_type": "code",
        "scope": "openid offline_access Calendars.ReadWrite User.Read",
        "nonce": "its own",
    }
    url = f"{office.microsoft.sandbox.url}/common/oauth2/v2.0/authorize?{urlencode(wish)}"
    code = asked(office.consent(Browser(), url))["code"]
    office.bridge.connecting.redeem(WORK, code, APP)
    assert office.status() is ConnectionStatus.ACTIVE
    with pytest.raises(AuthorizationExpired) as caught:
        office.bridge.connecting.redeem(WORK, code, APP)
    assert caught.value.code == "invalid_grant"


def test_a_refresh_token_of_another_application_connects_its_account(office: Office) -> None:
    from bridge.sandbox.microsoft.grants import Client

    own, secret = "0bc1d7e4-0000-4000-8000-00000000000a", "CANARY-own-secret"
    box = office.microsoft.sandbox.microsoft
    client = box.add_client(Client(own, {secret: None}, (APP,)))
    scopes = ("offline_access", "Calendars.ReadWrite", "User.Read")
    with office.microsoft.sandbox.world.lock:
        box.grants.consent(box.directory.mailbox(ANN), client, {s.lower() for s in scopes})
        given = box.grants.give(client, box.directory.mailbox(ANN), scopes)
    adopt = office.bridge.connecting.adopt
    with pytest.raises(RemoteRejected) as caught:
        adopt(WORK, SecretStr(given.refresh), own, SecretStr("CANARY-wrong"))
    assert caught.value.code == "invalid_client"
    adopt(WORK, SecretStr(given.refresh), own, SecretStr(secret))
    assert office.status() is ConnectionStatus.ACTIVE
    office.bridge.connecting.refresh(WORK)
    assert office.microsoft.calls == ["refresh_token"] * 3


ALL = " ".join(scope.value for scope in Scope)


@pytest.mark.covers("S0-20", "S0-21", "S1-09")
def test_an_application_sends_an_owner_by_any_name_of_the_provider(office: Office) -> None:
    key = office.key(scope=ALL)
    wish = {"provider": "Office365", "id": "own", "resource_id": "room-a"}
    status, made = office.call(key, "POST", "/connections", wish)
    assert (status, made["provider"], made["status"]) == (201, "microsoft", "pending"), made
    query = urlencode({"resource": "room-a", "connection_id": made["id"], "redirect_url": APP})
    status, told = office.call(key, "GET", f"/auth/outlook/url?{query}")
    assert (status, told["provider"]) == (200, "microsoft"), told
    browser = Browser()
    start = browser.get(told["auth_url"]).headers["Location"]
    back = asked(browser.get(office.consent(browser, start)).headers["Location"])
    assert (back["success"], back["provider"]) == ("true", "microsoft")
    assert office.call(key, "GET", f"/connections/{made['id']}")[1]["status"] == "active"
    wish = {"provider": "microsoft", "id": "two", "resource_id": "room-a"}
    other = office.call(key, "POST", "/connections", wish)[1]["id"]
    query = urlencode({"resource": "room-a", "connection_id": other, "redirect_url": APP})
    start = office.call(key, "GET", f"/auth/outlook/url?{query}")[1]["auth_url"]
    url = browser.get(start).headers["Location"]
    back = asked(browser.get(office.consent(browser, url)).headers["Location"])
    assert (back["error"], back["existingConnectionId"]) == ("connection_exists", made["id"])


@pytest.mark.covers("S2-07")
@pytest.mark.parametrize(
    ("tenant", "allowed"),
    [("organizations", {ANN}), ("consumers", {HANS}), ("example.test", {ANN}), ("common", None)],
)
def test_whose_accounts_are_connected_the_tenant_says(
    tmp_path: Path, tenant: str, allowed: set[str] | None
) -> None:
    def adjust(_: object, config: dict[str, dict[str, dict[str, str]]]) -> None:
        config["providers"]["microsoft"]["tenant"] = tenant

    with opened(tmp_path, adjust) as office:
        browser = Browser()
        url = office.asks(browser)
        for account in (ANN, HANS):
            page = browser.http.post(url, data={"account": account, "decision": "allow"})
            is_in = allowed is None or account in allowed
            assert page.status_code == (302 if is_in else 400)
            assert is_in or "AADSTS50020" in page.text


@pytest.mark.covers("A-27", "A-36", "P6")
def test_a_permission_that_ends_keeps_what_was_read_and_shows_only_when(office: Office) -> None:
    person = office.microsoft.sandbox.microsoft.person(ANN)
    person.create(
        "CANARY-title",
        utc(office.now + 86400),
        body={"contentType": "text", "content": "CANARY-body"},
        location={"displayName": "CANARY-place"},
        attendees=[{"emailAddress": {"address": "canary@example.test", "name": "CANARY-guest"}}],
        isOnlineMeeting=True,
    )
    assert office.connect().status_code == 200
    assert office.pull() == "ok"
    key, seen = office.key(scope=ALL), []

    def busy() -> list[str]:
        window = f"start={rfc3339(office.now)}&end={rfc3339(office.now + 7 * 86400)}"
        answer = office.api(key, f"/resources/{ROOM}/busy?{window}")
        assert answer.status_code == 200, answer.text
        seen.append(answer.text)
        return [each["start"] for each in answer.json()["periods"]]

    before = busy()
    assert before == [rfc3339(office.now + 86400)]
    office.microsoft.fault("password_changed")
    office.now += 4000
    assert office.pull() != "ok"
    row = office.row()
    assert (row.status, row.error_code) == (ConnectionStatus.TOKEN_EXPIRED, "password_changed")
    since = row.error_since
    person.create("CANARY-second", utc(office.now + 2 * 86400))
    office.now += 600
    assert office.pull() != "ok"
    row = office.row()
    assert (row.error_code, row.error_since) == ("password_changed", since)
    assert "connect the account again" in row.error_hint
    assert busy() == before, "what was known stays"
    office.microsoft.fault("password_changed", value=False)
    assert office.connect().status_code == 200
    assert office.pull() == "ok"
    assert (office.status(), len(busy())) == (ConnectionStatus.ACTIVE, 2)
    feed = office.api(key, f"/connections/{WORK}")
    assert feed.status_code == 200
    assert not [each for each in (*seen, feed.text) if "canary" in each.lower()]
