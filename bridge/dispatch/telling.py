"""What providers say, for people who may book and may not know whose account it is. Pure.

Their words help whoever books; names of calendars, events and accounts in them do not. What the
person wrote, guests above all, may be told back. The log has the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_URL = re.compile(r"[a-z][a-z0-9+.-]*://([^/\s'\"?#]*)[^\s'\",;]*", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s'\"<>(),:;/]+(?:@|%40)[^\s'\"<>(),:;/]+", re.IGNORECASE)
_OPAQUE = re.compile(r"(?=[\w%.+=~/-]*\d)(?=[\w%.+=~/-]*[A-Za-z])[\w%.+=~/-]{20,}|\d{9,}")
"""Long words with digits in them: nobody writes such, and providers name things so."""
_LEFT_OUT = "…"
_LEAST = 4
"""Characters of a name that is looked for: `main` is a word like any other, `a` is everywhere."""


def for_people(text: str, *, calendar: str, names: Sequence[str], own: str) -> str:
    """Leave out of an error what only the account's owner may know.

    Args:
        text: of the error.
        calendar: the id of the calendar that is written to.
        names: ids of events and meetings.
        own: what the person wrote.
    """
    said = _URL.sub(lambda it: it[1].rpartition("@")[2], text)
    if len(calendar) >= _LEAST:
        said = re.sub(rf"(?:calendar )?(['\"]){re.escape(calendar)}\1", "the calendar", said)
        said = said.replace(calendar, "the calendar")
    for name in names:
        if len(name) >= _LEAST and name not in own:
            said = said.replace(name, _LEFT_OUT)

    def hidden(found: re.Match[str]) -> str:
        return found[0] if found[0].lower() in known else _LEFT_OUT

    known = own.lower()
    return _OPAQUE.sub(hidden, _ADDRESS.sub(hidden, said))
