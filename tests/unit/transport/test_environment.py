"""T16: nothing from the environment decides where a request goes or whom it trusts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import TemporarilyUnavailable
from tests.servers.origin import Answer, Origin
from tests.servers.tls import Authority
from tests.unit.transport.conftest import MakeTransport


@pytest.mark.covers("T16")
def test_proxies_of_the_environment_are_not_used(
    origin: Origin, trap: Origin, make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy"):
        for spelled in (name, name.upper()):
            monkeypatch.setenv(spelled, trap.url())
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    origin.routes["/"] = Answer(body=b"direct")
    transport = make_transport(origin)
    for host in (None, "cal.example.com"):
        assert transport.request("GET", origin.url(host=host)).body == b"direct"
    assert trap.accepts == 0


@pytest.mark.covers("T16")
def test_passwords_of_a_netrc_file_are_not_sent(
    origin: Origin, make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login ann password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    make_transport(origin).request("GET", origin.url())
    assert "authorization" not in origin.requests[0].headers


@pytest.mark.covers("T16", "T56")
def test_an_authority_of_the_environment_is_not_trusted_and_keys_are_not_logged(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    key_log = tmp_path / "keys"
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("SSLKEYLOGFILE", str(key_log))
    with Origin(authority.server("cal.example.com")) as secure:
        with pytest.raises(TemporarilyUnavailable) as caught:
            make_transport(secure).request("GET", secure.url(host="cal.example.com"))
        assert caught.value.code == "tls"
        good = make_transport(secure, ca_file=authority.pem)
        assert good.request("GET", secure.url(host="cal.example.com")).status == 404
    assert not key_log.exists()
