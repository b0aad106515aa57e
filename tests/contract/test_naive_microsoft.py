"""Each misbehaviour of the stand-in catches an adapter that does not expect it.

Every adapter here passes the test while the stand-in behaves, and fails it when it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bridge.errors import SyncTokenExpired, TemporarilyUnavailable, UnreadableAnswer
from bridge.ical.zones import named_zone
from bridge.model.interval import Window
from bridge.provider import CalendarId, Item, Page, SyncToken
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.envelope import Envelope, Names
from bridge.providers.microsoft.listing import Listing
from tests.contract.microsoft_world import MicrosoftWorld
from tests.contract.naive_microsoft import Altered, Naive, catches, running, world

__all__ = ["running", "world"]


class StopsAtAnEmptyPage(Naive):
    """A page without events must be the last."""

    class Reading(Altered):
        def _pages(self, *args: Any, **named: Any) -> Iterator[wire.EventPage]:
            for page in super()._pages(*args, **named):
                if not page.value and not page.delta_link:
                    yield self.made_up()
                    return
                yield page


class ReadsFirstPageOnly(Naive):
    class Reading(Altered):
        def _pages(self, *args: Any, **named: Any) -> Iterator[wire.EventPage]:
            page = next(iter(super()._pages(*args, **named)))
            page.delta_link = page.delta_link or self.link
            yield page


class BelievesHundredPages(Naive):
    """A listing that does not end is cut where it gets boring."""

    class Reading(Altered):
        def _pages(self, *args: Any, **named: Any) -> Iterator[wire.EventPage]:
            try:
                yield from super()._pages(*args, **named)
            except UnreadableAnswer:
                yield self.made_up()


class TakesHtmlForNothing(BelievesHundredPages):
    """Half an answer, or a login page, passes for an empty one."""


class StopsWhereAPageIsGone(Naive):
    """What was read before a next link ended is good enough."""

    class Reading(Altered):
        def _pages(self, *args: Any, **named: Any) -> Iterator[wire.EventPage]:
            try:
                yield from super()._pages(*args, **named)
            except TemporarilyUnavailable:
                yield self.made_up()


class SwallowsGone(Naive):
    """410, or 400, must mean that nothing changed."""

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        try:
            yield from super().changes(calendar, since, window)
        except SyncTokenExpired:
            yield Page(token=since)


class RepeatsWhatComesTwice(Naive):
    """Every line of a page is news."""

    class Reading(Altered):
        lines = 0

        def keeps(self, line: Mapping[str, Any]) -> bool:
            assert isinstance(line, dict)
            self.lines += 1
            line["@odata.etag"] = f'W/"{self.lines}"'
            return True


class TheLastLineCounts(Naive):
    """What comes later is newer."""

    class Reading(Altered):
        def keeps(self, line: Mapping[str, Any]) -> bool:
            assert isinstance(line, dict)
            line.pop("lastModifiedDateTime", None)
            return True


class TombstonesAreOfWhatWasKnown(Naive):
    """Every tombstone is of an event or a series; another one would be a mistake."""

    class Reading(Altered):
        known = Names()

        def keeps(self, line: Mapping[str, Any]) -> bool:
            if "@removed" in line and line["id"] not in self.known:
                raise UnreadableAnswer("nobody knows what is gone")
            return True

    def _next_round(self, known: Envelope, asked: Window) -> Iterator[Page]:
        client: Any = self._client
        client.known = known.known
        return super()._next_round(known, asked)


class WhatCameIsTheSeries(Naive):
    """What did not come of a series was told of before, or does not take place any more."""

    def _again(self, _listing: Listing, _series: str) -> list[Item]:
        return []


class EventsHaveATypeAndTombstonesNone(Naive):
    class Reading(Altered):
        def keeps(self, line: Mapping[str, Any]) -> bool:
            return not ("@odata.type" in line and "@removed" in line)


class WaitsForARound(Naive):
    """504 is for the next pull."""

    def _view(self, *_args: Any, **_named: Any) -> Iterator[Page]:
        raise TemporarilyUnavailable("a round takes too long")


class ZonesHaveNames(Naive):
    """An event of a zone that nobody knows cannot be placed."""

    class Reading(Altered):
        def keeps(self, line: Mapping[str, Any]) -> bool:
            name = line.get("originalStartTimeZone")
            return name is None or named_zone(str(name)) is not None


class EventsHaveATitle(Naive):
    """Without one it must be a stub of something that is told of elsewhere."""

    class Reading(Altered):
        def keeps(self, line: Mapping[str, Any]) -> bool:
            return "@removed" in line or line.get("type") == "occurrence" or "subject" in line


PAGES = "hundreds_of_objects_come_in_pages_and_three_changes_stay_three"
CHANGED = "what_is_created_moved_renamed_or_deleted_is_noticed"
WHOLE = "a_listing_is_whole_or_refused"
CASES: list[tuple[type[Naive], list[str], str]] = [
    (StopsAtAnEmptyPage, ["short_pages"], PAGES),
    (ReadsFirstPageOnly, ["short_pages"], PAGES),
    (BelievesHundredPages, ["endless_pages"], WHOLE),
    (TakesHtmlForNothing, ["html"], WHOLE),
    (TakesHtmlForNothing, ["cut"], WHOLE),
    (StopsWhereAPageIsGone, ["short_pages", "page_gone"], WHOLE),
    (SwallowsGone, ["sync_gone"], CHANGED),
    (SwallowsGone, ["resync_required"], CHANGED),
    (SwallowsGone, ["bad_token"], CHANGED),
    (RepeatsWhatComesTwice, ["duplicates"], PAGES),
    (TheLastLineCounts, ["stale_duplicates"], CHANGED),
    (TombstonesAreOfWhatWasKnown, ["occurrence_tombstones"],
     "a_series_that_ends_earlier_has_fewer_occurrences"),
    (WhatCameIsTheSeries, ["single_occurrences"],
     "a_series_comes_whole_with_its_changed_occurrences"),
    (WhatCameIsTheSeries, ["lone_masters"],
     "a_series_that_is_renamed_keeps_its_changed_occurrences"),
    (EventsHaveATypeAndTombstonesNone, ["typed_tombstones"], "a_calendar_that_is_emptied_says_so"),
    (WaitsForARound, ["endless_series_times_out"], "a_series_is_never_cut_by_the_window"),
    (ZonesHaveNames, ["custom_zones"], CHANGED),
    (EventsHaveATitle, ["null_fields"], "a_listing_without_a_token_names_everything"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("adapter", "faults", "test"),
    CASES,
    ids=[f"{adapter.__name__}-{faults[-1]}" for adapter, faults, _ in CASES],
)
def test_a_misbehaviour_catches(
    world: MicrosoftWorld, adapter: type[Naive], faults: list[str], test: str
) -> None:
    catches(world, adapter, dict.fromkeys(faults, True), test)
