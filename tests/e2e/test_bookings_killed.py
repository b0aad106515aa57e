"""kill -9 while people book: what was acknowledged is there, once, and nobody was told twice."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bridge.dispatch.points import Point
from tests.e2e.bookable import PLACES, bookable
from tests.e2e.killing import Killing
from tests.e2e.sources import CalDavCalendar
from tests.e2e.town import Town
from tests.long import seeds

MOMENTS = ["proposed", "committed", *(point.value for point in Point)]
KILLS = 30
"""Of a soak seed."""
SOME = [Point.MEETING_MADE.value, Point.EVENT_WRITTEN.value, ""]
"""Enough where only what becomes of a dead process' claims is another."""
logger = logging.getLogger(__name__)


@pytest.mark.timeout(1800)
@pytest.mark.covers("F1", "F2", "F3", "F4", "F5", "F48", "F58", "P1", "P2", "A-20", "A-45")
@pytest.mark.parametrize("seed", seeds(1, 11))
def test_a_server_killed_while_people_book_loses_nothing_and_doubles_nothing(
    town: Town, tmp_path: Path, seed: int
) -> None:
    calendar = town.calendar("radicale", "killed")
    assert isinstance(calendar, CalDavCalendar)
    with bookable(tmp_path, rooms=tuple(PLACES), calendar=calendar) as booked:
        killing = Killing(booked, seed)
        moments = [*MOMENTS, ""]
        if seed:
            moments = [*MOMENTS, *[""] * (KILLS - len(MOMENTS))]
            killing.random.shuffle(moments)
        killing.run(moments)
        logger.info("seed %d: %s", seed, killing)
        wrong = killing.reckon()
        assert not wrong, killing.told(wrong)
        assert set(killing.died) == {*MOMENTS, "at random"}, "it died at every moment"


@pytest.mark.timeout(600)
@pytest.mark.covers("F2", "F4", "P1")
def test_the_same_on_postgresql_where_nobody_knows_which_process_is_dead(
    postgresql_url: str, tmp_path: Path
) -> None:
    with bookable(tmp_path, rooms=("meet", "zoom"), urls=(postgresql_url,)) as booked:
        killing = Killing(booked, 0, postgresql_url)
        killing.run(SOME)
        wrong = killing.reckon()
        assert not wrong, killing.told(wrong)
        assert set(killing.died) == {*filter(None, SOME), "at random"}
