"""Blocks and periods as iCalendar: the same words in feeds, CalDAV and free-busy objects. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict
from uuid import NAMESPACE_URL, uuid5

from bridge.config.plan import ResourcePlan
from bridge.ical import serialize
from bridge.ical.serialize import FeedBlock
from bridge.model.interval import BusyPeriod, FBType, Instant, Window
from bridge.store.busy import BlockRow


class Words(TypedDict):
    """The texts of one event."""

    summary: str
    description: str
    location: str
    url: str
    categories: tuple[str, ...]


def words(shown: Mapping[str, object]) -> Words:
    """Take an event's texts from what privacy lets show of it."""
    return {
        "summary": _text(shown.get("title")),
        "description": _text(shown.get("description")),
        "location": _text(shown.get("location")),
        "url": _text(shown.get("url")) or _text(shown.get("conference_url")),
        "categories": _texts(shown.get("categories")),
    }


def event(row: BlockRow, said: Words) -> FeedBlock:
    """Make the event that one block is published as."""
    return FeedBlock(
        uid=row.uid,
        start=row.start,
        end=row.end,
        fbtype=FBType(row.fbtype),
        changed_at=row.changed_at,
        sequence=row.sequence,
        **said,
    )


def freebusy(
    plan: ResourcePlan,
    periods: Iterable[BusyPeriod],
    window: Window,
    *,
    dtstamp: Instant,
    instance: str,
    base_url: str,
) -> bytes:
    """Write the one VFREEBUSY of a resource, which is the same object wherever it is asked for.

    Args:
        plan: the resource.
        periods: clipped to the window, in order.
        window: what is said something about.
        dtstamp: instant of the last change.
        instance: X-BUSYBRIDGE-ORIGIN.
        base_url: public URL of this server, empty when none is configured.
    """
    return serialize.freebusy(
        periods,
        window,
        uid=f"{uuid5(NAMESPACE_URL, f'{instance}/freebusy/{plan.id}')}",
        dtstamp=dtstamp,
        name=plan.name,
        email=plan.email,
        url=f"{base_url}/freebusy/{plan.id}.ifb" if base_url else "",
        origin=instance,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
