"""Secrets as they lie in the database: AES-256-GCM, each bound to its row and to its key. Pure.

What is authenticated beside the ciphertext names the row: whoever can write to the database and
moves a ciphertext to another connection gets nothing that opens there.
"""

from __future__ import annotations

from collections.abc import Callable
from os import urandom
from typing import TYPE_CHECKING, NamedTuple

from bridge.errors import StoreError

if TYPE_CHECKING:  # it takes 30 ms and 10 MiB, and most commands need no secret
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
"""Bytes, drawn anew each time: NIST SP 800-38D section 8.3 allows 2^32 of them for one key."""


class Place(NamedTuple):
    """The row that a secret belongs to."""

    connection_id: str
    """Holds no colon."""
    kind: str


class Sealed(NamedTuple):
    """A secret that can be shown to anybody without the key."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


class UnknownKey(StoreError):
    """The key file lacks the key that a credential was encrypted with."""


class SealBroken(StoreError):
    """A credential is not what was stored in this row: damaged, forged, or another row's."""


class Vault:
    """Encrypts and decrypts with keys that are found by their id."""

    def __init__(self, find: Callable[[str], bytes | None]) -> None:
        """Take what gives the 32 bytes of a key, or None when nobody has it."""
        self._find = find

    def seal(self, plain: bytes, place: Place, key_id: str) -> Sealed:
        """Encrypt.

        Raises:
            UnknownKey: there is no key of this id.
        """
        nonce = urandom(_NONCE)
        ciphertext = self._cipher(key_id).encrypt(nonce, plain, _binding(place, key_id))
        return Sealed(key_id, nonce, ciphertext)

    def open(self, sealed: Sealed, place: Place) -> bytes:
        """Decrypt what was sealed for this place.

        Raises:
            UnknownKey: the key is not there (any more).
            SealBroken: this was not sealed for this place with this key.
        """
        from cryptography.exceptions import InvalidTag

        cipher = self._cipher(sealed.key_id)
        try:
            return cipher.decrypt(sealed.nonce, sealed.ciphertext, _binding(place, sealed.key_id))
        except (InvalidTag, ValueError) as err:  # ValueError: a nonce of another length
            raise SealBroken(
                f"{place.connection_id}: the stored credential was changed or moved from elsewhere"
            ) from err

    def _cipher(self, key_id: str) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._find(key_id)
        if key is None:
            raise UnknownKey(
                f"a credential needs the key {key_id}, which the key file does not have; "
                "put the key file back that has it"
            )
        return AESGCM(key)


def _binding(place: Place, key_id: str) -> bytes:
    return f"{place.connection_id}:{place.kind}:{key_id}".encode()
