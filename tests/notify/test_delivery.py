"""What was decided arrives: signed, at least once, in order, and a way that fails is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import time_machine
from pydantic import SecretStr, ValidationError
from standardwebhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from bridge.app.outlet import Outlet, make_transport
from bridge.config.notify import AlertHook
from bridge.errors import AddressRefused, RemoteRejected
from bridge.model.interval import utc
from bridge.model.resource import ConnectionStatus
from bridge.notify.ways import Webhook
from bridge.store import alerts
from bridge.store.database import Database
from tests.builders import NOW, make_settings
from tests.notify.desk import DAY, HOUR, MINUTE, OTHER, SECRET, WORK, Desk
from tests.servers.mail import MailBox
from tests.servers.origin import Answer, Origin, redirect
from tests.servers.tls import Authority
from tests.unit.transport.test_addresses import FORMS

OLD = "whsec_" + "b2xkLXNlY3JldC1vZi10aGlydHktYnl0ZXMtb3Itc28="


def hook(url: str, **more: Any) -> AlertHook:
    return AlertHook.model_validate({"url": url, "secret": SECRET} | more)


def open_http(*networks: str) -> Outlet:
    return Outlet(make_transport(make_settings(outbound={"allow_networks": networks}).outbound))


@pytest.mark.covers("T10")
@pytest.mark.parametrize("form", FORMS)
def test_no_spelling_of_a_webhook_reaches_an_address_that_is_not_listed(form: str) -> None:
    with Origin() as trap:
        url = form.format(port=trap.port)
        try:
            settings = hook(url)
        except ValidationError:
            settings = AlertHook.model_construct(url=SecretStr(url), secret=SecretStr(SECRET))
        with pytest.raises(AddressRefused):
            Webhook(settings, open_http()).deliver([("msg_1", "{}")], NOW)
        assert trap.accepts == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_gets_nothing(origin: Origin, status: int) -> None:
    origin.routes["/alerts"] = redirect(origin.url("/elsewhere"), status)
    way = Webhook(hook(origin.url("/alerts")), open_http("127.0.0.1/32"))
    with pytest.raises(RemoteRejected, match="redirects"):
        way.deliver([("msg_1", "{}")], NOW)
    assert [each.path for each in origin.requests] == ["/alerts"]


def test_two_secrets_sign_while_the_receiver_changes(origin: Origin) -> None:
    origin.routes["/alerts"] = Answer(200)
    settings = hook(origin.url("/alerts"), previous_secret=OLD)
    Webhook(settings, open_http("127.0.0.1/32")).deliver([("msg_1", '{"a": "ü"}')], NOW)
    (request,) = origin.requests
    assert request.headers["content-type"] == "application/json"
    with time_machine.travel(utc(NOW), tick=False):
        for secret in (SECRET, OLD):
            assert Receiver(secret).verify(request.body, request.headers) == {"a": "ü"}
        with pytest.raises(WebhookVerificationError):
            Receiver(SECRET).verify(request.body + b" ", request.headers)
        with pytest.raises(WebhookVerificationError):
            Receiver("whsec_" + "eHh4" * 10).verify(request.body, request.headers)


def test_a_webhook_that_fails_is_tried_again_with_the_same_id(desk: Desk) -> None:
    desk.answers = [Answer(503), Answer(500), Answer(429), Answer(404), Answer(401)]
    desk.expires()
    told = desk.looks()
    for tried, pause in enumerate((5, 60, 300, 1800, 3600), start=1):
        assert told == []
        desk.now += pause - 1
        assert desk.looks() == []
        assert len(desk.headers) == tried, "not before its time"
        desk.now += 1
        told = desk.looks()
    assert told == ["opened token_expired"]
    assert len({each["webhook-id"] for each in desk.headers}) == 1
    signed = [int(each["webhook-timestamp"]) for each in desk.headers]
    assert signed == sorted(set(signed)), "each try is signed anew"


def test_a_way_that_fails_does_not_hold_up_the_log(desk: Desk) -> None:
    desk.answers = [Answer(503)]
    desk.expires()
    desk.looks()
    with desk.database.read() as conn:
        found = {each.way: each for each in alerts.ways(conn)}
        waiting = alerts.backlog(conn)
    assert found["log"].success_at == desk.now
    assert waiting == {"webhook": 1}
    assert found["webhook"].failures == 1
    assert found["webhook"].failing_since == desk.now
    assert "the alert webhook" in found["webhook"].error
    assert "503" in found["webhook"].error
    desk.now += 5
    assert desk.looks() == ["opened token_expired"]
    with desk.database.read() as conn:
        well = alerts.of_way(conn, "webhook")
    assert well is not None
    assert (well.failures, well.failing_since, well.error) == (0, None, "")


def test_a_dead_webhook_is_asked_seldom_whatever_there_is_to_tell(desk: Desk) -> None:
    desk.answers = [Answer(503)] * 1000
    for connection in ("room-a.work", "room-a.other"):
        desk.expires(connection)  # type: ignore[arg-type]
    desk.looks(DAY)
    assert len(desk.headers) < 35


def test_what_happened_meanwhile_arrives_in_its_order(desk: Desk) -> None:
    desk.answers = [Answer(503)] * 6
    desk.expires()
    desk.looks(2 * HOUR)
    desk.now += HOUR
    desk.succeeds()
    assert desk.looks(DAY) == ["opened token_expired", "resolved token_expired"]


def test_a_message_that_is_never_taken_does_not_hold_up_others(desk: Desk) -> None:
    def refuse(request: Any) -> Answer:
        refused = json.loads(request.body)["data"]["connection_id"] == "room-a.work"
        return Answer(400) if refused else desk._take(request)

    desk.origin.routes["/alerts"] = refuse
    desk.expires()
    desk.looks()
    desk.expires(OTHER)
    assert desk.looks(HOUR, every=MINUTE) == ["opened token_expired"]


def test_after_three_days_it_is_given_up_and_counted(desk: Desk) -> None:
    desk.answers = [Answer(503)] * 1000
    desk.becomes(ConnectionStatus.DISCONNECTED)
    desk.looks(80 * HOUR, every=HOUR)
    with desk.database.read() as conn:
        assert alerts.backlog(conn) == {}
        assert alerts.lost(conn, NOW) == {"webhook": 1}


def test_another_webhook_gets_at_once_what_the_old_one_did_not_take(desk: Desk) -> None:
    desk.answers = [Answer(503)] * 4
    desk.expires()
    assert desk.looks(10 * MINUTE, every=5) == []
    desk.origin.routes["/new"] = desk._take
    desk.answers = []
    new = {"url": desk.origin.url("/new"), "secret": SECRET}
    desk.live.swap(desk.settings(webhook=new))
    assert desk.looks() == ["opened token_expired"]
    assert desk.origin.requests[-1].path == "/new"


def test_what_was_refused_as_private_arrives_at_once_when_the_address_is_permitted(
    desk: Desk,
) -> None:
    permitted = desk.live.current
    closed = permitted.outbound.model_copy(update={"allow_networks": ()})
    desk.live.swap(permitted.model_copy(update={"outbound": closed}))
    desk.answers = [Answer(503)] * 4
    desk.expires()
    assert desk.looks(10 * MINUTE, every=5) == []
    desk.answers = []
    desk.live.swap(permitted)
    assert desk.looks() == ["opened token_expired"]


def test_an_outage_is_one_mail_and_its_end_another(desk: Desk, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with MailBox(authority.server("127.0.0.1"), login=False) as box:
        desk.mails_to(box, authority)
        for connection in (WORK, OTHER):
            desk.fails(2, connection)
        desk.looks(HOUR)
        for connection in (WORK, OTHER):
            desk.succeeds(connection)
        box.refusals = ["451 Later"]
        desk.looks(HOUR, every=MINUTE)
        subjects = [each["Subject"] for each in box.mails]
    first, *ends = subjects
    assert first == (
        "[BusyBridge] 2 alerts: room-a.other: cannot be read; room-a.work: cannot be read"
    )
    assert sorted(ends) == [
        f"[BusyBridge] room-a.{name}: all is well again" for name in ("other", "work")
    ], "a way that failed is tried with one"


def test_a_way_that_was_taken_away_leaves_nothing_behind(desk: Desk) -> None:
    desk.answers = [Answer(503)]
    desk.expires()
    desk.looks()
    desk.live.swap(desk.settings(webhook={}))
    desk.looks()
    with desk.database.read() as conn:
        assert alerts.backlog(conn) == {}
        assert [each.way for each in alerts.ways(conn)] == ["log"]


_DIES = """
import os, sys
from bridge.config.live import Live
from bridge.notify import Notifier
from bridge.store.database import Database
from tests.builders import make_settings

class Dies:
    name, most = "webhook", 1
    def deliver(self, *_):
        os._exit(9)

moment = int(sys.argv[2])
Notifier(Database(sys.argv[1]), Live(make_settings()), lambda _: [Dies()], lambda: moment).deliver()
"""


def test_who_is_killed_while_delivering_leaves_it_to_others(
    database_url: str, origin: Origin
) -> None:
    with_database = Database(database_url)
    desk = Desk(with_database, origin)
    try:
        desk.expires()
        desk.notifier.look()
        killed = subprocess.run(
            [sys.executable, "-c", _DIES, database_url, str(desk.now)],
            cwd=Path(__file__).parents[2],
            check=False,
        )
        assert killed.returncode == 9
        desk.notifier = desk.another()
        assert desk.looks() == [], "the lease of the dead lasts"
        assert desk.looks(2 * MINUTE, every=MINUTE) == ["opened token_expired"]
        assert desk.looks(DAY - HOUR, every=HOUR) == []
    finally:
        desk.http.close()
        with_database.close()


def test_neither_secret_nor_url_is_shown(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    url = desk.origin.url("/CANARY-path?token=CANARY-query")
    desk.live.swap(desk.settings(webhook={"url": url, "secret": SECRET}))
    desk.expires()
    with caplog.at_level("DEBUG"):
        desk.looks()
    with desk.database.read() as conn:
        standing = alerts.of_way(conn, "webhook")
    assert standing is not None
    assert "404" in standing.error
    shown = f"{caplog.text} {standing} {desk.live.current!r} {desk.live.current.notify}"
    assert "CANARY" not in shown
    assert SECRET not in shown
