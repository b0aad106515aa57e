"""A process that dies at any moment of a dispatch: nothing is lost, and nothing is doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from bridge import points
from bridge.dispatch.points import Point
from bridge.errors import RemoteRejected
from tests.dispatch.stage import Stage, die_at, event

GUEST = "ATTENDEE:mailto:ann@example.net"
ZOOM = "X-BUSYBRIDGE-CONFERENCE:zoom"


@pytest.fixture
def stage(open_stage: Callable[..., Stage]) -> Iterator[Stage]:
    yield open_stage(zoom=True)
    points.arm(None)


def text(number: int, hour: int, title: str = "Talk") -> bytes:
    day = f"202611{23 + number % 7}"
    hour += 2 * (number // 7)
    start, end = f"{day}T{hour:02}0000Z", f"{day}T{hour + 1:02}0000Z"
    return event(start, end, GUEST, ZOOM, uid=f"uid-{number}", title=title)


def mails(stage: Stage) -> Counter[tuple[str, str]]:
    return Counter(
        (mail.remote_id, mail.about) for mail in stage.memory.mails if "ann" in mail.address
    )


def links(stage: Stage) -> list[str]:
    return sorted(made.master.location for made in stage.events() if made.master)


def join_urls(stage: Stage) -> list[str]:
    return sorted(stage.zoom.meetings[each].conference.join_url for each in stage.meetings())


@pytest.mark.covers("F1", "F2", "F3", "F4", "F5", "P1", "P2")
def test_a_booking_survives_a_death_at_every_moment(stage: Stage) -> None:
    died = []
    for number, point in enumerate(Point):
        stage.put(text(number, 8), name=f"{number}.ics")
        if die_at(stage, point):
            died.append(point)
        stage.work()
    assert set(Point) - set(died) == {Point.UNDOING}
    assert len(stage.events()) == len(stage.meetings()) == len(Point)
    assert links(stage) == join_urls(stage)
    assert set(mails(stage).values()) == {1}
    assert len(stage.names()) == len(stage.busy()) == len(Point)


@pytest.mark.covers("F4", "P1", "P2")
def test_a_change_survives_a_death_at_every_moment(stage: Stage) -> None:
    for number, point in enumerate(Point):
        stage.put(text(number, 8), name=f"{number}.ics")
        stage.work()
        stage.put(text(number, 14, "Later"), name=f"{number}.ics")
        die_at(stage, point)
        stage.work()
    assert [made.master.summary for made in stage.events() if made.master] == ["Later"] * len(Point)
    assert len(stage.meetings()) == len(stage.zoom.meetings) == len(Point)
    assert {stage.zoom.meetings[each].series.master.summary for each in stage.meetings()} == {
        "Later"
    }
    assert links(stage) == join_urls(stage)
    assert set(mails(stage).values()) == {1}


@pytest.mark.covers("P1", "P2")
def test_a_deletion_survives_a_death_at_every_moment(stage: Stage) -> None:
    for number, point in enumerate(Point):
        stage.put(text(number, 8), name=f"{number}.ics")
        stage.work()
        stage.delete(f"{number}.ics")
        die_at(stage, point)
        stage.work()
    assert stage.events() == stage.meetings() == stage.names() == stage.busy() == []
    assert set(mails(stage).values()) == {1}


@pytest.mark.covers("F58")
def test_a_refusal_survives_a_death_at_every_moment(stage: Stage) -> None:
    stage.memory.orders.give("put", RemoteRejected("the room is closed"), times=None)
    for number, point in enumerate(Point):
        stage.put(text(number, 8), name=f"{number}.ics")
        die_at(stage, point)
        stage.work()
    assert stage.events() == stage.meetings() == stage.names() == stage.busy() == []
