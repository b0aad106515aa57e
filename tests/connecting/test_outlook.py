"""A Microsoft account is connected by its owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.model.resource import ConnectionStatus
from tests.connecting.home import revealed
from tests.connecting.outlook import CLIENT, HANS, Office, opened
from tests.connecting.owner import ANN, Browser, asked


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


@pytest.mark.covers("S2-07")
def test_a_personal_account_is_connected_as_well(office: Office) -> None:
    assert office.connect(account=HANS).status_code == 200
    grant = office.grant()
    assert grant is not None
    assert grant.subject == office.microsoft.id_of(HANS)
