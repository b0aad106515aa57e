"""One complete listing of a calendar from its provider; the only place here that waits for one."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.errors import SyncTokenExpired, TemporarilyUnavailable, UnreadableAnswer
from bridge.ingest.fold import Listing, collect
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Window, utc
from bridge.provider import (
    AccessRole,
    CalendarInfo,
    Page,
    Provider,
    RemoteId,
    Series,
    Shown,
    SyncToken,
)


def read(
    provider: Provider, info: CalendarInfo, since: SyncToken | None, window: Window
) -> Listing:
    """Read what changed since the token, or everything when there is none or it expired.

    Raises:
        TemporarilyUnavailable: the provider calls even the token of a full listing expired.
        ProviderError: as the adapter says; nothing of what was read counts.
    """
    if info.role is AccessRole.FREE_BUSY:
        return _busy_times(provider, info, window)
    if provider.source is None:
        raise UnreadableAnswer("connections of this kind have no events to read")
    try:
        return collect(provider.source.changes(info.id, since, window))
    except SyncTokenExpired:
        pass
    try:  # once, and never again: a provider may say so for ever
        return collect(provider.source.changes(info.id, None, window))
    except SyncTokenExpired as err:
        raise TemporarilyUnavailable(
            f"calendar {info.name!r}: every sync token is called expired, even without one"
        ) from err


def _busy_times(provider: Provider, info: CalendarInfo, window: Window) -> Listing:
    if provider.busy is None:
        raise UnreadableAnswer(
            f"calendar {info.name!r} shares only its busy time, which this kind cannot read",
            hint="ask its owner to share the events, or leave it out of read_calendars",
        )
    found = provider.busy.busy(info.id, window)
    return collect([Page(items=list(_as_events(found)), full=True)])


def _as_events(found: Iterable[Shown]) -> Iterable[Series]:
    """Say each span as an event without texts: one way through the engine for all calendars."""
    for start, end, show_as in found:
        name = f"{start}-{end}-{show_as.value}"
        event = Event(uid=name, start=utc(start), end=utc(end), show_as=show_as)
        yield Series(RemoteId(name), EventSeries(uid=name, master=event))
