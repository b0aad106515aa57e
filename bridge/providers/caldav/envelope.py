"""The sync token as the engine keeps it: which calendar, how it is followed, and how far."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from bridge.errors import SyncTokenExpired
from bridge.paging import pack, unpack
from bridge.provider import CalendarId, SyncToken

_VERSION = 1
_DIGEST = 6
"""Octets: the chance that a change of one object is overlooked is 2^-48."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a pull leaves for the next one."""

    calendar: CalendarId
    sync_token: str = ""
    """The server's, where it has sync-collection; else the calendar is followed by ETags."""
    ctag: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Without sync-collection: name of each object -> `mark` of its ETag and content."""
    again: tuple[str, ...] = ()
    """Objects that the server named but could not deliver; they are asked for once more."""

    def write(self) -> SyncToken:
        """Pack it."""
        content = {
            "v": _VERSION,
            "c": self.calendar,
            "t": self.sync_token,
            "g": self.ctag,
            "m": self.marks,
            "a": self.again,
        }
        return SyncToken(pack(content))

    @classmethod
    def read(cls, token: SyncToken, calendar: CalendarId) -> Envelope:
        """Unpack one of this calendar.

        Raises:
            SyncTokenExpired: it is of another calendar or version, or no envelope at all.
        """
        match unpack(token):
            case {
                "v": 1,
                "c": str(name),
                "t": str(sync_token),
                "g": str(ctag),
                "m": dict(marks),
                "a": list(again),
            } if name == calendar:
                return cls(calendar, sync_token, ctag, marks, tuple(again))
        raise SyncTokenExpired("the sync token is not one of this calendar")


def mark(etag: str, content: str | bytes) -> str:
    """Digest an object's ETag and content: what tells that it changed.

    A weak ETag counts as the strong one, since all that proxies do to an object (compress it) makes
    no difference to us. Without an ETag only the content tells.
    """
    return f"{_digest(etag.removeprefix('W/')) if etag else '-'}{_digest(content)}"


def same_etag(known: str, etag: str) -> bool:
    """Tell whether a mark was made with this ETag; never where there is none."""
    return known.startswith(_digest(etag.removeprefix("W/")))


def same_content(known: str, new: str) -> bool:
    """Tell whether two marks were made of the same content."""
    return known[-len(_digest("")) :] == new[-len(_digest("")) :]


def _digest(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return urlsafe_b64encode(blake2b(data, digest_size=_DIGEST).digest()).decode()
