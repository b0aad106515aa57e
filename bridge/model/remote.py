"""Names that providers give: strings that only mean something to the provider that gave them."""

from __future__ import annotations

from typing import NewType

CalendarId = NewType("CalendarId", str)
RemoteId = NewType("RemoteId", str)
ETag = NewType("ETag", str)
