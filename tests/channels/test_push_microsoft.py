"""A change in somebody's calendar at Microsoft is told, and shows here without a poll."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.model.resource import ConnectionStatus
from tests.channels.house import PushedOffice, pushed_office
from tests.connecting.home import DESK, WORK
from tests.connecting.outlook import CLIENT, Microsoft
from tests.connecting.owner import ANN, BOB

SAFETY = 36 * 60
"""Seconds: sync.push_poll_interval with its jitter."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[PushedOffice]:
    with pushed_office(tmp_path) as made:
        yield made


@pytest.mark.covers("S2-35")
def test_a_change_wakes_a_pull_and_polls_are_seldom(house: PushedOffice) -> None:
    house.connect()
    [there] = house.there()
    assert (there.url, there.lifecycle_url) == (f"{house.home.url}/hooks/microsoft",) * 2
    before = house.pulls()
    house.pass_time(10 * 60)
    house.quiet()
    assert (house.pulls(), house.busy()) == (before, 0)
    event = house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    assert house.pulls() == before + 1
    house.pass_time(60)
    house.microsoft.person(ANN).delete(event)
    house.until(lambda: house.busy() == 0, "and it is gone")


@pytest.mark.covers("F41")
def test_a_notification_that_comes_twice_is_one_pull(house: PushedOffice) -> None:
    house.connect()
    before = house.pulls()
    house.microsoft.misbehave(ANN, "push_duplicate")
    house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    house.pass_time(2)  # the second one may have come after the pull had begun
    house.quiet()
    assert before < house.pulls() <= before + 2


@pytest.mark.covers("F42")
def test_what_no_notification_told_is_found_by_a_poll_and_none_is_relied_on_until_one_comes(
    house: PushedOffice,
) -> None:
    house.connect()
    house.pass_time(SAFETY)
    house.quiet()
    house.microsoft.misbehave(ANN, "push_lost")
    house.create(24)
    house.pass_time(SAFETY)
    house.until(lambda: house.busy() == 1, "the poll finds it")
    house.quiet()
    assert house.standing().state == "off"
    assert "no notification yet has arrived" in house.standing().reason
    assert house.due_in() <= 6 * 60, "polled as if nobody told"
    house.microsoft.behave()
    house.create(40)
    house.until(lambda: house.busy() == 2, "one is told again")
    house.quiet()
    assert house.standing().state == "on"


def test_what_was_missed_is_found_without_a_poll(house: PushedOffice) -> None:
    house.connect()
    house.microsoft.misbehave(ANN, "push_lost")
    house.create(24)
    house.microsoft.tell(ANN, "missed")
    house.until(lambda: house.busy() == 1, "the event shows")


def test_a_late_notification_is_answered_when_it_comes(house: PushedOffice) -> None:
    house.connect()
    house.microsoft.misbehave(ANN, "push_late", 180)
    house.create(24)
    house.sandbox.flush()
    assert house.busy() == 0
    house.pass_time(180)
    house.sandbox.flush()
    house.until(lambda: house.busy() == 1, "the event shows")


@pytest.mark.covers("F43")
def test_what_microsoft_removed_is_made_anew_and_nothing_of_the_time_between_is_lost(
    house: PushedOffice,
) -> None:
    house.connect()
    [before] = house.there()
    house.microsoft.misbehave(ANN, "push_lost")
    house.create(24)
    house.microsoft.tell(ANN, "subscriptionRemoved")
    house.until(lambda: [it.id for it in house.there()] not in ([], [before.id]), "another one")
    house.until(lambda: house.busy() == 1, "what changed meanwhile shows")
    house.quiet()
    house.microsoft.behave()
    assert (house.standing().state, len(house.rows())) == ("on", 1)
    house.pass_time(60)
    house.create(30)
    house.until(lambda: house.busy() == 2, "it is told again")


def test_what_has_to_be_authorized_again_is_at_once(house: PushedOffice) -> None:
    house.connect()
    [there] = house.there()
    house.microsoft.tell(ANN, "reauthorizationRequired")
    house.until(lambda: not there.is_halted, "it is authorized")
    house.quiet()
    assert [each.id for each in house.there()] == [there.id]
    house.pass_time(60)
    house.create(24)
    house.until(lambda: house.busy() == 1, "it goes on")


@pytest.mark.covers("F43")
def test_a_subscription_is_renewed_in_good_time(house: PushedOffice) -> None:
    house.connect()
    [row], [there] = house.rows(), house.there()
    house.pass_time(row.due_at - house.home.now)
    house.until(lambda: house.rows()[0].expires_at > row.expires_at, "it lives longer")
    house.quiet()
    assert [each.id for each in house.there()] == [there.id]
    assert house.standing().state == "on"


def test_disconnecting_ends_it(house: PushedOffice) -> None:
    house.connect()
    house.bridge.connecting.disconnect(WORK)
    assert (house.there(), house.rows()) == ([], [])
    assert house.home.status() is ConnectionStatus.DISCONNECTED


def test_mailboxes_that_an_application_reads_by_itself_are_told_of_as_well(tmp_path: Path) -> None:
    def adjust(microsoft: Microsoft, config: Any) -> None:
        with microsoft.sandbox.world.lock:
            tenant = microsoft.sandbox.microsoft.directory.add_tenant("example.test")
            tenant.consented[CLIENT] = {"calendars.read", "user.read.all"}
        config["server"]["threads"] = 2  # both are asked for, and asked, at the same time
        config["providers"]["microsoft"] |= {"application": True, "tenant": "example.test"}
        config["resources"][0]["connections"][0]["account_email"] = ANN
        config["resources"][1]["connections"][0]["account_email"] = BOB

    with pushed_office(tmp_path, adjust=adjust) as house:
        house.until(lambda: house.standing().state == "on", "Ann's calendar is watched")
        house.until(lambda: house.standing(DESK).state == "on", "and Bob's")
        house.quiet()
        [there] = house.there()
        assert there.resource.startswith(f"/users/{house.office.microsoft.id_of(ANN)}/")
        house.create(24)
        house.until(lambda: house.busy() == 1, "the event shows")


def test_a_calendar_that_somebody_shares_is_polled_and_that_is_said(house: PushedOffice) -> None:
    """Microsoft tells of changes in the mailbox of whoever agreed, and nowhere else."""
    house.microsoft.person(BOB).share(ANN, "read")
    house.agree()
    house.until(lambda: house.standing().state == "partial", "her own is watched")
    house.quiet()
    assert len(house.there()) == 1
    assert house.due_in() <= 6 * 60
    house.create(24)
    house.until(lambda: house.busy() == 1, "her own event shows")
