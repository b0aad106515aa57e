"""JSON Web Tokens with RS256 (RFC 7519): ID tokens, and assertions of service accounts."""

from __future__ import annotations

import base64
import binascii
import json
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.sandbox.world import Json


class BadToken(ValueError):
    """It is none, or nobody we know signed it."""


class Key:
    """A key pair, made when it is first used."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def private(self) -> RSAPrivateKey:
        """The private half."""
        return generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def pem(self) -> str:
        """The private half as a service account's JSON file has it."""
        form = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return form.decode()

    def jwk(self) -> Json:
        """The public half as RFC 7517 writes it."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.name,
            "n": _encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
            "e": _encode(numbers.e.to_bytes(3)),
        }

    def sign(self, claims: Json) -> str:
        """Write a token."""
        header = {"alg": "RS256", "typ": "JWT", "kid": self.name}
        text = ".".join(_encode(json.dumps(part).encode()) for part in (header, claims))
        return f"{text}.{_encode(self.private.sign(text.encode(), PKCS1v15(), SHA256()))}"


def unverified(token: str) -> tuple[Json, Json]:
    """Read header and claims without a look at the signature.

    Raises:
        BadToken: it is no token.
    """
    try:
        header, claims, _ = token.split(".")
        read = json.loads(_decode(header)), json.loads(_decode(claims))
    except (ValueError, binascii.Error) as err:
        raise BadToken("Malformed assertion.") from err
    if not all(isinstance(part, dict) for part in read):
        raise BadToken("Malformed assertion.")
    return read


def verify(token: str, key: RSAPublicKey) -> None:
    """Check a signature.

    Raises:
        BadToken: it is not of that key.
    """
    text, _, signature = token.rpartition(".")
    try:
        key.verify(_decode(signature), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as err:
        raise BadToken("Invalid JWT Signature.") from err


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
