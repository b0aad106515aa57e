"""The sync token as the engine keeps it: the link of a calendar, its window, and what is known."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from bridge.errors import SyncTokenExpired
from bridge.model.interval import Instant, Window
from bridge.provider import CalendarId, SyncToken

_VERSION = 1
_LENGTH = 6
"""Bytes by which an id is known: two of 10,000 are alike once in five million calendars."""


class Names:
    """Ids of the objects that were told of, as little as is needed to know them again.

    A tombstone says no more than an id. One that is not among these is of an occurrence, or of
    something that came and went in between.
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
        data = b64decode(text, validate=True)
        if len(data) % _LENGTH:
            raise ValueError("a mark is cut short")
        return cls(data[at : at + _LENGTH] for at in range(0, len(data), _LENGTH))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a pull leaves for the next one."""

    calendar: CalendarId
    link: str
    """Graph's, whole and opaque; empty where the next pull has to begin anew."""
    window: Window
    """The link's, which never moves."""
    until: Instant
    """By Graph's clock: from then on the next pull begins anew, with a window of its own."""
    known: Names

    def write(self) -> SyncToken:
        """Pack it."""
        content = {
            "v": _VERSION,
            "c": self.calendar,
            "l": self.link,
            "w": list(self.window),
            "u": self.until,
            "k": self.known.write(),
        }
        return SyncToken(json.dumps(content, separators=(",", ":"), ensure_ascii=False))

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
        match _loaded(token):
            case {
                "v": 1, "c": str(name), "l": str(link), "w": [int(start), int(end)],
                "u": int(until), "k": str(known),
            } if (
                name == calendar and link and start <= window.start and window.end <= end
            ):  # fmt: skip
                try:
                    return cls(calendar, link, Window(start, end), until, Names.read(known))
                except (ValueError, binascii.Error):
                    pass
        raise SyncTokenExpired("the sync token is not one of this calendar and window")


def _mark(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_LENGTH).digest()


def _loaded(token: SyncToken) -> object:
    try:
        return json.loads(token)
    except (ValueError, RecursionError):
        return None
