"""The transport in force: a reload replaces it without a request in flight noticing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import NamedTuple

from bridge import __version__, deadline
from bridge.config.settings import Outbound
from bridge.config.values import Network
from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Credentials, Response, Service
from bridge.transport import Transport
from bridge.transport.client import DEFAULT_TIMEOUT
from bridge.transport.smtp import MailTransport

USER_AGENT = f"BusyBridge/{__version__}"


class _Outbound(NamedTuple):
    """The section of the configuration, as the transport takes it."""

    allow_networks: tuple[Network, ...]
    ca_file: str | None


def make_transport(outbound: Outbound) -> Transport:
    """Make the transport that a configuration asks for.

    Raises:
        ConfigError: `outbound.ca_file` cannot be used.
    """
    return Transport(_understood(outbound), user_agent=USER_AGENT)


def make_mail_transport(outbound: Outbound) -> MailTransport:
    """Make what a configuration sends mail through.

    Raises:
        ConfigError: `outbound.ca_file` cannot be used.
    """
    return MailTransport(_understood(outbound))


def _understood(outbound: Outbound) -> _Outbound:
    ca_file = None if outbound.ca_file is None else str(outbound.ca_file)
    return _Outbound(outbound.allow_networks, ca_file)


@dataclass(slots=True)
class _Held:
    transport: Transport
    users: int = 0
    retired: bool = False


class Outlet:
    """Implements `bridge.model.http.Http` by the transport that is in force."""

    def __init__(self, transport: Transport) -> None:
        self._lock = Lock()
        self._held = _Held(transport)

    def replace(self, transport: Transport) -> None:
        """Send everything from now on through another transport; the old one ends its requests."""
        with self._lock:
            old, self._held = self._held, _Held(transport)
            old.retired = True
            idle = old.users == 0
        if idle:
            old.transport.close()

    def close(self) -> None:
        """Close all connections; requests that are under way fail."""
        self._held.transport.close()

    def request(  # noqa: PLR0913 - the Protocol's
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: Credentials | None = None,
        timeout: timedelta | None = None,
        max_size: int | None = None,
        trusted_sites: Sequence[str] = (),
        follow: bool = True,
    ) -> Response:
        """See `Http`; the exchange begins and ends as the work's `deadline` says, too."""
        deadline.ask()
        timeout = _shortened(timeout)
        with self._use() as transport:
            return transport.request(
                method,
                url,
                headers=headers,
                content=content,
                auth=auth,
                timeout=timeout,
                max_size=max_size,
                trusted_sites=trusted_sites,
                follow=follow,
            )

    def post(
        self, url: str, *, headers: Mapping[str, str], content: bytes, timeout: timedelta
    ) -> Response:
        """See `Transport.post`."""
        with self._use() as transport:
            return transport.post(url, headers=headers, content=content, timeout=timeout)

    def services(self, name: str) -> Sequence[Service]:
        """See `Http`."""
        with self._use() as transport:
            return transport.services(name)

    def texts(self, name: str) -> Sequence[str]:
        """See `Http`."""
        with self._use() as transport:
            return transport.texts(name)

    @contextmanager
    def _use(self) -> Iterator[Transport]:
        with self._lock:
            held = self._held
            held.users += 1
        try:
            yield held.transport
        finally:
            with self._lock:
                held.users -= 1
                last = held.retired and held.users == 0
            if last:
                held.transport.close()


def _shortened(timeout: timedelta | None) -> timedelta | None:
    left = deadline.remaining()
    if left is None:
        return timeout
    if left == 0:
        raise TemporarilyUnavailable(
            "reading it all takes longer than one pull may last",
            code="timeout",
            hint="the next try lasts twice as long; when it stays so, the server is too slow",
        )
    return min(timeout or DEFAULT_TIMEOUT, timedelta(seconds=left))
