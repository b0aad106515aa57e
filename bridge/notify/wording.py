"""What an alert says: stable fields for programs, sentences for people. Pure.

It holds nothing of any event, and no secret: what providers' errors say holds none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bridge.config.plan import ConnectionPlan
from bridge.config.policy import OnStale
from bridge.config.values import show_duration
from bridge.model.interval import Instant, rfc3339
from bridge.notify.decide import Occasion, Told
from bridge.notify.troubles import Look, Trouble

_TITLES: Mapping[Trouble, str] = {
    Trouble.DISCONNECTED: "disconnected",
    Trouble.TOKEN_EXPIRED: "needs to be connected again",
    Trouble.ERROR: "cannot be read",
    Trouble.STALE: "its busy time is stale",
    Trouble.SHRUNK: "lost much at once",
    Trouble.MIRROR: "a mirror into it fails",
}
_SENTENCES: Mapping[Trouble, str] = {
    Trouble.DISCONNECTED: "The account was disconnected: what was read of it is deleted.",
    Trouble.TOKEN_EXPIRED: "The provider does not accept its credentials any more.",
    Trouble.ERROR: "Pulls of it fail.",
    Trouble.STALE: "It was not read for longer than max_stale.",
    Trouble.SHRUNK: "A listing of it suddenly lacks many events. They stay until the listing of a "
    "later pull lacks them, too.",
    Trouble.MIRROR: "Blocks cannot be written to it, or not be deleted: others may take busy time "
    "for free, or the other way round.",
}
_REMEDIES: Mapping[Trouble, str] = {
    Trouble.DISCONNECTED: "if nobody meant to, connect it again: busybridge auth login",
    Trouble.TOKEN_EXPIRED: "connect it again, or correct its password",
    Trouble.ERROR: "busybridge doctor tries the account and says what is wrong",
    Trouble.STALE: "busybridge status says why it is not read",
    Trouble.SHRUNK: "look whether the provider still shows the events; to keep them whatever its "
    "listing says, busybridge connections pause {connection}",
    Trouble.MIRROR: "busybridge mirror says what is wrong with each",
}
_CODES: Mapping[Trouble, tuple[str, str]] = {
    Trouble.DISCONNECTED: ("disconnected", "somebody disconnected the account"),
    Trouble.STALE: ("stale", "not read for longer than max_stale"),
    Trouble.SHRUNK: ("shrunk", "a listing suddenly lacks many events"),
}


def document(told: Told, seen: Look, message_id: str, resource_name: str, now: Instant) -> str:
    """Write a message as JSON: what a webhook gets, and what mail and log take their text from."""
    row, worst = seen.connection, told.troubles[0]
    plan = ConnectionPlan.model_validate_json(row.plan)
    over = told.occasion is Occasion.RESOLVED
    data: dict[str, Any] = {
        "alert_id": told.alert_id,
        "resource_id": row.resource_id,
        "resource_name": resource_name,
        "connection_id": row.id,
        "provider": row.provider,
        "account_email": plan.account_email or None,
        "status": row.status.value,
        "troubles": [trouble.value for trouble in told.troubles],
        "since": rfc3339(told.since),
        "error": None if over else _reason(worst, seen),
        "calendars": [calendar.name for calendar in seen.calendars if calendar.name],
        "mirrors": [mirror.target for mirror in seen.mirrors],
        "last_sync_at": None if row.success_at is None else rfc3339(row.success_at),
        "stale": Trouble.STALE in seen.troubles,
        "on_stale": sorted({it.on_stale.value for it in _availabilities(plan)}),
    }
    data["title"] = f"{row.id}: {_title(told)}"
    data["text"] = _text(told, seen, plan, data, now)
    return json.dumps(
        {
            "id": message_id,
            "type": f"alert.{told.occasion.value}",
            "created_at": rfc3339(now),
            "data": data,
        }
    )


def trial(message_id: str, now: Instant) -> str:
    """Write the message that shows whether a way works."""
    text = "This is a trial: alerts of BusyBridge arrive here."
    data = {"alert_id": message_id, "title": "a trial of the alerts", "text": text}
    told = {"id": message_id, "type": "alert.trial", "created_at": rfc3339(now), "data": data}
    return json.dumps(told)


def _title(told: Told) -> str:
    if told.occasion is Occasion.RESOLVED:
        return "all is well again"
    title = "; ".join(_TITLES[trouble] for trouble in told.troubles)
    return f"still: {title}" if told.occasion is Occasion.REPEATED else title


def _reason(worst: Trouble, seen: Look) -> dict[str, str] | None:
    row = seen.connection
    if worst is Trouble.MIRROR:
        mirror = seen.mirrors[0]
        return {
            "code": mirror.error_code,
            "message": mirror.error_message,
            "hint": mirror.error_hint or _REMEDIES[worst],
        }
    code, message = _CODES.get(worst, ("", ""))
    if row.error_code and worst in (Trouble.TOKEN_EXPIRED, Trouble.ERROR, Trouble.STALE):
        code, message = row.error_code, row.error_message
    hint = _REMEDIES[worst].format(connection=row.id)
    if row.error_hint and worst is not Trouble.SHRUNK:
        hint = row.error_hint
    return {"code": code, "message": message, "hint": hint} if code else None


def _text(
    told: Told, seen: Look, plan: ConnectionPlan, data: Mapping[str, Any], now: Instant
) -> str:
    row = seen.connection
    name = data["resource_name"]
    resource = row.resource_id if name == row.resource_id else f"{row.resource_id} ({name})"
    account = f", account {plan.account_email}" if plan.account_email else ""
    lines = [f"Connection {row.id} of resource {resource} at provider {row.provider}{account}."]
    if told.occasion is Occasion.RESOLVED:
        over = ", ".join(trouble.value for trouble in told.troubles)
        lines.append(f"It is well again. What was told is over: {over}.")
        if Trouble.SHRUNK in told.troubles:
            lines.append("What a second listing lacked, too, was removed.")
        lines.append(_age(row.success_at, now))
        return "\n".join(lines)
    lines += [_SENTENCES[trouble] for trouble in told.troubles]
    lines.append(f"Status {row.status.value}, since {data['since']}.")
    error = data["error"]
    if error:
        lines += [f"Reason: {error['message']} ({error['code']}).", f"What to do: {error['hint']}."]
    if data["mirrors"]:
        lines.append(f"Mirrors: {', '.join(data['mirrors'])}.")
    if data["calendars"]:
        lines.append(f"Calendars: {', '.join(data['calendars'])}.")
    if told.troubles[0] is not Trouble.DISCONNECTED:
        lines += [_age(row.success_at, now), *_consequences(plan, stale=data["stale"])]
    return "\n".join(lines)


def _age(success_at: Instant | None, now: Instant) -> str:
    if success_at is None:
        return "It was never read wholly."
    seconds = max(0, now - success_at)
    unit, size = next((it for it in _UNITS if seconds >= 2 * it[1]), _UNITS[-1])
    return f"Its busy time is that of {rfc3339(success_at)}, {seconds // size} {unit} old."


_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


def _availabilities(plan: ConnectionPlan) -> list[Any]:
    chosen = [choice.policy.availability for choice in plan.read_calendars or ()]
    return chosen or [plan.policy.availability]


def _consequences(plan: ConnectionPlan, *, stale: bool) -> list[str]:
    if not plan.validate_availability:
        return ["Nothing of it blocks time: validate_availability is false."]
    lines = []
    ruled = {(it.on_stale, show_duration(it.max_stale)) for it in _availabilities(plan)}
    for on_stale, max_stale in sorted(ruled, key=str):
        when = "Now" if stale else f"What it had blocks; when it was not read for {max_stale},"
        lines.append(f"{when} {_MEANINGS[on_stale]} (on_stale: {on_stale.value}).")
    return lines


_MEANINGS: Mapping[OnStale, str] = {
    OnStale.KEEP_LAST: "its last known time goes on blocking, and is marked stale",
    OnStale.BUSY: "everything since it was last read counts as busy",
    OnStale.FREE: "nothing of it blocks any more, so that bookings may clash",
}
