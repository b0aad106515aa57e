"""Blocks: what they are made of, what an event of one is like, and how one is read back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from bridge.merge import merge
from bridge.model.event import Class, Event, EventSeries, ShowAs, Status, Transp
from bridge.model.interval import FBType, Instant, Window, instant, utc
from bridge.store.mirrored import SpanRow

_DOMAIN = "@busybridge"


class Block(NamedTuple):
    """One span of busy time in a target."""

    start: Instant
    end: Instant
    fbtype: FBType
    """BUSY or BUSY-TENTATIVE: calendars know no more than these two for an event of anybody."""


class Wanted(NamedTuple):
    """A block that is to stand, and the connections whose time it is."""

    block: Block
    sources: str
    """Their ids, sorted, with a space between them."""


def wanted_blocks(spans: Iterable[SpanRow], window: Window) -> list[Wanted]:
    """Merge busy time into the blocks that overlap a window, in the order of time.

    They are whole: one that begins before the window is not cut there, or it would be another one
    on every day.
    """
    found = sorted(spans)
    merged = merge((each.start, each.end, min(each.fbtype, FBType.BUSY)) for each in found)
    blocks: list[Wanted] = []
    place = 0
    open_: list[SpanRow] = []
    for start, end, fbtype in merged:
        while place < len(found) and found[place].start < end:
            open_.append(found[place])
            place += 1
        open_ = [each for each in open_ if each.end > start]
        if window.overlaps(start, end):
            names = {each.connection_id for each in open_ if each.start < end}
            blocks.append(Wanted(Block(start, end, fbtype), " ".join(sorted(names))))
    return blocks


def uid_of(token: str) -> str:
    """Name a block to calendar programs."""
    return f"{token}{_DOMAIN}"


def series_of(block: Block, uid: str, title: str) -> EventSeries:
    """Write the event of a block: times and a title, nobody invited, nobody reminded."""
    tentative = block.fbtype is FBType.BUSY_TENTATIVE
    event = Event(
        uid=uid,
        start=utc(block.start),
        end=utc(block.end),
        status=Status.TENTATIVE if tentative else Status.CONFIRMED,
        show_as=ShowAs.TENTATIVE if tentative else ShowAs.BUSY,
        classification=Class.PRIVATE,
        summary=title,
        alarms=(),
    )
    return EventSeries(uid=uid, master=event)


def block_of(series: EventSeries) -> Block | None:
    """Read what time an event blocks; None when it is not one span that blocks."""
    event = series.master
    if event is None or series.overrides or event.is_recurring:
        return None
    if not (isinstance(event.start, datetime) and isinstance(event.end, datetime)):
        return None
    if event.transp is Transp.TRANSPARENT or event.status is Status.CANCELLED:
        return None
    if event.show_as in (ShowAs.FREE, ShowAs.WORKING_ELSEWHERE):
        return None
    tentative = event.status is Status.TENTATIVE or event.show_as is ShowAs.TENTATIVE
    fbtype = FBType.BUSY_TENTATIVE if tentative else FBType.BUSY
    return Block(instant(event.start), instant(event.end), fbtype)


def answer_of(series: EventSeries, title: str) -> str:
    """Name what a provider made of a block of some title.

    As long as it stands so, nobody touched it: some providers drop seconds, or know no tentative
    time, and would be asked for ever to do otherwise.
    """
    shown = series.master.summary if series.master else ""
    text = repr((title, shown, block_of(series)))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def is_titled(series: EventSeries, title: str) -> bool:
    """Tell whether an event shows a title, however its provider spaces it."""
    shown = series.master.summary if series.master else ""
    return shown.split() == title.split()
