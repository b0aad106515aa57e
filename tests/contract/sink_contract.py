"""What every sink keeps: one suite, run for each kind by a file of some fifteen lines.

A kind's test file derives a class from `SinkContract` and gives it a fixture `place`: a world with
an empty calendar, where people edit and answer, where answers get lost, and where guests' mail can
be read. Every call opens the provider anew, as after a restart: what a sink only remembers, it
forgets. What a kind cannot say, its world names, and the suite asks for a refusal instead.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from bridge.errors import (
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.conference import ConferenceKind, ConferenceState
from bridge.model.event import (
    Alarm,
    Attachment,
    Attendee,
    Class,
    PartStat,
    Status,
    Transp,
)
from bridge.model.interval import utc
from bridge.provider import CalendarId
from bridge.sink import Written
from tests.contract.provider_contract import DAY, HOUR, NOW
from tests.contract.sink_calendar import (
    ANN,
    BERLIN,
    BOB,
    EVE,
    MONDAY,
    ORIGIN,
    TOKEN,
    WEEK,
    Calendar,
    Cannot,
    SinkWorld,
    booking,
    changed,
    guests,
    override,
    replies,
    taking_place,
    wanted,
    weekly,
)

ODD_TEXTS = (
    "<b>bold</b> & <script>alert('x')</script>", "5 < 6 && 7 > 6; a, b; c\\n",
    "&lt;p&gt; &amp;amp;",
    'quotes " and \' and `', "Grüße, 日本 🎉", "https://example.com/a?b=c&d=e#f", "-- \n> quoted",
    "BEGIN:VEVENT\nUID:other\nEND:VEVENT", "one\ntwo\n\nfour", "</body></html>after", "a\tb",
)  # fmt: skip


@pytest.fixture
def calendar(place: SinkWorld) -> Calendar:
    return Calendar(place, place.new_calendar())


class SinkContract:
    """The suite; a kind's class adds nothing but its `place`."""

    most_requests = 4
    """So many writing requests one `put` of a series needs at most, in the suite."""

    # Creating

    def test_what_is_written_is_found_and_read_again(self, calendar: Calendar) -> None:
        assert calendar.find() is None
        written = calendar.put(wanted(booking()))
        assert taking_place(written.series) == [(NOW, NOW + HOUR, "Meeting")]
        assert calendar.find() == written
        assert calendar.read(written.remote_id) == written
        assert calendar.find(TOKEN[::-1]) is None

    @pytest.mark.covers("P2", "F4")
    def test_writing_twice_under_one_token_makes_one_event(self, calendar: Calendar) -> None:
        first = calendar.put(wanted(booking()))
        again = calendar.put(wanted(booking()))
        assert again.remote_id == first.remote_id
        assert list(calendar.holds()) == [first.remote_id]

    @pytest.mark.covers("F15")
    def test_a_repeated_write_brings_the_event_in_line(self, calendar: Calendar) -> None:
        first = calendar.put(wanted(booking(summary="Old", location="There")))
        again = calendar.put(wanted(booking(start=utc(NOW + DAY), end=utc(NOW + DAY + HOUR))))
        assert again.remote_id == first.remote_id
        assert taking_place(again.series) == [(NOW + DAY, NOW + DAY + HOUR, "Meeting")]
        assert again.series.master is not None
        assert again.series.master.location == ""

    def test_two_tokens_are_two_events_even_at_one_time(self, calendar: Calendar) -> None:
        first = calendar.put(wanted(booking("one@example.com")))
        other = calendar.put(wanted(booking("two@example.com"), token=TOKEN[::-1]))
        assert first.remote_id != other.remote_id
        assert calendar.find(TOKEN[::-1]) == other

    @pytest.mark.covers("F54")
    def test_a_pull_names_the_event_as_the_sink_does_and_knows_whose_it_is(
        self, calendar: Calendar
    ) -> None:
        written = calendar.put(wanted(booking()))
        (remote_id, series), *others = calendar.holds().items()
        assert others == []
        assert remote_id == written.remote_id
        assert [event.origin for event in series.events()] == [ORIGIN]
        assert series.uid == (written.uid or "meeting@example.com")
        keeps = calendar.ask(lambda sink: sink.keeps_uids)
        assert keeps == ((written.uid or series.uid) == "meeting@example.com")

    def test_a_series_pulled_is_the_series_written(self, calendar: Calendar) -> None:
        series = weekly(exdates=(MONDAY + WEEK,))
        moved = override(series, MONDAY + 2 * WEEK, summary="Moved",
                         start=MONDAY + 2 * WEEK + timedelta(hours=3),
                         end=MONDAY + 2 * WEEK + timedelta(hours=5))  # fmt: skip
        written = calendar.put(wanted(changed(series, moved)))
        (remote_id, pulled), *others = calendar.holds().items()
        assert others == []
        assert remote_id == written.remote_id
        assert {event.origin for event in pulled.events()} == {ORIGIN}
        assert taking_place(pulled) == taking_place(written.series)
        assert taking_place(pulled) == taking_place(changed(series, moved))

    def test_a_calendar_that_is_not_there_is_not_found(self, calendar: Calendar) -> None:
        gone = CalendarId(f"{calendar.id}-gone")
        with pytest.raises(RemoteNotFound):
            Calendar(calendar.world, gone).put(wanted(booking()))

    # Unknown outcomes

    @pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
    @pytest.mark.covers("F20")
    def test_an_answer_that_is_lost_costs_no_event_and_makes_none(
        self, calendar: Calendar, done: bool
    ) -> None:
        with calendar.world.interrupted(1, done=done), pytest.raises(TemporarilyUnavailable):
            calendar.put(wanted(booking()))
        assert (calendar.find() is not None) == done
        written = calendar.put(wanted(booking()), calendar.find())
        assert list(calendar.holds()) == [written.remote_id]

    @pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
    @pytest.mark.covers("P2", "F4", "F20")
    def test_a_series_that_is_interrupted_anywhere_ends_up_as_it_should(
        self, calendar: Calendar, done: bool
    ) -> None:
        series = weekly(exdates=(MONDAY + WEEK, MONDAY + 3 * WEEK))
        moved = override(series, MONDAY + 2 * WEEK, summary="Moved")
        desired = wanted(changed(series, moved))
        expected = taking_place(desired.series)
        for number in range(1, self.most_requests + 1):
            token = f"{number:040x}"
            with calendar.world.interrupted(number, done=done):
                written = calendar.persist(replace(desired, token=token))
            assert taking_place(written.series) == expected
            assert taking_place(calendar.holds()[written.remote_id]) == expected
            calendar.delete(written)
        assert calendar.holds() == {}

    @pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
    def test_a_change_that_is_interrupted_anywhere_ends_up_as_it_should(
        self, calendar: Calendar, done: bool
    ) -> None:
        series = weekly()
        written = calendar.put(wanted(series))
        for number in range(1, self.most_requests + 1):
            at = MONDAY + timedelta(minutes=5 * number)
            later = weekly(start=at, end=at + timedelta(hours=1), exdates=(at + WEEK,))
            desired = wanted(changed(later, override(later, at + 2 * WEEK, summary=f"{number}")))
            with calendar.world.interrupted(number, done=done):
                written = calendar.persist(desired, written)
            assert taking_place(written.series) == taking_place(desired.series)
        assert list(calendar.holds()) == [written.remote_id]

    # Changing

    @pytest.mark.covers("P3")
    def test_a_change_stays_in_place_and_leaves_what_it_does_not_speak_of(
        self, calendar: Calendar
    ) -> None:
        written = calendar.put(wanted(booking(description="As agreed", location="Room 1")))
        calendar.world.colour(calendar.id, written.remote_id, "3")
        base = calendar.read(written.remote_id)
        after = calendar.put(
            wanted(booking(description="As agreed", location="Room 2", summary="Other")), base
        )
        assert after.remote_id == written.remote_id
        assert after.series.master is not None
        assert after.series.master.location == "Room 2"
        assert after.series.master.description == "As agreed"
        assert taking_place(after.series) == [(NOW, NOW + HOUR, "Other")]
        assert calendar.world.coloured(calendar.id, written.remote_id) == "3"
        assert calendar.find() == after

    def test_what_is_left_out_of_a_change_goes(self, calendar: Calendar) -> None:
        full = booking(description="As agreed", location="Room 1", attendees=(Attendee(ANN),))
        bare = calendar.put(wanted(booking()), calendar.put(wanted(full)))
        assert bare.series.master is not None
        assert bare.series.master.location == bare.series.master.description == ""
        assert guests(bare.series) == set()

    @pytest.mark.covers("F55")
    def test_what_is_put_again_writes_nothing(self, calendar: Calendar) -> None:
        series = weekly(
            description="one\ntwo", location="Room 1", attendees=(Attendee(ANN),),
            exdates=(MONDAY + WEEK,),
        )  # fmt: skip
        desired = wanted(changed(series, override(series, MONDAY + 2 * WEEK, summary="Other")))
        first = calendar.put(desired)
        mails = calendar.world.mailed(calendar.id)
        second = calendar.put(desired, first)
        assert second == first
        assert calendar.read(first.remote_id) == first
        assert calendar.world.mailed(calendar.id) == mails

    @pytest.mark.covers("F17")
    def test_a_change_of_what_somebody_changed_is_refused_and_writes_nothing(
        self, calendar: Calendar
    ) -> None:
        base = calendar.put(wanted(booking()))
        calendar.world.rename(calendar.id, base.remote_id, "Theirs")
        with pytest.raises(RemoteChanged):
            calendar.put(wanted(booking(summary="Ours")), base)
        now = calendar.read(base.remote_id)
        assert taking_place(now.series) == [(NOW, NOW + HOUR, "Theirs")]
        assert now.etag != base.etag
        after = calendar.put(wanted(booking(summary="Ours")), now)
        assert taking_place(after.series) == [(NOW, NOW + HOUR, "Ours")]

    def test_an_event_that_moved_many_times_is_still_that_event(self, calendar: Calendar) -> None:
        written = calendar.put(wanted(booking()))
        for days in range(1, 4):
            start = NOW + days * DAY
            at = wanted(booking(start=utc(start), end=utc(start + 2 * HOUR)))
            written = calendar.put(at, written)
            assert taking_place(written.series) == [(start, start + 2 * HOUR, "Meeting")]
        assert list(calendar.holds()) == [written.remote_id]

    def test_a_timed_event_becomes_one_of_a_whole_day_and_back(self, calendar: Calendar) -> None:
        days = booking(start=date(2026, 11, 24), end=date(2026, 11, 26))
        timed = calendar.put(wanted(booking()))
        whole = calendar.put(wanted(days), timed)
        assert whole.series.master is not None
        assert whole.series.master.start == date(2026, 11, 24)
        assert whole.series.master.end == date(2026, 11, 26)
        back = calendar.put(wanted(booking()), whole)
        assert taking_place(back.series) == [(NOW, NOW + HOUR, "Meeting")]

    # Marks

    @pytest.mark.covers("P3")
    def test_what_an_instance_wrote_is_known_by_its_marks_alone(self, calendar: Calendar) -> None:
        series = weekly(exdates=(MONDAY + WEEK,))
        moved = override(series, MONDAY + 2 * WEEK, summary="Moved")
        block, every, other = TOKEN[::-1], "ab" * 20, "cd" * 20
        calendar.put(wanted(booking("met@example.com", attendees=(Attendee(BOB),))))
        calendar.put(wanted(booking("block@example.com"), token=block, mirror="0123456789abcdef"))
        calendar.put(wanted(changed(series, moved), token=every))
        calendar.put(wanted(booking("other@example.com"), token=other, origin="of-another"))
        calendar.world.write(calendar.id, "Theirs")
        found = calendar.marked()
        mirrors = {token: each.mirror for token, each in found.items()}
        assert mirrors == {TOKEN: "", every: "", block: "0123456789abcdef"}
        for each in found.values():
            assert each.written == calendar.read(each.written.remote_id)
        assert list(calendar.marked("of-another")) == [other]
        assert calendar.marked("of-nobody") == {}

    def test_what_carries_marks_can_be_changed_and_deleted(self, calendar: Calendar) -> None:
        desired = wanted(booking(), mirror="0123456789abcdef")
        calendar.put(desired)
        later = booking(start=utc(NOW + DAY), end=utc(NOW + DAY + HOUR))
        calendar.put(replace(desired, series=later), calendar.marked()[TOKEN].written)
        marked = calendar.marked()[TOKEN]
        assert taking_place(marked.written.series) == [(NOW + DAY, NOW + DAY + HOUR, "Meeting")]
        assert marked.mirror == "0123456789abcdef"
        calendar.world.rename(calendar.id, marked.written.remote_id, "Theirs")
        assert calendar.marked()[TOKEN].written == calendar.read(marked.written.remote_id)
        calendar.delete(marked.written)
        assert calendar.marked() == calendar.holds() == {}

    def test_what_was_deleted_carries_no_marks_any_more(self, calendar: Calendar) -> None:
        series = weekly()
        ours = calendar.put(wanted(changed(series, override(series, MONDAY + WEEK))))
        theirs = calendar.put(wanted(booking("theirs@example.com"), token=TOKEN[::-1]))
        calendar.delete(ours)
        calendar.world.remove(calendar.id, theirs.remote_id)
        assert calendar.marked() == {}

    def test_marks_are_found_on_every_page(self, calendar: Calendar) -> None:
        tokens = [f"{number:040x}" for number in range(1, 6)]
        for token in tokens:
            calendar.put(wanted(booking(f"{token}@example.com"), token=token))
        with calendar.world.in_short_pages():
            assert sorted(calendar.marked()) == tokens

    def test_a_pull_knows_whose_a_mirrored_block_is(self, calendar: Calendar) -> None:
        for number, origin in enumerate((ORIGIN, "of-another")):
            desired = wanted(booking(f"{origin}@example.com"), origin=origin, mirror="0123abcd")
            calendar.put(replace(desired, token=f"{number:040x}"))
        pulled = [event for series in calendar.holds().values() for event in series.events()]
        assert {(it.origin, it.mirror) for it in pulled} == {
            (ORIGIN, "0123abcd"), ("of-another", "0123abcd"),
        }  # fmt: skip

    def test_marks_in_a_calendar_that_is_not_there_are_not_found(self, calendar: Calendar) -> None:
        with pytest.raises(RemoteNotFound):
            Calendar(calendar.world, CalendarId(f"{calendar.id}-gone")).marked()

    # Deleting

    def test_deleting_twice_is_as_good_as_once(self, calendar: Calendar) -> None:
        written = calendar.put(wanted(booking()))
        calendar.delete(written)
        assert calendar.find() is None
        assert calendar.holds() == {}
        calendar.delete(written)
        with pytest.raises(RemoteNotFound):
            calendar.read(written.remote_id)

    def test_an_event_is_deleted_whoever_changed_it_meanwhile(self, calendar: Calendar) -> None:
        written = calendar.put(wanted(booking()))
        calendar.world.rename(calendar.id, written.remote_id, "Theirs")
        calendar.delete(written)
        assert calendar.holds() == {}

    def test_a_series_goes_with_all_its_changed_occurrences(self, calendar: Calendar) -> None:
        series = weekly()
        written = calendar.put(wanted(changed(series, override(series, MONDAY + WEEK))))
        calendar.delete(written)
        assert calendar.holds() == {}

    @pytest.mark.covers("F51")
    def test_a_change_of_what_a_person_deleted_says_that_it_is_gone(
        self, calendar: Calendar
    ) -> None:
        base = calendar.put(wanted(booking()))
        calendar.world.remove(calendar.id, base.remote_id)
        assert calendar.find() is None
        with pytest.raises(RemoteNotFound):
            calendar.put(wanted(booking(summary="Other")), base)
        with pytest.raises(RemoteNotFound):
            calendar.read(base.remote_id)
        assert calendar.holds() == {}

    def test_a_create_repeated_after_a_person_deleted_it_comes_to_an_end(
        self, calendar: Calendar
    ) -> None:
        """It stands again, once, or it is said to be gone; nobody tries for ever."""
        first = calendar.put(wanted(booking()))
        calendar.world.remove(calendar.id, first.remote_id)
        try:
            again = calendar.put(wanted(booking()))
        except (RemoteNotFound, RemoteRejected):
            assert calendar.holds() == {}
        else:
            assert list(calendar.holds()) == [again.remote_id]
            assert calendar.find() == again

    # Series

    def test_a_series_keeps_its_wall_clock_when_the_clocks_change(self, calendar: Calendar) -> None:
        start = datetime(2027, 3, 15, 9, tzinfo=BERLIN)
        series = weekly(count=4, start=start, end=start + timedelta(hours=1))
        written = calendar.put(wanted(series))
        hours = [utc(at).astimezone(BERLIN).hour for at, _, _ in taking_place(written.series)]
        assert hours == [9, 9, 9, 9]

    @pytest.mark.parametrize(
        "rule",
        ["FREQ=DAILY;COUNT=5", "FREQ=DAILY;INTERVAL=3;COUNT=4", "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=6",
         "FREQ=WEEKLY;UNTIL=20261214T080000Z;BYDAY=MO", "FREQ=MONTHLY;BYMONTHDAY=23;COUNT=3",
         "FREQ=MONTHLY;BYDAY=4MO;COUNT=3", "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=23;COUNT=2"],
    )  # fmt: skip
    def test_a_rule_means_the_same_there(self, calendar: Calendar, rule: str) -> None:
        series = weekly(rrules=(rule,))
        written = calendar.put(wanted(series))
        assert taking_place(written.series) == taking_place(series)
        assert taking_place(calendar.holds()[written.remote_id]) == taking_place(series)

    def test_occurrences_are_changed_taken_away_and_given_back(self, calendar: Calendar) -> None:
        series = weekly()
        moved = override(series, MONDAY + WEEK, summary="Moved",
                         start=MONDAY + WEEK + timedelta(hours=2),
                         end=MONDAY + WEEK + timedelta(hours=3))  # fmt: skip
        steps = [
            series,
            changed(series, moved),
            changed(series, replace(moved, summary="Again")),
            changed(series, moved, exdates=(MONDAY + 2 * WEEK,)),
            changed(series, exdates=(MONDAY + WEEK, MONDAY + 3 * WEEK)),
            series,
        ]
        written: Written | None = None
        for step in steps:
            written = calendar.put(wanted(step), written)
            assert taking_place(written.series) == taking_place(step)
            assert taking_place(calendar.holds()[written.remote_id]) == taking_place(step)
        assert len(calendar.holds()) == 1

    def test_a_series_ends_earlier_and_another_goes_on(self, calendar: Calendar) -> None:
        """What clients make of "this and all following"."""
        first = calendar.put(wanted(weekly(count=6)))
        first = calendar.put(wanted(weekly(count=3)), first)
        at = MONDAY + 3 * WEEK + timedelta(hours=1)
        rest = weekly(count=3, uid="rest@example.com", start=at, end=at + timedelta(hours=1))
        other = calendar.put(wanted(replace(rest, uid="rest@example.com"), token=TOKEN[::-1]))
        assert len(taking_place(first.series)) == len(taking_place(other.series)) == 3
        assert len(calendar.holds()) == 2

    def test_a_single_event_becomes_a_series_and_back(self, calendar: Calendar) -> None:
        end = MONDAY + timedelta(hours=1)
        single = booking(start=MONDAY, end=end)
        written = calendar.put(wanted(single))
        written = calendar.put(wanted(weekly()), written)
        assert len(taking_place(written.series)) == 6
        written = calendar.put(wanted(single), written)
        assert len(taking_place(written.series)) == 1

    def test_a_series_of_whole_days_leaves_some_out(self, calendar: Calendar) -> None:
        series = booking(
            start=date(2026, 11, 23), end=date(2026, 11, 24),
            rrules=("FREQ=WEEKLY;COUNT=4",), exdates=(date(2026, 11, 30),),
        )  # fmt: skip
        written = calendar.put(wanted(series))
        assert taking_place(written.series) == taking_place(series)

    def test_an_occurrence_of_its_own_guests_and_texts(self, calendar: Calendar) -> None:
        series = weekly(attendees=(Attendee(ANN),), description="All")
        other = override(
            series, MONDAY + WEEK, description="One",
            attendees=(Attendee(ANN), Attendee(BOB)),
        )  # fmt: skip
        written = calendar.put(wanted(changed(series, other)))
        (one,) = written.series.overrides
        assert one.description == "One"
        assert {guest.address for guest in one.attendees} == {ANN, BOB}
        assert written.series.master is not None
        assert written.series.master.description == "All"

    def test_extra_dates_are_written_or_refused(self, calendar: Calendar) -> None:
        series = weekly(rdates=(MONDAY + timedelta(days=2),))
        if Cannot.ADD_DATES in calendar.world.cannot:
            return calendar.refuses(wanted(series))
        written = calendar.put(wanted(series))
        assert taking_place(written.series) == taking_place(series)
        return None

    @pytest.mark.parametrize(
        "rule",
        ["FREQ=HOURLY;COUNT=3", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3",
         "FREQ=MONTHLY;BYDAY=1MO,3MO;COUNT=4", "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=4",
         "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3",
         "FREQ=YEARLY;BYYEARDAY=100;COUNT=2"],
    )  # fmt: skip
    def test_an_odd_rule_means_the_same_there_or_is_refused(
        self, calendar: Calendar, rule: str
    ) -> None:
        start = _first(rule)
        series = weekly(rrules=(rule,), start=start, end=start + timedelta(minutes=30))
        try:
            written = calendar.put(wanted(series))
        except RemoteRejected:
            calendar.refuses(wanted(series))
            assert calendar.holds() == {}
        else:
            assert taking_place(written.series) == taking_place(series)

    # Texts

    @pytest.mark.parametrize("text", ODD_TEXTS)
    @pytest.mark.covers("F55")
    def test_texts_are_texts_and_never_markup(self, calendar: Calendar, text: str) -> None:
        desired = wanted(booking(summary=_line(text), location=_line(text), description=text))
        written = calendar.put(desired)
        for series in (written.series, calendar.read(written.remote_id).series):
            assert series.master is not None
            assert series.master.summary == _line(text)
            assert series.master.location == _line(text)
            assert series.master.description.rstrip() == text.rstrip()
        assert calendar.put(desired, written) == written

    # Guests

    def test_guests_are_invited_once_however_often_it_is_written(self, calendar: Calendar) -> None:
        desired = wanted(booking(attendees=(Attendee(ANN), Attendee(BOB, common_name="Bob"))))
        written = calendar.put(desired)
        calendar.put(desired)
        calendar.put(desired, written)
        assert guests(written.series) == {ANN, BOB}
        if (mails := calendar.world.mailed(calendar.id)) is not None:
            assert sorted(mails) == [(ANN, "invited"), (BOB, "invited")]

    def test_a_guest_who_comes_is_invited_and_one_who_goes_is_told(
        self, calendar: Calendar
    ) -> None:
        first = calendar.put(wanted(booking(attendees=(Attendee(ANN), Attendee(BOB)))))
        second = calendar.put(wanted(booking(attendees=(Attendee(ANN), Attendee(EVE)))), first)
        assert guests(second.series) == {ANN, EVE}
        if (mails := calendar.world.mailed(calendar.id)) is not None:
            assert (EVE, "invited") in mails
            assert (BOB, "cancelled") in mails
            assert [mail for mail in mails if mail == (ANN, "invited")] == [(ANN, "invited")]

    def test_guests_of_a_deleted_event_are_told(self, calendar: Calendar) -> None:
        written = calendar.put(wanted(booking(attendees=(Attendee(ANN),))))
        calendar.delete(written)
        calendar.delete(written)
        if (mails := calendar.world.mailed(calendar.id)) is not None:
            assert list(mails) == [(ANN, "invited"), (ANN, "cancelled")]

    def test_replies_outlive_our_changes(self, calendar: Calendar) -> None:
        desired = wanted(booking(attendees=(Attendee(ANN), Attendee(BOB))))
        written = calendar.put(desired)
        calendar.world.answer(calendar.id, written.remote_id, ANN, PartStat.ACCEPTED)
        base = calendar.read(written.remote_id)
        assert replies(base.series) == {ANN: PartStat.ACCEPTED, BOB: PartStat.NEEDS_ACTION}
        renamed = wanted(booking(summary="Other", attendees=(Attendee(ANN), Attendee(BOB))))
        after = calendar.put(renamed, base)
        assert replies(after.series)[ANN] is PartStat.ACCEPTED

    def test_nobody_is_mailed_when_nobody_is_to_be(self, calendar: Calendar) -> None:
        quiet = wanted(booking(attendees=(Attendee(ANN),)), notify=False)
        if Cannot.BE_SILENT in calendar.world.cannot:
            return calendar.refuses(quiet)
        written = calendar.put(quiet)
        later = booking(attendees=(Attendee(ANN), Attendee(BOB)), summary="Other")
        written = calendar.put(wanted(later, notify=False), written)
        calendar.delete(written, notify=False)
        assert not calendar.world.mailed(calendar.id)
        return None

    def test_a_guest_whom_somebody_else_invites_is_not_mailed(self, calendar: Calendar) -> None:
        spared = Attendee(BOB, schedule_agent="CLIENT")
        desired = wanted(booking(attendees=(Attendee(ANN), spared)))
        if Cannot.SPARE_A_GUEST in calendar.world.cannot:
            return calendar.refuses(desired)
        calendar.put(desired)
        mails = calendar.world.mailed(calendar.id) or ()
        assert BOB not in {address for address, _ in mails}
        return None

    # What else an event has

    @pytest.mark.parametrize("classification", [Class.PUBLIC, Class.PRIVATE, Class.CONFIDENTIAL])
    def test_who_may_see_it_is_kept(self, calendar: Calendar, classification: Class) -> None:
        desired = wanted(booking(classification=classification))
        if classification is Class.CONFIDENTIAL and Cannot.BE_CONFIDENTIAL in calendar.world.cannot:
            return calendar.refuses(desired)
        master = calendar.put(desired).series.master
        assert master is not None
        assert master.classification is classification
        return None

    def test_free_time_stays_free_and_becomes_busy(self, calendar: Calendar) -> None:
        free = calendar.put(wanted(booking(transp=Transp.TRANSPARENT)))
        assert free.series.master is not None
        assert free.series.master.transp is Transp.TRANSPARENT
        busy = calendar.put(wanted(booking()), free)
        assert busy.series.master is not None
        assert busy.series.master.transp is Transp.OPAQUE

    def test_what_is_tentative_is_written_so_or_refused(self, calendar: Calendar) -> None:
        desired = wanted(booking(status=Status.TENTATIVE))
        if Cannot.BE_TENTATIVE in calendar.world.cannot:
            return calendar.refuses(desired)
        master = calendar.put(desired).series.master
        assert master is not None
        assert master.status is Status.TENTATIVE
        return None

    @pytest.mark.parametrize(
        ("alarms", "needs"),
        [
            ((), ()),
            ((Alarm(timedelta(minutes=15)),), ()),
            ((Alarm(timedelta(hours=1)), Alarm(timedelta(minutes=10))), (Cannot.HAVE_TWO_ALARMS,)),
            ((Alarm(timedelta(days=1), "EMAIL"),), (Cannot.ALARM_BY_MAIL,)),
        ],
        ids=["none", "one", "two", "by mail"],
    )
    def test_alarms_are_kept_or_refused(
        self, calendar: Calendar, alarms: tuple[Alarm, ...], needs: tuple[Cannot, ...]
    ) -> None:
        desired = wanted(booking(alarms=alarms))
        if set(needs) & set(calendar.world.cannot):
            return calendar.refuses(desired)
        written = calendar.put(desired)
        assert written.series.master is not None
        assert set(written.series.master.alarms or ()) == set(alarms)
        assert calendar.put(desired, written) == written
        return None

    def test_categories_are_kept_or_refused(self, calendar: Calendar) -> None:
        desired = wanted(booking(categories=("Red, or not", "Blue")))
        if Cannot.CATEGORIZE in calendar.world.cannot:
            return calendar.refuses(desired)
        written = calendar.put(desired)
        assert written.series.master is not None
        assert set(written.series.master.categories) == {"Red, or not", "Blue"}
        return None

    def test_links_that_are_attached_are_kept_or_refused(self, calendar: Calendar) -> None:
        link = Attachment("https://example.com/agenda.pdf", "agenda.pdf", "application/pdf")
        desired = wanted(booking(attachments=(link,)))
        if Cannot.ATTACH in calendar.world.cannot:
            return calendar.refuses(desired)
        written = calendar.put(desired)
        assert written.series.master is not None
        assert [each.url for each in written.series.master.attachments] == [link.url]
        return None

    # Meetings

    @pytest.mark.covers("F57")
    def test_a_meeting_is_made_once_and_stays_with_its_event(self, calendar: Calendar) -> None:
        for kind in calendar.ask(lambda sink: tuple(sink.natively)):
            token = f"{list(ConferenceKind).index(kind):040x}"
            desired = wanted(booking(f"{kind.value}@example.com"), token=token, conference=kind)
            first = calendar.put(desired)
            link = calendar.ready(first).join_url
            assert link.startswith("https://")
            calendar.put(desired)
            calendar.put(desired, calendar.read(first.remote_id))
            at = NOW + DAY
            moved = replace(
                desired,
                series=booking(
                    f"{kind.value}@example.com", start=utc(at), end=utc(at + HOUR),
                    description="Now with a text", summary="Other",
                ),
            )  # fmt: skip
            after = calendar.put(moved, calendar.read(first.remote_id))
            assert calendar.ready(after).join_url == link
            assert calendar.ready(calendar.read(first.remote_id)).join_url == link
            assert after.series.master is not None
            assert after.series.master.description.rstrip() == "Now with a text"
            assert calendar.put(moved, after) == after

    @pytest.mark.covers("F56")
    def test_what_became_of_a_meeting_is_told(self, calendar: Calendar) -> None:
        """There is a link, or a reason why there is none; the event stands with either."""
        for kind in calendar.ask(lambda sink: tuple(sink.natively))[:1]:
            desired = wanted(booking(attendees=(Attendee(BOB),)), conference=kind)
            written = calendar.put(desired)
            assert written.conference is not None
            meeting = calendar.ready(written)
            if meeting.state is ConferenceState.READY:
                assert meeting.join_url.startswith("https://")
            else:
                assert meeting.state is ConferenceState.FAILING
                assert len(meeting.reason) > 10
            stands_once(calendar, written)

    @pytest.mark.covers("F56")
    def test_a_meeting_is_ready_when_its_link_is_there_and_not_before(
        self, calendar: Calendar
    ) -> None:
        for kind in calendar.ask(lambda sink: tuple(sink.natively))[:1]:
            desired = wanted(booking(attendees=(Attendee(BOB),)), conference=kind)
            written = calendar.put(desired)
            for _ in range(3):
                meeting, master = written.conference, written.series.master
                assert meeting is not None
                assert master is not None
                is_ready = meeting.state is ConferenceState.READY
                assert is_ready == meeting.join_url.startswith("https://")
                assert master.conference_url == meeting.join_url
                written = calendar.read(written.remote_id)
            stands_once(calendar, calendar.put(desired, written))

    def test_a_meeting_that_is_lost_on_the_way_is_not_made_again(self, calendar: Calendar) -> None:
        for kind in calendar.ask(lambda sink: tuple(sink.natively))[:1]:
            desired = wanted(booking(), conference=kind)
            with calendar.world.interrupted(1, done=True), pytest.raises(TemporarilyUnavailable):
                calendar.put(desired)
            found = calendar.find()
            assert found is not None
            link = calendar.ready(found).join_url
            assert calendar.ready(calendar.put(desired)).join_url == link

    def test_an_event_gets_its_meeting_later(self, calendar: Calendar) -> None:
        for kind in calendar.ask(lambda sink: tuple(sink.natively))[:1]:
            plain = calendar.put(wanted(booking(description="As agreed")))
            assert plain.conference is None
            met = calendar.put(wanted(booking(description="As agreed"), conference=kind), plain)
            assert calendar.ready(met).join_url.startswith("https://")
            assert met.series.master is not None
            assert met.series.master.description.rstrip() == "As agreed"

    def test_a_meeting_that_is_not_wanted_any_more_goes(self, calendar: Calendar) -> None:
        for kind in calendar.ask(lambda sink: tuple(sink.natively))[:1]:
            met = calendar.put(wanted(booking(), conference=kind))
            calendar.ready(met)
            base = calendar.read(met.remote_id)
            if Cannot.DROP_THE_MEETING in calendar.world.cannot:
                return calendar.refuses(wanted(booking()), base)
            assert calendar.put(wanted(booking()), base).conference is None
        return None

    def test_a_meeting_that_it_cannot_make_is_refused(self, calendar: Calendar) -> None:
        natively = calendar.ask(lambda sink: tuple(sink.natively))
        for kind in set(ConferenceKind) - set(natively):
            calendar.refuses(wanted(booking(), conference=kind))

    def test_the_link_of_another_maker_reaches_the_guests(self, calendar: Calendar) -> None:
        link = "https://zoom.example/j/9000000001"
        series = booking(conference_url=link, location=link, description=f"Join: {link}")
        written = calendar.put(wanted(series))
        master = written.series.master
        assert master is not None
        assert link in master.location
        assert link in master.description
        assert calendar.put(wanted(series), written) == written


def stands_once(calendar: Calendar, written: Written) -> None:
    """Hold that it is the one event of the hour of `NOW`, and that Bob was invited once."""
    assert taking_place(written.series) == [(NOW, NOW + HOUR, "Meeting")]
    assert list(calendar.holds()) == [written.remote_id]
    if (mails := calendar.world.mailed(calendar.id)) is not None:
        assert list(mails) == [(BOB, "invited")]


def _first(rule: str) -> datetime:
    """A start that the rule itself has: RFC 5545 leaves any other undefined."""
    starts = {
        "BYWEEKNO": datetime(2027, 5, 17, 9, tzinfo=BERLIN),
        "1MO,3MO": datetime(2026, 12, 7, 9, tzinfo=BERLIN),
        "=31": datetime(2026, 12, 31, 9, tzinfo=BERLIN),
        "BYSETPOS": datetime(2026, 11, 30, 9, tzinfo=BERLIN),
        "BYYEARDAY": datetime(2027, 4, 10, 9, tzinfo=BERLIN),
    }
    return next((start for part, start in starts.items() if part in rule), MONDAY)


def _line(text: str) -> str:
    """The text as a title has it: one line, without edges that providers cut off."""
    return " ".join(text.split())
