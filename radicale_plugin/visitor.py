"""Who asks, and what they see of the store: one principal and one snapshot for each request.

Radicale answers a request in one thread from beginning to end and hands on no more than a name, so
what its authentication found is kept beside the thread. An old principal cannot be used by another
request: it counts only for the name that this request has just proved, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

from bridge.access import Principal
from bridge.store.database import Database, Transaction

_PRINCIPAL: ContextVar[Principal | None] = ContextVar("principal", default=None)
_SNAPSHOT: ContextVar[Transaction | None] = ContextVar("snapshot", default=None)
_SHARED: ContextVar[ExitStack | None] = ContextVar("shared", default=None)
"""Closes the snapshot that a lock of Radicale's stands for."""


def entered(principal: Principal | None) -> None:
    """Remember who the request at hand comes from."""
    _PRINCIPAL.set(principal)


def principal(login: str) -> Principal | None:
    """Return the principal of the request at hand, which was logged in by this name."""
    found = _PRINCIPAL.get()
    return found if found is not None and login and found.name == login else None


def current() -> Principal | None:
    """Return the principal of the request at hand."""
    return _PRINCIPAL.get()


def is_looking() -> bool:
    """Tell whether the request's view of the store is open."""
    return _SNAPSHOT.get() is not None


@contextmanager
def shared() -> Iterator[None]:
    """Let all that is read inside see one snapshot, which the first that reads opens."""
    with ExitStack() as held:
        held.callback(_SHARED.reset, _SHARED.set(held))
        yield


@contextmanager
def snapshot(database: Database) -> Iterator[Transaction]:
    """Open the request's view of the store, or join the one that is open."""
    standing = _SNAPSHOT.get()
    if standing is not None:
        yield standing
    elif held := _SHARED.get():
        yield held.enter_context(_opened(database))
    else:
        with _opened(database) as conn:
            yield conn


@contextmanager
def _opened(database: Database) -> Iterator[Transaction]:
    with database.read() as conn:
        token = _SNAPSHOT.set(conn)
        try:
            yield conn
        finally:
            _SNAPSHOT.reset(token)
