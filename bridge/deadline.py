"""How long a whole pull, or a listing, may take, however many requests it is made of.

A timeout of each request bounds none of that: a server that answers each of a thousand requests at
the last moment would hold its slot for hours. `bridge.app.outlet` cuts each request to what is
left, and asks before each whether whoever works may still go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

PULL = 120.0
"""Seconds that a pull may take at first."""
EXTRA = 30.0
"""Seconds that what follows a pull may take."""
_MOST_DOUBLINGS = 3

_end: ContextVar[float | None] = ContextVar("end", default=None)
_asked: ContextVar[Callable[[], object] | None] = ContextVar("asked", default=None)


def allowance(failures: int) -> float:
    """Return the seconds that a pull may take after so many failures in a row.

    It doubles with each: a large account that is read for the first time gets there in the end,
    and one that only hangs does so among those that fail, which never take all slots.
    """
    return PULL * float(2 ** min(failures, _MOST_DOUBLINGS))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what this thread does inside so many seconds."""
    token = _end.set(monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def remaining() -> float | None:
    """Return the seconds that are left, 0 at least; None when nothing limits them."""
    end = _end.get()
    return None if end is None else max(0.0, end - monotonic())


@contextmanager
def asking(check: Callable[[], object]) -> Iterator[None]:
    """Have something asked before each request of this thread; what it raises ends the work."""
    token = _asked.set(check)
    try:
        yield
    finally:
        _asked.reset(token)


def ask() -> None:
    """Ask whether the next request may be sent."""
    check = _asked.get()
    if check is not None:
        check()
