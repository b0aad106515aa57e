"""Who comes first: entity tags, retries, races, and the order of what is done about a booking."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.bookings.words import (
    Clash,
    NameTaken,
    NoSuchBooking,
    Outdated,
    Result,
    UidTaken,
)
from bridge.model.resource import ConnectionId
from bridge.store import bookings, connections, outbox
from bridge.store.database import Database
from bridge.store.outbox import Kind
from tests.bookings.hall import BOB, LEASE, ROOM, Hall, event

AT_TWO = event("20261123T140000Z", "20261123T150000Z")
AT_THREE = event("20261123T150000Z", "20261123T160000Z")


@pytest.mark.covers("F48", "A-20", "F2")
def test_a_retry_of_an_unsettled_booking_joins_it(hall: Hall) -> None:
    first = hall.put(event(), if_none_match=True)
    again = hall.put(event(), if_none_match=True)
    assert again.proposal_id == first.proposal_id
    hall.settle()
    assert hall.end(first) == hall.end(again)
    assert hall.claims() == []


@pytest.mark.covers("F48", "A-20")
def test_a_retry_of_what_was_settled_is_settled_already(hall: Hall) -> None:
    hall.book(event(), if_none_match=True)
    again = hall.end(hall.put(event(), if_none_match=True))
    assert (again.result, again.verbatim) == (Result.SETTLED, True)
    assert hall.claims() == []


def test_a_name_that_is_taken_is_refused_where_it_must_be_free(hall: Hall) -> None:
    hall.book(event())
    with pytest.raises(Outdated):
        hall.put(event(title="Another"), if_none_match=True)


def test_a_name_that_is_about_to_be_taken_is_refused_as_well(hall: Hall) -> None:
    hall.put(event(), if_none_match=True)
    with pytest.raises(Outdated):
        hall.put(AT_TWO, if_none_match=True, viewer=BOB)


@pytest.mark.covers("F46")
def test_of_two_who_change_the_same_revision_the_first_one_wins(hall: Hall) -> None:
    first = hall.book(event())
    hall.put(AT_TWO, if_match=("another", first.etag))
    with pytest.raises(Outdated):
        hall.put(AT_THREE, if_match=(first.etag,), viewer=BOB)
    hall.settle()
    assert hall.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


@pytest.mark.covers("F47")
def test_without_a_condition_the_last_one_wins(hall: Hall) -> None:
    hall.book(event())
    hall.put(AT_TWO)
    hall.put(AT_THREE, viewer=BOB)
    hall.settle()
    hall.settle()
    assert hall.busy() == [("2026-11-23 15:00", "2026-11-23 16:00", "BUSY")]
    seen = hall.seen()
    assert seen is not None
    assert seen.text.encode() == AT_THREE


@pytest.mark.covers("F49")
def test_a_uid_that_was_deleted_is_booked_anew_under_another_token(hall: Hall) -> None:
    hall.book(event())
    hall.delete()
    gone = hall.claim()
    hall.settle(gone)
    hall.put(event())
    new = hall.claim()
    assert new.kind is Kind.CREATE
    assert new.booking.token != gone.booking.token
    hall.settle(new)
    assert hall.names() == ["one.ics"]


@pytest.mark.covers("F49", "F50")
def test_a_booking_that_is_deleted_and_made_anew_is_deleted_first(hall: Hall) -> None:
    hall.book(event())
    hall.delete()
    hall.put(event())
    [gone] = hall.claims()
    assert gone.kind is Kind.DELETE
    assert hall.claims() == []
    hall.settle(gone)
    [new] = hall.claims()
    hall.settle(new)
    assert hall.names() == ["one.ics"]
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    assert hall.changed()[-1] == ("one.ics", False)


@pytest.mark.covers("F50")
def test_whoever_changes_what_is_being_deleted_is_told(hall: Hall) -> None:
    first = hall.book(event())
    hall.delete(if_match=(first.etag,))
    with pytest.raises(Outdated):
        hall.put(AT_TWO, if_match=(first.etag,))
    assert hall.delete(if_match=(first.etag,)).proposal_id == hall.claim().proposal.id


@pytest.mark.covers("F50")
def test_whoever_deletes_what_is_being_changed_is_told(hall: Hall) -> None:
    first = hall.book(event())
    hall.put(AT_TWO, if_match=(first.etag,))
    with pytest.raises(Outdated):
        hall.delete(if_match=(first.etag,))


def test_a_uid_is_there_once_and_under_one_name(hall: Hall) -> None:
    hall.book(event())
    with pytest.raises(UidTaken) as taken:
        hall.put(AT_TWO, "other.ics")
    assert (taken.value.name, taken.value.precondition) == ("one.ics", "no-uid-conflict")
    with pytest.raises(UidTaken):
        hall.put(event("20261123T140000Z", "20261123T150000Z", uid="two"))


def test_a_name_is_not_given_to_another_uid_while_one_is_on_its_way(hall: Hall) -> None:
    hall.put(event())
    with pytest.raises(UidTaken):
        hall.put(event("20261123T140000Z", "20261123T150000Z", uid="two"))


def test_a_move_gives_another_name_and_asks_no_provider(hall: Hall) -> None:
    first = hall.book(event())
    seq = hall.seq()
    outcome = hall.end(hall.move("one.ics", "uno.ics"))
    assert (outcome.result, outcome.etag) == (Result.SETTLED, first.etag)
    assert hall.names() == ["uno.ics"]
    assert hall.changed(seq) == [("one.ics", True), ("uno.ics", False)]
    assert hall.claims() == []
    hall.book(event("20261124T090000Z", "20261124T100000Z", uid="two"), "two.ics")
    with pytest.raises(NameTaken):
        hall.move("uno.ics", "two.ics")


def test_a_move_takes_what_is_not_settled_along(hall: Hall) -> None:
    hall.book(event())
    hall.put(AT_TWO)
    hall.move("one.ics", "uno.ics")
    hall.settle()
    assert hall.names() == ["uno.ics"]
    assert hall.busy() == [("2026-11-23 14:00", "2026-11-23 15:00", "BUSY")]


def test_nothing_is_deleted_or_moved_that_nobody_sees(hall: Hall) -> None:
    hall.put(event())
    for write in (hall.delete, lambda: hall.move("one.ics", "uno.ics")):
        with pytest.raises(NoSuchBooking):
            write()


def test_schedule_tags_hold_what_replies_of_guests_do_not_change(hall: Hall) -> None:
    hall.book(event())
    seen = hall.seen()
    assert seen is not None
    tag = seen.booking.schedule_tag
    hall.book(AT_TWO, if_schedule_tag_match=tag)
    with pytest.raises(Outdated):
        hall.put(AT_THREE, if_schedule_tag_match=tag)


def test_a_booking_is_meant_by_its_id_as_well(hall: Hall) -> None:
    hall.book(event())
    seen = hall.seen()
    assert seen is not None
    ticket = hall.put(AT_TWO, "", booking_id=seen.booking.id)
    hall.settle()
    assert hall.end(ticket).result is Result.SETTLED
    assert hall.names() == ["one.ics"]
    with pytest.raises(NoSuchBooking):
        hall.delete("", booking_id="another")


def test_what_stands_in_a_calendar_that_is_gone_can_be_taken_away_and_booked_anew(
    hall: Hall,
) -> None:
    hall.book(event())
    hall.book(event("20261124T090000Z", "20261124T100000Z", uid="two"), "two.ics")
    hall.house.configure(
        connections=[{"id": "other", "write_calendar": "main", "primary": True}],
        sections={"removed_resources": "purge"},
    )
    with hall.database.write() as conn:
        connections.remove(conn, [ConnectionId("room-a.work")])
    hall.house.calendar(connection="other")
    hall.house.pull("other")
    assert hall.end(hall.delete()).result is Result.SETTLED
    hall.book(event("20261124T140000Z", "20261124T150000Z", uid="two"), "two.ics")
    assert hall.names() == ["two.ics"]
    assert hall.busy() == [("2026-11-24 14:00", "2026-11-24 15:00", "BUSY")]


def test_what_is_over_is_forgotten_in_time(hall: Hall) -> None:
    hall.book(event())
    hall.delete()
    hall.settle()
    hall.house.now += 400 * 86400
    hall.house.ingest.advance_horizons(hall.now)
    with hall.database.read() as conn:
        assert bookings.by_uid(conn, ROOM, "one") == []
    assert hall.told() == []


# Locks and leases


def test_of_many_who_book_the_same_hour_exactly_one_wins(any_hall: Hall) -> None:
    """Of any number of threads, on two desks as in two processes; see the long runs, too."""
    for day in (23, 24):
        assert _race(any_hall, day, 32) == 1


@pytest.mark.soak
@pytest.mark.covers("A-25")
def test_of_many_who_book_the_same_hour_exactly_one_wins_every_time(any_hall: Hall) -> None:
    wins = [_race(any_hall, 1 + each % 28, 32, f"{each}") for each in range(200)]
    assert wins == [1] * 200


def _race(hall: Hall, day: int, threads: int, round_: str = "") -> int:
    other = Database(hall.database.url)
    try:
        desks = [hall.another_desk(), hall.another_desk(other)]

        def book(number: int) -> bool:
            name = f"{round_}-{day}-{number}"
            octets = event(f"202612{day:02}T0900{number:02}Z", f"202612{day:02}T100000Z", uid=name)
            try:
                hall.put(octets, f"{name}.ics", desk=desks[number % 2])
            except Clash:
                return False
            return True

        with ThreadPoolExecutor(threads) as pool:
            won = sum(pool.map(book, range(threads)))
        for claim in hall.claims():
            hall.outbox.refuse(claim, "the round is over", hall.now)
        return won
    finally:
        other.close()


def test_each_proposal_goes_to_one_claimer(any_hall: Hall) -> None:
    for number in range(8):
        octets = event(
            f"20261124T{number + 8:02}0000Z", f"20261124T{number + 8:02}3000Z", uid=f"{number}"
        )
        any_hall.put(octets, f"{number}.ics")
    with ThreadPoolExecutor(8) as pool:
        found = [it for claims in pool.map(lambda _: any_hall.claims(2), range(8)) for it in claims]
    found += any_hall.claims(100)
    assert sorted(it.booking.uid for it in found) == [str(number) for number in range(8)]


@pytest.mark.covers("F68")
def test_an_account_that_hangs_leaves_threads_to_those_behind_it(any_hall: Hall) -> None:
    hall = any_hall
    for hour in range(6):
        octets = event(f"20261124T{hour:02}0000Z", f"20261124T{hour:02}3000Z", uid=f"{hour}")
        hall.put(octets, f"{hour}.ics")
    other = {"id": "other", "write_calendar": "main", "primary": True}
    hall.house.configure(connections=[{"id": "work", "account_email": "room@example.com"}, other])
    hall.house.calendar(connection="other")
    hall.house.pull("other")
    hall.put(event(), "last.ics")

    def claimed(process: str) -> list[str]:
        claims = hall.outbox.claim(process, hall.now, 4, LEASE, share=2)
        return [it.booking.connection_id.removeprefix("room-a.") for it in claims]

    assert claimed("one") == ["work", "work", "other"]
    assert claimed("one") == []
    assert claimed("two") == ["work", "work"]


def test_a_claim_of_a_killed_process_comes_back_and_what_it_did_late_has_no_effect(
    any_hall: Hall,
) -> None:
    hall = any_hall
    ticket = hall.put(event())
    lost = hall.claim()
    assert not lost.is_retry
    assert hall.claims() == []
    hall.house.now += LEASE
    again = hall.claim()
    assert again.is_retry
    assert not hall.settle(lost)
    assert not hall.outbox.renew(lost, hall.now + LEASE)
    assert not hall.outbox.note_progress(lost, {"done": True})
    assert not hall.outbox.retry(lost, ("unavailable", "gone"), hall.now)
    assert not hall.outbox.refuse(lost, "no", hall.now)
    assert not hall.outbox.fail(lost, ("unavailable", "gone"), hall.now)
    assert hall.names() == []
    assert hall.settle(again)
    assert hall.end(ticket).result is Result.SETTLED


def test_what_a_claim_noted_is_known_to_the_next_one(any_hall: Hall) -> None:
    hall = any_hall
    hall.put(event())
    claim = hall.claim()
    assert hall.outbox.renew(claim, hall.now + LEASE)
    assert hall.outbox.note_progress(claim, {"meeting": "123"})
    assert hall.outbox.retry(claim, ("unavailable", "503"), hall.now + 10)
    assert hall.outbox.next_due(hall.now) == hall.now + 10
    assert hall.claims() == []
    hall.house.now += 10
    again = hall.claim()
    assert again.progress == {"meeting": "123"}
    assert (again.proposal.attempts, again.proposal.error_code) == (1, "unavailable")


@pytest.mark.parametrize("how", ["refused", "settled", "failed and tried again"])
def test_a_booking_that_is_moved_while_a_change_is_open_stays_where_it_was_moved(
    hall: Hall, how: str
) -> None:
    hall.book(event())
    ticket = hall.put(AT_TWO)
    claim = hall.claim()
    if how.startswith("failed"):
        hall.outbox.fail(claim, ("broken", "a fault"), hall.now)
    hall.end(ticket)
    hall.move("one.ics", "two.ics")
    hall.book(event("20261124T110000Z", "20261124T120000Z", uid="other"))
    if how == "refused":
        hall.outbox.refuse(claim, "no", hall.now)
    elif how == "settled":
        hall.settle(claim)
    else:
        assert hall.desk.retry(claim.booking.id)
        hall.settle()
    assert hall.names() == ["one.ics", "two.ics"]
    moved = hall.seen("two.ics")
    assert moved is not None
    assert "UID:one\r\n" in moved.text


# A deletion that is refused after its place was taken


@pytest.mark.covers("F49", "F50")
@pytest.mark.parametrize("shown", [False, True])
def test_a_booking_that_cannot_be_deleted_is_not_made_anew_beside_itself(
    open_hall: Callable[..., Hall],
    shown: bool,
) -> None:
    hall = open_hall(bookings={"on_provider_down": "queue"})
    hall.book(event())
    deletion = hall.delete()
    claim = hall.claim()
    if shown:
        hall.end(deletion)
    new = hall.put(AT_TWO)
    if shown:
        hall.end(new)
    hall.outbox.refuse(claim, "only its organizer may", hall.now)
    told = hall.end(new)
    assert told.result is Result.REFUSED
    assert "only its organizer may" in told.reason
    assert hall.claims() == []
    assert hall.names() == ["one.ics"]
    assert hall.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]


def test_a_booking_that_cannot_be_deleted_comes_back_beside_what_took_its_name(
    hall: Hall,
) -> None:
    hall.book(event())
    deletion = hall.delete()
    claim = hall.claim()
    hall.end(deletion)
    hall.book(event("20261124T110000Z", "20261124T120000Z", uid="two"))
    hall.outbox.refuse(claim, "only its organizer may", hall.now)
    first, second = hall.names()
    texts = {name: seen.text for name in (first, second) if (seen := hall.seen(name))}
    assert "UID:two" in texts.pop("one.ics")
    assert "UID:one" in texts.popitem()[1]


def test_what_cannot_be_deleted_although_it_was_made_anew_waits_for_a_human(hall: Hall) -> None:
    hall.book(event())
    hall.delete()
    claim = hall.claim()
    hall.outbox.fail(claim, ("broken", "a fault"), hall.now)
    hall.book(AT_TWO)
    assert hall.desk.retry(claim.booking.id)
    again = hall.claim()
    assert hall.outbox.refuse(again, "only its organizer may", hall.now)
    assert hall.names() == ["one.ics"]
    with hall.database.read() as conn:
        [failed] = outbox.failed(conn)
    assert failed.error_message == "only its organizer may"
    assert ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY") in hall.busy(), "it stands there"
