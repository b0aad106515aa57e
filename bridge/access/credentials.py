"""Reading the Authorization header (RFC 7617, RFC 6750)."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import NamedTuple

_LONGEST = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class MalformedCredentials(ValueError):
    """The header is there and is not what its scheme asks for."""


class BasicCredentials(NamedTuple):
    """A name and a password in clear; never shown."""

    name: str
    password: str

    def __repr__(self) -> str:
        """Hide the password."""
        return f"BasicCredentials(name={self.name!r})"


def read_basic(header: str | None) -> BasicCredentials | None:
    """Return the credentials, or None when the header is absent or of another scheme.

    Raises:
        MalformedCredentials: not base64, not UTF-8, no colon, control characters, or far too long.
    """
    value = _value_of("basic", header)
    if value is None:
        return None
    try:
        text = b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as err:
        raise MalformedCredentials("Basic credentials are base64 of UTF-8") from err
    name, colon, password = text.partition(":")
    # RFC 7617 section 2: neither part contains control characters.
    if not colon or _CONTROL.search(text):
        raise MalformedCredentials("Basic credentials are name:password in printable characters")
    return BasicCredentials(name, password)


def read_bearer(header: str | None) -> str | None:
    """Return the token, or None when the header is absent or of another scheme.

    Raises:
        MalformedCredentials: no token, more than one, or not printable ASCII.
    """
    value = _value_of("bearer", header)
    if value is None:
        return None
    if not value.isascii() or not value.isprintable() or " " in value or not value:
        raise MalformedCredentials("a bearer token is one word of ASCII")
    return value


def _value_of(scheme: str, header: str | None) -> str | None:
    if header is None:
        return None
    given, _, value = header.strip().partition(" ")
    if given.lower() != scheme:
        return None
    value = value.strip()
    if len(value) > _LONGEST:
        raise MalformedCredentials("the Authorization header is too long")
    return value
