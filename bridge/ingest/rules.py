"""What the stored rows of a calendar were made with, besides the texts of its objects."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, tzinfo
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

from bridge.availability import Verdict, verdict
from bridge.config.plan import CalendarPolicy, ConnectionPlan, ResourcePlan
from bridge.config.policy import OnStale
from bridge.config.section import Section
from bridge.model.event import Event

_RELEASE = re.compile(r"(\d{4})(?:([a-z])|\.(\d+))?")


class Rules(Section):
    """Stored as JSON in `calendars.policy`: other rules mean that every row is made anew."""

    policy: CalendarPolicy
    validates: bool
    """False when the configuration says that nothing in the connection blocks."""
    ignores_busy: bool
    """The owner says that nothing in the calendar blocks."""
    calendar_name: str
    zone: str
    """Of floating times; empty = the resource's."""
    day_zone: str
    """The resource's: its midnights bound all-day events."""
    owner: str
    """Mail address whose replies to invitations count."""
    instance: str
    account: str
    """Fingerprint of the account that the rows were read from."""
    most: int
    """Occurrences of one series; more are refused."""
    tzdata: str
    """Version of the time zone rules."""
    whole: bool = True
    """All calendars of the account are read, so that there is none that was never seen."""

    @staticmethod
    def parse(text: str) -> Rules:
        """Read what the store keeps."""
        return _parsed(text)

    @property
    def blocks(self) -> bool:
        """Whether the calendar's events block time at all."""
        return self.validates and not self.ignores_busy

    def is_ours(self, event: Event) -> bool:
        """Tell whether this instance wrote an event."""
        return bool(self.instance) and event.origin == self.instance

    def verdict(self, event: Event, *, all_day: bool, own: bool = False) -> Verdict:
        """Decide what an occurrence does to its owner's time; `own`: it blocks elsewhere."""
        return verdict(
            event,
            all_day=all_day,
            policy=self.policy.availability,
            blocks=self.blocks,
            own=own,
        )

    @property
    def buffers(self) -> tuple[int, int]:
        """Seconds added before and after what blocks."""
        buffers = self.policy.availability.buffers
        return _seconds(buffers.before), _seconds(buffers.after)

    @property
    def on_stale(self) -> OnStale:
        """What becomes of the calendar's time when it is stale."""
        return self.policy.availability.on_stale

    @property
    def max_stale(self) -> int:
        """Seconds without a complete pull after which the calendar is stale."""
        return _seconds(self.policy.availability.max_stale)

    def zones(self) -> tuple[tzinfo, tzinfo]:
        """Give the zones of floating times and of all-day events."""
        day_zone = zone_named(self.day_zone) or UTC
        return zone_named(self.zone) or day_zone, day_zone


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Rules:
    return Rules.model_validate_json(text)


class Traits(NamedTuple):
    """What the provider says of a calendar, as far as it decides about rows."""

    name: str
    zone: str
    ignores_busy: bool
    account: str = ""
    """Where the rows come from, when that is not the account that the plan names by now."""
    tzdata: str = ""
    """Version of the time zone rules that the rows were made with."""


def make_rules(
    resource: ResourcePlan,
    connection: ConnectionPlan,
    policy: CalendarPolicy,
    traits: Traits,
    instance: str,
) -> Rules:
    """Settle the rules of one calendar."""
    return Rules(
        policy=policy,
        validates=connection.blocks,
        ignores_busy=traits.ignores_busy,
        calendar_name=traits.name,
        zone=traits.zone,
        day_zone=resource.timezone,
        owner=connection.account_email.lower(),
        instance=instance,
        account=traits.account or connection.fingerprint,
        most=resource.limits.occurrences_per_series,
        # Another process may know newer rules: each would make every row anew, in turn.
        tzdata=zones_version() if are_newer(zones_version(), traits.tzdata) else traits.tzdata,
        whole=connection.read_calendars is None,
    )


def zone_named(name: str) -> tzinfo | None:
    """Find a zone by its IANA key; None when there is none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def zones_version() -> str:
    """Name the version of the time zone rules that `zoneinfo` reads.

    It looks into the system's folders first and falls back to the package `tzdata`.
    """
    for folder in TZPATH:
        for name, prefix in (("tzdata.zi", "# version "), ("+VERSION", "")):
            try:
                with (Path(folder) / name).open(encoding="ascii", errors="replace") as file:
                    return file.readline().removeprefix(prefix).strip()
            except OSError:
                continue
    return version("tzdata")


def are_newer(version: str, than: str) -> bool:
    """Compare versions of time zone rules: `2026b` of the system is `2026.2` of the package."""
    return _release(version) > _release(than)


def _release(version: str) -> tuple[int, int, str]:
    found = _RELEASE.match(version)
    if found is None:
        return 0, 0, version
    year, letter, number = found.groups()
    return int(year), ord(letter) - ord("a") + 1 if letter else int(number or 0), ""


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
