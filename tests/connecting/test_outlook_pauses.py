"""Microsoft asks for a pause: it is waited for and shown, and nobody else waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.model.interval import rfc3339
from bridge.model.resource import ConnectionId
from bridge.sandbox.microsoft.quotas import MailboxLimits
from bridge.scheduler.pulls import Pulls
from tests.connecting.home import DESK, ROOM_B, WORK
from tests.connecting.outlook import Office, opened
from tests.connecting.owner import BOB, Browser

ASKED = 90


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Ann's account is connected to room A, Bob's to room B; nothing is pulled by itself."""
    folder: Path = tmp_path_factory.mktemp("office")
    with opened(folder) as made:
        assert made.connect().status_code == 200
        browser = Browser()
        url = made.asks(browser, made.link(ROOM_B))
        assert browser.get(made.consent(browser, url, BOB)).status_code == 200
        yield made


def shown(office: Office, connection: ConnectionId) -> dict[str, Any]:
    status, document = office.call(
        office.key(scope="connections:read"), "GET", f"/connections/{connection}/sync-status"
    )
    assert status == 200, document
    return document


@pytest.mark.covers("A-30", "F18", "S0-56")
@pytest.mark.parametrize("reason", ["too_many_requests", "concurrency", "quota"])
def test_a_pause_that_graph_asks_for_is_kept_and_shown_and_nobody_else_waits(
    office: Office, reason: str
) -> None:
    microsoft = office.microsoft.sandbox.microsoft
    assert office.pull(WORK) == "ok"
    assert office.pull(DESK) == "ok"
    if reason == "quota":
        microsoft.limit(MailboxLimits(requests=1))
    else:
        office.microsoft.fault(reason, ASKED)
    assert office.pull(WORK) == "rate_limited"
    told = shown(office, WORK)
    assert (told["status"], told["state"]) == ("active", "rate_limited")
    assert told["rate_limited"] is True
    ends = int(datetime.fromisoformat(told["rate_limit_resets_at"]).timestamp())
    assert ASKED <= ends - office.now <= 660
    assert told["next_sync_at"] >= told["rate_limit_resets_at"]
    budgets = office.bridge.ground.budgets._accounts
    assert budgets[WORK].strikes > 0, "and after the pause it goes on more slowly"
    # Whoever asks for a pull does not get one before the end, and Microsoft is not asked.
    assert Pulls(office.bridge.ground, office.bridge.ingest).take(WORK) is None
    assert budgets[DESK].strikes == 0
    microsoft.limit(MailboxLimits())
    assert office.pull(DESK) == "ok"
    assert shown(office, DESK)["state"] == "idle"
    microsoft.behave()
    office.now = ends + 1
    assert shown(office, WORK)["rate_limited"] is False
    assert office.pull(WORK) == "ok"
    assert shown(office, WORK)["last_sync_at"] == rfc3339(office.now)


def test_a_mailbox_is_asked_one_thing_at_a_time(office: Office) -> None:
    """It would take four."""
    assert office.pull(WORK) == "ok"
    assert set(office.microsoft.sandbox.microsoft.quotas.most.values()) == {1}
