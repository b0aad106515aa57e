"""Lists of events: of a calendar, of a window, of a series."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from bridge.sandbox.microsoft import series, times
from bridge.sandbox.microsoft.calls import Call, Collection, Place
from bridge.sandbox.microsoft.errors import GraphError, bad_request
from bridge.sandbox.microsoft.series import Entry
from bridge.sandbox.microsoft.shown import extended
from bridge.sandbox.microsoft.times import Json

_PAGE = 10
_LONGEST = timedelta(days=1825)


def events(call: Call) -> Collection:
    """List the events and series of a calendar, without occurrences."""
    place = call.place()
    return _collection(call, place, [series.whole(i) for i in place.calendar.items.values()])


def view(call: Call) -> Collection:
    """List what happens in a window of a calendar."""
    place = call.place()
    found = sorted(series.within(place.calendar, *window(call)), key=_start)
    return _collection(call, place, found)


def instances(call: Call) -> Collection:
    """List the occurrences of a series in a window."""
    place, found = call.found()
    if found.original is not None or not found.item.is_series:
        raise bad_request("Your request can't be completed. The event is no series.")
    every = sorted(series.occurrences(found.item, *window(call)), key=_start)
    return _collection(call, place, every)


def window(call: Call) -> tuple[datetime, datetime]:
    """Read the window of a request.

    Raises:
        GraphError: 400: there is none, or it is too long.
    """
    others = call.query.others
    if "startdatetime" not in others or "enddatetime" not in others:
        raise GraphError(
            400,
            "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters "
            "StartDateTime and EndDateTime.",
        )
    start = times.bound(others["startdatetime"], "StartDateTime")
    end = times.bound(others["enddatetime"], "EndDateTime")
    if end < start:
        text = "The end of the time window is before its start."
        raise GraphError(400, "ErrorInvalidParameter", text)
    if end - start > _LONGEST:
        raise GraphError(400, "ErrorCalendarViewRangeTooBig")
    return start, end


def documents(call: Call, place: Place, found: list[Entry]) -> list[Json]:
    """Show events with what $expand names, filtered, sorted and selected."""
    looks = call.view(place)
    wanted = call.query.expanded
    hidden = ("singleValueExtendedProperties", "multiValueExtendedProperties")
    shown: list[Json] = []
    for entry in found:
        whole = looks.event(place.calendar, entry)
        # $filter sees extended properties that are not shown.
        shown.append(
            {**{name: entry.event[name] for name in hidden if name in entry.event}, **whole}
        )
    made = []
    for each in call.query.chosen(shown):
        bare = {name: value for name, value in each.items() if name not in hidden}
        made.append(call.query.selected({**bare, **extended(each, wanted)}))
    return made


def _collection(call: Call, place: Place, found: list[Entry]) -> Collection:
    every = documents(call, place, found)
    query, faults = call.query, place.box.faults
    size = query.top or call.wishes.page_size or _PAGE
    if faults.is_on("short_pages"):
        size = 0 if query.page % 2 else min(size, 2)
    end = query.skip + size
    following = ""
    if end < len(every) or faults.is_on("endless_pages"):
        kept = {f"${k}": v for k, v in query.options.items() if k not in ("skip", "skiptoken")}
        position = {"$skip": str(min(end, len(every))), "$skiptoken": str(query.page + 1)}
        text = urlencode({**query.others, **kept, **position})
        following = f"{call.base}/{call.target}?{text}"
    number = len(every) if query.options.get("count") == "true" else None
    return Collection(every[query.skip : end], following, number=number)


def _start(entry: Entry) -> datetime:
    return times.span(entry.event).start
