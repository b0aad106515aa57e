"""Checking the passwords of people: slow on purpose, so each right one is remembered for a while.

Measured: bcrypt(10) 78 ms, bcrypt(12) 409 ms, argon2 with its library's defaults 314 ms a check.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Lock

from bridge.errors import StoreError
from bridge.model.interval import Instant

_REMEMBERED = 600
"""Seconds for which a right password need not be hashed again."""
_MOST_REMEMBERED = 10_000
_LONGEST = 1024
_AT_ONCE = 2
"""Hashes at the same time: each takes one processor for itself."""
_PATIENCE = 5.0
"""Seconds that a request waits for its turn."""


def hash_password(password: str) -> str:
    """Make an argon2id hash, 19 MiB and two rounds."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(password)


def check_hash(stored: str, password: str) -> bool:
    """Compare a password with a bcrypt or argon2 hash; slow."""
    if len(password) > _LONGEST or "\0" in password:
        return False
    if stored.startswith("$argon2"):
        return _check_argon2(stored, password)
    import bcrypt

    try:
        # bcrypt never looked beyond 72 bytes; this library refuses them instead.
        given = password.encode(errors="surrogatepass")[:72]
        return bcrypt.checkpw(given, stored.encode())
    except ValueError:
        return False


def _check_argon2(stored: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(stored, password.encode(errors="surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False


class Verifier:
    """Checks passwords: each right one once in a while, the same one never twice at a time."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        """Of this process: what is remembered is worth nothing to anyone else."""
        self._lock = Lock()
        self._right: OrderedDict[bytes, Instant] = OrderedDict()
        """HMAC of name, password and hash -> when it is forgotten."""
        self._checking: dict[bytes, Future[bool]] = {}
        self._turns = BoundedSemaphore(_AT_ONCE)
        self.hashed = 0
        """Passwords that were hashed since the start."""

    def check(
        self, name: str, password: str, stored: str, now: Instant, admit: Callable[[], bool]
    ) -> bool:
        """Tell whether a password is right.

        Args:
            name: of the login; what was right for another is not right for this one.
            password: as it was typed.
            stored: a bcrypt or argon2 hash.
            now: decides whether what is remembered still counts.
            admit: asked before anything is hashed; when it says no, the password is not right.

        Raises:
            StoreError: so many are being hashed that it cannot be told at this moment.
        """
        mark = hmac.digest(
            self._key, "\0".join((name, stored, password)).encode(errors="surrogatepass"), "sha256"
        )
        with self._lock:
            if self._right.get(mark, 0) > now:
                return True
            leader = mark not in self._checking
            result = self._checking.setdefault(mark, Future())
        if not leader:
            return result.result()
        right = False
        try:
            right = admit() and self._hash(password, stored)
        except StoreError as err:
            result.set_exception(err)
            raise
        finally:
            with self._lock:
                del self._checking[mark]
                if right:
                    self._remember(mark, now)
            if not result.done():
                result.set_result(right)
        return right

    def _remember(self, mark: bytes, now: Instant) -> None:
        self._right[mark] = now + _REMEMBERED
        self._right.move_to_end(mark)
        if len(self._right) > _MOST_REMEMBERED:
            self._right.popitem(last=False)

    def _hash(self, password: str, stored: str) -> bool:
        if not self._turns.acquire(timeout=_PATIENCE):
            raise StoreError("too many passwords are being checked at this moment", busy=True)
        try:
            with self._lock:
                self.hashed += 1
            return check_hash(stored, password)
        finally:
            self._turns.release()
