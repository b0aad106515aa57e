"""T56: certificates are always verified, with TLS 1.2 or later, and the error names the remedy."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.config.settings import Outbound
from bridge.errors import ConfigError, TemporarilyUnavailable
from bridge.transport import Transport
from tests.servers.origin import Answer, Origin
from tests.servers.tls import Authority, self_signed
from tests.unit.transport.conftest import MakeTransport

HOST = "cal.example.com"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def refused(context: ssl.SSLContext, transport_of: MakeTransport, ca_file: Path) -> str:
    """Ask a server of this context with a login; return the hint and see that it got nothing."""
    with Origin(context) as server:
        with pytest.raises(TemporarilyUnavailable) as caught:
            transport_of(server, ca_file=ca_file).request("GET", server.url("/secret", HOST))
        assert caught.value.code == "tls"
        assert HOST in str(caught.value)
        assert "secret" not in str(caught.value)
        assert server.requests == []
    return caught.value.hint


@pytest.mark.covers("T56")
def test_a_good_certificate_of_a_listed_authority_is_accepted(
    authority: Authority, make_transport: MakeTransport
) -> None:
    with Origin(authority.server(HOST, "127.0.0.1")) as server:
        server.routes["/"] = Answer(body=b"safe")
        transport = make_transport(server, ca_file=authority.pem)
        assert transport.request("GET", server.url(host=HOST)).body == b"safe"
        assert transport.request("GET", server.url()).body == b"safe"


@pytest.mark.covers("T56")
def test_a_self_signed_certificate_is_refused(
    authority: Authority, make_transport: MakeTransport, tmp_path: Path
) -> None:
    assert "ca_file" in refused(self_signed(tmp_path, HOST), make_transport, authority.pem)


@pytest.mark.covers("T56")
def test_a_certificate_of_an_unknown_authority_is_refused(
    authority: Authority, make_transport: MakeTransport, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path)
    assert "ca_file" in refused(stranger.server(HOST), make_transport, authority.pem)


@pytest.mark.covers("T56")
def test_an_expired_certificate_is_refused(
    authority: Authority, make_transport: MakeTransport
) -> None:
    expired = authority.server(HOST, valid=timedelta(days=-1))
    assert "renew" in refused(expired, make_transport, authority.pem)


@pytest.mark.covers("T56")
def test_a_certificate_for_another_host_is_refused(
    authority: Authority, make_transport: MakeTransport
) -> None:
    other = authority.server("dav.example.com")
    assert "host name" in refused(other, make_transport, authority.pem)


@pytest.mark.covers("T56")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_below_1_2_is_refused(authority: Authority, make_transport: MakeTransport) -> None:
    context = authority.outdated(HOST)
    assert "TLS 1.2" in refused(context, make_transport, authority.pem)
    with Origin(context) as server:  # the server is able to, so that it was we who refused
        lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        lax.load_verify_locations(authority.pem)
        lax.set_ciphers("ALL:@SECLEVEL=0")
        lax.minimum_version = ssl.TLSVersion.TLSv1
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            assert lax.wrap_socket(plain, server_hostname=HOST).version() == "TLSv1.1"


@pytest.mark.covers("T56")
def test_no_source_file_turns_verification_off() -> None:
    forbidden = re.compile(
        r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified_context"
        r"|verify_mode\s*="
    )
    rooms = (ROOT / "bridge", ROOT / "radicale_plugin")
    files = [path for room in rooms for path in room.rglob("*.py")]
    assert files
    assert [str(path) for path in files if forbidden.search(path.read_text())] == []


def test_a_server_that_speaks_plainly_on_a_tls_port_is_named_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as plain:
                plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                plain.recv(4096)

        threading.Thread(target=answer, daemon=True).start()
        port = listener.getsockname()[1]
        outbound = Outbound.model_validate({"allow_networks": [f"127.0.0.1/32:{port}"]})
        transport = Transport(outbound, user_agent="BusyBridge/test")
        with pytest.raises(TemporarilyUnavailable) as caught:
            transport.request("GET", f"https://127.0.0.1:{port}/")
        transport.close()
    assert caught.value.code == "tls"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_a_configuration_error(
    content: str | None, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Transport(Outbound(ca_file=str(ca_file)), user_agent="BusyBridge/test")
    assert caught.value.problems[0].key == "outbound.ca_file"
