"""Whatever is sent to CalDAV: nothing breaks, nothing takes long, nobody sees another's."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from functools import partial
from urllib.parse import unquote
from xml.etree.ElementTree import ParseError

import pytest
from defusedxml.ElementTree import fromstring

from bridge.ical.limits import check_calendar_body
from bridge.store.database import Database
from bridge.store.schema import overlays
from bridge.web import guard
from tests.dav.door import CANARY, DETAILS, HOME, TIMES, D, Door, Got, Sent, open_door, watched_log
from tests.dav.mutations import mutated
from tests.dav.requests import valid_requests
from tests.long import seeds
from tests.web.site import basic

EACH = 5_000
"""Requests of one seed; one seed in every run, forty under `soak`."""
SEEN = ("/", HOME, "/room-a/", "/room-b/")
"""Collections that alice may see, and below her own home everything that is there."""
WEIGHTS = {"REPORT": 5, "PROPFIND": 4, "PUT": 3, "PROPPATCH": 2, "GET": 2}
BOB = basic("bob", "bob's password")


@pytest.mark.covers("P9", "T21", "T23", "T27", "T49")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", seeds(1, 40))
def test_no_request_breaks_calendars(sqlite_database: Database, seed: int, record_property) -> None:
    door = open_door(sqlite_database)
    chance = random.Random(seed)
    valid = valid_requests(door)
    methods = list(valid)
    weights = [WEIGHTS.get(method, 1) for method in methods]
    before = seen_by_bob(door), door.objects(TIMES), door.objects(DETAILS)
    sent, passed, statuses = Counter(), Counter(), {method: Counter() for method in methods}
    worst = 0.0
    with watched_log() as log:
        for number in range(EACH):
            method = chance.choices(methods, weights)[0]
            request = mutated(chance, chance.choice(valid[method]))
            got = door.send(request)
            context = f"seed {seed}, request {number}: {request} -> {got.status} {got.body[:400]!r}"
            assert not log.bad, f"{context}\n{log.bad}"
            assert got.status < 500, context
            assert got.cpu < 1, f"{got.cpu} s of CPU; {context}"
            problem = wrong_with(request, got)
            assert not problem, f"{problem}; {context}"
            worst = max(worst, got.cpu)
            sent[method] += 1
            passed[method] += passes_guard(request)
            statuses[method][got.status] += 1
    share = passed.total() / sent.total()
    record_property(
        "told",
        f"CalDAV fuzz, seed {seed}: {EACH} requests, {share:.0%} passed the "
        f"guard, the slowest took {worst * 1000:.0f} ms of CPU",
    )
    for method in methods:
        shown = " ".join(f"{status}x{count}" for status, count in sorted(statuses[method].items()))
        record_property(
            "told",
            f"  {method}: {sent[method]} sent, {passed[method]} passed the guard, answered {shown}",
        )
    assert share >= 0.5
    assert all(passed[method] >= sent[method] * 0.4 for method in methods), "each method is reached"
    assert (seen_by_bob(door), door.objects(TIMES), door.objects(DETAILS)) == before
    with sqlite_database.read() as conn:
        kept = conn.execute(overlays.select()).all()
    assert {(row.login, row.name.rpartition("}")[2]) for row in kept} <= {
        ("alice", name) for name in ("displayname", "calendar-color", "calendar-order")
    }


def seen_by_bob(door: Door) -> list[bytes]:
    other = Door(door.wsgi, BOB)
    return [
        other.send(Sent("PROPFIND", path, headers={"depth": "1"})).body
        for path in ("/", "/bob/", "/bob/vault.busy/")
    ]


def passes_guard(sent: Sent) -> bool:
    rules = guard.Inspection(max_size=1 << 20, check_calendar=partial(check_calendar_body))
    return not (
        guard.inspect_target(sent.path)
        or guard.inspect_headers(sent.headers, rules.max_size)
        or guard.inspect_dav(sent.method, sent.headers, sent.body, rules)
    )


def wrong_with(sent: Sent, got: Got) -> str:
    """Say what is wrong with an answer; empty when nothing is."""
    if CANARY.encode() in got.body or CANARY in str(got.headers):
        return "it tells what alice may not know"
    if sent.method == "HEAD" and got.body:
        return "an answer to HEAD has a body"
    measured = got.status not in (204, 304) and sent.method != "HEAD"
    if measured and got.headers.get("content-length") != str(len(got.body)):
        return "its length is not what it says"
    if got.body and "xml" in got.headers.get("content-type", ""):
        try:
            root = fromstring(got.body)
        except ParseError as err:
            return f"it is no XML: {err}"
        if got.status == 207:
            return wrong_names(root.findall(f"{D}response"), sent.headers)
    return ""


def wrong_names(responses: list, headers: Mapping[str, str]) -> str:
    for response in responses:
        href = unquote(response.findtext(f"{D}href") or "")
        missing = (response.findtext(f"{D}status") or "").split()[1:2] == ["404"]
        # What is not there is named as the client named it, and nothing is said of it.
        if missing and response.find(f"{D}propstat") is None:
            continue
        if href not in SEEN and not href.startswith(HOME):
            return f"it names {href}"
    return ""
