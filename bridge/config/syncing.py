"""How often calendars are read, how far, and what happens when that fails: the `sync` section."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from bridge.config.section import Section, section, written
from bridge.config.values import Duration, Share

_MOST_DOUBLINGS = 40


class SyncWindow(Section):
    """The span of time that is kept."""

    past: Duration = written("7d", "how far back", least="0", most="3650d")
    future: Duration = written("400d", "how far ahead", least="1d", most="3650d")


class JustInTime(Section):
    """Pulls that a request with `sync=true` waits for."""

    enabled: bool = Field(default=True, description="let a request pull before it is answered")
    min_interval: Duration = written(
        "30s", "a connection pulled more recently is fresh enough", least="1s"
    )
    timeout: Duration = written("5s", "longest wait of a request", least="1s", most="30s")


class Backoff(Section):
    """Waiting after failures of a connection."""

    initial: Duration = written(
        "30s", "wait after the first failure, doubled with each", least="1s"
    )
    max: Duration = written("6h", "longest wait", least="1s")

    def bound(self, failures: int) -> float:
        """Give the longest wait after so many failures in a row before the last one, in seconds.

        Waits are drawn between nothing and this (full jitter), so that a provider that comes back
        is not met by everybody at once.
        """
        doubled = self.initial.total_seconds() * 2.0 ** min(failures, _MOST_DOUBLINGS)
        return min(doubled, self.max.total_seconds())


class ExpansionLimits(Section):
    """Bounds on recurring events."""

    occurrences_per_series: int = Field(
        default=10000, ge=1, le=100000, description="a series with more in the window is refused"
    )
    expand_time: Duration = written(
        "2s", "CPU time for the recurring events of one pull", least="1s", most="60s"
    )


class ShrinkGuard(Section):
    """A calendar that suddenly loses much must say so twice before it is believed."""

    ratio: Share = Field(
        default=0.5, description="share of future occurrences that may vanish at once"
    )
    min_events: int = Field(
        default=20, ge=0, description="guarded from so many occurrences on; an empty list always is"
    )
    confirm_after: Duration = written(
        "1m", "a second full listing confirms the loss, so long after the first", least="0"
    )


class SyncOverride(Section):
    """Pulling of one connection."""

    interval: Duration | None = Field(
        default=None,
        ge=timedelta(seconds=10),
        description="between two pulls of this connection",
        examples=["2m"],
    )


class Sync(Section):
    """Pulling of calendars."""

    interval: Duration = written("5m", "between two pulls of a connection", least="10s")
    jitter: Share = Field(
        default="20%",
        validate_default=True,
        le=0.5,
        description="random share of the interval, added or taken away",
    )
    push: Literal["auto", "off"] = Field("auto", description="be told of changes where that works")
    push_poll_interval: Duration = written("30m", "between two pulls while it works", least="10s")
    after_write: Duration = written(
        "30s", "a calendar that a booking was written to is pulled by then", least="1s"
    )
    window: SyncWindow = section()
    full_reconcile: Duration = written("24h", "between two full lists of a calendar", least="10m")
    concurrency: int = Field(default=20, ge=1, le=200, description="pulls at the same time")
    just_in_time: JustInTime = section()
    backoff: Backoff = section()
    limits: ExpansionLimits = section()
    shrink_guard: ShrinkGuard = section()
