"""The UID that an event of Outlook has in other calendars. Pure.

Graph's `iCalUId` is a Global Object ID in hexadecimal, which differs from occurrence to occurrence
([MS-OXOCAL] section 2.2.1.27):

    16 octets   what it is
     4          the original day of an occurrence, or zeros
     8 + 8      when it was made, reserved
     4          size of the rest, the lowest octet first
     ..         something unique; or `vCal-Uid`, 1 as four octets, the UID of an invitation from
                elsewhere, and a zero

With the day left out it is the UID by which Outlook invites the calendars of others ([MS-OXCICAL]
section 2.1.3.1.1.20.26).
"""

from __future__ import annotations

_MARK = bytes.fromhex("040000008200E00074C5B7101A82E008")
_DAY = slice(16, 20)
_SIZE = slice(36, 40)
_DATA = 40
_FOREIGN = b"vCal-Uid\x01\x00\x00\x00"


def original_uid(text: str) -> str:
    """Return the UID of a series or single event, whichever of its events is asked for.

    What is no Global Object ID is a UID already.
    """
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        return text
    if not octets.startswith(_MARK) or len(octets) < _DATA:
        return text
    size = int.from_bytes(octets[_SIZE], "little")
    data = octets[_DATA : _DATA + size]
    if data.startswith(_FOREIGN):
        try:
            foreign = data[len(_FOREIGN) :].partition(b"\0")[0].decode()
        except UnicodeDecodeError:
            foreign = ""
        if foreign.strip():
            return foreign
    day = octets[_DAY]
    return (octets[: _DAY.start] + bytes(len(day)) + octets[_DAY.stop :]).hex().upper()
