"""How the YAML spells values."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("6w", 3628800),
        ("PT5M", 300),
        ("P1DT1H", 90000),
        ("pt8h", 28800),
    ],
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert values.parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["5", "5 m", "-5m", "PT0.5S", "-PT5M", "5y", "", "m", "99999999w", "P99999999D", "٣m"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write 30s"):
        values.parse_duration(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_a_duration_survives_being_written(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert values.parse_duration(values.show_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "size"),
    [("100", 100), ("512KiB", 524288), ("1 MiB", 1 << 20), ("20MB", 20_000_000), ("1gib", 1 << 30)],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert values.parse_size(text) == size


@pytest.mark.parametrize("text", ["1 TiB", "-1", "1.5MiB", "MiB", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        values.parse_size(text)


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0/8", "127.0.0.1/32:8080", "::1/128", "[::1]/128:8080", "192.168.1.1", "fc00::/7"],
)
def test_a_network_survives_being_written(text: str) -> None:
    network = values.parse_network(text)
    assert values.parse_network(str(network)) == network
    assert (network.port == 8080) == ("8080" in text)


@pytest.mark.parametrize(
    "text", ["10.0.0.1/8", "10.0.0.0/8:0", "10.0.0.0/8:99999", "host", "::1:x"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a network|a port is between"):
        values.parse_network(text)


@pytest.mark.parametrize("text", ["600/min", "10/s", "100/h"])
def test_a_rate_survives_being_written(text: str) -> None:
    assert str(values.parse_rate(text)) == text


@pytest.mark.parametrize("text", ["Europe/Berlin", "UTC", "America/Argentina/Ushuaia", "Etc/GMT+5"])
def test_a_zone_is_read(text: str) -> None:
    assert values.parse_zone(text) == text


@pytest.mark.parametrize("text", ["Berlin", "../../etc/passwd", "/etc/localtime", "", "Europe/"])
def test_what_is_no_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        values.parse_zone(text)


def test_a_base_url_loses_its_last_slash() -> None:
    assert values.parse_base_url("https://cal.example.com:8443/") == "https://cal.example.com:8443"
    assert values.parse_base_url("https://example.com/cal/") == "https://example.com/cal"
