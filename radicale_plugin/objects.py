"""The objects of a calendar as listings and reports write them, thousands at a time.

What is the same for all of them is written once; what an object's row decides is apart from what
only its text tells, so that a listing need not read the whole objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from radicale_plugin import properties, xml
from radicale_plugin.calendars import Calendar, Row
from radicale_plugin.properties import Subject
from radicale_plugin.refusals import forbidden
from radicale_plugin.xml import caldav, dav

OBJECT_TYPE = "text/calendar; charset=utf-8; component=VEVENT"
_MOST_REPEATED = 24 << 20
"""Characters that an answer may repeat, the same for each of its objects."""

MarkValue = Callable[[Calendar, Row], str]
TextValue = Callable[[str], str]
"""Of an object's text."""

_OF_OBJECTS: Mapping[str, properties.Value] = {
    dav("resourcetype"): properties.constant(""),
    dav("getcontenttype"): properties.constant(OBJECT_TYPE),
    dav("current-user-principal"): properties.current_user_principal,
    dav("current-user-privilege-set"): properties.privileges,
    dav("owner"): properties.owner,
    dav("principal-collection-set"): properties.root_link,
}
"""The same for every object of a calendar."""

_OF_MARKS: Mapping[str, MarkValue] = {
    dav("getetag"): lambda calendar, row: calendar.object_etag(row),  # no character to escape
    dav("getlastmodified"): lambda _, row: properties.http_date(row.changed_at),
}
"""What a listing knows of each object."""

_OF_TEXTS: Mapping[str, TextValue] = {
    dav("getcontentlength"): lambda text: str(len(text.encode())),
}


_SCHEDULE_TAG = caldav("schedule-tag")
"""RFC 6638 section 9.3: only of scheduling objects, and not on allprop."""
_END = "</D:response>"
_OK = (
    "<D:propstat><D:prop>",
    "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>",
)


def object_names() -> list[str]:
    """Name the properties that an object has."""
    return [*_OF_OBJECTS, *_OF_MARKS, *_OF_TEXTS]


class ObjectWriter:
    """Writes DAV:response for the objects of one calendar, all with the same properties."""

    def __init__(
        self,
        subject: Subject,
        wanted: Sequence[str],
        data: TextValue | None = None,
        *,
        names_only: bool = False,
    ) -> None:
        """Sort out what is the same for all of them.

        Args:
            subject: the calendar.
            wanted: Clark names.
            data: writes CALDAV:calendar-data, where a report asks for it.
            names_only: name the properties, without their values.
        """
        self._calendar = properties.calendar_of(subject)
        of_texts = _OF_TEXTS if data is None else {**_OF_TEXTS, caldav("calendar-data"): data}
        self._marks: list[tuple[str, str, MarkValue]] = []
        self._texts: list[tuple[str, str, TextValue]] = []
        self._schedule_tag = False
        constant, missing = [], []
        for name in wanted:
            if names_only:
                constant.append(xml.element(name))
            elif value := _OF_OBJECTS.get(name):
                constant.append(xml.element(name, value(subject)))
            elif mark_value := _OF_MARKS.get(name):
                self._marks.append((*xml.tags(name), mark_value))
            elif name == _SCHEDULE_TAG and self._calendar.invites:
                self._schedule_tag = True
            elif text_value := of_texts.get(name):
                self._texts.append((*xml.tags(name), text_value))
            else:
                missing.append(xml.element(name))
        if subject.minimal:
            missing.clear()
        self._minimal = subject.minimal
        self._constant = "".join(constant)
        any_found = bool(
            constant or self._marks or self._texts or self._schedule_tag or not missing
        )
        begin, end = _OK if any_found else ("", "")
        not_here = xml.propstat(404, missing) if missing else ""
        # Names of objects need no encoding, and the path is encoded once.
        self._begin = f"<D:response><D:href>{quote(subject.prefix + subject.place.path)}"
        self._middle = f"</D:href>{begin}"
        self._end = f"{end}{not_here}{_END}"

    @property
    def needs_texts(self) -> bool:
        """Whether the objects are to be read whole; marks are enough otherwise."""
        return bool(self._texts)

    def check(self, count: int) -> None:
        """Refuse to write the same text for so many objects that the answer grows beyond bounds.

        What does not exist is named for each object, by names as long as the client likes.

        Raises:
            Refused: 403 with DAV:number-of-matches-within-limits.
        """
        if count * (len(self._constant) + len(self._end)) > _MOST_REPEATED:
            raise forbidden(
                dav("number-of-matches-within-limits"),
                "so many properties of so many objects; ask for fewer of either",
            )

    def write(self, row: Row) -> str:
        """Write one object."""
        calendar = self._calendar
        found = self._constant
        for begin, end, value in self._marks:
            found += f"{begin}{value(calendar, row)}{end}"
        if self._texts:
            found += self._of_text(row)
        end = self._end
        if self._schedule_tag:
            if tag := calendar.schedule_tag(row):
                found += xml.element(_SCHEDULE_TAG, xml.text(tag))
            elif not self._minimal:
                missing = xml.propstat(404, [xml.element(_SCHEDULE_TAG)])
                end = end.removesuffix(_END) + missing + _END
        return f"{self._begin}{calendar.name(row)}{self._middle}{found}{end}"

    def _of_text(self, row: Row) -> str:
        text = self._calendar.text(row)
        return "".join(f"{begin}{value(text)}{end}" for begin, end, value in self._texts)
