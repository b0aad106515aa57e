"""What routes about accounts answer with: a connection as a document, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil

from flask import Response

from bridge.config.plan import ConnectionPlan
from bridge.errors import Disposition, ProviderError, RateLimited, TemporarilyUnavailable
from bridge.model.interval import Instant, rfc3339
from bridge.model.resource import ConnectionStatus, SyncState
from bridge.store.connections import ConnectionRow
from bridge.web.problem import Problem

JSON = "application/json"
NOT_PULLED = frozenset(
    {ConnectionStatus.PENDING, ConnectionStatus.PAUSED, ConnectionStatus.DISCONNECTED}
)


def answer(document: Mapping[str, object], status: int = 200) -> Response:
    """Answer with a document that nobody may keep."""
    headers = [("Cache-Control", "no-store")]
    return Response(json.dumps(document), status, headers, content_type=JSON)


def moment(at: Instant | None) -> str | None:
    """Write an instant, where there is one."""
    return None if at is None else rfc3339(at)


def connection_json(
    row: ConnectionRow, due: Instant | None, now: Instant, deduplication_key: str | None = None
) -> dict[str, object]:
    """Write a connection as `Connection` says.

    Args:
        row: the connection.
        due: when it is pulled next.
        now: the present.
        deduplication_key: its own, if it has one.
    """
    plan = ConnectionPlan.model_validate_json(row.plan)
    chosen = plan.read_calendars
    return {
        "id": row.id,
        "resource_id": row.resource_id,
        "provider": row.provider,
        "account_email": plan.account_email,
        "status": row.status.value,
        "is_primary": plan.is_primary,
        "read_calendars": None if chosen is None else [each.calendar for each in chosen],
        "write_calendar": plan.write_calendar,
        "validate_availability": plan.validate_availability,
        "cancel_if_declined_or_deleted": plan.cancel_if_declined_or_deleted,
        "notify_attendees": plan.notify_attendees,
        "direction": plan.direction.value,
        "deduplication_key": deduplication_key,
        "managed_by": row.managed_by.value,
        **times_json(row, due, now),
        "error": trouble_json(row),
    }


def times_json(row: ConnectionRow, due: Instant | None, now: Instant) -> dict[str, object]:
    """Write when a connection was and will be pulled."""
    limited = is_limited(row, now)
    if due is not None and limited:
        due = max(due, row.limited_until or due)  # something may have asked for a pull earlier
    return {
        "last_sync_at": moment(row.success_at),
        "next_sync_at": None if row.status in NOT_PULLED else moment(due),
        "rate_limited": limited,
        "rate_limit_resets_at": moment(row.limited_until) if limited else None,
    }


def trouble_json(row: ConnectionRow) -> dict[str, object] | None:
    """Write what is wrong with a connection."""
    if not row.error_code:
        return None
    return {
        "code": row.error_code,
        "message": row.error_message,
        "since": moment(row.error_since),
        "hint": row.error_hint,
    }


def is_limited(row: ConnectionRow, now: Instant) -> bool:
    """Tell whether its provider asked for a pause that lasts."""
    return row.limited_until is not None and row.limited_until > now


def state_of(row: ConnectionRow, now: Instant) -> SyncState:
    """Tell what the engine does with a connection; a pause that is over is one no more."""
    if row.sync_state is SyncState.RATE_LIMITED and not is_limited(row, now):
        return SyncState.BACKOFF
    return row.sync_state


def crowded() -> Problem:
    """Say that too many ask providers at this moment."""
    return Problem(503, "rate_limited", "Others are at it.", headers=[("Retry-After", "5")])


def provider_problem(err: ProviderError) -> Problem:
    """Say that a provider did not do what was asked, so that a program knows what to do.

    What only an owner can help is 409 with its own code. Everything else is the provider's: 503
    when it asks for a pause, 502 otherwise, with `retry_after` where it says for how long.
    """
    detail = f"{err} ({err.hint})." if err.hint else f"{err}."
    if err.disposition is Disposition.REAUTHORIZE:
        return Problem(409, err.code, detail)
    wait = err.retry_after if isinstance(err, TemporarilyUnavailable) else None
    more: dict[str, object] = {"reason": err.code}
    headers = []
    if wait is not None:
        seconds = max(1, ceil(wait.total_seconds()))
        more["retry_after"] = seconds
        headers.append(("Retry-After", str(seconds)))
    if isinstance(err, RateLimited):
        return Problem(503, "rate_limited", detail, headers=headers, more=more)
    return Problem(502, "provider_error", detail, headers=headers, more=more)


def unknown_connection() -> Problem:
    """Say so of one that is not there and of one that the key may not see, in the same words."""
    return Problem(404, "resource_not_found", "No such connection, or none that this key may read.")


def unknown_resource() -> Problem:
    """Say so of one that is not there and of one that the key may not see, in the same words."""
    return Problem(404, "resource_not_found", "No such resource, or none that this key may read.")
