"""The suite of sinks is worth something: each defect known from the field fails a test of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import escape

import pytest

from bridge.errors import ProviderError, RemoteNotFound, RemoteRejected
from bridge.model.conference import Conference, ConferenceState
from bridge.model.event import Event, EventSeries
from bridge.provider import RemoteId
from bridge.providers.memory import Memory, MemorySink
from bridge.sink import Marked, Written
from tests.contract.sink_calendar import ORIGIN, TOKEN, Calendar
from tests.contract.sink_contract import SinkContract
from tests.contract.sink_worlds import MemorySinkWorld


class Naive(MemorySink):
    """A sink of the reference provider that is well behaved but for one thing."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.memory = memory


def each(series: EventSeries, change: Callable[[Event], Event]) -> EventSeries:
    return EventSeries(
        uid=series.uid,
        master=change(series.master) if series.master else None,
        overrides=tuple(change(event) for event in series.overrides),
    )


class NewIdEachTime(Naive):
    """Nothing tells two tries from two events."""

    def put(self, calendar, desired, base):
        if base is None:
            desired = replace(desired, token=f"{len(self.memory.asked)}{desired.token}")
        return super().put(calendar, desired, base)


class FirstWriteWins(Naive):
    """What is there already is left as it is."""

    def put(self, calendar, desired, base):
        found = self.find(calendar, desired.token) if base is None else None
        return found or super().put(calendar, desired, base)


class DeletesAndCreates(Naive):
    def put(self, calendar, desired, base):
        if base is not None and self.read(calendar, base.remote_id).etag == base.etag:
            self.memory.calendars[calendar].colours.pop(base.remote_id, None)
            super().delete(calendar, base, notify=desired.notify)
            base = None
        return super().put(calendar, desired, base)


class IgnoresTheETag(Naive):
    """The last one wins."""

    def put(self, calendar, desired, base):
        if base is not None:
            base = replace(base, etag=self.read(calendar, base.remote_id).etag)
        return super().put(calendar, desired, base)


class GoneIsCreated(Naive):
    """What a person deleted comes back."""

    def put(self, calendar, desired, base):
        try:
            return super().put(calendar, desired, base)
        except RemoteNotFound:
            return super().put(calendar, desired, None)


class GoneIsAnError(Naive):
    def delete(self, calendar, base, *, notify):
        self.read(calendar, base.remote_id)
        super().delete(calendar, base, notify=notify)


class ForgetsOverrides(Naive):
    def put(self, calendar, desired, base):
        plain = replace(desired, series=replace(desired.series, overrides=()))
        return super().put(calendar, plain, base)


class UnmarkedEvents(Naive):
    """The next pull takes them for somebody else's."""

    def put(self, calendar, desired, base):
        return super().put(calendar, replace(desired, origin=""), base)


class TextIsMarkup(Naive):
    """Escaped on the way out and not on the way back."""

    def put(self, calendar, desired, base):
        def escaped(event: Event) -> Event:
            return replace(event, description=escape(event.description))

        return super().put(calendar, replace(desired, series=each(desired.series, escaped)), base)


class Approximates(Naive):
    """What it cannot say it says somehow."""

    def put(self, calendar, desired, base):
        def simpler(event: Event) -> Event:
            return replace(event, rdates=(), alarms=(event.alarms or ())[:1])

        return super().put(calendar, replace(desired, series=each(desired.series, simpler)), base)


class ResetsReplies(Naive):
    def put(self, calendar, desired, base):
        written = super().put(calendar, desired, base)
        self.memory.calendars[calendar].put(written.remote_id, each(
            written.series,
            lambda event: replace(event, attendees=desired.series.master.attendees),
        ))  # fmt: skip
        return self.read(calendar, written.remote_id)


class MailsEachTime(Naive):
    def put(self, calendar, desired, base):
        written = super().put(calendar, desired, base)
        self._tell([guest.address for guest in written.series.master.attendees], "updated", "")
        return written


class MailsAlways(Naive):
    def put(self, calendar, desired, base):
        return super().put(calendar, replace(desired, notify=True), base)


class MakesAnotherMeeting(Naive):
    """With every write."""

    def put(self, calendar, desired, base):
        written = super().put(calendar, desired, base)
        if desired.conference:
            self.memory.calendars[calendar].written[written.remote_id].conference = Conference(
                desired.conference,
                ConferenceState.READY,
                join_url=f"https://meet.example/{len(self.memory.asked)}",
            )
        return self.read(calendar, written.remote_id)


class LosesTheMeeting(Naive):
    """A change that does not speak of the meeting ends it."""

    def put(self, calendar, desired, base):
        if base is not None:
            desired = replace(desired, conference=None)
        return super().put(calendar, desired, base)


class ForgetsWhatItCannotSay(Naive):
    """Refuses, but has written already."""

    def put(self, calendar, desired, base):
        written = super().put(calendar, desired, base)
        if desired.series.master.rdates:
            raise RemoteRejected("extra dates cannot be written here")
        return written


class FindsByTheWrongName(Naive):
    def find(self, calendar, token):
        return super().find(calendar, token[:8])

    def read(self, calendar, remote_id):
        return super().read(calendar, RemoteId(remote_id))


class ForgetsTheMirror(Naive):
    """Blocks are bookings."""

    def put(self, calendar, desired, base):
        return super().put(calendar, replace(desired, mirror=""), base)


class TakesAllMarks(Naive):
    """Whoever's they are."""

    def marked(self, calendar, origin):
        every = [super(TakesAllMarks, self).marked(calendar, it) for it in (ORIGIN, "of-another")]
        return [replace(it, origin=origin) for found in every for it in found]


class TakesPeoplesEvents(Naive):
    def marked(self, calendar, origin):
        found = [*super().marked(calendar, origin), *super().marked(calendar, "")]
        return [replace(it, origin=origin) for it in found]


class MarksNoTokens(Naive):
    def marked(self, calendar, origin):
        return [replace(it, token="") for it in super().marked(calendar, origin)]


class OnePageAlone(Naive):
    def marked(self, calendar, origin):
        return super().marked(calendar, origin)[:2]


class LeavesSeriesOut(Naive):
    def marked(self, calendar, origin):
        found = super().marked(calendar, origin)
        return [it for it in found if not it.written.series.master.is_recurring]


class ShowsTheDeleted(Naive):
    """As a listing may."""

    def marked(self, calendar, origin):
        found = list(super().marked(calendar, origin))
        if not found and "delete" in self.memory.asked:
            event = Event(uid="gone", start=date(2026, 11, 23), end=date(2026, 11, 24))
            series = EventSeries(uid="gone", master=event)
            gone = Written(remote_id=RemoteId("gone"), etag=None, series=series)
            found.append(Marked(written=gone, origin=origin, token=TOKEN))
        return found


class NoCalendarNoMarks(Naive):
    """What cannot be looked at is empty."""

    def marked(self, calendar, origin):
        try:
            return super().marked(calendar, origin)
        except RemoteNotFound:
            return []


CASES = [
    (ForgetsTheMirror, "what_an_instance_wrote_is_known_by_its_marks_alone"),
    (ForgetsTheMirror, "what_carries_marks_can_be_changed_and_deleted"),
    (ForgetsTheMirror, "a_pull_knows_whose_a_mirrored_block_is"),
    (TakesAllMarks, "what_an_instance_wrote_is_known_by_its_marks_alone"),
    (TakesPeoplesEvents, "what_an_instance_wrote_is_known_by_its_marks_alone"),
    (MarksNoTokens, "what_an_instance_wrote_is_known_by_its_marks_alone"),
    (LeavesSeriesOut, "what_an_instance_wrote_is_known_by_its_marks_alone"),
    (OnePageAlone, "marks_are_found_on_every_page"),
    (ShowsTheDeleted, "what_was_deleted_carries_no_marks_any_more"),
    (NoCalendarNoMarks, "marks_in_a_calendar_that_is_not_there_are_not_found"),
    (NewIdEachTime, "writing_twice_under_one_token_makes_one_event"),
    (NewIdEachTime, "guests_are_invited_once_however_often_it_is_written"),
    (FirstWriteWins, "a_repeated_write_brings_the_event_in_line"),
    (DeletesAndCreates, "a_change_stays_in_place_and_leaves_what_it_does_not_speak_of"),
    (DeletesAndCreates, "a_guest_who_comes_is_invited_and_one_who_goes_is_told"),
    (IgnoresTheETag, "a_change_of_what_somebody_changed_is_refused_and_writes_nothing"),
    (GoneIsCreated, "a_change_of_what_a_person_deleted_says_that_it_is_gone"),
    (GoneIsAnError, "deleting_twice_is_as_good_as_once"),
    (ForgetsOverrides, "occurrences_are_changed_taken_away_and_given_back"),
    (ForgetsOverrides, "a_series_pulled_is_the_series_written"),
    (UnmarkedEvents, "a_pull_names_the_event_as_the_sink_does_and_knows_whose_it_is"),
    (TextIsMarkup, "texts_are_texts_and_never_markup"),
    (Approximates, "extra_dates_are_written_or_refused"),
    (ResetsReplies, "replies_outlive_our_changes"),
    (MailsEachTime, "what_is_put_again_writes_nothing"),
    (MailsAlways, "nobody_is_mailed_when_nobody_is_to_be"),
    (MakesAnotherMeeting, "a_meeting_is_made_once_and_stays_with_its_event"),
    (LosesTheMeeting, "a_meeting_is_made_once_and_stays_with_its_event"),
    (ForgetsWhatItCannotSay, "extra_dates_are_written_or_refused"),
    (FindsByTheWrongName, "what_is_written_is_found_and_read_again"),
]
ARGUMENTS = {"texts_are_texts_and_never_markup": ("<b>bold</b>",)}


@pytest.mark.parametrize(
    ("defect", "test"), CASES, ids=[f"{defect.__name__}-{test}" for defect, test in CASES]
)
def test_the_contract_catches(defect: type[Naive], test: str) -> None:
    world = MemorySinkWorld(adapter=defect)
    calendar = Calendar(world, world.new_calendar())
    with pytest.raises((AssertionError, ProviderError, pytest.fail.Exception)):
        getattr(SinkContract(), f"test_{test}")(calendar, *ARGUMENTS.get(test, ()))
