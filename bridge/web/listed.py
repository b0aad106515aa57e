"""The calendars of an account as programs see them, over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.config.plan import ConnectionPlan
from bridge.ingest.choose import choose
from bridge.provider import AccessRole, CalendarInfo
from bridge.store.connections import ConnectionRow


def account_calendars_json(
    row: ConnectionRow, infos: Sequence[CalendarInfo]
) -> list[dict[str, object]]:
    """Write the calendars of an account, with what the connection does with each."""
    plan = ConnectionPlan.model_validate_json(row.plan)
    chosen = choose(plan, infos).choices
    # The write calendar is read, too, but only the others were chosen to block time.
    readers = choose(plan.model_copy(update={"write_calendar": None}), infos).choices
    read = {choice.info.id for choice in readers}
    write = {choice.info.id for choice in chosen if choice.writes}
    return [
        listed_json(info)
        | {
            "selected": info.id in read | write,
            "read": info.id in read,
            "write": info.id in write,
        }
        for info in infos
    ]


def listed_json(info: CalendarInfo) -> dict[str, object]:
    """Write what a provider says of a calendar."""
    return {
        "id": info.id,
        "name": info.name,
        "is_primary": info.is_primary,
        "access_role": info.role.value,
        "can_edit": info.role is AccessRole.WRITE,
        "color": info.color or None,
        "time_zone": info.time_zone or None,
    }
