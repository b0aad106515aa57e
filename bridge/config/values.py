"""Values that the YAML spells its own way: durations, sizes, shares, rates, networks, addresses.

Each `parse_*` takes what the YAML holds and raises ValueError with a text that names the remedy.
"""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainSerializer,
    SecretStr,
    TypeAdapter,
    ValidationInfo,
)

from bridge.model.resource import Direction

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_LONGEST = timedelta(days=36500)
_SIZES = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SIZES |= {"kb": 10**3, "mb": 10**6, "gb": 10**9}
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}")
_EMAIL = re.compile(r"[^\s@<>(),;:\"\\]+@[^\s@<>(),;:\"\\]+")
_HASH = re.compile(
    r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$\S+"
)


def parse_duration(value: object) -> timedelta:
    """Read `5m`, `1h30m`, `180d` or ISO 8601 (`PT5M`): whole seconds, not negative."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    if text == "0":
        return timedelta()
    try:
        if re.fullmatch(r"(?:[0-9]{1,10}[wdhms])+", text):
            parts = re.findall(r"([0-9]+)([wdhms])", text)
            length = timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
        elif text.upper().startswith("P"):
            length = TypeAdapter(timedelta).validate_python(text.upper())
        else:
            length = -_LONGEST
    except (ValueError, OverflowError):
        length = -_LONGEST
    if not timedelta() <= length <= _LONGEST or length.microseconds:
        raise ValueError(f"{text!r} is not a duration; write 30s, 5m, 2h, 180d or ISO 8601 (PT5M)")
    return length


def show_duration(value: timedelta) -> str:
    """Write a duration as the YAML does, in the largest unit that holds it exactly."""
    seconds = int(value.total_seconds())
    for unit, size in _UNITS.items():
        if unit != "w" and seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def parse_size(value: object) -> int:
    """Read `1MiB`, `20MB` or a number of bytes."""
    match = re.fullmatch(r"([0-9]{1,15})\s*([a-z]*)", str(value).strip().lower())
    if not match or match[2] not in _SIZES:
        raise ValueError(f"{value!r} is not a size; write 512KiB, 1MiB or a number of bytes")
    return int(match[1]) * _SIZES[match[2]]


def parse_share(value: object) -> float:
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

    @property
    def per_minute(self) -> int:
        """How many a minute, at least one."""
        return max(1, int(self.amount * 60 / self.period.total_seconds()))

    def __str__(self) -> str:
        """Show as `600/min`."""
        return f"{self.amount}/{ {1: 's', 60: 'min', 3600: 'h'}[int(self.period.total_seconds())] }"


def parse_rate(value: object) -> Rate:
    """Read `600/min`."""
    if isinstance(value, Rate):
        return value
    match = re.fullmatch(r"([1-9][0-9]{0,8})\s*/\s*(s|min|h)", str(value).strip())
    if not match:
        raise ValueError(f"{value!r} is not a rate; write 10/s, 600/min or 100/h")
    return Rate(int(match[1]), timedelta(seconds={"s": 1, "min": 60, "h": 3600}[match[2]]))


class Network(NamedTuple):
    """A CIDR network, with the one port that is meant when one is given."""

    network: IPv4Network | IPv6Network
    port: int | None = None

    def __str__(self) -> str:
        """Show as `127.0.0.1/32:8080` or `[::1]/128:8080`."""
        if self.port is None:
            return str(self.network)
        address = str(self.network.network_address)
        shown = f"[{address}]" if self.network.version == 6 else address
        return f"{shown}/{self.network.prefixlen}:{self.port}"


def parse_network(value: object) -> Network:
    """Read `10.0.0.0/8`, `127.0.0.1/32:8080` or `[::1]/128:8080`."""
    if isinstance(value, Network):
        return value
    text = str(value).strip()
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(/[0-9]+)?(?::([0-9]{1,5}))?", text)
    try:
        if match is None:
            return Network(ip_network(text))
        port = int(match[4]) if match[4] else None
        network = ip_network((match[1] or match[2]) + (match[3] or ""))
    except ValueError as err:
        raise ValueError(
            f"{text!r} is not a network; write 10.0.0.0/8 or 127.0.0.1/32:8080"
        ) from err
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"{text!r}: a port is between 1 and 65535")
    return Network(network, port)


def parse_cidr(value: object) -> Network:
    """Read `10.0.0.0/8`; a port is refused."""
    network = parse_network(value)
    if network.port is not None:
        raise ValueError(f"{str(value)!r} names a port, and no port is meant here")
    return network


def parse_bind(value: str) -> str:
    """Read `127.0.0.1:5232` or `[::]:5232`."""
    match = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", value)
    if not match or int(match[1]) > 65535:
        raise ValueError(f"{value!r} is not an address with a port; write 127.0.0.1:5232")
    return value


def parse_base_url(value: str) -> str:
    """Read a public URL without query and login; a slash at its end is dropped.

    It has a path only where a proxy shows us below one.
    """
    host = r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    path = r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*"
    if value and not re.fullmatch(rf"https?://{host}{path}/?", value):
        raise ValueError("not a URL without login and query; write https://cal.example.com")
    return value.rstrip("/")


def parse_redirect(value: str) -> str:
    """Read an address that a browser may be sent to: https, or http on this machine."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    local = parts.scheme == "http" and host in ("127.0.0.1", "localhost", "::1")
    plain = re.fullmatch(r"[!-\[\]-~]+", value) and "@" not in parts.netloc and port != 0
    if not host or not plain or parts.fragment or not (parts.scheme == "https" or local):
        raise ValueError(f"{value!r} is no https URL without login and fragment")
    return value


def parse_service_url(value: str) -> str:
    """Read where a provider's API or one of its pages is: http or https, nothing secret in it."""
    parts = urlsplit(value.strip())
    if parts.scheme.lower() not in ("https", "http") or not parts.hostname:
        raise ValueError("is not an https or http URL")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("holds a login, a query or a fragment")
    return value.strip().rstrip("/")


def parse_email(value: str) -> str:
    """Read a mail address; empty means none."""
    if value and not _EMAIL.fullmatch(value):
        raise ValueError(f"{value!r} is not a mail address")
    return value


def parse_hash(value: SecretStr) -> SecretStr:
    """Check that a secret is a bcrypt or argon2 hash; the text never shows it."""
    if not _HASH.fullmatch(value.get_secret_value()):
        raise ValueError("not a bcrypt ($2b$...) or argon2 ($argon2id$...) hash")
    return value


def parse_database(value: str, info: ValidationInfo) -> str:
    """Read a database URL; a relative SQLite path is taken from the configuration's directory."""
    scheme, _, rest = value.partition("://")
    if scheme == "sqlite":
        path = rest.removeprefix("/")
        if not rest.startswith("/") or path in {"", ":memory:"} or "?" in path:
            raise ValueError("not the path of a file; write sqlite:///name or sqlite:////data/name")
        return f"sqlite:///{_from_directory(Path(path), info)}"
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        parts = urlsplit(f"//{rest}")
        if parts.password is not None or re.search(r"(^|&)password=", parts.query):
            raise ValueError("the URL holds a password; give it as database_password_file or _env")
        return f"postgresql+psycopg://{rest}"
    raise ValueError("not a database we know; write sqlite:///file or postgresql://user@host/name")


def _from_directory(path: Path, info: ValidationInfo) -> Path:
    return Path(info.context["directory"], path) if info.context else path


def parse_word(value: object) -> object:
    """Read a word in whatever case."""
    return value.lower() if isinstance(value, str) else value


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(show_duration, return_type=str)
]
Size = Annotated[int, BeforeValidator(parse_size)]
Share = Annotated[float, BeforeValidator(parse_share)]
Zone = Annotated[str, BeforeValidator(parse_zone)]
RateLimit = Annotated[Rate, BeforeValidator(parse_rate), PlainSerializer(str, return_type=str)]
CidrPort = Annotated[Network, BeforeValidator(parse_network), PlainSerializer(str, return_type=str)]
Cidr = Annotated[Network, BeforeValidator(parse_cidr), PlainSerializer(str, return_type=str)]
Bind = Annotated[str, AfterValidator(parse_bind)]
BaseUrl = Annotated[str, AfterValidator(parse_base_url)]
RedirectUrl = Annotated[str, AfterValidator(parse_redirect)]
ServiceUrl = Annotated[str, AfterValidator(parse_service_url)]
Email = Annotated[str, AfterValidator(parse_email)]
DatabaseUrl = Annotated[str, AfterValidator(parse_database)]
FilePath = Annotated[Path, AfterValidator(_from_directory)]
"""A relative path is taken from the directory of the configuration file."""
Way = Annotated[Direction, BeforeValidator(parse_word)]
Secret = SecretStr
"""The key `x` of this type may be given as `x_env` or `x_file`; see `bridge.config.secrets`."""
PasswordHash = Annotated[SecretStr, AfterValidator(parse_hash)]
