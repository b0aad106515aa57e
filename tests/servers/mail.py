"""A mail server on loopback (aiosmtpd), with TLS, logins, and misbehaviour as a test wants."""

from __future__ import annotations

import socket
import ssl
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

USER, PASSWORD = "alerts", "CANARY-mail-password"


class MailBox:
    """Takes mail; use as a context manager."""

    def __init__(
        self, context: ssl.SSLContext | None, *, implicit: bool = False, login: bool = True
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.refusals: list[str] = []
        """What is answered to the next mails, in turn."""
        self.strangers: set[str] = set()
        """Recipients that are not known."""
        self.logins: list[tuple[str, str]] = []
        options: dict[str, Any] = {"require_starttls": context is not None and not implicit}
        if login:
            options |= {"authenticator": self._authenticate, "auth_required": True}
        if implicit:
            options |= {"auth_require_tls": False}
        if not implicit:
            options |= {"tls_context": context}
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=0,
            ssl_context=context if implicit else None,
            ready_timeout=60,
            **options,
        )

    def __enter__(self) -> MailBox:
        # It would greet itself to see whether it runs, and stumble over its own certificate.
        self._controller._trigger_server = self._knock  # type: ignore[method-assign]
        self._controller.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        server = self._controller.server
        assert server is not None
        return server.sockets[0].getsockname()[1]

    def _knock(self) -> None:
        socket.create_connection(("127.0.0.1", self.port), 60).close()

    def _authenticate(self, _server, _session, _envelope, _mechanism, data) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == (USER, PASSWORD), handled=False)

    async def handle_RCPT(self, _server, _session, envelope, address, options):  # noqa: N802
        if address in self.strangers:
            return "550 No such person"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802
        if self.refusals:
            return self.refusals.pop(0)
        self.envelopes.append(envelope)
        self.mails.append(BytesParser(policy=default).parsebytes(envelope.content))
        return "250 OK"
