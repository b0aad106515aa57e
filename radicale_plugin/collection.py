"""Collections and items as Radicale knows them, over calendars that were read from the index.

Every item carries its ETag, UID, component, time range and date, so that Radicale never parses one;
its text is written when it is sent. ETag, token and properties of a collection stand from its
constructor on: Radicale asks for them after it has let go of the storage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, overload
from xml.etree.ElementTree import Element

from radicale.item import Item
from radicale.storage import BaseCollection

from bridge.errors import NotReadYet
from bridge.ical.serialize import utc_text
from radicale_plugin import visitor
from radicale_plugin.calendars import Calendar, ResourceCalendar, Row
from radicale_plugin.filters import EVER
from radicale_plugin.places import Place
from radicale_plugin.properties import Subject, displayname, http_date
from radicale_plugin.refusals import Refused
from radicale_plugin.xml import apple

READ_ONLY = "[Errno 13] BusyBridge's calendars are read-only here"
"""Radicale answers a ValueError that begins like this with 403."""


class LazyItem(Item):
    """An object of a calendar; its text is written at the first use."""

    def __init__(self, collection: Collection, calendar: Calendar, row: Row) -> None:
        """Fill in all that Radicale would otherwise parse for."""
        super().__init__(
            collection_path=collection.path,
            collection=collection,
            text="",
            href=calendar.name(row),
            last_modified=http_date(row.changed_at),
            etag=calendar.object_etag(row),
            uid=row.uid,
            name="VCALENDAR",
            component_name="VEVENT",
            time_range=calendar.span(row),
        )
        self._calendar = calendar
        self._row = row

    def serialize(self) -> str:
        """Write the text, once."""
        if not self._text:
            self._text = self._calendar.text(self._row)
        return self._text

    @property
    def vobject_item(self) -> Any:
        """Parse it: only for filters that no index answers."""
        self.serialize()
        return super().vobject_item


class Collection(BaseCollection):
    """A collection without items: the root, a home, a principal."""

    def __init__(self, subject: Subject) -> None:
        """Take the snapshot."""
        self._path = subject.place.path.strip("/")
        self._meta: Mapping[str, str] = {"D:displayname": displayname(subject)}

    @property
    def path(self) -> str:
        """The path without slashes at its ends."""
        return self._path

    @property
    def tag(self) -> str:
        """No calendar."""
        return ""

    @property
    def etag(self) -> str:
        """None is needed; quoted."""
        return '""'

    @property
    def last_modified(self) -> str:
        """The date; never asked for."""
        return http_date(0)

    def get_multi(self, hrefs: Iterable[str]) -> Iterable[tuple[str, Item | None]]:
        """Fetch several items."""
        return [(href, None) for href in hrefs]

    def get_all(self) -> Iterable[Item]:
        """Fetch all items."""
        return []

    def get_filtered(self, filters: Iterable[Element]) -> Iterable[tuple[Item, bool]]:
        """Fetch the items that match."""
        del filters
        return []

    def has_uid(self, uid: str) -> bool:
        """Tell whether there is an item of a UID."""
        del uid
        return False

    @overload
    def get_meta(self, key: None = None) -> Mapping[str, str]: ...

    @overload
    def get_meta(self, key: str) -> str | None: ...

    def get_meta(self, key: str | None = None) -> Mapping[str, str] | str | None:
        """Return one property, or all."""
        return self._meta if key is None else self._meta.get(key)

    def set_meta(self, props: Mapping[str, str]) -> None:
        """Refuse."""
        raise ValueError(READ_ONLY)

    def upload(self, href: str, item: Item) -> tuple[Item, Item | None]:
        """Refuse."""
        raise ValueError(READ_ONLY)

    def delete(self, href: str | None = None) -> None:
        """Refuse."""
        raise ValueError(READ_ONLY)


class CalendarCollection(Collection):
    """A calendar."""

    def __init__(self, subject: Subject, calendar: ResourceCalendar) -> None:
        """Take the snapshot."""
        super().__init__(subject)
        self._calendar = calendar
        meta = {"tag": "VCALENDAR", "C:supported-calendar-component-set": "VEVENT", **self._meta}
        for name, key in _KEPT.items():
            if name in subject.kept:
                meta[key] = subject.kept[name]
        self._meta = meta

    @property
    def tag(self) -> str:
        """A calendar."""
        return "VCALENDAR"

    @property
    def etag(self) -> str:
        """The entity tag, quoted."""
        return self._calendar.etag

    @property
    def last_modified(self) -> str:
        """When it last changed."""
        return http_date(self._calendar.changed_at)

    def sync(self, old_token: str = "") -> tuple[str, Iterable[str]]:
        """Return the token and, not before somebody takes them, the names of what changed."""
        calendar = self._calendar
        if not old_token:
            return calendar.token, self._names()
        with visitor.snapshot(calendar.ground.database) as conn:
            changes = calendar.changes(conn, old_token)
        return changes.token, [
            *(calendar.name(row) for row in changes.changed),
            *changes.removed,
        ]

    def get_multi(self, hrefs: Iterable[str]) -> Iterable[tuple[str, Item | None]]:
        """Fetch several items."""
        names = list(hrefs)
        with visitor.snapshot(self._calendar.ground.database) as conn:
            rows = self._calendar.named(conn, names)
        return [(name, self._item(rows[name]) if name in rows else None) for name in names]

    def get_all(self) -> Iterable[Item]:
        """Fetch all items."""
        with visitor.snapshot(self._calendar.ground.database) as conn:
            rows = self._calendar.objects(conn)
        return map(self._item, rows)

    def get_filtered(self, filters: Iterable[Element]) -> Iterable[tuple[Item, bool]]:
        """Fetch the items that match, all of them for certain.

        Raises:
            ValueError: the filter makes no sense, or asks about time of which nothing is known:
                Radicale makes free-busy of what it gets here, and would call that time free.
            NotReadYet: nothing is known of the resource.
        """
        calendar = self._calendar
        try:
            wanted = calendar.compile(filters)
        except Refused as err:
            raise ValueError(err.reason) from err
        if wanted.never:
            return []
        with visitor.snapshot(calendar.ground.database) as conn:
            if wanted.window is not None:
                known = calendar.look(conn).state.horizon.end
                # RFC 4791 section 7.8 has a precondition for it. Clients that want all there is
                # leave the end open.
                if known < wanted.window.end < EVER.end:
                    raise ValueError(f"busy time is known until {utc_text(known)}")
            rows = calendar.query(conn, wanted)
        return [(self._item(row), True) for row in rows]

    def serialize(self, *args: Any, **more: Any) -> str:
        """Write the whole calendar.

        For DAV:getcontentlength Radicale asks for it too, once it has let go of the storage. That
        one calendar was not read yet must not hide the other calendars of a home then.

        Raises:
            NotReadYet: somebody asks for the text, and nothing is known of the resource.
        """
        try:
            return super().serialize(*args, **more)
        except NotReadYet:
            if visitor.is_looking():
                raise
            return ""

    def has_uid(self, uid: str) -> bool:
        """Tell whether there is an item of a UID."""
        with visitor.snapshot(self._calendar.ground.database) as conn:
            return any(row.uid == uid for row in self._calendar.marks(conn))

    def item(self, name: str) -> Item | None:
        """Fetch one item."""
        return dict(self.get_multi([name]))[name]

    def _names(self) -> Iterator[str]:
        with visitor.snapshot(self._calendar.ground.database) as conn:
            rows = self._calendar.objects(conn)
        yield from (self._calendar.name(row) for row in rows)

    def _item(self, row: Row) -> Item:
        return LazyItem(self, self._calendar, row)


_KEPT = {
    apple("calendar-color"): "ICAL:calendar-color",
    apple("calendar-order"): "ICAL:calendar-order",
}


def make(subject: Subject) -> Collection:
    """Make the collection of a place."""
    if isinstance(subject.calendar, ResourceCalendar):
        return CalendarCollection(subject, subject.calendar)
    return Collection(subject)


def make_item(subject: Subject, place: Place) -> Item | None:
    """Make the item of an object's place; None when it is not there."""
    collection = make(subject)
    return collection.item(place.name) if isinstance(collection, CalendarCollection) else None
