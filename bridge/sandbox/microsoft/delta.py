"""calendarView/delta: what changed in a window since a round.

https://learn.microsoft.com/graph/delta-query-events

The server keeps what a client knows, so that a round is the difference to what there is now. The
window belongs to the link and never moves. Whatever changes in a series, all of it comes again: its
master, in full, and its occurrences as stubs. Nothing is said of an occurrence that is no more
(https://github.com/microsoftgraph/microsoft-graph-docs/pull/4501, .../issues/2963), and a series
that is no more is told by the id of its master alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from bridge.sandbox.faults import Faults
from bridge.sandbox.microsoft import series, times
from bridge.sandbox.microsoft.calls import Call, Collection, Place
from bridge.sandbox.microsoft.errors import GraphError, bad_query, bad_request
from bridge.sandbox.microsoft.listing import window
from bridge.sandbox.microsoft.mailbox import Calendar, event_id
from bridge.sandbox.microsoft.series import Entry
from bridge.sandbox.microsoft.shown import View, tombstone
from bridge.sandbox.microsoft.times import Json

_PAGE = 10
_LIFE = timedelta(days=30)
_MOST = 2_000
"""So many links are remembered; the oldest are forgotten, as Exchange forgets."""
_NOT_HERE = ("select", "filter", "orderby", "skip", "expand", "count")

Name = tuple[str, date | None]
"""An item's key, and of an occurrence its day."""


class Known(NamedTuple):
    """What a client knows of something: its state, and both of its ids."""

    change: int
    ids: tuple[str, str]
    """Regular and immutable."""


class Gone(NamedTuple):
    """Something that a client knows and that is no more."""

    ids: tuple[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class Round:
    """A round half-way, or at its end."""

    box: str
    calendar: str
    start: datetime
    end: datetime
    known: dict[Name, Known]
    """What a client knows after it."""
    lines: tuple[Entry | Gone, ...]
    made: datetime
    position: int = 0
    page: int = 0


class Deltas:
    """All rounds that a link leads to."""

    def __init__(self) -> None:
        self._next: OrderedDict[str, Round] = OrderedDict()
        self._done: OrderedDict[str, Round] = OrderedDict()

    def answer(self, call: Call) -> Collection:
        """Answer a request for a round, or for a page of one."""
        if "top" in call.query.options:
            raise bad_query(
                "The '$top' parameter is not supported with change tracking over the "
                "'CalendarView' resource as page size cannot be guaranteed. Express page size "
                "preferences using the Prefer: odata.maxpagesize= header instead."
            )
        call.query.refuse("CalendarView", *_NOT_HERE)
        place = call.place()
        faults = place.box.faults
        options = call.query.options
        if "skiptoken" in options:
            if faults.happens("page_gone"):
                raise GraphError(410, "SyncStateNotFound")
            return self._page(call, place, self._resumed(self._next, options["skiptoken"], place))
        if "deltatoken" in options:
            _refuse(faults, call)
            done = self._resumed(self._done, options["deltatoken"], place)
            if call.world.now - done.made > _LIFE:
                raise GraphError(410, "SyncStateNotFound")
            span, known = (done.start, done.end), done.known
        else:
            span, known = window(call), {}
        endless = any(_is_endless(each.event) for each in place.calendar.items.values())
        if endless and faults.happens("endless_series_times_out"):
            raise GraphError(504, "UnknownError")
        now = {(e.item.key, e.original): e for e in _entries(place.calendar, *span)}
        state = {name: Known(e.change, _ids(place.calendar, e)) for name, e in now.items()}
        lines = tuple(_lines(place.calendar, known, state, now, faults))
        begun = Round(place.box.id, place.calendar.id, *span, state, lines, call.world.now)
        return self._page(call, place, begun)

    def _page(self, call: Call, place: Place, this: Round) -> Collection:
        faults, looks = place.box.faults, call.view(place)
        size = call.wishes.page_size or _PAGE
        if faults.is_on("short_pages"):
            size = 0 if this.page % 2 else min(size, 2)
        end = min(this.position + size, len(this.lines))
        items = [_shown(each, looks, place.calendar) for each in this.lines[this.position : end]]
        root = f"{call.base}/{call.target}"
        if end < len(this.lines) or faults.is_on("endless_pages"):
            token = call.world.token(60)
            following = replace(this, position=end, page=this.page + 1)
            _remember(self._next, token, following)
            return Collection(items, following=f"{root}?$skiptoken={token}")
        token = call.world.token(60)
        _remember(self._done, token, replace(this, lines=()))
        return Collection(items, delta=f"{root}?$deltatoken={token}")

    def _resumed(self, rounds: OrderedDict[str, Round], token: str, place: Place) -> Round:
        found = rounds.get(token)
        if found is None:
            raise bad_request("Badly formed token.")
        if (found.box, found.calendar) != (place.box.id, place.calendar.id):
            raise bad_request("The token belongs to another calendar.")
        return found


def _refuse(faults: Faults, call: Call) -> None:
    if faults.happens("sync_gone"):
        raise GraphError(410, "SyncStateNotFound")
    if faults.happens("resync_required"):
        where = {"Location": f"{call.base}/{call.target}"}
        raise GraphError(410, "resyncRequired", headers=where)
    if faults.happens("bad_token"):
        raise bad_request("Badly formed token.")


def _remember(rounds: OrderedDict[str, Round], token: str, this: Round) -> None:
    rounds[token] = this
    while len(rounds) > _MOST:
        rounds.popitem(last=False)


def _entries(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Entry]:
    """List a window with the masters of what recurs in it, each before its occurrences."""
    for item in sorted(calendar.items.values(), key=lambda each: each.change):
        if not item.is_series:
            if series.overlaps(item, start, end):
                yield series.whole(item)
            continue
        every = list(series.occurrences(item, start, end))
        if every:
            yield series.whole(item)
            yield from every


def _lines(
    calendar: Calendar,
    known: dict[Name, Known],
    state: dict[Name, Known],
    now: dict[Name, Entry],
    faults: Faults,
) -> Iterator[Entry | Gone]:
    again, stale = faults.is_on("duplicates"), faults.is_on("stale_duplicates")
    lone = faults.is_on("lone_masters") and bool(known)
    apart = faults.is_on("single_occurrences")
    names = known.keys() | state.keys()
    changed = {name[0] for name in names if known.get(name) != state.get(name)}
    later: list[Entry] = []
    for name, entry in now.items():
        told = known.get(name) != state[name] if apart else name[0] in changed
        if not told or (lone and entry.kind == "occurrence"):
            continue
        yield entry
        if again:
            later.append(entry)
        if stale and entry.original is None and entry.item.before is not None:
            before = entry.item.before
            kind = "seriesMaster" if before.get("recurrence") else "singleInstance"
            later.append(Entry(entry.item, None, before, entry.change - 1, kind))
    yield from later
    yield from _gone(calendar, known, state, faults)


def _gone(
    calendar: Calendar, known: dict[Name, Known], state: dict[Name, Known], faults: Faults
) -> Iterator[Gone]:
    every, apart = faults.is_on("occurrence_tombstones"), faults.is_on("single_occurrences")
    for (key, original), old in known.items():
        if (key, original) in state:
            continue
        has_series = (key, None) in state
        if original is None or every or (apart and has_series):
            yield Gone(old.ids, "changed" if key in calendar.items else "deleted")


def _shown(line: Entry | Gone, looks: View, calendar: Calendar) -> Json:
    if isinstance(line, Gone):
        regular, immutable = line.ids
        identity = immutable if looks.wishes.is_immutable else regular
        typed = looks.box.faults.is_on("typed_tombstones")
        return tombstone(identity, line.reason, is_typed=typed)
    if line.kind == "occurrence":
        return looks.stub(calendar, line)
    shown = looks.event(calendar, line)
    if line.item.before is not None and line.event is line.item.before:
        shown["lastModifiedDateTime"] = times.precise(line.item.modified - timedelta(seconds=1))
    return {"@odata.type": "#microsoft.graph.event", **shown}


def _ids(calendar: Calendar, entry: Entry) -> tuple[str, str]:
    regular, immutable = (
        event_id(calendar, entry.item, entry.original, immutable=each) for each in (False, True)
    )
    return regular, immutable


def _is_endless(event: Json) -> bool:
    rule = event.get("recurrence") or {"range": {"type": ""}}
    return bool(rule["range"]["type"] == "noEnd")
