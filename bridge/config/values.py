"""Values that the YAML spells its own way: durations, sizes, percentages, rates, secrets, zones."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, PlainSerializer, SecretStr, TypeAdapter

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"([+-]?)((?:\d+[wdhms])+)")
_ISO_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)
_SIZES = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SIZES |= {"kb": 10**3, "mb": 10**6, "gb": 10**9}
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}")


def parse_duration(value: object) -> timedelta:
    """Read `5m`, `1h30m`, `180d`, `-1m` or ISO 8601 (`PT5M`); a bare number is refused but for 0."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    if text == "0":
        return timedelta()
    if match := _DURATION.fullmatch(text):
        parts = re.findall(r"(\d+)([wdhms])", match[2])
        seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
        return timedelta(seconds=-seconds if match[1] == "-" else seconds)
    if text.upper().lstrip("+-").startswith("P"):
        return _ISO_DURATION.validate_python(text.upper())
    raise ValueError(f"{text!r} is not a duration; write 30s, 5m, 2h, 180d or ISO 8601 (PT5M)")


def show_duration(value: timedelta) -> str:
    """Write a duration as the YAML does, in the largest unit that holds it exactly."""
    seconds = int(value.total_seconds())
    for unit, size in _UNITS.items():
        if unit != "w" and seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def parse_size(value: object) -> int:
    """Read `1MiB`, `20MB` or a number of bytes."""
    match = re.fullmatch(r"(\d+)\s*([a-z]*)", str(value).strip().lower())
    if not match or match[2] not in _SIZES:
        raise ValueError(f"{value!r} is not a size; write 512KiB, 1MiB or a number of bytes")
    return int(match[1]) * _SIZES[match[2]]


def parse_percent(value: object) -> float:
    """Read `20%` or `0.2`."""
    text = str(value).strip()
    try:
        number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError(f"{value!r} is not a share; write 20% or 0.2")
    return number


def parse_zone(value: object) -> str:
    """Read an IANA zone name that this machine knows."""
    text = str(value)
    try:
        known = _ZONE.fullmatch(text) and ZoneInfo(text)
    except (ZoneInfoNotFoundError, OSError):
        known = None
    if not known:
        raise ValueError(f"{text!r} is not a time zone; write an IANA name: Europe/Berlin")
    return text


class Rate(NamedTuple):
    """So many in so long."""

    amount: int
    period: timedelta

    def __str__(self) -> str:
        """Show as `600/min`."""
        return f"{self.amount}/{ {1: 's', 60: 'min', 3600: 'h'}[int(self.period.total_seconds())] }"


def parse_rate(value: object) -> Rate:
    """Read `600/min`."""
    if isinstance(value, Rate):
        return value
    match = re.fullmatch(r"(\d+)\s*/\s*(s|min|h)", str(value).strip())
    if not match:
        raise ValueError(f"{value!r} is not a rate; write 10/s, 600/min or 100/h")
    return Rate(int(match[1]), timedelta(seconds={"s": 1, "min": 60, "h": 3600}[match[2]]))


class Network(NamedTuple):
    """A CIDR network, with the one port that is meant when one is given."""

    network: IPv4Network | IPv6Network
    port: int | None = None

    def __str__(self) -> str:
        """Show as `127.0.0.1/32:8080`."""
        return str(self.network) if self.port is None else f"{self.network}:{self.port}"


def parse_network(value: object) -> Network:
    """Read `10.0.0.0/8`, `127.0.0.1/32:8080` or `[::1]/128:8080`."""
    if isinstance(value, Network):
        return value
    match = re.fullmatch(r"\[?([0-9A-Fa-f.:]+?)\]?(/\d+)?(?::(\d{1,5}))?", str(value).strip())
    bracketed = str(value).strip().startswith("[")
    try:
        if match and (match[3] is None or bracketed or ":" not in match[1]):
            port = int(match[3]) if match[3] else None
            return Network(ip_network(match[1] + (match[2] or "")), port)
        return Network(ip_network(str(value).strip()))
    except ValueError as err:
        raise ValueError(
            f"{value!r} is not a network; write 10.0.0.0/8 or 127.0.0.1/32:8080"
        ) from err


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(show_duration, return_type=str)
]
Size = Annotated[int, BeforeValidator(parse_size)]
Share = Annotated[float, BeforeValidator(parse_percent)]
Zone = Annotated[str, BeforeValidator(parse_zone)]
RateLimit = Annotated[Rate, BeforeValidator(parse_rate), PlainSerializer(str, return_type=str)]
CidrPort = Annotated[Network, BeforeValidator(parse_network), PlainSerializer(str, return_type=str)]
Secret = SecretStr
"""The key `x` of this type may be given as `x_env` or `x_file`; see `bridge.config.secrets`."""
