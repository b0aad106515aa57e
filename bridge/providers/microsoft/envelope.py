"""The sync token as the engine keeps it: the link of a calendar, its window, and what is known.

Of some calendars Graph gives no link to go on from; then everything is listed every time.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b

from bridge.errors import SyncTokenExpired
from bridge.model.interval import Instant, Window
from bridge.paging import pack, unpack
from bridge.provider import CalendarId, SyncToken

VIEW = "calendarView"
"""Stands for the link where there is none."""
_LENGTH = 6
"""Bytes by which an id is known: two of 10,000 are alike once in five million calendars."""
_SHORT = 3
"""Bytes by which an occurrence is: one of 20,000 is taken for another of theirs once in 800 times,
and all that comes of it is that its series is read again."""
_MOST = 100_000
"""Characters that all occurrences may take, some 25,000 of them."""


class Names:
    """Ids of the objects that were told of, as little as is needed to know them again.

    Where there is no link, they are of series in the state that they were in.
    """

    __slots__ = ("_marks",)

    def __init__(self, marks: Iterable[bytes] = ()) -> None:
        """Take what ids are known by."""
        self._marks = frozenset(marks)

    def __contains__(self, name: object) -> bool:
        """Tell whether an id is one of these."""
        return isinstance(name, str) and _mark(name) in self._marks

    def changed(self, added: Iterable[str], gone: Iterable[str]) -> Names:
        """Give those that are known after a round."""
        return Names(self._marks.difference(map(_mark, gone)).union(map(_mark, added)))

    @classmethod
    def of(cls, ids: Iterable[str]) -> Names:
        """Know these."""
        return cls(map(_mark, ids))

    def write(self) -> str:
        """Pack them."""
        return b64encode(b"".join(sorted(self._marks))).decode()

    @classmethod
    def read(cls, text: str) -> Names:
        """Unpack them.

        Raises:
            ValueError: there are none in it.
        """
        return cls(_cut(_packed(text, _LENGTH), _LENGTH))


class Parts:
    """Ids of the occurrences that were told of, by the series of each.

    A tombstone says no more than an id. Graph names those of events and series, and nothing is said
    of an occurrence that is gone but its series (graph-docs#4501); should it be named all the same,
    it is found here. What is found nowhere came and went in between: nothing is to be done.
    """

    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[str, str | None] | None = None) -> None:
        """Take what was kept of each series; None: too many to keep."""
        self._texts = dict(texts or {})

    def holders(self, names: Iterable[str]) -> Iterator[str]:
        """Name the series that may have had any of these occurrences."""
        wanted = {_short(name) for name in names}
        if not wanted:
            return
        for series, text in self._texts.items():
            if text is None or not wanted.isdisjoint(_cut(b64decode(text), _SHORT)):
                yield series

    def changed(self, told: Mapping[str, Iterable[str]], gone: Iterable[str]) -> Parts:
        """Give what is kept after a round.

        Args:
            told: ids of occurrences, by series.
            gone: ids of what is no series, or not any more.
        """
        texts = dict(self._texts)
        for name in gone:
            texts.pop(name, None)
        for series, names in told.items():
            before = texts.get(series, "")
            marks = {_short(name) for name in names}
            if before is not None and marks:
                marks.update(_cut(b64decode(before), _SHORT))
                texts[series] = b64encode(b"".join(sorted(marks))).decode()
        rest = sum(len(text or "") for text in texts.values())
        for series in sorted(texts, key=lambda it: -len(texts[it] or "")):
            if rest <= _MOST:
                break
            rest -= len(texts[series] or "")
            texts[series] = None
        return Parts(texts)

    def write(self) -> Mapping[str, str | None]:
        """Pack them."""
        return self._texts

    @classmethod
    def read(cls, given: Mapping[object, object]) -> Parts:
        """Unpack them.

        Raises:
            ValueError: they are none.
        """
        texts: dict[str, str | None] = {}
        for series, text in given.items():
            match series, text:
                case str(), None:
                    texts[series] = None
                case str(), str() if _packed(text, _SHORT):
                    texts[series] = text
                case _:
                    raise ValueError("not the occurrences of series")
        return cls(texts)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a pull leaves for the next one."""

    calendar: CalendarId
    link: str
    """Graph's, whole and opaque, or `VIEW`; empty where the next pull has to begin anew."""
    window: Window
    """The link's, which never moves."""
    until: Instant
    """By Graph's clock: from then on the next pull begins anew, with a window of its own. Without a
    link: asks for one, and 0 is for the next pull to do so."""
    known: Names = field(default_factory=Names)
    parts: Parts = field(default_factory=Parts)
    tries: int = 0
    """Without a link: how often in a row it took Graph too long to give one."""

    def write(self) -> SyncToken:
        """Pack it."""
        content = {
            "v": 2,
            "c": self.calendar,
            "l": self.link,
            "w": list(self.window),
            "u": self.until,
            "k": self.known.write(),
            "o": self.parts.write(),
            "n": self.tries,
        }
        return SyncToken(pack(content))

    @classmethod
    def read(cls, token: SyncToken, calendar: CalendarId, window: Window) -> Envelope:
        """Unpack one that can be continued from.

        Args:
            token: as it was written.
            calendar: that is read.
            window: that is asked for now.

        Raises:
            SyncTokenExpired: it is of another calendar or version, its window is not wide enough,
                or its time is over; or it is no envelope at all.
        """
        match unpack(token):
            case {
                "v": 2, "c": str(name), "l": str(link), "w": [int(start), int(end)],
                "u": int(until), "k": str(known), "o": dict(parts), "n": int(tries),
            } if (
                name == calendar and link and start <= window.start and window.end <= end
            ):  # fmt: skip
                with suppress(ValueError):
                    names, own = Names.read(known), Parts.read(parts)
                    return cls(calendar, link, Window(start, end), until, names, own, tries)
        raise SyncTokenExpired("the sync token is not one of this calendar and window")


def _mark(name: str, length: int = _LENGTH) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=length).digest()


def _short(name: str) -> bytes:
    return _mark(name, _SHORT)


def _packed(text: str, length: int) -> bytes:
    data = b64decode(text, validate=True)
    if len(data) % length:
        raise ValueError("a mark is cut short")
    return data


def _cut(data: bytes, length: int) -> Iterator[bytes]:
    return (data[at : at + length] for at in range(0, len(data), length))
