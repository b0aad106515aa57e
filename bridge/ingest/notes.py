"""What `status` shows of a calendar: repairs and guesses, objects with problems, what waits."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bridge.ingest.expand import WAITING
from bridge.store import events
from bridge.store.database import Transaction

_MOST = 50
_LONGEST = 300
_OBJECT = "event "
_PROBLEM = (_OBJECT, WAITING)


def of_calendar(
    conn: Transaction, calendar_id: str, said: Iterable[str], before: str, *, examined: bool
) -> str:
    """Make the JSON list of a calendar's notes.

    Args:
        conn: the transaction that writes its rows.
        calendar_id: which.
        said: notes of this listing; none given = those of the last one hold.
        before: the notes as they stand.
        examined: objects with problems may have come or gone.
    """
    old: list[str] = json.loads(before)
    problems = [line for line in old if line.startswith(_PROBLEM)]
    if examined:
        found = events.with_problems(conn, calendar_id)
        waiting = sum(text == WAITING for *_, text in found)
        problems = [f"{WAITING} ({waiting} events)"] if waiting else []
        problems += [
            f"{_OBJECT}{uid or remote_id}: {text}"
            for remote_id, uid, text in found
            if text != WAITING
        ]
    kept = list(said) or [line for line in old if not line.startswith(_PROBLEM)]
    lines = [line[:_LONGEST] for line in dict.fromkeys([*problems, *kept])]
    if len(lines) > _MOST:
        lines[_MOST - 1 :] = [f"and {len(lines) - _MOST + 1} more"]
    return json.dumps(lines, ensure_ascii=False)


def waits(notes: str) -> bool:
    """Tell whether objects of the calendar wait to be expanded."""
    return WAITING in notes
