"""In which state series were when they were listed without their masters.

A calendarView lists each occurrence with all that it has of its series, and not the series itself.
As long as it lists the same, the series is as it was and need not be read again; what its rule says
beyond the window shows with the next window.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

_LENGTH = 16


class States:
    """What was listed of each series of a listing, as little as is needed to tell a change."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lines: dict[str, set[bytes]] = {}

    def take(self, lines: Iterable[Any]) -> None:
        """Take the lines of a page, some of which may come again."""
        for line in lines:
            given: Mapping[str, Any] = line if isinstance(line, dict) else {}
            series = given.get("seriesMasterId")
            if isinstance(series, str) and series:
                text = json.dumps(line, sort_keys=True).encode()
                mark = blake2b(text, digest_size=_LENGTH).digest()
                self._lines.setdefault(series, set()).add(mark)

    def of(self, series: str) -> str:
        """Give the name of a series in its state."""
        lines = b"".join(sorted(self._lines.get(series, ())))
        return f"{series}\n{blake2b(lines, digest_size=_LENGTH).hexdigest()}"
