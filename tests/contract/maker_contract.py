"""What every maker of conferences keeps: one suite, run for each kind by a few lines.

Every call opens the account anew, as after a restart: what a maker only remembers, it forgets.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import pytest

from bridge.errors import RemoteNotFound, TemporarilyUnavailable
from bridge.model.conference import ConferenceState
from bridge.model.event import Event, EventSeries
from bridge.sink import ConferenceMaker

TOKEN, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40
START = datetime(2026, 3, 9, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Held(NamedTuple):
    """A meeting that its host has."""

    reference: str
    topic: str
    start: datetime
    minutes: int


class MakerWorld(Protocol):
    """An account whose host looks on."""

    def open(self) -> ConferenceMaker: ...

    def held(self) -> list[Held]:
        """Give the meetings that there are."""
        ...

    def remove(self, reference: str) -> None:
        """Delete a meeting, as its host."""
        ...

    def move(self, reference: str, start: datetime) -> None:
        """Give a meeting another time, as its host."""
        ...

    def lose(self, operation: str) -> None:
        """Have the answer to the next `create`, `update` or `cancel` be lost."""
        ...

    def fail(self, operation: str, /) -> None:
        """Have the next one not be done."""
        ...


def booking(start: datetime = START, **changes: Any) -> EventSeries:
    """An event that is to have a meeting."""
    master = Event(
        **{"uid": "one", "start": start, "end": start + HOUR, "summary": "Talk"} | changes
    )
    return EventSeries(uid="one", master=master)


class MakerContract:
    """The suite; a kind's class adds nothing but its `place`."""

    def test_a_meeting_is_made_with_a_link_and_for_the_time_of_its_event(
        self, place: MakerWorld
    ) -> None:
        made = place.open().create(TOKEN, booking())
        assert (made.state, made.kind) == (ConferenceState.READY, place.open().kind)
        assert made.join_url.startswith("https://")
        assert place.held() == [Held(made.reference, "Talk", START, 60)]

    def test_a_meeting_is_found_by_the_token_that_it_was_made_under(
        self, place: MakerWorld
    ) -> None:
        assert place.open().find(TOKEN) is None
        made = place.open().create(TOKEN, booking())
        place.open().create(OTHER, booking(START + HOUR))
        assert place.open().find(TOKEN) == made
        assert place.open().find("0" * 40) is None

    def test_a_meeting_moves_and_keeps_its_reference_and_its_link(self, place: MakerWorld) -> None:
        made = place.open().create(TOKEN, booking())
        later = START + timedelta(days=1)
        moved = booking(later, end=later + HOUR / 2, summary="A longer talk")
        updated = place.open().update(made.reference, moved)
        assert updated == made
        assert place.held() == [Held(made.reference, "A longer talk", later, 30)]
        assert place.open().find(TOKEN) == made

    def test_the_same_change_twice_is_one(self, place: MakerWorld) -> None:
        made = place.open().create(TOKEN, booking())
        for _ in range(2):
            assert place.open().update(made.reference, booking(START + HOUR)) == made
        assert len(place.held()) == 1

    def test_a_meeting_that_its_host_moved_is_not_in_line_until_it_is_put_back(
        self, place: MakerWorld
    ) -> None:
        made = place.open().create(TOKEN, booking())
        assert place.open().is_in_line(made.reference, booking())
        assert not place.open().is_in_line(made.reference, booking(summary="Another"))
        place.move(made.reference, START + HOUR)
        assert not place.open().is_in_line(made.reference, booking())
        assert place.open().is_in_line(made.reference, booking(START + HOUR))
        assert place.open().update(made.reference, booking()) == made
        assert place.open().is_in_line(made.reference, booking())

    def test_a_cancelled_meeting_is_gone(self, place: MakerWorld) -> None:
        made, other = (place.open().create(each, booking()) for each in (TOKEN, OTHER))
        assert place.open().cancel(made.reference)
        assert [each.reference for each in place.held()] == [other.reference]
        assert place.open().find(TOKEN) is None

    def test_cancelling_what_is_gone_is_no_error(self, place: MakerWorld) -> None:
        made = place.open().create(TOKEN, booking())
        place.remove(made.reference)
        assert not place.open().cancel(made.reference)

    def test_what_is_gone_cannot_be_changed(self, place: MakerWorld) -> None:
        made = place.open().create(TOKEN, booking())
        place.remove(made.reference)
        with pytest.raises(RemoteNotFound):
            place.open().update(made.reference, booking(START + HOUR))
        with pytest.raises(RemoteNotFound):
            place.open().is_in_line(made.reference, booking())

    @pytest.mark.covers("F5")
    def test_a_meeting_whose_answer_was_lost_is_found_and_there_is_one(
        self, place: MakerWorld
    ) -> None:
        place.lose("create")
        with pytest.raises(TemporarilyUnavailable):
            place.open().create(TOKEN, booking())
        found = place.open().find(TOKEN)
        assert found is not None
        assert [each.reference for each in place.held()] == [found.reference]
        assert found.join_url

    def test_what_was_not_made_is_not_found(self, place: MakerWorld) -> None:
        place.fail("create")
        with pytest.raises(TemporarilyUnavailable):
            place.open().create(TOKEN, booking())
        assert place.open().find(TOKEN) is None
        assert place.held() == []

    @pytest.mark.parametrize("operation", ["update", "cancel"])
    def test_a_change_whose_answer_was_lost_can_be_asked_for_again(
        self, place: MakerWorld, operation: str
    ) -> None:
        made = place.open().create(TOKEN, booking())
        later = booking(START + HOUR)

        def act() -> None:
            if operation == "update":
                place.open().update(made.reference, later)
            else:
                place.open().cancel(made.reference)

        place.lose(operation)
        with pytest.raises(TemporarilyUnavailable):
            act()
        act()
        left = [Held(made.reference, "Talk", START + HOUR, 60)]
        assert place.held() == (left if operation == "update" else [])
