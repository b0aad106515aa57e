"""Whether a connection is told of all its changes, by what is stored of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bridge.model.interval import Instant
from bridge.provider import AccessRole
from bridge.store.calendars import CalendarRow
from bridge.store.channels import ChannelRow, ChannelState


class Tended(NamedTuple):
    """What the channels of a connection mean for its next pull."""

    healthy: bool = False
    """Every change is told, so that polls are only there for safety."""
    due_at: Instant | None = None
    """When a channel wants to be renewed; only given when healthy."""
    fresh: bool = False
    """A calendar is watched from now on: what changed just before was told to nobody."""
    heard_at: Instant | None = None
    """The last notification."""


class Standing(NamedTuple):
    """What people and programs are shown."""

    state: str
    """`on`; `partial`: of some calendars; `off`; `unsupported`: its kind tells nobody."""
    reason: str
    """Why it is not on; empty when it is."""


def is_watchable(row: CalendarRow) -> bool:
    """Tell whether a calendar is read by its events, and was; others have nothing to tell."""
    if not row.remote_id or row.success_at is None or row.role is AccessRole.FREE_BUSY:
        return False
    return row.reads or row.writes


def tells(row: CalendarRow, channels: Sequence[ChannelRow], now: Instant) -> str:
    """Say why changes of a calendar are not sure to be told; empty when they are."""
    own = [each for each in channels if each.calendar == row.remote_id]
    if not is_watchable(row):
        shares = row.role is AccessRole.FREE_BUSY
        why = "shares only its busy time" if shares else "was not read yet"
        return f"calendar {row.name!r} {why}"
    if trouble := next((each for each in own if each.state is ChannelState.FAILED), None):
        return trouble.error_message
    standing = [each for each in own if each.is_open(now)]
    if not standing:
        return f"calendar {row.name!r} is not watched yet"
    if any(each.confirmed_at is not None for each in standing):
        return ""
    before = any(each.last_number or each.last_at for each in standing)
    lost = "changed, and no notification of it" if before else "is watched, and no notification yet"
    return f"calendar {row.name!r} {lost} has arrived at {standing[-1].address}"


def look(
    rows: Sequence[CalendarRow], channels: Sequence[ChannelRow], barred: str, now: Instant
) -> Standing:
    """Describe how a connection is told of changes.

    Args:
        rows: its calendars.
        channels: its channels.
        barred: why the configuration does not let it be told; see `why_not`.
        now: the present.
    """
    if barred:
        return Standing("off", barred)
    read = [row for row in rows if row.reads or row.writes]
    reasons = [tells(row, channels, now) for row in read]
    silent = [reason for reason in reasons if reason]
    if read and not silent:
        return Standing("on", "")
    state = "partial" if len(silent) < len(read) else "off"
    return Standing(state, silent[0] if silent else "the connection was not read yet")
