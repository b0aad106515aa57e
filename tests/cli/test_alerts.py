"""What `check`, `doctor` and `status` say of the ways in which the admin is alerted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from bridge.model.resource import ConnectionId
from bridge.store import alerts
from bridge.store.database import Database
from tests.cli.folder import Folder
from tests.notify.desk import SECRET
from tests.servers.mail import PASSWORD, USER, MailBox
from tests.servers.origin import Answer, Origin
from tests.servers.tls import Authority

COMMANDS_INSIDE = True


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        running.routes["/alerts"] = Answer(204)
        yield running


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def box(authority: Authority) -> Iterator[MailBox]:
    with MailBox(authority.server("127.0.0.1")) as running:
        yield running


@pytest.fixture
def alarmed(folder: Folder, authority: Authority, box: MailBox, origin: Origin) -> Folder:
    """A folder whose configuration alerts by mail and by webhook."""
    folder.environ |= {"SMTP_PASSWORD": PASSWORD, "ALERT_SECRET": SECRET}
    smtp = {
        "host": "127.0.0.1",
        "port": box.port,
        "user": USER,
        "password_env": "SMTP_PASSWORD",
        "from": "bridge@example.test",
        "to": ["admin@example.test"],
    }
    hook = {"url": origin.url("/alerts"), "secret_env": "ALERT_SECRET"}
    return folder.prepare(
        outbound={"allow_networks": ["127.0.0.1/32"], "ca_file": str(authority.pem)},
        notify={"smtp": smtp, "webhook": hook},
    )


def test_doctor_logs_in_and_reaches_without_telling_anything(
    alarmed: Folder, box: MailBox, origin: Origin
) -> None:
    found = alarmed.json("doctor")["alerts"]
    assert found == [{"way": name, "problems": []} for name in ("log", "smtp", "webhook")]
    assert (box.logins, box.mails) == ([(USER, PASSWORD)], [])
    assert [each.method for each in origin.requests] == ["HEAD"]


def test_doctor_sends_a_trial_when_asked(alarmed: Folder, box: MailBox, origin: Origin) -> None:
    alarmed.run("doctor", "--trial-alert").ok()
    assert box.mails[0]["Subject"] == "[BusyBridge] a trial of the alerts"
    (request,) = origin.requests
    told = Webhook(SECRET).verify(request.body, request.headers)
    assert told["type"] == "alert.trial"


def test_doctor_names_what_keeps_alerts_from_arriving(alarmed: Folder, origin: Origin) -> None:
    alarmed.environ["SMTP_PASSWORD"] = "CANARY-wrong-password"
    alarmed.config["notify"]["webhook"]["url"] = "http://127.0.0.1:1/CANARY-path"
    alarmed.write()
    done = alarmed.run("doctor")
    assert done.code == 3
    assert "alerts by smtp: the mail server 127.0.0.1:" in done.out
    assert "refuses the login: 535" in done.out
    assert "(check user and password)" in done.out
    assert "alerts by webhook: http://127.0.0.1:1: no connection" in done.out
    assert "CANARY" not in done.out + done.err


def test_status_is_unwell_while_alerts_do_not_arrive(alarmed: Folder) -> None:
    alarmed.run("sync").ok()
    assert alarmed.json("status")["alerts"] == []
    now = int(time.time())
    with closing(Database(f"sqlite:///{alarmed.database}")) as database:

        def fails(error: str) -> None:
            with database.write() as conn:
                taken = alerts.take(conn, "smtp", now, 0)
                assert taken
                alerts.failed(conn, taken, now, (0,), error, oldest=now)

        with database.write() as conn:
            told = ("msg_1", "{}")
            alerts.post(conn, ["smtp"], ConnectionId("room-a.file"), told, now)
        fails("the mail server broke off")
        alarmed.run("status").ok()
        fails("the mail server refuses \x1b]0;x\x07")
    done = alarmed.run("status")
    assert done.code == 3
    assert "alerts by smtp: the mail server refuses" in done.out
    assert "1 message waiting" in done.out
    assert "all is well" not in done.out
    assert "\x1b" not in done.out
    (shown,) = alarmed.run("status", "--json").json["alerts"]
    assert (shown["way"], shown["unwell"], shown["waiting"]) == ("smtp", True, 1)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"smtp": {"host": "mail.example.com"}}, "notify.smtp: a mail server without from"),
    ({"smtp": {"host": "a b"}}, "notify.smtp.host: 'a b' is not the name of a host"),
    ({"smtp": {"host": "h", "from": "a@b", "to": ["x\r\ny@b"]}}, "notify.smtp.to[0]"),
    ({"smtp": {"host": "h", "from": "a@b", "to": ["c..c@d"]}}, "notify.smtp.to[0]: no mail can"),
    ({"smtp": {"host": "h", "from": "a@b", "to": ["c@d"], "user": "u"}}, "a user without password"),
    ({"smtp": {"host": "h", "from": "a@b", "to": ["c@d"], "tls": "none"}}, "notify.smtp.tls"),
    ({"smtp": {"sender": "a@b"}}, "notify.smtp.sender: unknown key"),
    ({"webhook": {"url": "https://h/CANARY"}}, "notify.webhook: a url without secret"),
    ({"webhook": {"url": "ftp://h/CANARY"}}, "notify.webhook.url: not an https or http URL"),
    ({"webhook": {"url": "https://u:CANARY@h/"}}, "notify.webhook.url: not an https or http URL"),
    (
        {"webhook": {"url": "https://h/", "secret_env": "CANARY_SECRET"}},
        "not whsec_ and the base64 of 24 to 64 random bytes",
    ),
    ({"repeat": "5m"}, "notify.repeat"),
]


@pytest.mark.parametrize(("notify", "told"), WRONG)
def test_check_names_each_mistake_with_its_line(
    folder: Folder, notify: dict[str, Any], told: str
) -> None:
    folder.environ["CANARY_SECRET"] = "CANARY-secret"
    done = folder.prepare(notify=notify).run("check")
    assert done.code == 2
    assert told in done.err
    assert "busybridge.yaml:" in done.err
    assert "CANARY-secret" not in done.err
    assert "h/CANARY" not in done.err


def test_check_takes_what_the_interface_page_shows(folder: Folder) -> None:
    folder.prepare(notify={"smtp": None, "webhook": None, "repeat": "24h"}).run("check").ok()
