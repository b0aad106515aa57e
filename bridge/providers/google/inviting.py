"""Inviting guests to a series once, however many of its occurrences are changed. Pure.

Google mails every guest with every request that says `sendUpdates=all`, and a changed occurrence
takes a request of its own. So all of a series is written while nobody is invited yet, and guests
come last. How far that is can be seen in what stands there: whoever goes on after a lost answer
does the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bridge.model.event import Event, Status
from bridge.providers.google import wire
from bridge.sink import Desired


def uninvited(
    desired: Desired, master: wire.Event | None = None, others: Sequence[wire.Event] = ()
) -> Desired | None:
    """Give what is to be written before anybody is invited; None where that makes no difference.

    Occurrences whose guests are those of the series have them at once, unseen: these hear of all
    of it with the series. Others are invited to their occurrence after that.

    Args:
        desired: the series as it shall be.
        master: as it stands; None: it is new.
        others: changed occurrences, as they stand.
    """
    series = desired.series
    if not desired.notify or series.is_told_elsewhere or series.master is None:
        return None
    shall = _invited(series.master)
    if not (shall and series.overrides) or (master is not None and _standing(master)):
        return None
    kept = [it for it in others if it.status != "cancelled"]
    if any(_standing(it) not in (frozenset(), shall) for it in kept):
        return None
    overrides = tuple(
        it if _invited(it) == shall or it.status is Status.CANCELLED else replace(it, attendees=())
        for it in series.overrides
    )
    first = replace(series, master=replace(series.master, attendees=()), overrides=overrides)
    return replace(desired, series=first, notify=False)


def _invited(event: Event) -> frozenset[str]:
    return frozenset(it.address.removeprefix("mailto:").lower() for it in event.attendees)


def _standing(event: wire.Event) -> frozenset[str]:
    """Name the guests without the account itself, which Google adds."""
    return frozenset(
        it.email.strip().lower() for it in event.attendees if not (it.is_self or it.organizer)
    )
