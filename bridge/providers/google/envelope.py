"""The sync token as the engine keeps it: of which calendar, made how, good from when on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.errors import SyncTokenExpired
from bridge.model.interval import Instant
from bridge.paging import pack, unpack
from bridge.provider import CalendarId, SyncToken

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a pull leaves for the next one."""

    calendar: CalendarId
    sync_token: str
    """Google's."""
    parameters: Mapping[str, str]
    """Those of the listing; Google takes the token with no others."""
    since: Instant
    """Single events that ended before are not known."""

    def write(self) -> SyncToken:
        """Pack it."""
        content = {
            "v": _VERSION,
            "c": self.calendar,
            "t": self.sync_token,
            "p": dict(self.parameters),
            "s": self.since,
        }
        return SyncToken(pack(content))

    @classmethod
    def read(
        cls,
        token: SyncToken,
        calendar: CalendarId,
        parameters: Mapping[str, str],
        since: Instant,
    ) -> Envelope:
        """Unpack one that can be continued from.

        Args:
            token: as it was written.
            calendar: that is read.
            parameters: that it is read with now.
            since: where the window begins now.

        Raises:
            SyncTokenExpired: it is of another calendar or version, made with other parameters, or
                does not know the beginning of the window; or it is no envelope at all.
        """
        match unpack(token):
            case {"v": 1, "c": str(name), "t": str(theirs), "p": dict(made), "s": int(known)} if (
                name == calendar and made == parameters and known <= since and theirs
            ):
                return cls(calendar, theirs, parameters, known)
        raise SyncTokenExpired("the sync token is not one of this calendar and window")
