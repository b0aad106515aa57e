"""An ICS file to stored occurrences, beside vobject that only parses it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import vobject

from benchmarks.calendars import BERLIN, DAY, NOW, calendar, event, in_berlin, in_utc, spans
from benchmarks.engine import ROOM, WORK, engine, one_room
from benchmarks.row import Row, Scale, faster
from benchmarks.timing import best_of, cpu
from bridge.app.bridge import Bridge
from bridge.model.interval import Window
from bridge.model.resource import Projection

_WINTER = Window(NOW, NOW + 120 * DAY)
Spans = list[tuple[int, int]]


def rows(scale: Scale) -> Iterator[Row]:
    count = scale.of(10_000, 300)
    text = calendar(
        (
            event(number, (in_berlin if number % 3 else in_utc)(*span))
            for number, span in enumerate(spans(count, *_WINTER))
        ),
        zones=BERLIN,
    )
    with TemporaryDirectory(prefix="busybridge-") as folder:
        path = Path(folder, "work.ics")
        path.write_text(text, newline="")
        (theirs, parsed), (ours, stored) = best_of(
            scale.of(3, 1), lambda: _by_vobject(text), lambda: _ingested(path)
        )
    assert stored == parsed
    assert len(stored) == count
    yield faster(f"ICS ingest of {count:,} events", ("vobject, parse alone", theirs), ours, 3)


def _by_vobject(text: str) -> tuple[float, Spans]:
    taken, parsed = cpu(lambda: vobject.readOne(text))
    return taken, sorted(
        (_instant(vevent.dtstart.value), _instant(vevent.dtend.value))
        for vevent in parsed.vevent_list
    )


def _instant(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp())


def _ingested(path: Path) -> tuple[float, Spans]:
    """Pull the file into a new database."""
    with engine(one_room(provider="ics", path=str(path))) as opened:
        taken, _ = cpu(lambda: opened.ingest.pull(WORK, NOW))
        return taken, _stored(opened)


def _stored(opened: Bridge) -> Spans:
    """Read every occurrence back, unmerged."""
    with opened.database.read() as conn:
        found = opened.publisher.blocks(conn, ROOM, Projection.DETAILS, _WINTER)
    return sorted((block.start, block.end) for block in found)
