"""A host's meetings, page by page."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from bridge.sandbox.world import Json, World
from bridge.sandbox.zoom import shown
from bridge.sandbox.zoom.directory import INSTANT, SERIES, Meeting, User
from bridge.sandbox.zoom.errors import bad_request, invalid

_SIZE, _LARGEST = 30, 300
_LIFE = timedelta(minutes=15)
"""Of a next_page_token."""
_UNEXPIRED = timedelta(days=30)
"""So long after its end a meeting is kept."""
_OPEN, _PAGES = 1_000, 100_000


class _Cursor(NamedTuple):
    user: str
    kind: str
    size: int
    items: tuple[Json, ...]
    made: datetime
    position: int = 0
    page: int = 0


class Listing:
    """Listings that are half-way; the oldest are forgotten."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: OrderedDict[str, _Cursor] = OrderedDict()

    def page(self, user: User, query: Json) -> Json:
        """Give the page that a query asks for.

        Raises:
            ZoomError: 400.
        """
        kind, size = query.get("type", "scheduled"), query.get("page_size", _SIZE)
        if not 1 <= size <= _LARGEST:
            raise invalid("page_size")
        if name := query.get("next_page_token"):
            cursor = self._resume(user, name, kind, size)
        else:
            number = query.get("page_number", "1")
            if not number.isdecimal() or not 1 <= int(number) <= _PAGES:
                raise invalid("page_number")
            first = (int(number) - 1) * size
            items = tuple(self._items(user, kind))
            cursor = _Cursor(user.id, kind, size, items, self._world.now, first)
        return self._page(user, cursor)

    def _page(self, user: User, cursor: _Cursor) -> Json:
        size = cursor.size
        if user.faults.is_on("short_pages"):
            size = 0 if cursor.page % 2 else min(size, 2)
        end = min(cursor.position + size, len(cursor.items))
        following = ""
        if end < len(cursor.items) or user.faults.is_on("endless_pages"):
            following = self._world.token(34)
            self._open[following] = cursor._replace(position=end, page=cursor.page + 1)
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)
        total = len(cursor.items)
        return {
            "page_count": max(1, -(-total // cursor.size)),
            "page_number": cursor.page + 1,
            "page_size": cursor.size,
            "total_records": total,
            "next_page_token": following,
            "meetings": list(cursor.items[cursor.position : end]),
        }

    def _resume(self, user: User, name: str, kind: str, size: int) -> _Cursor:
        found = self._open.get(name)
        gone = found is None or self._world.now - found.made > _LIFE
        if found is None or gone or user.faults.happens("page_gone"):
            raise bad_request("The next page token is invalid or expired.")
        if (found.user, found.kind, found.size) != (user.id, kind, size):
            raise bad_request("The next page token is invalid or expired.")
        return found

    def _items(self, user: User, kind: str) -> Iterator[Json]:
        late = user.faults.happens("lists_late")
        newest = self._world.now - timedelta(seconds=float(late or 0))
        every = [each for each in user.meetings.values() if not late or each.created <= newest]
        every.sort(key=lambda each: (each.start or each.created, each.id))
        for each in every:
            if not self._is_shown(each, kind):
                continue
            if each.type == SERIES and user.faults.is_on("occurrences_listed"):
                for one in each.occurrences:
                    if not one.is_deleted:
                        yield shown.listed(user, each, one)
            else:
                yield shown.listed(user, each)

    def _is_shown(self, meeting: Meeting, kind: str) -> bool:
        now, end = self._world.now, meeting.end
        if meeting.type == INSTANT:
            return False
        if kind == "live":
            return meeting.is_started
        is_past = meeting.is_ended or (end is not None and end <= now and not meeting.is_started)
        if kind == "previous_meetings":
            return is_past
        if kind == "scheduled":
            return end is None or end + _UNEXPIRED > now
        return not is_past
