"""The suite is worth something: each defect known from the field fails the test made for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import Phase

from bridge.errors import ProviderError, SyncTokenExpired
from bridge.model.interval import Window
from bridge.provider import (
    CalendarId,
    CalendarInfo,
    Item,
    Page,
    Series,
    SeriesRemoved,
    SyncToken,
    Unreadable,
)
from bridge.providers.memory import Memory, MemorySource
from tests.contract.provider_contract import Mirror, ProviderContract
from tests.contract.worlds import MemoryWorld


@dataclass
class Naive:
    """An adapter of the reference provider's calendars that is well behaved but for one thing."""

    memory: Memory

    def list_calendars(self) -> list[CalendarInfo]:
        return list(MemorySource(self.memory).list_calendars())

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        yield from MemorySource(self.memory).changes(calendar, since, window)

    def filtered(
        self, pages: Iterator[Page], keep: Callable[[Item], Item | None]
    ) -> Iterator[Page]:
        for page in pages:
            items = [kept for item in page.items if (kept := keep(item)) is not None]
            yield replace(page, items=items)


class TokenOnEveryPage(Naive):
    def changes(self, calendar, since, window):
        pages = list(super().changes(calendar, since, window))
        yield from (replace(page, token=pages[-1].token) for page in pages)


class NoTokenAtTheEnd(Naive):
    def changes(self, calendar, since, window):
        yield from (replace(page, token=None) for page in super().changes(calendar, since, window))


class FailureIsTheEnd(Naive):
    """Half a listing passes for a whole one."""

    def changes(self, calendar, since, window):
        try:
            yield from super().changes(calendar, since, window)
        except SyncTokenExpired:
            raise
        except ProviderError:
            yield Page(token=SyncToken("[]"), full=since is None)


class ExpiredIsUnchanged(Naive):
    """410 swallowed: deleted events live for ever, status OK."""

    def changes(self, calendar, since, window):
        try:
            yield from super().changes(calendar, since, window)
        except SyncTokenExpired:
            yield Page(token=since)


class RestartsByItself(Naive):
    """Starts over for as long as the provider says 410."""

    def changes(self, calendar, since, window):
        for _ in range(50):
            try:
                yield from super().changes(calendar, since, window)
            except SyncTokenExpired:
                continue
            return
        raise SyncTokenExpired("gave up")


class DropsDeletions(Naive):
    def changes(self, calendar, since, window):
        pages = super().changes(calendar, since, window)
        yield from self.filtered(pages, lambda i: None if isinstance(i, SeriesRemoved) else i)


class UnreadableIsSkipped(Naive):
    def changes(self, calendar, since, window):
        pages = super().changes(calendar, since, window)
        yield from self.filtered(pages, lambda i: None if isinstance(i, Unreadable) else i)


class UnreadableIsGone(Naive):
    def changes(self, calendar, since, window):
        def gone(item: Item) -> Item:
            return SeriesRemoved(item.remote_id) if isinstance(item, Unreadable) else item

        yield from self.filtered(super().changes(calendar, since, window), gone)


class WindowByMasterStart(Naive):
    """A weekly meeting set up years ago vanishes."""

    def changes(self, calendar, since, window):
        def inside(item: Item) -> Item | None:
            if isinstance(item, Series) and item.series.master.start.timestamp() < window.start:
                return None
            return item

        yield from self.filtered(super().changes(calendar, since, window), inside)


class FrozenWindow(Naive):
    """The horizon runs out and everything behind it looks free."""

    def changes(self, calendar, since, window):
        def inside(item: Item) -> Item | None:
            if isinstance(item, Series) and item.series.master.start.timestamp() >= window.end:
                return None
            return item

        yield from self.filtered(super().changes(calendar, since, window), inside)


class FirstPageOnly(Naive):
    def changes(self, calendar, since, window):
        pages = list(super().changes(calendar, since, window))
        yield replace(pages[0], token=pages[-1].token)


class AlwaysFull(Naive):
    """Lists everything, every time."""

    def changes(self, calendar, since, window):
        since = None
        yield from super().changes(calendar, since, window)


class DropsOverrides(Naive):
    def changes(self, calendar, since, window):
        def cut(item: Item) -> Item:
            if isinstance(item, Series):
                return replace(item, series=replace(item.series, overrides=()))
            return item

        yield from self.filtered(super().changes(calendar, since, window), cut)


class NoOddNames(Naive):
    def changes(self, calendar, since, window):
        def plain(item: Item) -> Item | None:
            return None if "%" in item.remote_id else item

        yield from self.filtered(super().changes(calendar, since, window), plain)


CASES = [
    (TokenOnEveryPage, "hundreds_of_objects_come_in_pages_and_three_changes_stay_three"),
    (NoTokenAtTheEnd, "an_empty_calendar_gives_an_empty_full_listing_with_a_token"),
    (FailureIsTheEnd, "a_listing_cut_short_raises_and_the_old_token_still_works"),
    (ExpiredIsUnchanged, "an_expired_token_costs_one_restart_and_no_event"),
    (RestartsByItself, "a_provider_that_refuses_every_token_never_makes_a_loop"),
    (DropsDeletions, "what_is_created_moved_renamed_or_deleted_is_noticed"),
    (DropsDeletions, "a_calendar_that_is_emptied_says_so"),
    (DropsDeletions, "any_edits_between_pulls_end_in_the_same_calendar"),
    (UnreadableIsSkipped, "an_unreadable_object_is_unknown_and_not_gone"),
    (UnreadableIsGone, "an_unreadable_object_is_unknown_and_not_gone"),
    (WindowByMasterStart, "a_series_is_never_cut_by_the_window"),
    (FrozenWindow, "a_window_that_grows_or_moves_finds_what_is_in_it_now"),
    (FirstPageOnly, "hundreds_of_objects_come_in_pages_and_three_changes_stay_three"),
    (AlwaysFull, "nothing_changed_is_nothing_reported"),
    (AlwaysFull, "the_token_of_another_calendar_asks_for_a_full_listing"),
    (DropsOverrides, "a_series_comes_whole_with_its_changed_occurrences"),
    (NoOddNames, "odd_names_are_names_like_any_other"),
]


class Contract(ProviderContract):
    machine_examples = 200
    machine_phases = (Phase.generate,)


@pytest.mark.parametrize(
    ("defect", "test"), CASES, ids=[f"{defect.__name__}-{test}" for defect, test in CASES]
)
def test_the_contract_catches(defect: type[Naive], test: str) -> None:
    mirror = Mirror(world := MemoryWorld(adapter=defect), world.new_calendar())
    argument = world if test.startswith("any_edits") else mirror
    with pytest.raises((AssertionError, ProviderError, pytest.fail.Exception)):
        getattr(Contract(), f"test_{test}")(argument)
