"""What providers do wrong, and what becomes of the booking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.bookings.words import Result
from bridge.errors import (
    AuthorizationExpired,
    ConfigError,
    ConfigProblem,
    RateLimited,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.event import Attendee, PartStat
from bridge.provider import CalendarId
from bridge.store import outbox
from tests.dispatch.stage import LEASE, Stage, event

DOWN = TemporarilyUnavailable("the server is down")
LATER = event("20261123T140000Z", "20261123T150000Z")


def asked(stage: Stage, what: str) -> int:
    return stage.memory.asked.count(what)


# Refusals


def test_what_its_provider_refuses_is_refused_with_its_words(stage: Stage) -> None:
    stage.memory.orders.give("put", RemoteRejected("a meeting cannot last three years"))
    outcome = stage.done(stage.put(event()))
    assert (outcome.result, outcome.reason) == (
        Result.REFUSED,
        "a meeting cannot last three years",
    )
    assert stage.names() == []
    assert stage.busy() == []
    assert stage.done(stage.put(event())).result is Result.SETTLED


def test_a_change_that_is_refused_leaves_everything_as_it_was(stage: Stage) -> None:
    first = stage.done(stage.put(event()))
    stage.memory.orders.give("put", RemoteRejected("not on a Monday"))
    assert stage.done(stage.put(LATER)).result is Result.REFUSED
    seen = stage.seen()
    assert seen is not None
    assert seen.etag == first.etag
    assert stage.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


def test_a_deletion_that_is_refused_leaves_the_booking(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.memory.orders.give("delete", RemoteRejected("only its organizer may"))
    assert stage.done(stage.delete()).result is Result.REFUSED
    assert stage.names() == ["one.ics"]


def test_a_refusal_that_comes_late_is_shown_with_its_reason(stage: Stage) -> None:
    stage.memory.orders.give("put", DOWN)
    ticket = stage.put(event())
    assert stage.done(ticket).result is Result.TENTATIVE
    stage.memory.orders.give("put", RemoteRejected("the room is closed"))
    assert [report.outcome for report in stage.later()] == ["refused"]
    assert "STATUS:CANCELLED" in stage.text()
    assert "the room is closed" in stage.text()
    assert stage.busy() == []
    assert "booking.failed" in stage.told()


# Unknown outcomes


@pytest.mark.covers("F20", "F4", "P2")
def test_an_answer_that_is_lost_makes_no_second_event(stage: Stage) -> None:
    stage.memory.orders.give("put", DOWN, after=True)
    ticket = stage.put(event())
    assert stage.done(ticket).result is Result.TENTATIVE
    assert "STATUS:TENTATIVE" in stage.text()
    assert [report.outcome for report in stage.later()] == ["settled"]
    assert len(stage.events()) == 1
    assert "find" in stage.memory.asked, "it looked first"
    assert "STATUS" not in stage.text()


@pytest.mark.covers("F20")
def test_a_request_that_was_lost_is_made_again(stage: Stage) -> None:
    stage.memory.orders.give("put", DOWN)
    stage.done(stage.put(event()))
    assert [report.outcome for report in stage.later()] == ["settled"]
    assert len(stage.events()) == 1


def test_a_change_whose_answer_is_lost_is_made_once(stage: Stage) -> None:
    guest = "ATTENDEE:mailto:ann@example.net"
    stage.done(stage.put(event("20261123T090000Z", "20261123T100000Z", guest)))
    stage.memory.orders.give("put", DOWN, after=True)
    stage.done(stage.put(event("20261123T140000Z", "20261123T150000Z", guest)))
    stage.later()
    assert stage.event().summary == "Talk"
    assert stage.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]
    mails = [(it.address, it.about) for it in stage.memory.mails if "ann" in it.address]
    assert mails == [("mailto:ann@example.net", "invited"), ("mailto:ann@example.net", "updated")]


def test_a_deletion_whose_answer_is_lost_is_one(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.memory.orders.give("delete", DOWN, after=True)
    assert stage.done(stage.delete()).result is Result.TENTATIVE
    stage.later()
    assert stage.names() == stage.events() == []


# Waiting


@pytest.mark.covers("F19")
def test_a_provider_that_is_down_is_tried_again_at_longer_and_longer_intervals(
    stage: Stage,
) -> None:
    stage.memory.orders.give("put", DOWN, times=40)
    stage.done(stage.put(event()))
    waits: list[int] = []
    for _ in range(16):
        (proposal,) = stage.proposals()
        waits.append(proposal.due_at - stage.now)
        stage.house.now = proposal.due_at
        stage.work()
    assert max(waits[:3]) <= 4
    assert max(waits) > 120
    assert max(waits) <= 900
    assert len(set(waits)) > 6, "with jitter"
    stage.memory.orders.forget()
    assert [report.outcome for report in stage.later()] == ["settled"]


@pytest.mark.covers("F19")
def test_a_provider_that_cannot_even_be_asked_is_tried_at_longer_intervals_as_well(
    open_stage: Callable[..., Stage],
) -> None:
    stage = open_stage(bookings={"on_provider_down": "queue"})
    stage.house.accounts.errors["room-a.work"] = DOWN
    assert stage.done(stage.put(event())).result is Result.TENTATIVE
    waits: list[int] = []
    for _ in range(12):
        (proposal,) = stage.proposals()
        waits.append(proposal.due_at - stage.now)
        stage.house.now = proposal.due_at
        stage.work()
    assert max(waits) > 60
    assert not stage.proposals()[0].started, "nothing was asked of it"


@pytest.mark.covers("F18")
@pytest.mark.parametrize(("pause", "wait"), [(120, (120, 133)), (10**7, (21600, 23761))])
def test_a_pause_that_the_provider_asks_for_is_kept_within_reason(
    stage: Stage, pause: int, wait: tuple[int, int]
) -> None:
    stage.memory.orders.give("put", RateLimited("slow", retry_after=timedelta(seconds=pause)))
    stage.put(event())
    stage.work()
    (proposal,) = stage.proposals()
    assert wait[0] <= proposal.due_at - stage.now <= wait[1]
    assert proposal.error_code == "rate_limited"


@pytest.mark.covers("F18")
def test_what_else_is_written_to_the_account_waits_for_the_pause_as_well(stage: Stage) -> None:
    stage.memory.orders.give("put", RateLimited("slow", retry_after=timedelta(seconds=120)))
    stage.put(event())
    stage.put(event("20261124T090000Z", "20261124T100000Z", uid="two"), name="two.ics")
    (claim,) = stage.claims(1)
    assert stage.dispatch.run(claim).limited
    stage.house.now += 100
    assert stage.work() == []
    assert stage.later(60)
    assert sorted(stage.names()) == ["one.ics", "two.ics"]


def test_a_credential_that_expired_is_tried_again_a_quarter_of_an_hour_later(
    stage: Stage,
) -> None:
    stage.house.accounts.errors["room-a.work"] = AuthorizationExpired("revoked")
    stage.put(event())
    stage.work()
    (proposal,) = stage.proposals()
    assert 900 <= proposal.due_at - stage.now <= 991
    stage.house.accounts.errors.clear()
    assert [report.outcome for report in stage.later()] == ["settled"]


def test_an_account_that_cannot_be_opened_leaves_the_client_its_write(stage: Stage) -> None:
    """Nothing was asked of the provider, so that nothing has to be shown."""
    error = ConfigError([ConfigProblem("connection room-a.work is not configured")])
    stage.house.accounts.errors["room-a.work"] = error
    assert stage.done(stage.put(event())).result is Result.WITHDRAWN
    stage.house.accounts.errors.clear()
    assert stage.later() == []
    assert stage.events() == []


def test_a_provider_known_to_be_down_is_asked_for_nothing(stage: Stage) -> None:
    """Its pulls fail: looking comes first, and fails without harm."""
    with stage.database.write() as conn:
        from bridge.model.resource import ConnectionId, ConnectionStatus
        from bridge.store import connections
        from bridge.store.connections import Failure

        failure = Failure("connect", "down", status=ConnectionStatus.ERROR)
        connections.record_failure(conn, ConnectionId("room-a.work"), stage.now, failure)
    stage.memory.orders.give("find", DOWN)
    assert stage.done(stage.put(event())).result is Result.WITHDRAWN
    assert asked(stage, "put") == 0


@pytest.mark.covers("F14")
def test_a_calendar_that_is_gone_is_waited_for(stage: Stage) -> None:
    kept = stage.memory.calendars.pop(CalendarId("main"))
    stage.done(stage.put(event()))
    (proposal,) = stage.proposals()
    assert proposal.error_code == "calendar_not_found"
    stage.memory.calendars[CalendarId("main")] = kept
    assert [report.outcome for report in stage.later()] == ["settled"]


def test_what_fails_for_days_waits_for_a_human_and_is_done_when_one_says_so(
    stage: Stage,
) -> None:
    stage.memory.orders.give("put", DOWN, times=None)
    stage.done(stage.put(event()))
    assert stage.later(80 * 3600)[-1].outcome == "failed"
    (proposal,) = stage.proposals()
    assert proposal.state is outbox.State.FAILED
    assert "the server is down" in proposal.error_message
    assert "STATUS:TENTATIVE" in stage.text()
    assert "booking.failed" in stage.told()
    assert stage.later(80 * 3600) == []
    stage.memory.orders.forget()
    assert stage.desk.retry(proposal.booking_id)
    assert stage.outcomes() == ["settled"]
    assert len(stage.events()) == 1


def test_what_a_human_has_tried_again_is_tried_for_days_again(stage: Stage) -> None:
    stage.memory.orders.give("put", DOWN, times=None)
    stage.done(stage.put(event()))
    assert stage.later(80 * 3600)[-1].outcome == "failed"
    assert stage.desk.retry(stage.booking().id)
    assert stage.outcomes() == ["later"]
    assert stage.proposals()[0].due_at - stage.now <= 2, "somebody waits again"
    assert set(stage.persist(hours=24)) == {"later"}
    assert stage.later(50 * 3600)[-1].outcome == "failed"


def test_a_fault_of_ours_ends_no_other_booking(stage: Stage) -> None:
    def fault() -> None:
        raise ZeroDivisionError

    stage.memory.orders.give("put", fault)
    stage.put(event())
    stage.put(event("20261124T090000Z", "20261124T100000Z", uid="two"), name="two.ics")
    assert sorted(stage.outcomes()) == ["later", "settled"]
    assert [report.outcome for report in stage.later()] == ["settled"]
    assert sorted(stage.names()) == ["one.ics", "two.ics"]


# Others at work


def test_whoever_slept_through_its_lease_writes_nothing(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.put(LATER)
    (slept,) = stage.claims()
    stage.house.now += LEASE
    assert stage.outcomes() == ["settled"]
    last = event("20261123T160000Z", "20261123T170000Z")
    assert stage.done(stage.put(last)).result is Result.SETTLED
    times, written = stage.event().start, asked(stage, "put")
    assert stage.dispatch.run(slept).outcome == "lost"
    assert (stage.event().start, asked(stage, "put")) == (times, written)


def test_whoever_falls_asleep_while_it_looks_writes_nothing(stage: Stage) -> None:
    stage.put(event())
    assert len(stage.claims()) == 1  # of a process that is killed
    stage.house.now += LEASE

    def sleep() -> None:
        stage.house.now += LEASE
        assert stage.outcomes() == ["settled"]
        stage.remove()

    stage.memory.orders.give("find", sleep)
    (slept,) = stage.claims()
    assert stage.dispatch.run(slept).outcome == "lost"
    assert (stage.events(), asked(stage, "put")) == ([], 1)


@pytest.mark.covers("F17", "F52")
def test_what_somebody_changes_meanwhile_stays_beside_our_change(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.memory.orders.give(
        "put", lambda: stage.edit(lambda it: replace(it, location="Room 2", summary="Theirs"))
    )
    outcome = stage.done(stage.put(event(title="Ours")))
    assert outcome.result is Result.SETTLED
    assert (stage.event().summary, stage.event().location) == ("Ours", "Room 2")
    assert "Theirs" in stage.proposals()[-1].progress, "what lost is kept in the history"
    assert "LOCATION:Room 2" in stage.text(), "readers see both changes at once"
    assert "SEQUENCE:1" in stage.text()
    before = stage.text()
    stage.house.pull()
    assert stage.text() == before


@pytest.mark.covers("F17", "F55", "A-24")
def test_a_move_that_somebody_makes_meanwhile_blocks_its_time_as_soon_as_it_is_known(
    stage: Stage,
) -> None:
    stage.done(stage.put(event()))
    two = datetime(2026, 11, 23, 14, tzinfo=UTC)
    moved = {"start": two, "end": two + timedelta(hours=1)}
    stage.memory.orders.give("put", lambda: stage.edit(lambda it: replace(it, **moved)))
    assert stage.done(stage.put(event(title="Ours"))).result is Result.SETTLED
    assert (stage.event().summary, stage.event().start) == ("Ours", two)
    assert "DTSTART:20261123T140000Z" in stage.text()
    assert stage.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


@pytest.mark.covers("F17")
def test_who_changes_it_again_and_again_has_it(stage: Stage) -> None:
    stage.done(stage.put(event()))
    titles = iter("abcdefgh")
    stage.memory.orders.give(
        "put", lambda: stage.edit(lambda it: replace(it, summary=next(titles))), times=None
    )
    outcome = stage.done(stage.put(LATER))
    assert outcome.result is Result.REFUSED
    assert "keeps changing" in outcome.reason
    assert asked(stage, "put") == 1 + 3
    assert stage.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


def test_replies_that_came_meanwhile_stay(stage: Stage) -> None:
    guest = "ATTENDEE:mailto:ann@example.net"
    stage.done(stage.put(event("20261123T090000Z", "20261123T100000Z", guest)))

    def accept() -> None:
        stage.edit(
            lambda it: replace(
                it,
                attendees=tuple(
                    Attendee(guest.address, PartStat.ACCEPTED) for guest in it.attendees
                ),
            )
        )

    stage.memory.orders.give("put", accept)
    stage.done(stage.put(event("20261123T140000Z", "20261123T150000Z", guest)))
    replies = {it.address: it.partstat for it in stage.event().attendees}
    assert replies["mailto:ann@example.net"] is PartStat.ACCEPTED


@pytest.mark.covers("F51")
def test_a_deletion_at_the_provider_wins_over_a_change(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.memory.orders.give("put", stage.remove)
    outcome = stage.done(stage.put(LATER))
    assert outcome.result is Result.REFUSED
    assert "deleted" in outcome.reason
    assert stage.events() == []
    (proposal,) = [it for it in stage.proposals() if it.kind is outbox.Kind.CHANGE]
    assert (proposal.state, proposal.error_code) == (outbox.State.REFUSED, "deleted_at_provider")


def test_a_deletion_of_what_is_gone_already_is_done(stage: Stage) -> None:
    stage.done(stage.put(event()))
    stage.remove()
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert stage.names() == []


def test_a_calendar_that_is_gone_takes_its_bookings_along(stage: Stage) -> None:
    stage.done(stage.put(event()))
    del stage.memory.calendars[CalendarId("main")]
    assert stage.done(stage.delete()).result is Result.SETTLED


def test_busy_time_that_was_seen_late_refuses_a_booking(stage: Stage) -> None:
    """It came between the client's write and the engine's turn."""
    ticket = stage.put(event())
    stage.occupy("2026-11-23 09:30")
    outcome = stage.done(ticket)
    assert outcome.result is Result.REFUSED
    assert len(stage.events()) == 1, "the other one"


def test_an_event_that_is_written_already_does_not_clash_with_itself(stage: Stage) -> None:
    stage.memory.own_uids = True
    stage.memory.orders.give("put", DOWN, after=True)
    stage.done(stage.put(event()))
    stage.house.pull()
    assert [report.outcome for report in stage.later()] == ["settled"]
    assert len(stage.events()) == 1
