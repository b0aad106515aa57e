"""The ways to the admin: the log, mail, a webhook."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Protocol

from bridge.config.notify import AlertHook, Notify, Smtp, signing_key
from bridge.errors import RemoteRejected
from bridge.model.http import Http, Response
from bridge.model.interval import Instant, utc
from bridge.notify.signature import signed_headers
from bridge.transport import raise_for_status, where
from bridge.transport.smtp import MailServer, MailTransport

logger = logging.getLogger("bridge.alerts")

_TIMEOUT = timedelta(seconds=20)
_MOST_ANSWER = 1 << 20
_LONGEST_SUBJECT = 200


class Poster(Http, Protocol):
    """Sends one request that is not redirected, too; `bridge.transport.Transport` is one."""

    def post(
        self, url: str, *, headers: Mapping[str, str], content: bytes, timeout: timedelta
    ) -> Response:
        """See `Transport.post`."""
        ...


class Way(Protocol):
    """Tells the admin what a message says."""

    @property
    def name(self) -> str:
        """`log`, `smtp` or `webhook`."""
        ...

    @property
    def most(self) -> int:
        """How many messages it tells at once."""
        ...

    def deliver(self, messages: Sequence[tuple[str, str]], now: Instant) -> None:
        """Tell messages, each an id and a body; may be asked again for the same ones.

        Raises:
            BridgeError: none of them arrived.
        """
        ...

    def check(self) -> None:
        """Go as far as is possible without telling anything.

        Raises:
            BridgeError: something would not arrive.
        """
        ...


@dataclass(frozen=True)
class Log:
    """Writes a warning; always there."""

    name: str = "log"
    most: int = 100

    def deliver(self, messages: Sequence[tuple[str, str]], now: Instant) -> None:  # noqa: ARG002
        """See `Way`."""
        for _, body in messages:
            data = json.loads(body)["data"]
            text = " ".join(data["text"].split("\n"))
            logger.warning("%s (%s): %s", data["title"], data["alert_id"], text)

    def check(self) -> None:
        """See `Way`."""


@dataclass(frozen=True)
class Mail:
    """Sends mail: one of all that happened at once, when a provider fails or a network."""

    settings: Smtp
    transport: MailTransport
    name: str = "smtp"
    most: int = 100

    def deliver(self, messages: Sequence[tuple[str, str]], now: Instant) -> None:
        """See `Way`."""
        refused = self.transport.send(self._server(), self._mail(messages, now))
        if refused:
            # Others got it, and would get it again.
            logger.warning("an alert was mailed, but not to %s", ", ".join(refused))

    def check(self) -> None:
        """See `Way`; logs in and sends nothing."""
        self.transport.check(self._server())

    def _server(self) -> MailServer:
        given = self.settings
        password = given.password.get_secret_value() if given.password else ""
        return MailServer(given.host, given.at_port, given.tls == "implicit", given.user, password)

    def _mail(self, messages: Sequence[tuple[str, str]], now: Instant) -> EmailMessage:
        told = [(message_id, json.loads(body)["data"]) for message_id, body in messages]
        titles = "; ".join(data["title"] for _, data in told)
        title = titles if len(told) == 1 else f"{len(told)} alerts: {titles}"
        message_id, first = told[0]
        mail = EmailMessage(policy=SMTP)
        sender = Address(addr_spec=self.settings.sender)
        mail["Subject"] = _one_line(f"[BusyBridge] {title}")[:_LONGEST_SUBJECT]
        mail["From"] = sender
        mail["To"] = tuple(Address(addr_spec=each) for each in self.settings.to)
        mail["Date"] = format_datetime(utc(now))
        mail["Message-ID"] = f"<{message_id}@{sender.domain}>"
        if len(told) == 1 and first["alert_id"] != message_id:
            # Mail programs show what belongs together in one thread.
            mail["References"] = mail["In-Reply-To"] = f"<{first['alert_id']}@{sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
        texts = [
            f"{data['text']}\n\nAlert {data['alert_id']}, message {id_}\n" for id_, data in told
        ]
        mail.set_content("\n".join(texts))
        return mail


@dataclass(frozen=True)
class Webhook:
    """Posts to a program."""

    settings: AlertHook
    poster: Poster
    name: str = "webhook"
    most: int = 1

    def deliver(self, messages: Sequence[tuple[str, str]], now: Instant) -> None:
        """See `Way`."""
        ((message_id, body),) = messages
        url = self.settings.url
        secrets = (self.settings.secret, self.settings.previous_secret)
        keys = [signing_key(secret) for secret in secrets if secret is not None]
        if url is None or not keys:
            raise RemoteRejected("there is no URL, or no secret to sign with")
        content = body.encode()
        headers = {
            "content-type": "application/json",
            **signed_headers(keys, message_id, now, content),
        }
        target = url.get_secret_value()
        answer = self.poster.post(target, headers=headers, content=content, timeout=_TIMEOUT)
        if 300 <= answer.status < 400:
            raise RemoteRejected(
                f"the alert webhook: {where(target)} redirects", hint="name where it redirects to"
            )
        raise_for_status(answer, what="the alert webhook")

    def check(self) -> None:
        """See `Way`; any answer will do: many refuse whatever is no POST."""
        if self.settings.url is not None:
            url = self.settings.url.get_secret_value()
            self.poster.request("HEAD", url, timeout=_TIMEOUT, max_size=_MOST_ANSWER)


def make_ways(settings: Notify, mail: Callable[[], MailTransport], poster: Poster) -> list[Way]:
    """Give the ways that are configured; `mail` is asked for what mail needs when there is one."""
    ways: list[Way] = [Log()]
    if settings.smtp.host:
        ways.append(Mail(settings.smtp, mail()))
    if settings.webhook.url is not None:
        ways.append(Webhook(settings.webhook, poster))
    return ways


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
