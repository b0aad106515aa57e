"""Alerts by mail: a real mail server, TLS that is verified, and nothing that a text can inject."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.config.values import Network
from bridge.errors import (
    AddressRefused,
    AuthorizationExpired,
    BridgeError,
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.notify.ways import Mail
from bridge.transport.smtp import MailServer, MailTransport
from tests.builders import NOW, make_settings
from tests.servers.mail import PASSWORD, USER, MailBox
from tests.servers.names import Names
from tests.servers.ports import free_port
from tests.servers.tls import Authority, self_signed

# Of the mail server, which is not told that its whole connection is encrypted.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

HOST = "mail.example.test"
NAMES = Names({HOST: ["127.0.0.1"]})
LOOPBACK = (Network(ip_network("127.0.0.0/8")),)


class Outbound(NamedTuple):
    allow_networks: tuple[Network, ...]
    ca_file: str | None


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def transport(authority: Authority) -> MailTransport:
    return MailTransport(Outbound(LOOPBACK, str(authority.pem)), resolver=NAMES)


def server(port: int, **changes: Any) -> MailServer:
    given = {"host": HOST, "port": port, "implicit_tls": False, "user": USER, "password": PASSWORD}
    return MailServer(**given | changes)


def mail(to: str = "admin@example.test") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "bridge@example.test", to, "An alert"
    made.set_content("Something is wrong.\n")
    return made


def way(transport: MailTransport, port: int, **changes: Any) -> Mail:
    smtp = {
        "host": HOST,
        "port": port,
        "user": USER,
        "password": PASSWORD,
        "from": "bridge@example.test",
        "to": ["admin@example.test", "second@example.test"],
    }
    return Mail(make_settings(notify={"smtp": smtp | changes}).notify.smtp, transport)


def body(**data: Any) -> str:

    given = {
        "alert_id": "msg_1",
        "title": "room-a.work: cannot be read",
        "text": "A line.\n.\nEnd.",
    }
    return json.dumps({"id": "msg_1", "type": "alert.opened", "data": given | data})


@pytest.mark.parametrize("implicit", [False, True])
def test_mail_arrives_over_verified_tls_with_a_login(
    authority: Authority, transport: MailTransport, implicit: bool
) -> None:
    with MailBox(authority.server(HOST), implicit=implicit) as box:
        tls = "implicit" if implicit else "starttls"
        way(transport, box.port, tls=tls).deliver([("msg_1", body())], NOW)
    (got,) = box.mails
    assert box.logins == [(USER, PASSWORD)]
    assert got["Subject"] == "[BusyBridge] room-a.work: cannot be read"
    assert (got["From"], got["To"]) == (
        "bridge@example.test",
        "admin@example.test, second@example.test",
    )
    assert got["Message-ID"] == "<msg_1@example.test>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Date"].datetime.timestamp() == NOW
    assert "In-Reply-To" not in got
    assert "A line.\n.\nEnd." in got.get_content().replace("\r\n", "\n")
    assert box.envelopes[0].rcpt_tos == ["admin@example.test", "second@example.test"]


def test_what_follows_is_shown_in_the_same_thread(
    authority: Authority, transport: MailTransport
) -> None:
    with MailBox(authority.server(HOST)) as box:
        way(transport, box.port).deliver([("msg_2", body())], NOW)
    assert box.mails[0]["In-Reply-To"] == box.mails[0]["References"] == "<msg_1@example.test>"
    assert box.mails[0]["Message-ID"] == "<msg_2@example.test>"


@pytest.mark.covers("T27")
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x85", "\x00", "\x0b"])
def test_nothing_in_a_text_becomes_a_header(
    authority: Authority, transport: MailTransport, end: str
) -> None:
    hostile = f"x{end}Bcc: victim@example.test{end}{end}body{end}.{end}MAIL FROM:<a@b>"
    with MailBox(authority.server(HOST)) as box:
        way(transport, box.port).deliver([("msg_1", body(title=hostile, text=hostile))], NOW)
    (got,) = box.mails
    assert "Bcc" not in got
    assert set(got.keys()) == {
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert got["Subject"].startswith("[BusyBridge] x Bcc: victim@example.test")
    assert box.envelopes[0].rcpt_tos == ["admin@example.test", "second@example.test"]


def test_what_happened_at_once_is_one_mail(authority: Authority, transport: MailTransport) -> None:
    several = [
        (f"msg_{number}", body(title=f"room-{number}.work: cannot be read", text=f"Text {number}."))
        for number in range(30)
    ]
    with MailBox(authority.server(HOST)) as box:
        way(transport, box.port).deliver(several, NOW)
    (got,) = box.mails
    assert got["Subject"].startswith("[BusyBridge] 30 alerts: room-0.work: cannot be read; room-1")
    assert len(got["Subject"]) <= 200
    lines = got.get_content().splitlines()
    assert all(f"Text {number}." in lines for number in range(30))


def test_any_language_arrives(authority: Authority, transport: MailTransport) -> None:
    with MailBox(authority.server(HOST)) as box:
        way(transport, box.port).deliver(
            [("msg_1", body(title="Größe 部屋", text="Müll 会議"))], NOW
        )
    assert box.mails[0]["Subject"] == "[BusyBridge] Größe 部屋"
    assert "Müll 会議" in box.mails[0].get_content()


def bad_servers(authority: Authority, folder: Path) -> Iterator[tuple[str, Any]]:
    yield "is not trusted", self_signed(folder, HOST)
    yield "is for another host", authority.server("other.example.test")
    yield "is not valid today", authority.server(HOST, valid=timedelta(days=-1))
    yield "no TLS connection", authority.outdated(HOST)


@pytest.mark.covers("T56")
@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_is_not_right_gets_neither_login_nor_mail(
    authority: Authority, transport: MailTransport, tmp_path: Path, implicit: bool
) -> None:
    for told, context in bad_servers(authority, tmp_path):
        with (
            MailBox(context, implicit=implicit) as box,
            pytest.raises(TemporarilyUnavailable, match=told) as caught,
        ):
            transport.send(server(box.port, implicit_tls=implicit), mail())
        assert (caught.value.code, box.logins, box.mails) == ("tls", [], [])


def test_without_starttls_nothing_is_said(transport: MailTransport) -> None:
    with MailBox(None, login=False) as box, pytest.raises(RemoteRejected, match="STARTTLS"):
        transport.send(server(box.port, user=""), mail())
    assert box.mails == []


def test_a_private_address_that_is_not_listed_is_not_connected_to(authority: Authority) -> None:
    guarded = MailTransport(Outbound((), str(authority.pem)), resolver=NAMES)
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        for host in (HOST, "127.0.0.1"):
            with pytest.raises(AddressRefused, match="private"):
                guarded.check(server(trap.getsockname()[1], host=host))
        with pytest.raises(TimeoutError):
            trap.accept()


def test_a_wrong_password_is_told_and_not_shown(
    authority: Authority, transport: MailTransport
) -> None:
    with MailBox(authority.server(HOST)) as box:
        with pytest.raises(AuthorizationExpired, match="refuses the login: 535") as caught:
            transport.check(server(box.port, password="CANARY-wrong"))
        transport.check(server(box.port))
    assert "CANARY" not in f"{caught.value!r} {caught.value.hint} {server(1)!r}"
    assert box.mails == []


@pytest.mark.parametrize(
    ("refusal", "error"),
    [("451 Later", TemporarilyUnavailable), ("554 No\x1b[2J spam", RemoteRejected)],
)
def test_what_the_server_says_of_a_mail_is_told(
    authority: Authority, transport: MailTransport, refusal: str, error: type[ProviderError]
) -> None:
    with MailBox(authority.server(HOST)) as box:
        box.refusals = [refusal]
        with pytest.raises(error, match=refusal[:3]) as caught:
            transport.send(server(box.port), mail())
    assert "\x1b" not in str(caught.value)


def test_who_is_not_known_does_not_keep_the_others_from_getting_it(
    authority: Authority, transport: MailTransport, caplog: pytest.LogCaptureFixture
) -> None:
    with MailBox(authority.server(HOST)) as box:
        box.strangers = {"second@example.test"}
        way(transport, box.port).deliver([("msg_1", body())], NOW)
        assert box.envelopes[0].rcpt_tos == ["admin@example.test"]
        assert "not to second@example.test" in caplog.text
        box.strangers |= {"admin@example.test"}
        with pytest.raises(RemoteRejected, match="none of the recipients"):
            way(transport, box.port).deliver([("msg_2", body())], NOW)


@contextmanager
def speaking(
    lines: list[bytes],
    pause: float = 0.0,
    *,
    for_ever: bool = False,
    context: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """A server that says these lines to everybody, whatever it hears."""
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                try:
                    if context:
                        sock = context.wrap_socket(sock, server_side=True)
                    while True:
                        for line in lines:
                            sock.sendall(line)
                            ended.wait(pause)
                        if not for_ever or ended.is_set():
                            break
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(60)


@pytest.mark.parametrize(
    "lines", [[b"HTTP/1.1 400 Bad Request\r\n\r\n"], [b""], [b"220 x\r\n", b"\xff\xfe\r\n"]]
)
def test_what_is_no_mail_server_is_told_as_that(
    transport: MailTransport, lines: list[bytes]
) -> None:
    expected = (TemporarilyUnavailable, UnreadableAnswer, RemoteRejected)
    with speaking(lines) as port, pytest.raises(expected):
        transport.check(server(port))


@pytest.mark.parametrize("implicit", [False, True])
def test_a_server_that_never_ends_its_answer_is_left_at_the_deadline(
    authority: Authority, transport: MailTransport, implicit: bool
) -> None:
    """Each line comes in time, and there is always another one."""
    context = authority.server(HOST) if implicit else None
    with speaking([b"220-and\r\n"], 0.05, for_ever=True, context=context) as port:
        began = time.monotonic()
        with pytest.raises(BridgeError):
            transport.check(server(port, implicit_tls=implicit), timeout=2.0)
        assert time.monotonic() - began < 60


def test_a_password_that_no_login_can_carry_is_not_shown(
    authority: Authority, transport: MailTransport
) -> None:
    with (
        MailBox(authority.server(HOST)) as box,
        pytest.raises(RemoteRejected, match="must be ASCII") as caught,
    ):
        transport.check(server(box.port, password="CANARY-ü"))
    assert caught.value.__cause__ is None


def test_nobody_there_is_told(transport: MailTransport) -> None:
    with pytest.raises(TemporarilyUnavailable, match="no connection"):
        transport.check(server(free_port()))
