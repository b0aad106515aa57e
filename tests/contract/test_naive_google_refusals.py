"""More misbehaviour that catches who does not expect it: refusals, guests, lengths, free-busy.

With `test_naive_google` it is all that concerns reading, see `ELSEWHERE` for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from bridge.errors import ProviderError
from bridge.model.event import Event
from bridge.model.interval import Window, utc
from bridge.provider import CalendarId, Page, Series, Shown, SyncToken
from bridge.providers.google import wire
from bridge.providers.google.adapter import GoogleBusy
from bridge.providers.google.client import Client
from bridge.sandbox.faults import FAULTS
from bridge.sandbox.server import Sandbox
from tests.channels import test_naive_push as pushing
from tests.connecting import test_naive_google_sign_in as signing_in
from tests.contract import test_naive_google_writing as writing
from tests.contract.google_world import ANN, BOB, Signed, transport
from tests.contract.naive_google import Altered, Naive, catches, running
from tests.contract.provider_contract import NOW
from tests.contract.test_naive_google import CASES
from tests.contract.trial import Hasty, busy_time_is_told_or_refused

__all__ = ["running"]

REFUSALS = (
    *("rate_limited", "user_rate_limited", "too_many_requests", "forbidden", "server_error"),
    *("insufficient_permissions", "not_configured", "unavailable", "unauthorized"),
    *("calendar_gone", "expired_tokens"),
)
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(signing_in.CAUGHT, signing_in.__name__),
    **dict.fromkeys(writing.CAUGHT, writing.__name__),
    **dict.fromkeys(pushing.CAUGHT, pushing.__name__),
}
"""Misbehaviour that the contract of an event source does not meet, and where it is met."""


class TakesRefusalsForNothing(Naive):
    """What is not there now comes with the next pull."""

    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            try:
                yield from super().events(calendar, query)
            except ProviderError:
                yield wire.EventPage(next_sync_token="made-up")

    def reading(self, client: Client) -> Client:
        return self.Reading(client)


class HasNoPatience(TakesRefusalsForNothing):
    def reading(self, client: Client) -> Client:
        hasty: Any = Hasty(client._http, timedelta(seconds=3))
        client._http = hasty
        return super().reading(client)


class WhoIsNotShownDoesNotGo(Naive):
    """An event whose guests do not name oneself is somebody else's."""

    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            for page in super().events(calendar, query):
                page.items = [each for each in page.items if not self._is_foreign(each)]
                yield page

        def _is_foreign(self, data: msgspec.Raw) -> bool:
            event = wire.read(data, wire.Event)
            return event.attendees_omitted and not any(each.is_self for each in event.attendees)

    def reading(self, client: Client) -> Client:
        return self.Reading(client)


class TakesEndsAsTheyAre(Naive):
    """Google would not store an event that ends before it begins."""

    class Reading(Altered):
        ends: dict[str, int]

        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            for page in super().events(calendar, query):
                for data in page.items:
                    event = wire.read(data, wire.Event)
                    if event.end:
                        end = datetime.fromisoformat(event.end.date_time)
                        self.ends[event.id] = int(end.timestamp())
                yield page

    def reading(self, client: Client) -> Client:
        self._reading = self.Reading(client)
        self._reading.ends = {}
        return self._reading

    def changes(
        self, calendar: CalendarId, since: SyncToken | None, window: Window
    ) -> Iterator[Page]:
        for page in super().changes(calendar, since, window):
            items = [self._raw(each) if isinstance(each, Series) else each for each in page.items]
            yield replace(page, items=items)

    def _raw(self, item: Series) -> Series:
        master: Event | None = item.series.master
        assert master is not None
        end = utc(self._reading.ends[item.remote_id])
        return replace(item, series=replace(item.series, master=replace(master, end=end)))


class AsksWhetherItIsGone(Naive):
    """A tombstone may be a mistake: what is gone for good is found as such by its UID."""

    class Reading(Altered):
        def events(self, calendar: str, query: Mapping[str, str]) -> Iterator[wire.EventPage]:
            for page in super().events(calendar, query):
                if "iCalUID" not in query:
                    page.items = [each for each in page.items if self._is_sure(calendar, each)]
                yield page

        def _is_sure(self, calendar: str, data: msgspec.Raw) -> bool:
            event = wire.read(data, wire.Event)
            if event.status != "cancelled" or not event.ical_uid:
                return True
            query = {"iCalUID": event.ical_uid, "showDeleted": "true"}
            pages = list(super().events(calendar, query))
            found = [wire.read(each, wire.Event) for page in pages for each in page.items]
            return any(each.status == "cancelled" for each in found)

    def reading(self, client: Client) -> Client:
        return self.Reading(client)


class NoAnswerIsFree(GoogleBusy):
    """A calendar without busy time has none."""

    def busy(self, calendar: CalendarId, window: Window) -> Sequence[Shown]:
        try:
            return super().busy(calendar, window)
        except ProviderError:
            return []


DELETED = "what_is_created_moved_renamed_or_deleted_is_noticed"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_catches(running: Sandbox, refusal: str) -> None:
    test = "a_listing_is_whole_or_refused"
    catches(running, TakesRefusalsForNothing, {refusal: True}, test)


def test_a_slow_answer_catches(running: Sandbox) -> None:
    catches(running, HasNoPatience, {"slow": 5}, "a_listing_is_whole_or_refused", times=2)


def test_guests_that_are_not_shown_catch(running: Sandbox) -> None:
    on = {"attendees_omitted": True}
    catches(running, WhoIsNotShownDoesNotGo, on, "an_event_counts_whoever_else_comes")


def test_events_that_end_before_they_begin_catch(running: Sandbox) -> None:
    catches(running, TakesEndsAsTheyAre, {"inverted_times": True}, DELETED)


def test_what_is_not_found_by_its_uid_catches(running: Sandbox) -> None:
    catches(running, AsksWhetherItIsGone, {"uid_without_deleted": True}, DELETED)


def test_an_error_of_one_calendar_catches(running: Sandbox) -> None:
    http = transport()
    client = Client(Signed(http, running.access_token(ANN)), f"{running.url}/calendar/v3")
    bob = running.person(BOB)
    bob.share(ANN, "freeBusyReader")
    bob.create("Secret", utc(NOW))
    busy_time_is_told_or_refused(NoAnswerIsFree(client), BOB)
    running.misbehave(ANN, "freebusy_errors")
    with pytest.raises(AssertionError):
        busy_time_is_told_or_refused(NoAnswerIsFree(client), BOB)
    busy_time_is_told_or_refused(GoogleBusy(client), BOB)
    running.behave(ANN)
    http.close()


def test_no_misbehaviour_of_reading_is_left_out() -> None:
    here = {"slow", "attendees_omitted", "inverted_times", "uid_without_deleted", "freebusy_errors"}
    caught = {fault for _, faults, _ in CASES for fault in faults}
    assert caught | here | {*REFUSALS} | ELSEWHERE.keys() == FAULTS.keys()
