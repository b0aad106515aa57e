"""The HTTP client that everything which leaves the process goes through."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol
from zlib import crc32

import httpcore2

from bridge.errors import (
    AddressRefused,
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Basic, Bearer, Credentials, Response, Service
from bridge.transport.addresses import Allowance, Listed
from bridge.transport.body import read_body, too_large
from bridge.transport.network import Exchange, HandshakeFailed, PinnedBackend
from bridge.transport.redirects import MAX_REDIRECTS, Hop, next_hop
from bridge.transport.resolver import Resolver, SystemResolver
from bridge.transport.tls import explain_handshake, make_context
from bridge.transport.urls import parse_url, port_of, where

logger = logging.getLogger(__name__)
# At DEBUG it writes every header of every answer, and headers hold secrets (Location, Set-Cookie).
logging.getLogger("httpcore2").setLevel(logging.WARNING)

DEFAULT_TIMEOUT = timedelta(seconds=30)
DEFAULT_MAX_SIZE = 20 << 20
_LONGEST_THANKS = 1 << 20  # bytes of what answers a `post`: nobody reads it
_DNS_TIMEOUT = 5.0
_POOLS = 8
_POOL_SIZE = 20
_KEEP_ALIVE = 5.0
_SAFE = {"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VISIBLE = r"[\x21-\x7e\x80-\xff]"  # RFC 9110 section 5.5
_VALUE = re.compile(rf"({_VISIBLE}([\t ]*{_VISIBLE})*)?")


class Outbound(Protocol):
    """The section `outbound` of the configuration."""

    @property
    def allow_networks(self) -> Sequence[Listed]: ...
    @property
    def ca_file(self) -> str | None: ...


class Transport:
    """Implements `bridge.model.http.Http`; any number of threads may share one.

    Guarded: http and https only, to public addresses and those in `outbound.allow_networks`; a name
    is resolved once, all its addresses must pass, and the connection goes to the very address that
    was checked. Nothing comes from the environment: no proxy, no netrc, no certificate path.
    Certificates are always verified, with TLS 1.2 or later. No cookies are kept. Digest
    authentication is not supported. Trying again is the scheduler's; only a safe request that met a
    kept connection which the server had closed goes out on another.

    Connections are spread over pools by host, each of at most 20, so that neither one slow host
    takes all of them nor a pool grows to where its bookkeeping costs more than the requests.
    """

    def __init__(
        self, outbound: Outbound, *, resolver: Resolver | None = None, user_agent: str
    ) -> None:
        """Make a transport without touching the network.

        Raises:
            ConfigError: `outbound.ca_file` cannot be used.
        """
        self._resolver = resolver or SystemResolver()
        self._user_agent = user_agent
        self._exchange = Exchange()
        context = make_context(outbound.ca_file)
        backend = PinnedBackend(self._resolver, Allowance(outbound.allow_networks), self._exchange)
        self._pools = tuple(
            httpcore2.ConnectionPool(
                ssl_context=context,
                max_connections=_POOL_SIZE,
                keepalive_expiry=_KEEP_ALIVE,
                network_backend=backend,
            )
            for _ in range(_POOLS)
        )

    def close(self) -> None:
        """Close all connections; requests that are under way fail."""
        for pool in self._pools:
            pool.close()

    def services(self, name: str) -> Sequence[Service]:
        """See `Http`."""
        return self._resolver.services(name, _DNS_TIMEOUT)

    def texts(self, name: str) -> Sequence[str]:
        """See `Http`."""
        return self._resolver.texts(name, _DNS_TIMEOUT)

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
        """See `Http`."""
        home = parse_url(url)
        hop = Hop(method, home, headers or {}, content, auth)
        limit = DEFAULT_MAX_SIZE if max_size is None else max_size
        self._exchange.begin((timeout or DEFAULT_TIMEOUT).total_seconds())
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._answer(hop, limit)
            following = next_hop(hop, answer, home, trusted_sites) if follow else None
            if following is None:
                return answer
            hop = following
        raise AddressRefused(f"{where(home)} redirects more than {MAX_REDIRECTS} times")

    def post(
        self, url: str, *, headers: Mapping[str, str], content: bytes, timeout: timedelta
    ) -> Response:
        """Send a body to that address and no other: a redirect is the answer, like any status.

        Raises:
            ProviderError: as `request` does.
        """
        hop = Hop("POST", parse_url(url), headers, content, None)
        self._exchange.begin(timeout.total_seconds())
        return self._answer(hop, _LONGEST_THANKS)

    def _answer(self, hop: Hop, max_size: int) -> Response:
        place = where(hop.url)
        incoming = self._send(hop)
        try:
            answer = _read(incoming, hop, max_size)
        except httpcore2.TimeoutException as err:
            raise _no_answer(err, place) from err
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as err:
            raise UnreadableAnswer(f"{place} sent an answer that was cut short") from err
        finally:
            incoming.close()
        logger.debug("%s %s: %d, %d bytes", hop.method, place, answer.status, len(answer.body))
        return answer

    def _send(self, hop: Hop) -> httpcore2.Response:
        host = hop.url.raw_host
        request = httpcore2.Request(
            hop.method,
            httpcore2.URL(
                scheme=hop.url.raw_scheme,
                host=host,
                port=port_of(hop.url),
                target=hop.url.raw_path,
            ),
            headers=self._headers(hop),
            content=hop.content,
        )
        pool = self._pools[crc32(host) % _POOLS]
        while True:
            self._exchange.has_new_connection = False
            try:
                request.extensions["timeout"] = {"pool": self._exchange.left()}
                return pool.handle_request(request)
            except httpcore2.TimeoutException as err:
                raise _no_answer(err, where(hop.url)) from err
            except (httpcore2.NetworkError, httpcore2.ProtocolError) as err:
                # RFC 9112 section 9.3.1: a kept connection may close just as it is used again.
                if self._exchange.has_new_connection or hop.method not in _SAFE:
                    raise _no_answer(err, where(hop.url)) from err

    def _headers(self, hop: Hop) -> list[tuple[bytes, bytes]]:
        own = {
            "host": hop.url.netloc.decode("ascii"),
            "user-agent": self._user_agent,
            "accept-encoding": "gzip",
        }
        if hop.content is not None or hop.method in ("POST", "PUT"):
            own["content-length"] = str(len(hop.content or b""))
        given = {name.lower(): value for name, value in hop.headers.items()}
        if hop.auth is not None:
            own["authorization"] = _authorization(hop.auth)
        fields = {**given, **own}
        if not (_TOKEN.fullmatch(hop.method) and all(map(_TOKEN.fullmatch, fields))):
            raise RemoteRejected("a method or header name cannot be sent")
        for name, value in fields.items():
            if not _VALUE.fullmatch(value):
                raise RemoteRejected(f"the value of the header {name} cannot be sent")
        return [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]


def _authorization(auth: Credentials) -> str:
    match auth:
        case Basic(username, password):
            # RFC 7617 section 2.1: UTF-8, which servers that say nothing nearly always mean.
            return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        case Bearer(token):
            return f"Bearer {token}"


def _read(incoming: httpcore2.Response, hop: Hop, max_size: int) -> Response:
    place = where(hop.url)
    headers: dict[str, str] = {}
    for raw_name, raw_value in incoming.headers:
        name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    expects_body = hop.method != "HEAD" and incoming.status not in (204, 304)
    if expects_body and int(headers.get("content-length", "0")) > max_size:
        raise too_large(max_size, place)
    encoding = headers.get("content-encoding", "") if expects_body else ""
    body = read_body(incoming.iter_stream(), encoding, max_size, place)
    if _left_over(incoming):
        # Else the rest would be taken for the answer to the next request.
        incoming.extensions["network_stream"].close()
        raise UnreadableAnswer(f"{place} sent an answer that is longer than it says")
    return Response(incoming.status, headers, body, str(hop.url))


def _left_over(incoming: httpcore2.Response) -> bytes:
    """Return what came behind the end of an answer: it would begin the next one."""
    # No public way leads there; the version is pinned, and a test sends such answers.
    wire = incoming.stream._stream._connection._h11_state  # type: ignore[union-attr]  # noqa: SLF001
    return bytes(wire.trailing_data[0])


def _no_answer(err: Exception, place: str) -> ProviderError:
    if isinstance(err, HandshakeFailed):
        return explain_handshake(err.error, place)
    if isinstance(err, httpcore2.TimeoutException):
        return TemporarilyUnavailable(
            f"{place} did not answer in time", code="timeout", hint="the server may be overloaded"
        )
    if isinstance(err, httpcore2.ConnectError):
        return TemporarilyUnavailable(
            f"{place}: no connection",
            code="connect",
            hint="the server may be down; check host and port",
        )
    return TemporarilyUnavailable(
        f"{place} broke off or does not speak HTTP", code="connect", hint="check host and port"
    )
