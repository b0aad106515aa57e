"""Two processes on one PostgreSQL tell each change once; one goes on when the other is killed."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from bridge.model.resource import ConnectionId
from bridge.store import alerts, schedule
from tests.app.running import BUSY, Running, configuration, in_file, resource
from tests.notify.desk import SECRET
from tests.servers.origin import Answer, Origin

WORK = ConnectionId("room-a.work")


def told(origin: Origin) -> list[str]:
    sent = [each for each in origin.requests if each.path == "/alerts"]
    return [json.loads(each.body)["type"] for each in sent]


def pull(running: Running) -> None:
    """Ask for a pull now, as a person does."""
    with closing(running.database()) as database, database.write() as conn:
        schedule.mark(conn, [WORK], int(time.time()))


def all_is_noted(running: Running) -> bool:
    """Whether what was told is noted as told: who is killed before leaves it to be told again."""
    with closing(running.database()) as database, database.read() as conn:
        return not alerts.waiting(conn)


def test_two_processes_tell_each_change_once(postgresql_url: str, tmp_path: Path) -> None:
    with Origin() as origin:
        origin.routes |= {"/alerts": Answer(204), "/cal.ics": Answer(401)}
        sections: dict[str, Any] = {
            "storage": {"database": in_file(postgresql_url)},
            "allow_inline_secrets": True,
            "notify": {"webhook": {"url": origin.url("/alerts"), "secret": SECRET}},
        }
        room = resource("room-a", origin.url("/cal.ics"))
        first, second = (
            Running(tmp_path, configuration(room, **sections), name=name) for name in ("one", "two")
        )
        try:
            first.start()
            second.start()
            first.until(lambda: told(origin) == ["alert.opened"], "an alert")
            second.until(lambda: all_is_noted(second), "its note")
            first.kill()
            calendar = {"Content-Type": "text/calendar"}
            origin.routes["/cal.ics"] = Answer(200, calendar, BUSY.encode())
            pull(second)
            second.until(lambda: len(told(origin)) > 1, "the end")
            first.start()
            origin.routes["/cal.ics"] = Answer(401)
            pull(second)
            second.until(lambda: len(told(origin)) > 2, "another alert")
            assert told(origin) == ["alert.opened", "alert.resolved", "alert.opened"]
            assert first.stop() == second.stop() == 0
            assert told(origin) == ["alert.opened", "alert.resolved", "alert.opened"]
            logged = f"{first.log}{second.log}"
            assert logged.count("WARNING bridge.alerts: room-a.work: needs to be") == 2
            assert logged.count("WARNING bridge.alerts: room-a.work: all is well again") == 1
            assert SECRET not in logged
        finally:
            first.kill()
            second.kill()


def test_a_hanging_webhook_does_not_hold_up_pulls(tmp_path: Path) -> None:
    """The webhook takes what is sent and never answers; calendars are pulled as ever."""
    calendar = Answer(200, {"Content-Type": "text/calendar"}, BUSY.encode())
    with Origin() as origin:
        origin.routes |= {
            "/alerts": Answer(raw=[60.0]),
            "/refused.ics": Answer(401),
            "/cal.ics": calendar,
        }
        rooms = [resource("room-b", origin.url("/refused.ics"))]
        rooms.append(resource("room-a", origin.url("/cal.ics")))
        running = Running(
            tmp_path,
            configuration(
                *rooms,
                allow_inline_secrets=True,
                notify={"webhook": {"url": origin.url("/alerts"), "secret": SECRET}},
            ),
        )
        try:
            running.start()
            running.until(lambda: told(origin) != [], "an alert")
            before = len([each for each in origin.requests if each.path == "/cal.ics"])
            pull(running)
            running.until(
                lambda: len([it for it in origin.requests if it.path == "/cal.ics"]) > before,
                "a pull beside it",
            )
            assert len(told(origin)) == 1, "the webhook still hangs"
            assert "alerts do not arrive" not in running.log
        finally:
            running.kill()
