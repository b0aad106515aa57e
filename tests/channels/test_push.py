"""A change in somebody's calendar at Google is told, and shows here without a poll."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import update

from bridge.model.resource import ConnectionStatus
from bridge.store import channels, connections, schema
from bridge.store.channels import ChannelState
from tests.channels.house import DAY, Pushed, pushed
from tests.connecting.home import DESK, WORK
from tests.connecting.owner import ANN

SAFETY = 36 * 60
"""Seconds: sync.push_poll_interval with its jitter."""


def test_a_change_wakes_a_pull(house: Pushed) -> None:
    house.connect()
    (channel,) = house.there()
    assert channel.address == f"{house.home.url}/hooks/google"
    before = house.pulls()
    assert house.busy() == 0
    house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    assert house.pulls() == before + 1


def test_nobody_who_reads_the_database_can_pass_for_google(house: Pushed) -> None:
    house.connect()
    (channel,) = house.there()
    assert len(channel.token) >= 64
    path = house.bridge.database.path
    assert path is not None
    stored = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert channel.id.encode() in stored
    assert channel.token.encode() not in stored


@pytest.mark.covers("S2-35")
def test_polls_are_seldom_while_all_changes_are_told(house: Pushed) -> None:
    house.connect()
    assert house.due_in() > 6 * 60
    before = house.pulls()
    house.pass_time(10 * 60)
    house.quiet()
    assert house.pulls() == before
    house.pass_time(SAFETY - 10 * 60)
    house.until(lambda: house.pulls() > before, "the safety poll")


def test_a_safety_poll_is_not_late(house: Pushed) -> None:
    house.connect()
    before = house.pulls()
    house.pass_time(house.due_in())
    house.until(lambda: house.pulls() > before, "the safety poll")
    house.quiet()
    shown = house.client.get(f"{house.home.url}/metrics").text
    assert "busybridge_pull_lateness_seconds_sum 0.0" in shown


@pytest.mark.covers("F41")
def test_a_notification_that_comes_twice_is_one_pull(house: Pushed) -> None:
    house.connect()
    before = house.pulls()
    house.sandbox.misbehave(ANN, "push_duplicate")
    house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    house.post(house.sandbox.google.push.delivered[-1])
    house.quiet()
    assert house.pulls() == before + 1


@pytest.mark.covers("F42", "P13")
def test_a_poll_finds_what_no_notification_told_and_none_is_relied_on_until_one_comes(
    house: Pushed,
) -> None:
    house.connect()
    house.pass_time(SAFETY)
    house.quiet()
    house.sandbox.misbehave(ANN, "push_lost")
    house.create(24)
    house.pass_time(SAFETY)
    house.until(lambda: house.busy() == 1, "the poll finds it")
    house.quiet()
    assert house.standing().state == "off"
    assert "no notification of it has arrived" in house.standing().reason
    assert house.due_in() <= 6 * 60, "polled as if nobody told"
    house.create(30)
    house.pass_time(6 * 60)
    house.until(lambda: house.busy() == 2, "the next poll finds it")

    house.sandbox.behave(ANN)
    house.create(40)
    house.until(lambda: house.busy() == 3, "one is told again")
    house.quiet()
    assert house.standing().state == "on"
    assert house.due_in() > 6 * 60


def test_a_channel_of_which_nothing_ever_arrives_is_not_relied_on(tmp_path: Path) -> None:
    with pushed(tmp_path) as house:
        house.sandbox.misbehave(ANN, "push_lost")
        house.agree()
        house.until(lambda: house.there() != [], "her calendar is watched")
        house.quiet()
        assert house.standing().state == "off"
        assert house.home.url in house.standing().reason
        assert house.due_in() <= 6 * 60


@pytest.mark.covers("F43")
def test_a_channel_is_renewed_in_good_time_and_the_new_one_stands_before_the_old_one_goes(
    house: Pushed,
) -> None:
    house.connect()
    (first,) = house.there()
    (row,) = house.rows()
    life = row.expires_at - row.made_at
    assert 0.5 * life <= row.due_at - row.made_at <= 0.8 * life
    house.pass_time(row.due_at - house.home.now)
    house.until(lambda: [it.id for it in house.there()] not in ([], [first.id]), "another one")
    house.until(lambda: len(house.there()) == 1, "the old one is stopped")
    house.quiet()
    calls = [call for call in house.asked if call.endswith(("/watch", "/stop"))]
    assert [call.rpartition("/")[2] for call in calls] == ["watch", "watch", "stop"]
    house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    assert house.standing().state == "on"


@pytest.mark.covers("F43")
def test_while_a_channel_cannot_be_renewed_the_calendar_is_polled_as_ever(house: Pushed) -> None:
    house.connect()
    (row,) = house.rows()
    house.sandbox.misbehave(ANN, "push_refused")
    house.pass_time(row.due_at - house.home.now)
    house.until(lambda: len(house.rows()) == 2, "a try")
    house.quiet()
    standing = house.standing()
    assert standing.state == "off"
    assert "Google does not take the address" in standing.reason
    assert house.home.status() is ConnectionStatus.ACTIVE
    assert house.due_in() <= 6 * 60
    watches = sum(call.endswith("/watch") for call in house.asked)
    house.pass_time(6 * 60)
    house.quiet()
    assert sum(call.endswith("/watch") for call in house.asked) == watches, "it waits"
    house.sandbox.behave(ANN)
    house.pass_time(7 * 3600)
    house.until(lambda: house.standing().state == "on", "renewed after all")
    house.quiet()
    assert len(house.there()) == len(house.rows()) == 1
    house.pass_time(6 * 60)  # the pull that opened it may have ended before that was known
    house.quiet()
    assert house.due_in() > 6 * 60


def test_a_channel_that_google_forgot_is_renewed_at_its_time(house: Pushed) -> None:
    house.connect()
    with house.sandbox.world.lock:
        house.sandbox.google.push._channels.clear()
    (row,) = house.rows()
    house.pass_time(row.due_at - house.home.now)
    house.until(lambda: len(house.there()) == 1, "another one")
    house.quiet()
    (again,) = house.rows()
    assert again.id != row.id
    assert house.standing().state == "on"


def test_a_channel_that_ends_early_is_renewed_early(tmp_path: Path) -> None:
    with pushed(tmp_path) as house:
        house.sandbox.misbehave(ANN, "push_short", 1200)
        house.connect()
        (row,) = house.rows()
        assert row.expires_at - row.made_at == 1200
        assert 0 < house.due_in() <= row.due_at - house.home.now <= 960


@pytest.mark.covers("F44")
def test_a_notification_that_overtakes_its_change_is_answered_by_a_second_look(
    house: Pushed,
) -> None:
    house.connect()
    house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    house.pass_time(120)
    house.sandbox.misbehave(ANN, "push_lost")
    last = house.sandbox.google.push.delivered[-1]
    before = house.pulls()
    number = int(last.headers["X-Goog-Message-Number"])
    assert house.post(last, Message_Number=str(number + 1)).status_code == 204
    house.until(lambda: house.pulls() == before + 1, "a pull")
    house.quiet()
    house.create(30)
    assert house.due_in() <= 5
    house.pass_time(5)
    house.until(lambda: house.busy() == 2, "the second look finds it")
    house.quiet()
    assert house.due_in() > 6 * 60, "and that is all"


@pytest.mark.covers("F45")
def test_a_channel_that_should_be_silent_is_answered_404_and_stopped_again(house: Pushed) -> None:
    house.connect()
    house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    last = house.sandbox.google.push.delivered[-1]
    (row,) = house.rows()
    with house.bridge.database.write() as conn:
        channels.give_up(conn, [row.id], house.home.now + DAY)
    before = house.pulls()
    assert house.post(last, Message_Number="99").status_code == 404
    house.quiet()
    assert house.pulls() == before
    house.pass_time(DAY)
    house.until(lambda: row.id not in [it.id for it in house.there()], "it is stopped")


@pytest.mark.covers("F45")
def test_one_that_was_opened_although_that_seemed_to_fail_is_stopped_when_it_speaks(
    house: Pushed,
) -> None:
    house.connect()
    (row,) = house.rows()
    (there,) = house.there()
    with house.bridge.database.write() as conn:
        lost = {"state": ChannelState.FAILED.value, "reference": ""}
        conn.execute(update(schema.channels).values(lost))
    house.create(24)
    house.sandbox.flush()
    house.until(lambda: row.id not in [it.id for it in house.there()], "it is stopped")
    assert there.id == row.id


def test_a_restart_keeps_channels(tmp_path: Path) -> None:
    with pushed(tmp_path) as house:
        house.connect()
        (before,) = house.rows()
        assert house.due_in() > 10 * 60
        house.restart()
        assert house.due_in() <= 5 * 60, "something may have been told while nobody was here"
        house.quiet()
        house.create(24)
        house.until(lambda: house.busy() == 1, "the event shows")
        house.quiet()
        assert [row.id for row in house.rows()] == [before.id]
        assert sum(call.endswith("/watch") for call in house.asked) == 1


@pytest.mark.covers("S0-33")
def test_disconnecting_stops_them_before_the_grant_is_given_back(house: Pushed) -> None:
    house.connect()
    assert house.bridge.connecting.disconnect(WORK) is None
    assert house.there() == []
    assert house.rows() == []
    ends = [call.rpartition("/")[2] for call in house.asked if call.endswith(("/stop", "/revoke"))]
    assert ends == ["stop", "revoke"]


def test_a_pause_stops_them_and_its_end_opens_them_again(house: Pushed) -> None:
    house.connect()
    with house.bridge.database.write() as conn:
        connections.set_status(conn, WORK, ConnectionStatus.PAUSED)
    house.until(lambda: house.there() == [] and house.rows() == [], "it is stopped")
    assert house.standing() == ("off", "the connection is paused")
    with house.bridge.database.write() as conn:
        connections.set_status(conn, WORK, ConnectionStatus.ACTIVE)
    house.pass_time(SAFETY)
    house.until(lambda: house.standing().state == "on", "it is watched again")


def _edit(house: Pushed, **sections: object) -> None:
    path = house.bridge.config_path
    document = yaml.safe_load(path.read_text()) | sections
    path.write_text(yaml.safe_dump(document))
    assert house.bridge.reload().ok


def test_switching_push_off_stops_them_and_polls_at_once_as_ever(house: Pushed) -> None:
    house.connect()
    _edit(house, sync={"push": "off"})
    house.until(lambda: house.there() == [] and house.rows() == [], "it is stopped")
    house.quiet()
    assert house.standing() == ("off", "sync.push is off")
    assert house.due_in() <= 6 * 60


def test_a_calendar_that_is_not_read_any_more_is_not_watched_any_more(house: Pushed) -> None:
    with house.sandbox.world.lock:
        made = house.sandbox.world.add_calendar(ANN, "Second", timezone="UTC")
    house.agree()
    house.until(lambda: len(house.there()) == 2, "both are watched")
    resources = yaml.safe_load(house.bridge.config_path.read_text())["resources"]
    resources[0]["connections"][0]["read_calendars"] = ["primary"]
    _edit(house, resources=resources)
    house.until(lambda: len(house.there()) == 1, "one is stopped")
    assert house.there()[0].calendar != made.id


@pytest.mark.parametrize("removed", ["park", "purge"])
def test_what_leaves_the_file_is_stopped_while_it_can_be(house: Pushed, removed: str) -> None:
    house.connect()
    _edit(house, resources=[], removed_resources=removed)
    assert house.there() == []


def test_a_calendar_that_shares_only_its_busy_time_is_polled_and_that_is_said(
    tmp_path: Path,
) -> None:
    with pushed(tmp_path) as house:
        house.sandbox.person("bob@example.test").share(ANN, "freeBusyReader")
        resources = yaml.safe_load(house.bridge.config_path.read_text())["resources"]
        resources[0]["connections"][0]["read_calendars"] = ["primary", "bob@example.test"]
        _edit(house, resources=resources)
        house.agree()
        house.until(lambda: house.standing().state == "partial", "her own is watched")
        house.quiet()
        assert "shares only its busy time" in house.standing().reason
        assert house.due_in() <= 6 * 60


def test_another_connection_is_not_disturbed(house: Pushed) -> None:
    house.connect()
    assert house.rows(DESK) == []
    assert house.standing(DESK) == ("off", "the connection is pending")
    assert timedelta(seconds=house.due_in()) > timedelta(minutes=15)
