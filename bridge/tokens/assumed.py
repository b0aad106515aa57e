"""Access tokens that can be had at any time, without their owner: kept in memory, never stored.

One is asked for at a time; whoever needs it meanwhile waits for that one. What was refused is not
asked for again at once, however many ask.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from bridge.authorizer import Grant
from bridge.errors import ProviderError

_EARLY = 120.0
"""Seconds before its end at which a token is replaced; a short-lived one later."""
REST = 60.0
"""Seconds between two tries with what was refused."""


@dataclass(frozen=True, slots=True)
class _Held:
    token: str = field(default="", repr=False)
    ends: float = 0.0
    refused: ProviderError | None = None


@dataclass(slots=True)
class Assumed:
    """Implements `bridge.provider.TokenSource` for one account; all are equal to each other.

    What tells accounts apart are their settings, which `Account` compares.
    """

    assume: Callable[[], Grant] = field(compare=False, repr=False)
    """Asks for one; it ends within 30 s."""
    clock: Callable[[], float] = field(default=monotonic, compare=False, repr=False)
    _held: _Held = field(default=_Held(), init=False, compare=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, compare=False, repr=False)

    def token(self) -> str:
        """See `TokenSource`."""
        return self._get("")

    def renewed(self, refused: str) -> str:
        """See `TokenSource`."""
        return self._get(refused)

    def _get(self, refused: str) -> str:
        with self._lock:
            now, held = self.clock(), self._held
            if held.token not in ("", refused) and now < held.ends:
                return held.token
            if held.refused is not None and now < held.ends:
                raise copy(held.refused)
            try:
                grant = self.assume()
            except ProviderError as err:
                self._held = _Held(ends=now + REST, refused=copy(err))
                raise
            life = grant.lifetime.total_seconds() if grant.lifetime else float("inf")
            token = grant.access_token.get_secret_value()
            self._held = _Held(token, now + life - min(_EARLY, life / 4))
            return token
