"""Handing mail to a mail server (RFC 6409), under the rules of everything that leaves the process.

The server's name is resolved once, all its addresses must pass, and the connection goes to one of
them. It is encrypted before anything is said, or after STARTTLS (RFC 3207), without which nothing
is sent; certificates are always verified. All of it has one deadline.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from threading import Timer
from time import monotonic
from typing import Protocol

from bridge.errors import (
    AddressRefused,
    AuthorizationExpired,
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.transport.addresses import Allowance, Listed, literal
from bridge.transport.resolver import Resolver, SystemResolver
from bridge.transport.tls import explain_handshake, make_context

TIMEOUT = 20.0
"""Seconds for one mail, from the question for the server's address to the end."""
_ANSWER = 500
"""Characters of what a server answers that are passed on."""


class Outbound(Protocol):
    """The section `outbound` of the configuration."""

    @property
    def allow_networks(self) -> Sequence[Listed]: ...
    @property
    def ca_file(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    implicit_tls: bool
    """False: by STARTTLS."""
    user: str = ""
    password: str = field(default="", repr=False)


class MailTransport:
    """Talks to mail servers; any number of threads may share one."""

    def __init__(self, outbound: Outbound, *, resolver: Resolver | None = None) -> None:
        """Make one without touching the network.

        Raises:
            ConfigError: `outbound.ca_file` cannot be used.
        """
        self._resolver = resolver or SystemResolver()
        self._allowance = Allowance(outbound.allow_networks)
        self._context = make_context(outbound.ca_file)

    def check(self, server: MailServer, *, timeout: float = TIMEOUT) -> None:
        """Connect, encrypt and log in; send nothing.

        Raises:
            ProviderError: as `send` does.
        """
        with self._session(server, timeout):
            pass

    def send(
        self, server: MailServer, message: EmailMessage, *, timeout: float = TIMEOUT
    ) -> Sequence[str]:
        """Hand in one mail, from its `From` to its `To`.

        Returns:
            The addresses that the server did not take it for, while it took it for others.

        Raises:
            AddressRefused: the server is at a private address that is not listed.
            AuthorizationExpired: the login failed.
            RemoteRejected: it speaks no STARTTLS, or refuses the mail for good.
            TemporarilyUnavailable: not now: no answer, no TLS (code `tls`), or it says so.
            UnreadableAnswer: it does not speak SMTP.
        """
        with self._session(server, timeout) as session:
            return sorted(session.send_message(message))

    @contextmanager
    def _session(self, server: MailServer, timeout: float) -> Iterator[smtplib.SMTP]:
        place = f"the mail server {server.host}:{server.port}"
        end = monotonic() + timeout
        sock = self._connect(server, place, end)
        # The timeouts of smtplib bound each single read, and a server may send a line now and then.
        # TLS takes the socket over, so that a second handle is needed to end the connection.
        with sock.dup() as handle:
            watch = Timer(max(0.0, end - monotonic()), _cut, (handle,))
            watch.daemon = True
            watch.start()
            try:
                with _explained(place):
                    yield from _talk(server, sock, self._context)
            finally:
                watch.cancel()
                sock.close()

    def _connect(self, server: MailServer, place: str, end: float) -> socket.socket:
        address = literal(server.host)
        left = max(0.1, end - monotonic())
        found = [address] if address else self._resolver.addresses(server.host, left)
        if self._allowance.refused(found, server.port):
            raise AddressRefused(
                f"{place} is at a private or special address",
                hint="to permit it, list its network in outbound.allow_networks",
            )
        for behind, each in zip(reversed(range(len(found))), found, strict=True):
            left = max(0.1, end - monotonic())
            try:
                return socket.create_connection((str(each), server.port), left / (behind + 1))
            except OSError as err:
                if not behind:
                    raise TemporarilyUnavailable(
                        f"{place}: no connection",
                        code="connect",
                        hint="the server may be down; check host and port",
                    ) from err
        raise TemporarilyUnavailable(f"{place} has no address", code="dns")


class _Session(smtplib.SMTP):
    """Speaks over a socket that is open already; the name is that of its certificate."""

    def __init__(self, host: str, sock: socket.socket) -> None:
        self._open = sock
        # Without a name of its own, smtplib asks the DNS for this machine's.
        super().__init__(host, local_hostname="busybridge.invalid")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        return self._open


def _talk(
    server: MailServer, sock: socket.socket, context: ssl.SSLContext
) -> Iterator[smtplib.SMTP]:
    if server.implicit_tls:
        sock = context.wrap_socket(sock, server_hostname=server.host)
    session = _Session(server.host, sock)
    try:
        session.ehlo()
        if not server.implicit_tls:
            session.starttls(context=context)
            session.ehlo()
        if server.user:
            session.login(server.user, server.password)
        yield session
        with suppress(smtplib.SMTPException, OSError):
            session.quit()
    finally:
        session.close()


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def _explained(place: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as err:
        raise explain_handshake(err, place) from err
    except smtplib.SMTPException as err:
        raise _meaning(err, place) from err
    except OSError as err:
        raise TemporarilyUnavailable(f"{place} did not answer in time", code="timeout") from err
    except UnicodeEncodeError:
        # Its text would show the password.
        raise RemoteRejected(
            f"{place}: user and password must be ASCII", hint="let the server give you others"
        ) from None
    except ValueError as err:
        raise UnreadableAnswer(f"{place} does not speak SMTP") from err


def _meaning(err: smtplib.SMTPException, place: str) -> ProviderError:
    match err:
        case smtplib.SMTPAuthenticationError(smtp_code=code) if code >= 500:
            return AuthorizationExpired(
                f"{place} refuses the login{_answer(err)}", hint="check user and password"
            )
        case smtplib.SMTPNotSupportedError():
            return RemoteRejected(
                f"{place} cannot do what is needed: {err}",
                hint="it must offer STARTTLS, or set tls: implicit; and AUTH where a user is named",
            )
        case smtplib.SMTPServerDisconnected():
            return TemporarilyUnavailable(f"{place} broke off", code="connect")
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            codes = [code for code, _ in refused.values()]
            text = f"{place} takes mail for none of the recipients ({min(codes)})"
            return (RemoteRejected if min(codes) >= 500 else TemporarilyUnavailable)(text)
        case smtplib.SMTPResponseException(smtp_code=code):
            text = f"{place} refuses{_answer(err)}"
            return (RemoteRejected if code >= 500 else TemporarilyUnavailable)(text)
        case _:
            return UnreadableAnswer(f"{place} does not speak SMTP as it should")


def _answer(err: smtplib.SMTPResponseException) -> str:
    said = err.smtp_error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    shown = "".join(char if char.isprintable() else " " for char in text[:_ANSWER]).strip()
    return f": {err.smtp_code} {shown}"
