"""The section `notify`: who is told when a connection needs somebody, and how."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from bridge.config.section import Section, section, written
from bridge.config.values import Duration, Email, Secret

_PORTS = {"starttls": 587, "implicit": 465}
_LEAST_KEY, _MOST_KEY = 24, 64
_PREFIX = "whsec_"


def signing_key(secret: SecretStr) -> bytes:
    """Give the bytes of a secret of Standard Webhooks, `whsec_` and base64.

    Raises:
        ValueError: it is none.
    """
    text = secret.get_secret_value()
    try:
        key = b64decode(text.removeprefix(_PREFIX), validate=True)
    except NotBase64:
        key = b""
    if not text.startswith(_PREFIX) or not _LEAST_KEY <= len(key) <= _MOST_KEY:
        raise ValueError("not whsec_ and the base64 of 24 to 64 random bytes")
    return key


def _check_secret(secret: SecretStr) -> SecretStr:
    signing_key(secret)
    return secret


def _check_host(host: str) -> str:
    if host and not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]+", host):
        raise ValueError(f"{host!r} is not the name of a host; write mail.example.com")
    return host


class HookUrl(SecretStr):
    """A URL that may be a secret by itself: it may stand in the file, and is shown nowhere."""


def _check_url(url: HookUrl) -> HookUrl:
    try:
        parts = urlsplit(url.get_secret_value())
        named = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        parts, named = urlsplit(""), False
    if not named or parts.scheme not in ("http", "https"):
        raise ValueError("not an https or http URL without login; write https://host/path")
    return url


SigningSecret = Annotated[Secret, AfterValidator(_check_secret)]
MailHost = Annotated[str, AfterValidator(_check_host)]


class Smtp(Section):
    """Alerts by mail."""

    model_config = ConfigDict(serialize_by_alias=True)  # `from` is a word of Python

    host: MailHost = Field(
        default="",
        description="mail server that takes the alerts; empty: no mail",
        examples=["mail.example.com"],
    )
    port: int | None = Field(
        default=None, ge=1, le=65535, description="left out: 587, or 465 where TLS is implicit"
    )
    tls: Literal["starttls", "implicit"] = Field(
        default="starttls", description="how the connection is encrypted; it always is"
    )
    user: str = Field(default="", description="login at the mail server; empty: none")
    password: Secret | None = Field(
        default=None, description="its password", examples=["SMTP_PASSWORD"]
    )
    sender: Email = Field(
        default="",
        alias="from",
        description="address that the alerts come from",
        examples=["busybridge@example.com"],
    )
    to: tuple[Email, ...] = Field(
        default=(), description="who gets them", examples=[["admin@example.com"]]
    )

    @property
    def at_port(self) -> int:
        """The port in force."""
        return self.port or _PORTS[self.tls]


class AlertHook(Section):
    """Alerts to a program, signed as Standard Webhooks."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[HookUrl, AfterValidator(_check_url)] | None = Field(
        default=None,
        description="where alerts are sent by POST; kept secret",
        examples=["https://alerts.example.com/busybridge"],
    )
    secret: SigningSecret | None = Field(
        default=None,
        description="what signs them: whsec_ and the base64 of 24 to 64 random bytes",
        examples=["ALERT_SECRET"],
    )
    previous_secret: SigningSecret | None = Field(
        default=None,
        description="signs them as well, until the receiver knows the new one",
        examples=["OLD_ALERT_SECRET"],
    )


class Notify(Section):
    """Alerts when a connection needs somebody; they are always logged, too."""

    smtp: Smtp = section()
    webhook: AlertHook = section()
    after: Duration = written("15m", "an error that lasts so long is told", least="0", most="7d")
    repeat: Duration = written("24h", "what lasts is told again so often", least="1h", most="30d")
