"""An application reads the mailboxes of an organization, and nobody has to agree."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from bridge.config.load import load
from bridge.connecting import Asked
from bridge.errors import ConfigError, ProviderError, RemoteRejected
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.registry import KINDS
from tests.connecting.home import DESK, WORK
from tests.connecting.outlook import CLIENT, SECRET, Microsoft, Office, opened
from tests.connecting.owner import ANN, BOB, Browser

NINE = datetime(2026, 9, 22, 9, tzinfo=UTC)
ALONE = "client_credentials"
NEEDED = {"calendars.read", "user.read.all"}


def directory(microsoft: Microsoft) -> Any:
    return microsoft.sandbox.microsoft.directory


def allow(microsoft: Microsoft, *permissions: str) -> None:
    """What an administrator does in the Entra admin center."""
    with microsoft.sandbox.world.lock:
        directory(microsoft).tenant("example.test").consented[CLIENT] = set(permissions)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Room A's account is read by the application, and room B's asks its owner."""

    def adjust(microsoft: Microsoft, config: Any) -> None:
        allow(microsoft, *NEEDED)
        config["providers"]["microsoft"] |= {"application": True, "tenant": "example.test"}
        config["resources"][0]["connections"][0]["account_email"] = ANN
        config["resources"][1]["connections"][0]["consent"] = True

    with opened(tmp_path, adjust) as made:
        yield made


def test_a_mailbox_is_read_without_anybodys_consent(office: Office) -> None:
    assert office.status() is ConnectionStatus.ACTIVE
    assert office.status(DESK) is ConnectionStatus.PENDING
    office.microsoft.sandbox.microsoft.person(ANN).create("talk", NINE)
    office.microsoft.sandbox.microsoft.person(BOB).create("not Ann's", NINE)
    report = office.bridge.ingest.pull(WORK, office.now)
    assert [(each.objects, each.error) for each in report.calendars] == [(1, None)]
    assert office.microsoft.calls == [ALONE]
    assert office.grant() is None, "a token that can be had at any time is not stored"


def test_an_owner_is_asked_only_where_the_settings_say_so(office: Office) -> None:
    assert "<form" not in Browser().get(office.link()).text
    with pytest.raises(RemoteRejected, match="nobody has to agree"):
        office.bridge.connecting.begin(Asked(WORK, "browser", "cli"))
    browser = Browser()
    page = browser.get(office.link(office.row(DESK).resource_id))
    url = browser.press(page).headers["Location"]
    assert "/example.test/oauth2/" in url
    assert browser.get(office.consent(browser, url, BOB)).status_code == 200
    assert office.status(DESK) is ConnectionStatus.ACTIVE


@pytest.mark.covers("F28")
def test_many_jobs_cost_one_token(office: Office) -> None:
    source = office.bridge.accounts.open(WORK).source
    assert source is not None
    together = Barrier(8)

    def read(_: int) -> int:
        together.wait(60)
        return len(source.list_calendars())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [1] * 8
    assert office.microsoft.calls == [ALONE]


def refused(office: Office) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        office.bridge.connecting.refresh(WORK)
    return caught.value


def unread(office: Office) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        office.bridge.ingest.pull(WORK, office.now)
    return caught.value


def test_what_keeps_the_application_out_is_told_apart(office: Office) -> None:
    with office.microsoft.sandbox.world.lock:
        del directory(office.microsoft).tenant("example.test").consented[CLIENT]
    err = refused(office)
    assert (err.code, "Grant admin consent" in err.hint) == ("application_not_in_tenant", True)
    allow(office.microsoft)
    office.bridge.connecting.refresh(WORK)
    assert unread(office).code == "forbidden"


def test_a_mailbox_that_an_access_policy_leaves_out_says_so(office: Office) -> None:
    with office.microsoft.sandbox.world.lock:
        client = office.microsoft.sandbox.microsoft.grants.clients[CLIENT]
        client.mailboxes = frozenset({BOB})
    err = unread(office)
    assert (err.code, "access policy" in err.hint) == ("forbidden", True)


def test_an_address_that_the_organization_does_not_have_is_said(office: Office) -> None:
    path = office.bridge.config_path
    path.write_text(path.read_text().replace(ANN, "nobody@example.test"))
    assert office.bridge.reload().ok
    err = unread(office)
    assert "nobody@example.test" in str(err)
    assert "account_email" in err.hint


@pytest.mark.covers("T6", "T49")
def test_a_program_cannot_have_the_application_read_somebodys_calendar(office: Office) -> None:
    key = office.key("room-a", "room-b", scope="connections:write connections:read")
    wish = {"provider": "outlook", "id": "his", "account_email": BOB, "resource_id": "room-a"}
    status, made = office.call(key, "POST", "/connections", wish)
    assert (status, made["status"]) == (201, "pending"), made
    assert office.bridge.connecting.authorizer(ConnectionId(made["id"])) is not None
    assert office.microsoft.calls == []


def problems(folder: Path, connection: str = "", **section: object) -> list[str]:
    """What `check` says of a file with such a section."""
    path = folder / "busybridge.yaml"
    lines = [f"    {name}: {value}\n" for name, value in section.items()]
    path.write_text(
        "version: 1\n"
        "allow_inline_secrets: true\n"
        "resources:\n"
        "  - id: room-a\n"
        "    connections:\n"
        f"      - {{id: work, provider: microsoft{connection}}}\n"
        "providers:\n"
        f"  microsoft:\n{''.join(lines)}"
    )
    try:
        load(path, KINDS, {})
    except ConfigError as err:
        return [f"{each.line}: {each.key}: {each.message} ({each.hint})" for each in err.problems]
    return []


@pytest.mark.parametrize("tenant", ["common", "organizations", "Consumers"])
def test_an_application_of_its_own_needs_an_organization(tmp_path: Path, tenant: str) -> None:
    (said,) = problems(
        tmp_path,
        f", account_email: {ANN}",
        client_id=CLIENT,
        client_secret=SECRET,
        tenant=tenant,
        application="true",
    )
    assert said.startswith("12: providers.microsoft.application: needs an organization")
    assert "tenant" in said


def test_whose_mailbox_an_application_reads_has_to_be_said(tmp_path: Path) -> None:
    alone = {"client_id": CLIENT, "client_secret": SECRET, "tenant": "a.example"}
    (said,) = problems(tmp_path, **alone, application="true")
    assert said.startswith("6: resources[0].connections[0].account_email: is missing")
    assert problems(tmp_path, ", consent: true", **alone, application="true") == []
    (said,) = problems(tmp_path, ", consent: true", tenant="a.example", application="true")
    assert "needs a client_secret" in said


@pytest.mark.covers("T39")
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil.example",
        "http://192.168.0.7:8080",
        "https://login.example",
        "http://127.0.0.1:8080/path",
        "http://[::ffff:8.8.8.8]:80",
        "ftp://127.0.0.1",
    ],
)
def test_secrets_go_to_no_stand_in_but_one_of_this_machine(tmp_path: Path, url: str) -> None:
    (said,) = problems(tmp_path, sandbox_url=f"'{url}'")
    assert said.startswith("9: providers.microsoft.sandbox_url: is not")


@pytest.mark.parametrize("tenant", ["a/b", "a b", "..", "http://evil.example"])
def test_a_tenant_is_a_name_and_no_path(tmp_path: Path, tenant: str) -> None:
    (said,) = problems(tmp_path, tenant=f"'{tenant}'")
    assert "is neither common" in said
