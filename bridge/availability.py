"""What one occurrence does to its owner's time: the table of `availability`. Pure.

The first line that applies decides:

 1. the connection does not validate availability, or the owner marked the whole calendar as not
    blocking: free
 2. BusyBridge wrote the event itself: free, its booking, or what was published, blocks already
 3. STATUS:CANCELLED: free
 4. the owner declined, or delegated the invitation: `declined`
 5. it lasts no time: free
 6. shown as out of office: `out_of_office`; as working elsewhere: `working_elsewhere`
 7. a kind that `event_types` names: what it says, but free when the owner shows it as free
 8. all-day, and `all_day` is `busy` or `free`: that, whatever its status says
 9. shown as free; or TRANSP:TRANSPARENT where the source has no word of its own for it, since
    X-MICROSOFT-CDO-BUSYSTATUS says more than TRANSP does: free
10. the invitation has no reply yet: `unanswered`
11. shown as tentative, STATUS:TENTATIVE or accepted as tentative: `tentative`
12. everything else is busy

What the event *is* (6, 7) outranks its being all-day (8): a holiday calendar set to `all_day: busy`
does not turn birthdays and working locations into busy days, and `all_day: free` does not open the
days that someone is out of office.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from bridge.config.policy import AllDay, Availability, Blocks
from bridge.model.event import Event, PartStat, ShowAs, Status, Transp
from bridge.model.interval import FBType


class Verdict(NamedTuple):
    """Whether an occurrence blocks, and why; the reason is a stable text for `explain`."""

    fbtype: FBType | None
    """None: it does not block."""
    reason: str


_TYPES = {
    Blocks.FREE: None,
    Blocks.BUSY: FBType.BUSY,
    Blocks.BUSY_TENTATIVE: FBType.BUSY_TENTATIVE,
    Blocks.BUSY_UNAVAILABLE: FBType.BUSY_UNAVAILABLE,
}
_REFUSALS: dict[PartStat | None, str] = {
    PartStat.DECLINED: "declined",
    PartStat.DELEGATED: "delegated to someone else",
}


def verdict(
    event: Event, *, all_day: bool, policy: Availability, blocks: bool = True, own: bool = False
) -> Verdict:
    """Decide about one occurrence of an event.

    Args:
        event: the VEVENT that describes the occurrence.
        all_day: its start is a date.
        policy: the table in force for its calendar.
        blocks: False when nothing in the calendar blocks (line 1).
        own: the event carries this instance's X-BUSYBRIDGE-ORIGIN, and a booking is behind it, or
            it is a block of one of its mirrors.
    """
    return (
        _ruled_out(event, policy, blocks=blocks, own=own)
        or _by_kind(event, policy)
        or _by_status(event, policy, all_day=all_day)
    )


def _lasts_no_time(event: Event) -> bool:
    start, end = event.start, event.end
    if isinstance(start, datetime) and isinstance(end, datetime):
        # A clock that is put back shows an hour twice, and equal ones of one zone compare as equal.
        return start.timestamp() == end.timestamp()
    return start == end


def _ruled_out(event: Event, policy: Availability, *, blocks: bool, own: bool) -> Verdict | None:
    if not blocks:
        return Verdict(None, "the calendar does not block time")
    if own:
        how = "mirrored" if event.mirror else "written"
        return Verdict(None, f"{how} by this BusyBridge")
    if event.status is Status.CANCELLED:
        return Verdict(None, "cancelled")
    if reason := _REFUSALS.get(event.self_partstat):
        return Verdict(_TYPES[policy.declined], reason)
    if _lasts_no_time(event):
        return Verdict(None, "lasts no time")
    return None


def _by_kind(event: Event, policy: Availability) -> Verdict | None:
    if event.show_as is ShowAs.OUT_OF_OFFICE:
        return Verdict(_TYPES[policy.out_of_office], "out of office")
    if event.show_as is ShowAs.WORKING_ELSEWHERE:
        return Verdict(_TYPES[policy.working_elsewhere], "working elsewhere")
    kind = policy.event_types.get(event.event_type)
    if kind is None:
        return None
    if _shown_free(event):
        return Verdict(None, f"{event.event_type}, shown as free")
    return Verdict(_TYPES[kind], f"event type {event.event_type}")


def _by_status(event: Event, policy: Availability, *, all_day: bool) -> Verdict:
    if all_day and policy.all_day is not AllDay.BY_STATUS:
        busy = policy.all_day is AllDay.BUSY
        return Verdict(FBType.BUSY if busy else None, f"all-day events are {policy.all_day.value}")
    if _shown_free(event):
        return Verdict(None, "shown as free" if event.show_as else "transparent")
    if event.self_partstat is PartStat.NEEDS_ACTION:
        return Verdict(_TYPES[policy.unanswered], "invitation without a reply")
    if (
        event.show_as is ShowAs.TENTATIVE
        or event.status is Status.TENTATIVE
        or event.self_partstat is PartStat.TENTATIVE
    ):
        return Verdict(_TYPES[policy.tentative], "tentative")
    return Verdict(FBType.BUSY, "busy")


def _shown_free(event: Event) -> bool:
    if event.show_as is not None:
        return event.show_as is ShowAs.FREE
    return event.transp is Transp.TRANSPARENT
