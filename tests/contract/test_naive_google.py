"""Each misbehaviour of the stand-in catches an adapter that does not expect it.

Every adapter here passes the test while the stand-in behaves, and fails it when it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from bridge.errors import SyncTokenExpired, TemporarilyUnavailable, UnreadableAnswer
from bridge.model.event import EventSeries
from bridge.model.interval import Window, instant
from bridge.provider import (
    CalendarId,
    Item,
    OccurrenceRemoved,
    Override,
    Page,
    RemoteId,
    Series,
    SeriesRemoved,
    SyncToken,
)
from bridge.providers.google import wire
from bridge.providers.google.client import Client
from bridge.providers.google.listing import Listing
from bridge.sandbox.server import Sandbox
from tests.contract.google_world import ANN, GoogleWorld, Signed, transport
from tests.contract.naive_google import Altered, Google, Naive, catches, running
from tests.contract.provider_contract import Mirror

__all__ = ["running"]


class StopsAtAnEmptyPage(Naive):
    """A page without events must be the last."""

    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            for page in super().events(calendar, query):
                if not page.items and not page.next_sync_token:
                    yield wire.EventPage(next_sync_token="made-up")
                    return
                yield page

    def reading(self, client: Client) -> Client:
        return self.Reading(client)


class ReadsFirstPageOnly(StopsAtAnEmptyPage):
    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            page = next(iter(super().events(calendar, query)))
            yield wire.EventPage(
                items=page.items, next_sync_token=page.next_sync_token or "made-up"
            )


class FindsTombstonesByUid(StopsAtAnEmptyPage):
    """What is deleted is looked for by the UID that tombstones usually have."""

    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            for page in super().events(calendar, query):
                page.items = [each for each in page.items if _has_uid(each)]
                yield page


class BelievesHundredPages(StopsAtAnEmptyPage):
    """A listing that does not end is cut where it gets boring."""

    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            try:
                yield from super().events(calendar, query)
            except UnreadableAnswer:
                yield wire.EventPage(next_sync_token="made-up")


class TakesHtmlForNothing(BelievesHundredPages):
    """Half an answer, or a login page, passes for an empty one."""


class RepeatsWhatComesTwice(StopsAtAnEmptyPage):
    """Every entry of a page is news."""

    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            for page in super().events(calendar, query):
                page.items = [_without_etag(each) for each in page.items]
                yield page


class TakesRulesAsTheyAre(Naive):
    """What stands behind the colon of RRULE: is the rule."""

    class Reading(Altered):
        lines: dict[str, str]

        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            for page in super().events(calendar, query):
                for data in page.items:
                    event = wire.read(data, wire.Event)
                    self.lines[event.id] = "".join(event.recurrence)
                yield page

    def reading(self, client: Client) -> Client:
        self._reading = self.Reading(client)
        self._reading.lines = {}
        return self._reading

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        for page in super().changes(calendar, since, window):
            items = [self._raw(each) if isinstance(each, Series) else each for each in page.items]
            yield replace(page, items=items)

    def _raw(self, item: Series) -> Series:
        line, master = self._reading.lines.get(item.remote_id, ""), item.series.master
        if not line or master is None:
            return item
        rule = line.removeprefix("RRULE").removeprefix(":")
        return replace(item, series=replace(item.series, master=replace(master, rrules=(rule,))))


class ChangedOccurrencesAreEvents(Naive):
    """An exception is an object of its own, and goes when its tombstone comes."""

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        for page in super().changes(calendar, since, window):
            yield replace(page, items=[_alone(each) for each in page.items])


class MasterStandsForAll(Naive):
    """A master that changed is the whole series, although its exceptions come on their own."""

    def _again(self, _listing: Listing, _series: str, _uid: str) -> list[Item]:
        return []


class SwallowsGone(Naive):
    """410 must mean that nothing changed."""

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        try:
            yield from super().changes(calendar, since, window)
        except SyncTokenExpired:
            yield Page(token=since)


class StopsWhereAPageIsGone(Naive):
    """What was read before a page token ended is good enough."""

    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            try:
                yield from super().events(calendar, query)
            except TemporarilyUnavailable:
                yield wire.EventPage(next_sync_token="made-up")

    def reading(self, client: Client) -> Client:
        return self.Reading(client)


def _alone(item: Item) -> Item:
    if isinstance(item, OccurrenceRemoved):
        return SeriesRemoved(RemoteId(f"{item.series_id}_{item.original_start}"))
    if not isinstance(item, Override):
        return item
    assert isinstance(item.event.recurrence_id, datetime)
    name = f"{item.series_id}_{instant(item.event.recurrence_id)}"
    return Series(RemoteId(name), EventSeries(uid=name, master=None, overrides=(item.event,)))


def _without_etag(data: msgspec.Raw) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(msgspec.json.decode(data) | {"etag": ""}))


def _has_uid(data: msgspec.Raw) -> bool:
    event = wire.read(data, wire.Event)
    return bool(event.ical_uid) or event.status != "cancelled"


PAGES = "hundreds_of_objects_come_in_pages_and_three_changes_stay_three"
CASES = [
    (StopsAtAnEmptyPage, ["short_pages"], PAGES),
    (ReadsFirstPageOnly, ["short_pages"], PAGES),
    (FindsTombstonesByUid, ["bare_tombstones"], "a_calendar_that_is_emptied_says_so"),
    (ChangedOccurrencesAreEvents, ["lone_masters"],
     "a_series_that_is_deleted_takes_its_changed_occurrences_along"),
    (RepeatsWhatComesTwice, ["short_pages", "duplicate_pages"], PAGES),
    (TakesRulesAsTheyAre, ["invalid_recurrence"], "a_series_is_never_cut_by_the_window"),
    (SwallowsGone, ["sync_gone"], "what_is_created_moved_renamed_or_deleted_is_noticed"),
    (StopsWhereAPageIsGone, ["short_pages", "page_gone"], "a_listing_is_whole_or_refused"),
    (BelievesHundredPages, ["endless_pages"], "a_listing_is_whole_or_refused"),
    (TakesHtmlForNothing, ["html"], "a_listing_is_whole_or_refused"),
    (TakesHtmlForNothing, ["cut"], "a_listing_is_whole_or_refused"),
]  # fmt: skip


def test_a_master_alone_is_no_series(running: Sandbox) -> None:
    """This is no misbehaviour of Google's: an incremental listing names what changed."""
    http = transport()
    world = GoogleWorld(running, Signed(http, running.access_token(ANN)), MasterStandsForAll)
    mirror = Mirror(world, world.new_calendar())
    with pytest.raises(AssertionError):
        Google().test_a_series_that_is_renamed_keeps_its_changed_occurrences(mirror)
    http.close()


@pytest.mark.parametrize(
    ("adapter", "faults", "test"),
    CASES,
    ids=[f"{adapter.__name__}-{faults[-1]}" for adapter, faults, _ in CASES],
)
def test_a_misbehaviour_catches(
    running: Sandbox, adapter: type[Naive], faults: list[str], test: str
) -> None:
    catches(running, adapter, dict.fromkeys(faults, True), test)
