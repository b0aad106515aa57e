"""The brake on mass deletion."""

from __future__ import annotations

import pytest

from bridge.ingest.shrink import Held
from tests.engine.house import DAY, House, make_series


def fill(house: House, count: int, first_day: int = 1) -> None:
    for number in range(count):
        start = f"2026-12-{number % 28 + first_day:02} {8 + number // 28:02}:00"
        house.calendar().put(f"e{number}", make_series(start, 0.5, uid=f"e{number}"))


def lose(house: House, count: int) -> None:
    """Let events vanish without a word: the next listing is full and does not name them."""
    calendar = house.calendar()
    for remote_id in list(calendar.objects)[:count]:
        del calendar.objects[remote_id]
    calendar.expire()


@pytest.mark.covers("A-32")
def test_most_of_a_calendar_vanishing_must_be_confirmed_by_a_second_listing(house: House) -> None:
    fill(house, 100)
    house.pull()
    before = house.busy()
    lose(house, 90)
    house.pull()
    assert house.busy() == before
    held = Held.from_json(house.calendar_rows()["Main"].shrink)
    assert held is not None
    assert (held.missing, held.known, len(held.ids)) == (90, 100, 90)
    assert "90 of 100 coming occurrences vanished" in str(held)

    report = house.pull()
    assert report.calendars[0].full, "a confirmation is a full listing"
    assert len(house.busy()) == 10
    assert house.calendar_rows()["Main"].shrink is None


def test_asking_again_at_once_confirms_nothing(house: House) -> None:
    fill(house, 40)
    house.pull()
    lose(house, 30)
    house.pull()
    for later in (1, 30, 28):
        house.pull(full=True, later=later)
        assert len(house.busy()) == 40
    assert house.calendar_rows()["Main"].shrink is not None
    house.pull(full=True, later=1)
    assert len(house.busy()) == 10
    assert house.calendar_rows()["Main"].shrink is None


def test_what_vanishes_later_has_a_minute_of_its_own(house: House) -> None:
    fill(house, 100)
    house.pull()
    lose(house, 60)
    house.pull()
    lose(house, 30)
    house.pull(later=30)
    house.pull(later=30)
    assert len(house.busy()) == 100
    house.pull(later=30)
    assert len(house.busy()) == 10


def test_a_few_events_may_vanish_while_others_are_doubted(house: House) -> None:
    fill(house, 100)
    house.pull()
    lose(house, 60)
    house.pull()
    lose(house, 10)
    house.pull(later=30)
    assert len(house.busy()) == 90
    house.pull(later=30)
    assert len(house.busy()) == 30


def test_what_is_new_in_a_doubted_listing_blocks_at_once(house: House) -> None:
    fill(house, 40)
    house.pull()
    lose(house, 40)
    house.calendar().put("new", make_series("2026-11-30 09:00", uid="new"))
    house.pull()
    assert house.busy()[0] == ("2026-11-30 09:00", "2026-11-30 10:00", "BUSY")
    assert len(house.busy()) == 41


def test_events_that_come_back_were_never_away(house: House) -> None:
    fill(house, 40)
    house.pull()
    state = house.state()
    kept = dict(house.calendar().objects)
    lose(house, 40)
    house.pull()
    house.calendar().objects.update(kept)
    house.pull()
    assert house.state() == state
    assert house.calendar_rows()["Main"].shrink is None


def test_a_second_listing_confirms_only_what_the_first_one_missed_too(house: House) -> None:
    fill(house, 100)
    house.pull()
    kept = dict(house.calendar().objects)
    lose(house, 60)
    house.pull()
    house.calendar().objects.clear()
    names = list(kept)
    house.calendar().objects.update({name: kept[name] for name in names[:30]})
    house.calendar().expire()
    house.pull()  # now 30..99 are missing: 30..59 for the second time
    assert len(house.busy()) == 70
    house.pull()
    assert len(house.busy()) == 30


@pytest.mark.covers("F27")
def test_even_a_small_calendar_that_is_suddenly_empty_is_doubted_once(house: House) -> None:
    house.calendar().put("a", make_series("2026-11-18 09:00", uid="a"))
    house.pull()
    lose(house, 1)
    house.pull()
    assert len(house.busy()) == 1
    house.pull()
    assert house.busy() == []


def test_a_few_events_of_a_small_calendar_may_vanish(house: House) -> None:
    fill(house, 10)
    house.pull()
    lose(house, 9)
    house.pull()
    assert len(house.busy()) == 1


def test_half_of_a_large_calendar_may_vanish(house: House) -> None:
    fill(house, 40)
    house.pull()
    lose(house, 20)
    house.pull()
    assert len(house.busy()) == 20


def test_deletions_that_the_provider_names_are_believed(house: House) -> None:
    fill(house, 100)
    house.pull()
    for number in range(100):
        house.calendar().delete(f"e{number}")
    house.pull()
    assert house.busy() == []
    assert house.calendar_rows()["Main"].shrink is None


def test_past_events_that_are_no_longer_listed_are_no_loss(house: House) -> None:
    for number in range(30):
        start = f"2026-11-{number % 5 + 14} {number // 5 + 8:02}:00"
        house.calendar().put(f"p{number}", make_series(start, uid=f"p{number}"))
    house.calendar().put("a", make_series("2026-11-23 09:00"))
    house.pull()
    lose(house, 30)
    house.pull()
    assert house.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


def test_a_month_that_leaves_the_window_is_no_loss(house: House) -> None:
    fill(house, 60)
    house.pull()
    house.now += 60 * DAY
    house.ingest.advance_horizons(house.now)
    house.pull(full=True)
    assert house.busy() == []
    assert house.calendar_rows()["Main"].shrink is None


def test_the_ratio_and_the_least_number_are_settings(house: House) -> None:
    sections = {"sync": {"shrink_guard": {"ratio": "10%", "min_events": 5}}}
    house.configure(sections=sections, connections=[{"id": "work"}])
    fill(house, 10)
    house.pull()
    lose(house, 2)
    house.pull()
    assert len(house.busy()) == 10
