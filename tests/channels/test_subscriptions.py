"""Subscriptions at a stand-in for Microsoft, kept by a bridge that answers while they are made."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx2
import pytest
import yaml

from bridge.app.bridge import Bridge
from bridge.app.server import Server
from bridge.config.init import write_example
from bridge.model.http import Bearer, Http, Response
from bridge.model.interval import utc
from bridge.model.resource import ConnectionId
from bridge.notifier import Delivery, unreachable
from bridge.provider import Account, CalendarId, CalendarInfo, Provider, ProviderKind
from bridge.providers import memory
from bridge.providers.memory import Memory
from bridge.providers.microsoft.client import Client
from bridge.providers.microsoft.push import MicrosoftSubscriptions, notices
from bridge.sandbox.microsoft.push import Subscription
from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from bridge.store import channels, leases, schedule
from bridge.store.channels import ChannelRow, ChannelState
from tests.builders import NOW
from tests.servers.ports import free_port

ANN, BOB = "ann@contoso.example", "bob@contoso.example"
WORK = ConnectionId("room-a.work")
LONGEST, SHORTER = 10_065 * 60, 4_225 * 60
"""Seconds: what Graph allows, less what clocks may differ by."""


class Signed:
    """Sends as somebody whose token is always good; notes what was asked."""

    def __init__(self, desk: Desk, token: Any) -> None:
        self._desk = desk
        self._token = token

    def request(self, method: str, url: str, **options: Any) -> Response:
        self._desk.asked.append(f"{method} {url.partition('/v1.0/')[2].partition('/')[0]}")
        return self._desk.bridge.http.request(method, url, auth=Bearer(self._token()), **options)


class Desk:
    """One connection, of Ann's calendar; what stands in it does not matter here."""

    def __init__(self, folder: Path, base_url: str = "", **own: Any) -> None:
        self.now, self.asked = NOW, list[str]()
        people = [
            {"email": ANN},
            {"email": BOB},
            {"email": "pat@outlook.example", "personal": True},
        ]
        self.sandbox = Sandbox(
            {"microsoft": {"accounts": people}}, clock=lambda: utc(self.now), seed=1
        )
        self.microsoft = self.sandbox.microsoft
        self.source = Memory()
        self.email = own.pop("email", ANN)
        self.calendar = self.microsoft.directory.mailbox(own.pop("calendar", self.email)).default.id
        self.source.add(CalendarInfo(CalendarId(self.calendar), "Calendar"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        path, _ = write_example(folder)
        document = {
            "version": 1,
            # As few as there may be: one may be busy while the other one answers.
            "server": {"bind": f"127.0.0.1:{self.port}", "threads": 2, "base_url": base_url},
            "outbound": {"allow_networks": ["127.0.0.1/32"]},
            "resources": [
                {"id": "room-a", "connections": [{"id": "work", "provider": "microsoft"}]}
            ],
        }
        path.write_text(yaml.safe_dump(document))
        kinds = {"microsoft": self._kind(**own)}
        self.bridge = Bridge(path, environ={}, clock=lambda: self.now, kinds=kinds)
        self.http = httpx2.Client(trust_env=False, timeout=60)

    def _kind(self, acts_for: str = "", token: Any = None) -> ProviderKind:
        own = memory.kind({WORK: self.source})
        token = token or (lambda: self.microsoft.access_token(self.email, CLIENT_ID))

        def open_account(account: Account) -> Provider:
            http: Http = Signed(self, token)  # type: ignore[assignment]
            notifier = MicrosoftSubscriptions(Client(http, f"{self.sandbox.url}/v1.0", acts_for))
            return replace(own.open(account), notifier=notifier)

        return replace(
            own,
            name="microsoft",
            open=open_account,
            notices=notices,
            unreachable=lambda _, address: unreachable(address, self.sandbox.url),
        )

    def tend(self) -> bool:
        """Do what is due, as at the end of a pull; whether every change is told then."""
        return self.bridge.keeper.tend(WORK).healthy

    def rows(self) -> list[ChannelRow]:
        with self.bridge.database.read() as conn:
            return channels.of_connection(conn, WORK)

    def row(self) -> ChannelRow:
        [found] = self.rows()
        return found

    def there(self) -> list[Subscription]:
        with self.sandbox.world.lock:
            box = self.microsoft.directory.mailbox(ANN)
            return self.microsoft.push.of(box)

    def told(self) -> bool:
        """Whether a pull is due at once; a minute passes, and none is due any more."""
        self.sandbox.flush()
        with self.bridge.database.write() as conn:
            due = leases.due_at(conn, WORK)
            assert due is not None
            for claim in schedule.claim(conn, "tests", self.now, 1, 60):
                schedule.release(conn, claim, self.now + 3600, done=True)
        due, self.now = due - self.now, self.now + 60
        return due <= 0

    def change(self) -> None:
        self.microsoft.person(ANN).create("Talk", utc(self.now + 3600))

    def post(self, *notes: Any, **query: str) -> httpx2.Response:
        content = json.dumps({"value": notes})
        return self.http.post(f"{self.url}/hooks/microsoft", params=query, content=content)

    def delivered(self) -> dict[str, Any]:
        """The last notification that arrived."""
        self.sandbox.flush()
        note: dict[str, Any] = json.loads(self.microsoft.push.poster.delivered[-1].body)["value"][0]
        return note


@contextmanager
def opened(folder: Path, **own: Any) -> Iterator[Desk]:
    desk = Desk(folder, **own)
    with desk.sandbox:
        desk.bridge.open()
        desk.bridge.hearing._tick = lambda: desk.now
        listening = Server(desk.bridge.wsgi, desk.bridge.settings)
        listening.start()
        try:
            desk.bridge.ingest.pull(WORK, desk.now)
            desk.told()
            yield desk
        finally:
            listening.begin_stop(10)
            assert listening.wait(60)
            desk.bridge.close()
        assert desk.sandbox.world.defects == []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened(tmp_path) as made:
        yield made


def test_a_subscription_is_made_while_its_question_is_answered(desk: Desk) -> None:
    """Nothing is held meanwhile: not the database, nor the few threads that answer."""
    validate, seen = desk.microsoft.push.validate, []

    def noted(addresses: frozenset[str]) -> None:
        with desk.bridge.database.write() as conn:
            seen.append(channels.of_connection(conn, WORK)[0].state)
        assert desk.http.get(f"{desk.url}/healthz").is_success
        validate(addresses)

    desk.microsoft.push.validate = noted  # type: ignore[method-assign]
    tended = desk.bridge.keeper.tend(WORK)
    assert (tended.healthy, tended.fresh) == (True, True), "the address was seen to answer"
    assert seen == [ChannelState.OPENING]
    [there] = desk.there()
    assert (there.url, there.lifecycle_url) == (f"{desk.url}/hooks/microsoft",) * 2
    assert there.changes == {"created", "updated", "deleted"}
    assert there.calendar == desk.calendar
    assert there.is_immutable
    row = desk.row()
    assert (row.reference, row.expires_at) == (there.id, desk.now + LONGEST)
    assert there.state.startswith(row.id)
    assert len(there.state) <= 128
    assert there.state.encode() not in Path(desk.bridge.database.path or "").read_bytes()


def test_every_change_is_told_at_once(desk: Desk) -> None:
    desk.tend()
    assert not desk.told()
    desk.change()
    assert desk.told()
    assert desk.row().last_at is not None


def test_a_change_elsewhere_in_the_mailbox_is_not_told(desk: Desk) -> None:
    desk.tend()
    box = desk.microsoft.directory.mailbox(ANN)
    other = desk.microsoft.directory.add_calendar(box, "Other")
    desk.microsoft.person(ANN).create("Talk", utc(desk.now + 3600), calendar=other.id)
    assert not desk.told()


@pytest.mark.covers("F43")
def test_a_subscription_is_renewed_in_good_time_and_stays_the_same(desk: Desk) -> None:
    desk.tend()
    before = desk.row()
    assert 0.5 * LONGEST <= before.due_at - desk.now <= 0.8 * LONGEST
    desk.now = before.due_at
    assert desk.tend()
    after = desk.row()
    assert (after.id, after.reference) == (before.id, before.reference)
    assert after.expires_at == desk.now + LONGEST
    assert desk.asked == ["POST subscriptions", "PATCH subscriptions"], "nothing is stopped"
    desk.now = before.expires_at + 1
    desk.change()
    assert desk.told()


def test_where_less_is_allowed_less_is_asked_for(desk: Desk) -> None:
    desk.microsoft.misbehave(ANN, "subscription_limit")
    assert desk.tend()
    assert desk.row().expires_at == desk.now + SHORTER
    desk.now = desk.row().due_at
    assert desk.tend()
    assert desk.row().expires_at == desk.now + SHORTER
    assert desk.asked == ["POST subscriptions"] * 2 + ["PATCH subscriptions"] * 2


def test_one_that_is_given_less_than_was_asked_for_is_renewed_early(desk: Desk) -> None:
    desk.microsoft.misbehave(ANN, "subscription_short", 1200)
    assert desk.tend()
    row = desk.row()
    assert row.expires_at == desk.now + 1200
    assert 600 <= row.due_at - desk.now <= 960


def test_one_that_microsoft_removed_is_made_anew_and_what_was_missed_is_looked_for(
    desk: Desk,
) -> None:
    desk.tend()
    desk.microsoft.tell(ANN, "subscriptionRemoved")
    before = desk.row()
    assert desk.told(), "pulled at once"
    assert desk.there() == []
    tended = desk.bridge.keeper.tend(WORK)
    assert (tended.healthy, tended.fresh) == (True, True), "and once more when it is watched again"
    [there] = desk.there()
    assert desk.row().reference == there.id
    assert there.id != before.reference
    assert not desk.bridge.keeper.tend(WORK).fresh
    desk.change()
    assert desk.told()


def test_one_that_is_gone_without_a_word_is_made_anew_at_its_time(desk: Desk) -> None:
    desk.tend()
    with desk.sandbox.world.lock:
        desk.microsoft.push._subscriptions.clear()
    desk.now = desk.row().due_at
    tended = desk.bridge.keeper.tend(WORK)
    assert (tended.healthy, tended.fresh) == (True, True)
    assert desk.row().reference == desk.there()[0].id


def test_one_that_has_to_be_authorized_again_is_and_stays_the_same(desk: Desk) -> None:
    desk.tend()
    [there] = desk.there()
    desk.microsoft.tell(ANN, "reauthorizationRequired")
    assert desk.told()
    assert there.is_halted
    assert desk.tend()
    assert [each.id for each in desk.there()] == [there.id] == [desk.row().reference]
    desk.change()
    assert desk.told(), "it goes on"


def test_what_was_missed_is_looked_for(desk: Desk) -> None:
    desk.tend()
    desk.microsoft.misbehave(ANN, "push_lost")
    desk.change()
    assert not desk.told()
    desk.microsoft.tell(ANN, "missed")
    assert desk.told()
    assert desk.row().due_at > desk.now, "the subscription itself is well"


def test_while_it_is_refused_the_calendar_is_polled_and_the_reason_shown(desk: Desk) -> None:
    desk.microsoft.misbehave(ANN, "subscription_conflict")
    assert not desk.tend()
    row = desk.row()
    assert (row.state, row.error_code) == (ChannelState.FAILED, "push_refused")
    assert "polled" in row.error_hint
    desk.microsoft.behave()
    desk.tend()
    assert desk.there() == [], "it waits"
    desk.now += 3600
    assert desk.tend()


@pytest.mark.covers("F43")
@pytest.mark.parametrize(
    "fault", ["too_many_requests", "concurrency", "server_error", "html", "cut"]
)
def test_one_that_cannot_be_renewed_now_goes_on_and_its_calendar_is_polled(
    desk: Desk, fault: str
) -> None:
    desk.tend()
    desk.microsoft.misbehave(ANN, fault)
    desk.now = desk.row().due_at
    assert not desk.tend()
    assert len(desk.there()) == 1
    assert sorted(row.state.value for row in desk.rows()) == ["failed", "open"]
    desk.microsoft.behave()
    desk.now += 3600
    assert desk.tend()
    assert desk.row().reference == desk.there()[0].id


def test_an_address_that_nobody_answers_at_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with opened(tmp_path, base_url=f"http://127.0.0.1:{free_port()}") as desk:
        assert not desk.tend()
        row = desk.row()
        assert row.error_code == "push_refused"
        assert "server.base_url" in row.error_hint
        assert row.due_at - desk.now <= 60, "a proxy may only need a moment"


def test_a_calendar_of_somebody_else_is_polled(tmp_path: Path) -> None:
    with opened(tmp_path, calendar=BOB) as desk:
        desk.microsoft.person(BOB).share(ANN, "read")
        assert not desk.tend()
        assert desk.row().error_code == "push_unsupported"


def test_a_program_on_its_own_is_told_of_a_mailbox(tmp_path: Path) -> None:
    desk: Desk

    def token() -> str:
        return desk.microsoft.app_token(CLIENT_ID, "contoso.example", "Calendars.Read")

    with opened(tmp_path, acts_for=ANN, token=token) as desk:
        assert desk.tend()
        desk.change()
        assert desk.told()


def test_a_personal_account_is_told_of_its_calendar(tmp_path: Path) -> None:
    with opened(tmp_path, email="pat@outlook.example") as desk:
        assert desk.tend()
        desk.microsoft.person(desk.email).create("Talk", utc(desk.now + 3600))
        assert desk.told()


@pytest.mark.covers("F45")
def test_one_that_is_not_wanted_any_more_is_ended_and_what_it_still_says_is_answered_404(
    desk: Desk,
) -> None:
    desk.tend()
    desk.change()
    late = desk.delivered()
    desk.bridge.keeper.dismiss(WORK)
    assert desk.there() == []
    assert desk.post(late).status_code == 404
    desk.tend()
    with desk.sandbox.world.lock:
        desk.microsoft.push._subscriptions.clear()
    desk.bridge.keeper.dismiss(WORK)
    assert desk.rows() == [], "one that is gone counts as ended"


@pytest.mark.covers("F45")
def test_one_whose_making_seemed_to_fail_is_ended_when_it_speaks(desk: Desk) -> None:
    desk.tend()
    lost = desk.row()._replace(state=ChannelState.FAILED, reference="")
    with desk.bridge.database.write() as conn:
        channels.remove(conn, [lost.id])
        channels.add(conn, lost)
    desk.change()
    desk.sandbox.flush()
    desk.bridge.keeper.sweep()
    assert (desk.there(), desk.rows()) == ([], [])


@pytest.mark.covers("T42")
def test_of_a_batch_only_what_is_genuine_asks_for_a_pull(desk: Desk) -> None:
    desk.tend()
    desk.change()
    genuine = desk.delivered()
    channel, _, token = genuine["clientState"].partition(".")
    assert desk.told()
    forged = [
        {"clientState": f"{channel}.{'0' * 64}"},
        {"clientState": f"{'f' * 32}.{token}"},
        {"clientState": token},
        {"clientState": None},
        {"subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"},
        {"subscriptionId": None},
    ]
    before = desk.row()
    answers = [desk.post(genuine | each) for each in forged]
    answers += [desk.post(*(genuine | each for each in forged)), desk.post()]
    assert {each.status_code for each in answers} == {404}
    assert len({each.text.split('"instance"')[0] for each in answers}) == 1, "one answer to all"
    assert desk.row() == before
    assert not desk.told()
    mixed = desk.post(*(genuine | each for each in forged), genuine, 17)
    assert (mixed.status_code, mixed.content) == (202, b"")
    assert desk.told()
    figures = desk.http.get(f"{desk.url}/metrics").text
    assert 'busybridge_notifications_total{outcome="refused"} 13.0' in figures


@pytest.mark.covers("T42")
def test_a_batch_may_be_long_but_not_full_of_guesses(desk: Desk) -> None:
    desk.tend()
    desk.change()
    genuine = desk.delivered()
    guesses = [genuine | {"clientState": f"{number:032x}.{'0' * 64}"} for number in range(300)]
    assert desk.told()
    assert desk.post(*[genuine] * 500).status_code == 202
    assert desk.told()
    assert desk.post(*guesses[:99], genuine).status_code == 202
    assert desk.told()
    assert desk.post(*guesses, genuine).status_code == 404
    assert not desk.told()


@pytest.mark.covers("T45")
def test_many_notifications_in_a_row_are_two_pulls_and_none_is_put_off(desk: Desk) -> None:
    desk.tend()
    desk.change()
    body = json.dumps({"value": [desk.delivered()]}).encode()
    assert desk.told()
    seconds = []
    for _ in range(500):
        began = time.thread_time()
        answer = desk.bridge.hearing.hear("microsoft", Delivery({}, {}, body))
        seconds.append(time.thread_time() - began)
        assert (answer.status, answer.taken) == (202, 1)
    assert quantiles(seconds, n=100)[98] < 0.05, "CPU time of one answer"
    assert 1 <= sum(desk.told() for _ in range(4)) <= 2


@pytest.mark.covers("T43")
@pytest.mark.parametrize(
    "token", ["<script>alert(document.domain)</script>", "Validation: a+b (100% & more)", "é" * 500]
)
def test_a_question_is_answered_in_plain_text_whoever_asks(desk: Desk, token: str) -> None:
    answer = desk.http.post(f"{desk.url}/hooks/microsoft", params={"validationToken": token})
    assert (answer.status_code, answer.content) == (200, token.encode())
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"
    assert desk.rows() == []
    asked = desk.http.get(f"{desk.url}/hooks/microsoft", params={"validationToken": token})
    assert asked.status_code == 405, "no link leads there"
    assert token not in asked.text


@pytest.mark.covers("T43")
@pytest.mark.parametrize("token", ["x" * 1025, "a\r\nSet-Cookie: b=c", "\0", ""])
def test_a_question_that_graph_does_not_ask_is_answered_404(desk: Desk, token: str) -> None:
    answer = desk.http.post(f"{desk.url}/hooks/microsoft", params={"validationToken": token})
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers
    assert not token or token not in answer.text


def test_no_token_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    desk.tend()
    desk.change()
    state = desk.delivered()["clientState"]
    desk.microsoft.misbehave(ANN, "server_error")
    desk.now = desk.row().due_at
    desk.tend()
    assert "hooks/microsoft" in caplog.text
    assert state.partition(".")[2] not in caplog.text


def test_clocks_may_differ_by_minutes(desk: Desk) -> None:
    desk.sandbox.world.advance(-timedelta(minutes=4))
    assert desk.tend()
    assert desk.asked == ["POST subscriptions"]
