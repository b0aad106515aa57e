"""A mirror that goes on failing is told to the admin, and that it is well again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import inventory
from bridge.store import mirrors
from tests.notify.desk import DAY, HOUR, IDENTITY, MINUTE, Desk
from tests.servers.mail import MailBox
from tests.servers.tls import Authority

REASON = "you may not write here"


def mirror_into_work(desk: Desk) -> None:
    desk.live.swap(desk.settings(resource={"mirror": [{"to": "work/main", "from": ["other"]}]}))
    inventory.apply(desk.database, desk.live.current, desk.now, identity=IDENTITY)


def fares(desk: Desk, failures: int) -> None:
    """Note what a round of the mirror came to, as the scheduler does."""
    with desk.database.write() as conn:
        (row,) = mirrors.every(conn)
        (claimed,) = mirrors.claim(conn, "test", desk.now, 1, only=row.id)
        since = (row.error_since or desk.now) if failures else None
        mirrors.end(
            conn,
            claimed,
            failures=failures,
            error_code="rejected" if failures else "",
            error_message=REASON if failures else "",
            error_since=since,
        )


def test_a_mirror_that_goes_on_failing_is_told_once_each_day_once_and_its_end_once(
    desk: Desk,
) -> None:
    mirror_into_work(desk)
    fares(desk, 1)
    assert desk.looks(HOUR) == [], "one failure is a blip"
    fares(desk, 2)
    desk.notifier.look()
    desk.notifier.deliver()
    (told,) = desk.received()
    data = told["data"]
    assert (told["type"], data["connection_id"]) == ("alert.opened", "room-a.work")
    assert (data["troubles"], data["mirrors"]) == (["mirror"], ["work/main"])
    assert data["error"] == {
        "code": "rejected",
        "message": REASON,
        "hint": "busybridge mirror says what is wrong with each",
    }
    assert desk.looks(25 * HOUR, every=HOUR) == ["repeated mirror"]
    fares(desk, 0)
    assert desk.looks(2 * MINUTE, every=MINUTE) == [], "it may fail again at once"
    assert desk.looks(HOUR) == ["resolved mirror"]
    assert desk.looks(2 * DAY, every=HOUR) == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_failing_mirror_and_its_end_are_mailed(desk: Desk, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    mirror_into_work(desk)
    fares(desk, 2)
    with MailBox(authority.server("127.0.0.1"), login=False) as box:
        desk.mails_to(box, authority)
        desk.looks(HOUR)
        fares(desk, 0)
        desk.looks(HOUR, every=MINUTE)
        first, last = box.mails
    assert first["Subject"] == "[BusyBridge] room-a.work: a mirror into it fails"
    assert "Mirrors: work/main." in first.get_content()
    assert last["Subject"] == "[BusyBridge] room-a.work: all is well again"
