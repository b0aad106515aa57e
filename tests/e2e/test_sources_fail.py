"""Sources that lie, cut, stall or ask for a pause: what was known of them stays, others go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.sources import CalDavCalendar, IcsUrl, vevent
from tests.e2e.town import END, START, TOMORROW, Town, busy, resource, serving
from tests.servers import faultproxy, origin
from tests.servers.faultproxy import Call, Fault, Forward, answering, halving, report
from tests.servers.origin import Answer

RETRY = 20
"""Seconds for which a source wants to be left alone."""
NINE, ELEVEN, ONE = (busy(TOMORROW, f"{hour}:00", f"{hour}:30", "UTC") for hour in (9, 11, 13))
PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"
CALENDAR = {"Content-Type": "text/calendar"}
UNREADABLE, DOWN = {"unreadable_answer"}, {"unavailable", "server_failed", "timeout"}

FEEDS: dict[str, tuple[Callable[[bytes], Answer], set[str]]] = {
    "half": (origin.half, UNREADABLE | DOWN),
    "half-chunked": (origin.half_chunked, UNREADABLE | DOWN),
    "half-gzip": (origin.half_gzip, UNREADABLE),
    "cut": (lambda body: Answer(200, CALENDAR, body[: len(body) * 2 // 3]), UNREADABLE),
    "empty": (lambda _: Answer(200, CALENDAR), UNREADABLE),
    "login": (lambda _: origin.html(), UNREADABLE),
    "login-as-calendar": (lambda _: Answer(200, CALENDAR, PAGE), UNREADABLE),
    "slow": (lambda _: origin.slow_headers(0.2), DOWN),
    "error": (lambda _: Answer(500), DOWN),
    "gone": (lambda _: Answer(404), {"not_found"}),
}
"""What a feed answers instead of its text, and what `status` may call it."""
SERVERS: dict[str, tuple[Fault, set[str]]] = {
    "half-changes": (halving(when=report("sync-collection")), UNREADABLE | DOWN),
    "half-events": (halving(when=report("calendar-multiget")), UNREADABLE | DOWN),
    "login": (answering(200, PAGE, {"Content-Type": "text/html"}), UNREADABLE),
    "error": (answering(500), DOWN),
    "busy": (answering(502), DOWN),
    "locked": (answering(401), {"token_expired"}),
}
PAUSES: dict[str, Callable[[], dict[str, str]]] = {
    "caldav": lambda: {"Retry-After": str(RETRY)},
    "apple": lambda: {"Retry-After": str(RETRY)},
    "ics": lambda: {"Date": http_date(), "Retry-After": http_date(RETRY)},
}


def now() -> datetime:
    return datetime.now(UTC)


def http_date(later: int = 0) -> str:
    return format_datetime(now() + timedelta(seconds=later), usegmt=True)


def event(hour: int, *lines: str) -> tuple[str, str]:
    day, uid = f"{TOMORROW:%Y%m%d}T{hour:02}", f"at-{hour}"
    return uid, vevent(uid, f"DTSTART:{day}0000Z", f"DTEND:{day}3000Z", *lines)


@dataclass
class Pair:
    """A resource with a source that will fail and a healthy one."""

    id: str
    failing: CalDavCalendar | IcsUrl
    breaking: Callable[[], AbstractContextManager[None]]
    healthy: IcsUrl

    def resource(self, **keys: str) -> dict[str, Any]:
        failing = {**self.failing.connection(), "id": "failing", **keys}
        return resource(self.id, failing, {**self.healthy.connection(), "id": "healthy"})

    @property
    def failing_id(self) -> str:
        return f"{self.id}.failing"

    def asked(self) -> int:
        """How often the failing source was asked for anything."""
        if isinstance(self.failing, IcsUrl):
            path = self.failing.path
            return sum(request.path == path for request in self.failing.origin.requests)
        assert self.failing.through
        return len(self.failing.through.calls)


class Ward:
    """The resources of this file, behind one bridge."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town = town
        self.feeds = {name: self.feed(name, answer) for name, (answer, _) in FEEDS.items()}
        self.servers = {name: self.server(name, fault) for name, (fault, _) in SERVERS.items()}
        self.pausing = {
            "caldav": self.server("429", self.pause(429, "caldav")),
            "apple": self.server("503", self.pause(503, "apple")),
            "ics": self.feed("429", lambda _: Answer(429, PAUSES["ics"]())),
        }
        apple = self.pausing["apple"]
        assert isinstance(apple.failing, CalDavCalendar)
        assert apple.failing.through
        pairs = [*self.feeds.values(), *self.servers.values()]
        pairs += [self.pausing["caldav"], self.pausing["ics"]]
        resources = [*(pair.resource() for pair in pairs), self.icloud(apple)]
        self.served = serving(
            folder,
            resources,
            sync={"interval": "1h", "backoff": {"initial": "5s"}},
            providers={
                "ics": {"timeout": "3s"},
                "apple": {"server_url": apple.failing.through.url()},
            },
        )

    def feed(self, name: str, answer: Callable[[bytes], Answer]) -> Pair:
        source = IcsUrl(self.town.origin, f"/failing-{name}.ics")
        source.put_text(*event(9))
        routes = self.town.origin.routes

        @contextmanager
        def breaking() -> Iterator[None]:
            healthy, routes[source.path] = routes[source.path], answer(source.text().encode())
            yield
            routes[source.path] = healthy

        return Pair(f"ics-{name}", source, breaking, self.beside(f"ics-{name}"))

    def server(self, name: str, fault: Fault) -> Pair:
        source, proxy = self.town.proxied("radicale", name)
        source.put_text(*event(9))

        @contextmanager
        def breaking() -> Iterator[None]:
            source.put_text(*event(9, "DESCRIPTION:there is something new to read"))
            with proxy.fault(fault):
                yield

        return Pair(f"caldav-{name}", source, breaking, self.beside(f"caldav-{name}"))

    def beside(self, name: str) -> IcsUrl:
        source = IcsUrl(self.town.origin, f"/beside-{name}.ics")
        source.put_text(*event(11))
        return source

    def pause(self, status: int, name: str) -> Fault:
        def fault(call: Call, forward: Forward) -> faultproxy.Answer:
            return answering(status, b"", PAUSES[name]())(call, forward)

        return fault

    def icloud(self, pair: Pair) -> dict[str, Any]:
        made = pair.resource(provider="apple")
        made["connections"][0].pop("server_url")
        return made


@pytest.fixture(scope="module")
def ward(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    found = Ward(town, tmp_path_factory.mktemp("sources"))
    yield found
    found.served.__exit__()


@pytest.mark.covers("A-31", "F21", "F22", "P4")
@pytest.mark.parametrize("kind", ["ics", "caldav"])
def test_what_cannot_be_read_whole_costs_no_busy_time_and_says_what_is_wrong_since_when(
    ward: Ward, kind: str
) -> None:
    served = ward.served
    codes = {name: codes for name, (_, codes) in (FEEDS if kind == "ics" else SERVERS).items()}
    pairs = ward.feeds if kind == "ics" else ward.servers
    for pair in pairs.values():
        assert served.periods(pair.id, START, END) == [NINE, ELEVEN]
        assert served.freshness(pair.id).endswith("; stale=0")
    with ExitStack() as faults:
        for pair in pairs.values():
            faults.enter_context(pair.breaking())
            pair.healthy.put_text(*event(13))
        began = time.monotonic()
        outcomes = served.pull(*(pair.id for pair in pairs.values()))
        assert time.monotonic() - began < 30, "who sends a byte now and then is not waited for"
        said = {each["id"]: each for each in served.status()["connections"]}
        for name, pair in pairs.items():
            assert outcomes[pair.failing_id] in codes[name], name
            assert outcomes[f"{pair.id}.healthy"] == "ok", name
            assert served.periods(pair.id, START, END) == [NINE, ELEVEN, ONE], name
            assert served.freshness(pair.id).endswith("; stale=1"), name
            assert served.metric("busybridge_resource_stale_calendars", resource=pair.id) == 1
            shown = said[pair.failing_id]
            assert shown["error"]["code"] in codes[name]
            assert shown["error"]["message"], name
            assert shown["last_sync_at"] < shown["error"]["since"]
            assert said[f"{pair.id}.healthy"]["error"] is None
    assert set(served.pull(*(pair.failing_id for pair in pairs.values())).values()) == {"ok"}
    said = {each["id"]: each for each in served.status()["connections"]}
    for pair in pairs.values():
        assert (said[pair.failing_id]["status"], said[pair.failing_id]["error"]) == ("active", None)
        assert served.freshness(pair.id).endswith("; stale=0")


@pytest.mark.covers("S0-32")
def test_a_failing_source_is_an_error_and_a_refused_login_is_something_else(ward: Ward) -> None:
    served = ward.served
    pairs = ward.servers["error"], ward.servers["locked"]
    with pairs[0].breaking(), pairs[1].breaking():
        served.pull(*(pair.failing_id for pair in pairs))
        said = [served.connection(pair.failing_id) for pair in pairs]
        assert [each["status"] for each in said] == ["error", "token_expired"]
        assert "password" in said[1]["error"]["hint"]
        for pair, status in zip(pairs, ("error", "token_expired"), strict=True):
            labels = {"connection": pair.failing_id, "provider": "caldav", "status": status}
            assert served.metric("busybridge_connection_status", **labels) == 1
    served.pull(*(pair.failing_id for pair in pairs))


@pytest.mark.covers("A-30", "S0-54")
def test_a_source_that_asks_for_a_pause_gets_it_and_nobody_else_waits(ward: Ward) -> None:
    served = ward.served
    pairs = list(ward.pausing.values())
    asked_at = now()
    with ExitStack() as faults:
        for pair in pairs:
            faults.enter_context(pair.breaking())
            pair.healthy.put_text(*event(13))
        outcomes = served.pull(*(pair.id for pair in pairs))
    pulled_at = now()
    asked = {pair.id: pair.asked() for pair in pairs}
    said = {each["id"]: each for each in served.status()["connections"]}
    text = served.run("status").stdout
    ends: dict[str, datetime] = {}
    for pair in pairs:
        assert outcomes == {**outcomes, pair.failing_id: "rate_limited", f"{pair.id}.healthy": "ok"}
        shown = said[pair.failing_id]
        assert (shown["status"], shown["state"]) == ("active", "rate_limited")
        assert f"{pair.failing_id}: not pulled before {shown['rate_limit_resets_at']}" in text
        ends[pair.id] = datetime.fromisoformat(shown["rate_limit_resets_at"])
        assert asked_at + timedelta(seconds=RETRY - 2) <= ends[pair.id], pair.id
        assert ends[pair.id] <= pulled_at + timedelta(seconds=RETRY * 1.1 + 2), pair.id
    # First, since the pause lasts no longer than it was asked for.
    outcomes = served.pull(*(pair.failing_id for pair in pairs))
    for pair in pairs:
        assert outcomes[pair.failing_id] == "rate_limited" or now() > ends[pair.id]
    for pair in pairs:
        assert served.periods(pair.id, START, END) == [NINE, ELEVEN, ONE]
    for pair in pairs:
        assert now() > ends[pair.id] or pair.asked() == asked[pair.id]

    def recovered() -> bool:
        return all(served.connection(pair.failing_id)["state"] == "idle" for pair in pairs)

    served.wait(recovered, "they are pulled when the pause is over", RETRY + 60)
    for pair in pairs:
        assert pair.asked() > asked[pair.id]
        last = datetime.fromisoformat(served.connection(pair.failing_id)["last_attempt_at"])
        assert last >= ends[pair.id]
