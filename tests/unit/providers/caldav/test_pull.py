"""Listings of servers that cut, forget, hide, break off, spell otherwise and fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.errors import (
    ProviderError,
    RateLimited,
    RemoteRejected,
    SyncTokenExpired,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.provider import Series, SeriesRemoved, SyncToken, Unchanged, Unreadable
from tests.contract.provider_contract import HOUR, NOW, Planned
from tests.servers.faultproxy import (
    Answer,
    Call,
    Fault,
    Forward,
    always,
    answering,
    halving,
    invalid_token,
    report,
    rewriting,
    without,
    without_sync,
)
from tests.unit.providers.caldav.conftest import Site, SiteMirror

SYNC, MULTIGET = report("sync-collection"), report("calendar-multiget")
LATER = Planned(NOW + HOUR, NOW + 2 * HOUR, "Later")


def items(pages: list) -> list:
    return [item for page in pages for item in page.items]


def hrefs(body: bytes) -> int:
    """Count them under any prefix: whichever library named the namespace last decides."""
    return len(re.findall(rb"<(?:\w+:)?href>", body))


def many(count: int) -> dict[str, Planned]:
    return {f"event-{n}": Planned(NOW + n * HOUR, NOW + n * HOUR + 60) for n in range(count)}


def truncating(size: int, *, progress: bool = True) -> Fault:
    """Cut each sync into parts, as RFC 6578 section 3.6 describes it.

    The parts' tokens are the proxy's own; it keeps what is left under them.
    """
    left: dict[str, tuple[list[str], str]] = {}

    def fault(call: Call, forward: Forward) -> Answer:
        if not SYNC(call):
            return forward(call)
        token = re.search(rb"sync-token>([^<]*)<", call.body)[1].decode()
        if token in left:
            responses, last = left[token]
        else:
            body = forward(call).body.decode()
            responses = re.findall(r"<response>.*?</response>", body, re.DOTALL)
            last = re.search(r"<sync-token>(.*?)</sync-token>", body)[1]
        rest = responses[size:] if progress else responses
        more = f"urn:part:{len(left)}" if progress else token
        if rest:
            left[more] = (rest, last)
        cut = f"<response><href>{call.path}</href><status>HTTP/1.1 507 x</status></response>"
        body = (
            '<?xml version="1.0"?><multistatus xmlns="DAV:">'
            + "".join(responses[:size])
            + (cut if rest else "")
            + f"<sync-token>{more if rest else last}</sync-token></multistatus>"
        )
        return Answer(207, body.encode(), {"Content-Type": "application/xml"})

    return fault


def test_a_sync_that_is_cut_into_parts_is_followed_to_its_end(site: Site) -> None:
    mirror = site.mirror(first=Planned())
    plans = many(10)
    for uid, plan in plans.items():
        mirror.put(uid, plan)
    with site.proxy.fault(truncating(3)):
        pages = mirror.pull()
    assert mirror.plans == {"first": Planned(), **plans}
    assert len(items(pages)) == 10
    assert site.proxy.count(SYNC) == 4
    assert items(mirror.pull()) == []


@pytest.mark.covers("F26")
def test_a_sync_whose_parts_repeat_is_given_up(site: Site) -> None:
    mirror = site.mirror(first=Planned())
    mirror.put("second", Planned())
    with site.proxy.fault(truncating(1, progress=False)), pytest.raises(UnreadableAnswer):
        mirror.pull()
    assert site.proxy.count(SYNC) == 1


@pytest.mark.covers("F26")
def test_a_sync_without_end_is_given_up(site: Site) -> None:
    mirror = site.mirror(first=Planned())
    rounds = iter(range(10**6))

    def endless(call: Call, forward: Forward) -> Answer:
        if not SYNC(call):
            return forward(call)
        body = (
            f'<multistatus xmlns="DAV:"><response><href>{call.path}</href><status>HTTP/1.1 507 x'
            f"</status></response><sync-token>urn:{next(rounds)}</sync-token></multistatus>"
        )
        return Answer(207, body.encode())

    with site.proxy.fault(endless), pytest.raises(UnreadableAnswer, match="no end"):
        mirror.pull()
    assert next(rounds) < 1000


@pytest.mark.covers("F16", "A-29")
@pytest.mark.parametrize("status", [400, 403, 409, 410, 412, 507])
def test_a_bad_token_is_known_by_its_body_under_any_status(site: Site, status: int) -> None:
    mirror = site.mirror(one=Planned(), two=Planned())
    mirror.delete("one")
    mirror.put("two", LATER)
    with site.proxy.fault(invalid_token(status)):
        with pytest.raises(SyncTokenExpired):
            mirror.pages(mirror.token)
        mirror.pull()
    assert mirror.plans == {"two": LATER}
    assert items(mirror.pull()) == []


@pytest.mark.parametrize("status", [410, 501])
def test_a_server_that_does_not_sync_after_all_is_listed_in_full(site: Site, status: int) -> None:
    mirror = site.mirror(one=Planned())
    with site.proxy.fault(answering(status, when=SYNC)):
        mirror.pull()
        mirror.pull()
    assert (mirror.restarts, mirror.plans) == (2, {"one": Planned()})


def test_the_servers_own_way_to_refuse_a_token_is_known(each: Site) -> None:
    mirror = each.mirror(one=Planned())
    token = json.loads(mirror.token)
    token["t"] = "http://radicale.org/ns/sync/" + "0" * 64 if "radicale" in token["t"] else "0" * 40
    with pytest.raises(SyncTokenExpired):
        mirror.pages(SyncToken(json.dumps(token)))


def test_a_forbidden_sync_is_not_a_bad_token(site: Site) -> None:
    mirror = site.mirror(one=Planned())
    with site.proxy.fault(answering(403, when=SYNC)), pytest.raises(RemoteRejected):
        mirror.pull()


def test_a_token_that_the_server_forgets_to_give_is_missed(site: Site) -> None:
    mirror = site.mirror(one=Planned())
    with site.proxy.fault(without("sync-token")), pytest.raises(UnreadableAnswer, match="token"):
        mirror.pull()


@pytest.mark.covers("F25")
def test_what_changes_while_the_calendar_is_listed_is_told_next_time(each: Site) -> None:
    mirror = SiteMirror(each, each.calendar())
    mirror.put("one", Planned())
    mirror.put("two", Planned())

    def meanwhile(call: Call, forward: Forward) -> Answer:
        if MULTIGET(call):
            mirror.put("one", LATER)
            mirror.put("three", Planned())
        return forward(call)

    with each.proxy.fault(meanwhile):
        mirror.pull()
    mirror.pull()
    assert mirror.plans == {"one": LATER, "two": Planned(), "three": Planned()}


@pytest.mark.parametrize("sync", [True, False])
def test_an_object_that_vanishes_between_listing_and_reading_is_gone(
    each: Site, sync: bool
) -> None:
    mirror = SiteMirror(each, each.calendar())
    faults = without() if sync else without_sync()
    mirror.put("stays", Planned())
    mirror.put("vanishes", Planned())

    def vanish(call: Call, forward: Forward) -> Answer:
        if MULTIGET(call) and b"vanishes" in call.body:
            mirror.delete("vanishes")
        return forward(call)

    with each.proxy.fault(faults):
        with each.proxy.fault(vanish):
            mirror.pull()
        assert mirror.plans == {"stays": Planned()}
        mirror.put("vanishes", LATER)
        mirror.pull()
        mirror.put("vanishes", Planned())
        with each.proxy.fault(vanish):
            pages = mirror.pull()
        assert SeriesRemoved("vanishes.ics") in items(pages)
        assert mirror.plans == {"stays": Planned()}
        mirror.pull()
        assert mirror.unknown == set()


def test_an_object_whose_content_is_withheld_is_unknown_and_asked_for_again(site: Site) -> None:
    mirror = site.mirror(one=Planned(), two=Planned())
    mirror.put("one", LATER)
    mirror.put("two", LATER)

    def withheld(body: bytes) -> bytes:
        head, _, tail = body.partition(b"one.ics</href><propstat>")
        prop, _, rest = tail.partition(b"200 OK")
        return head + b"one.ics</href><propstat>" + prop + b"404 Not Found" + rest if tail else body

    with site.proxy.fault(rewriting(withheld, when=MULTIGET)):
        for _ in range(2):
            unreadable = [item for item in items(mirror.pull()) if isinstance(item, Unreadable)]
            assert [item.remote_id for item in unreadable] == ["one.ics"]
            assert mirror.plans == {"one": Planned(), "two": LATER}
    mirror.pull()
    assert mirror.plans == {"one": LATER, "two": LATER}
    assert items(mirror.pull()) == []


def test_a_response_without_status_for_an_object_is_no_deletion(site: Site) -> None:
    """A propstat of 404 says that a property is missing, not that the object is."""
    mirror = site.mirror(one=Planned())
    mirror.put("one", LATER)
    missing = rewriting(lambda body: body.replace(b"200 OK", b"404 Not Found"), when=SYNC)
    with site.proxy.fault(missing):
        mirror.pull()
    assert mirror.plans == {"one": LATER}


def leaving_out(name: bytes) -> Fault:
    pattern = re.compile(rb"<response><href>[^<]*" + name + rb"</href>.*?</response>", re.DOTALL)
    return rewriting(lambda body: pattern.sub(b"", body), when=MULTIGET)


def test_an_object_that_a_multiget_leaves_out_is_fetched_by_itself(site: Site) -> None:
    mirror = SiteMirror(site, site.calendar())
    mirror.put("one", Planned())
    mirror.put("two", Planned())
    with site.proxy.fault(leaving_out(b"one.ics")):
        mirror.pull()
        assert mirror.plans == {"one": Planned(), "two": Planned()}
        mirror.put("one", LATER)
        mirror.pull()
    assert mirror.plans == {"one": LATER, "two": Planned()}


def failing_on(name: bytes, answer: Callable[[Answer], Answer]) -> Fault:
    def fault(call: Call, forward: Forward) -> Answer:
        there = MULTIGET(call) and name in call.body
        return answer(forward(call)) if there or name.decode() in call.path else forward(call)

    return fault


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: Answer(500, b"Internal Server Error"),
        lambda it: replace(it, body=it.body.replace(b"SUMMARY:", b"SUMMARY:\x0b")),
        lambda it: replace(it, body=it.body + b" " * (33 << 20)),
    ],
    ids=["500", "not-xml", "too-large"],
)
def test_one_object_that_spoils_its_batch_costs_the_others_nothing(
    site: Site, answer: Callable[[Answer], Answer]
) -> None:
    mirror = SiteMirror(site, site.calendar())
    plans = many(7)
    for uid, plan in plans.items():
        mirror.put(uid, plan)
    mirror.put("bad", Planned())
    with site.proxy.fault(failing_on(b"bad.ics", answer)):
        mirror.pull()
        assert mirror.plans == plans
        assert mirror.unknown == {"bad.ics"}
        mirror.put("event-0", LATER)
        mirror.pull()
        assert mirror.plans == plans | {"event-0": LATER}
        mirror.pull()  # what is known to fail alone is no failure of the server
    mirror.pull()
    assert mirror.plans == plans | {"event-0": LATER, "bad": Planned()}
    assert mirror.unknown == set()


def test_a_lone_change_that_cannot_be_delivered_is_asked_for_again(site: Site) -> None:
    mirror = site.mirror(one=Planned(), two=Planned())
    mirror.put("one", LATER)
    spoilt = rewriting(lambda body: body.replace(b"SUMMARY:", b"SUMMARY:\x0b"), when=MULTIGET)
    with site.proxy.fault(spoilt):
        mirror.pull()
        assert (mirror.plans["one"], mirror.unknown) == (Planned(), {"one.ics"})
        mirror.delete("two")
        mirror.pull()
    assert mirror.plans == {"one": Planned()}
    mirror.pull()
    assert mirror.plans == {"one": LATER}


def test_a_calendar_of_which_nothing_can_be_read_is_not_read(site: Site) -> None:
    mirror = SiteMirror(site, site.calendar())
    mirror.put("one", Planned())
    mirror.put("two", Planned())
    spoilt = rewriting(lambda body: body.replace(b"DTSTART:", b"DTSTART:when-"), when=MULTIGET)
    with site.proxy.fault(spoilt), pytest.raises(UnreadableAnswer, match="none of its objects"):
        mirror.pull()


def test_objects_that_are_withheld_by_the_hundred_are_not_asked_for_for_ever(site: Site) -> None:
    mirror = SiteMirror(site, site.calendar())
    mirror.put("open", Planned())
    for uid, plan in many(70).items():
        mirror.put(uid, plan)
    hidden = re.compile(rb"(event-\d+\.ics</href><propstat>.*?)200 OK", re.DOTALL)
    withheld = rewriting(lambda body: hidden.sub(rb"\g<1>403 Forbidden", body), when=MULTIGET)
    with site.proxy.fault(withheld):
        mirror.pull()
        assert len(mirror.unknown) == 70
        mirror.pull()
    assert hrefs(site.proxy.calls[-1].body) == 50


def test_an_object_that_failed_is_asked_for_again_although_the_ctag_stands(site: Site) -> None:
    mirror = SiteMirror(site, site.calendar())
    mirror.put("one", Planned())
    mirror.put("bad", Planned())
    failing = failing_on(b"bad.ics", lambda _: Answer(500))
    with site.proxy.fault(without_sync()):
        with site.proxy.fault(failing):
            mirror.pull()
            mirror.pull()
            assert (mirror.plans, mirror.unknown) == ({"one": Planned()}, {"bad.ics"})
        mirror.pull()
        assert mirror.plans == {"one": Planned(), "bad": Planned()}
        mirror.put("bad", LATER)
        mirror.put("one", LATER)
        with site.proxy.fault(failing):
            mirror.pull()
            assert mirror.plans == {"one": LATER, "bad": Planned()}
        mirror.pull()
        assert (mirror.plans, mirror.unknown) == ({"one": LATER, "bad": LATER}, set())
        assert items(mirror.pull()) == []


def test_one_failed_multiget_is_read_in_halves(site: Site) -> None:
    mirror = SiteMirror(site, site.calendar())
    plans = many(5)
    for uid, plan in plans.items():
        mirror.put(uid, plan)
    with site.proxy.fault(answering(500, when=MULTIGET, times=1)):
        mirror.pull()
    assert (mirror.plans, mirror.unknown) == (plans, set())


@pytest.mark.covers("F19")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("objects", [1, 50])
def test_a_server_that_fails_on_everything_fails_and_hides_nothing(
    site: Site, status: int, objects: int
) -> None:
    mirror = SiteMirror(site, site.calendar())
    for uid, plan in many(objects).items():
        mirror.put(uid, plan)
    with site.proxy.fault(answering(status, when=MULTIGET)), pytest.raises(ProviderError) as failed:
        mirror.pull()
    assert isinstance(failed.value, TemporarilyUnavailable | UnreadableAnswer)
    assert site.proxy.count(MULTIGET) <= 41
    mirror.pull()
    assert len(mirror.plans) == objects


@pytest.mark.covers("F19")
@pytest.mark.parametrize("fault", [without(), without_sync()], ids=["sync", "etags"])
def test_a_server_that_fails_on_all_that_changed_fails_too(site: Site, fault: Fault) -> None:
    with site.proxy.fault(fault):
        mirror = site.mirror(one=Planned(), two=Planned())
        mirror.put("one", LATER)
        with (
            site.proxy.fault(answering(500, when=MULTIGET)),
            pytest.raises(TemporarilyUnavailable),
        ):
            mirror.pull()
        mirror.pull()
    assert mirror.plans == {"one": LATER, "two": Planned()}


@pytest.mark.covers("F18")
@pytest.mark.parametrize("when", [always, SYNC, MULTIGET])
def test_a_pause_that_is_asked_for_is_handed_on(site: Site, when: Callable[[Call], bool]) -> None:
    mirror = site.mirror(one=Planned())
    mirror.put("one", LATER)
    fault = answering(429, headers={"Retry-After": "120"}, when=when, times=1)
    with site.proxy.fault(fault), pytest.raises(RateLimited) as limited:
        mirror.pull()
    assert limited.value.retry_after is not None
    assert limited.value.retry_after.total_seconds() == 120
    mirror.pull()
    assert mirror.plans == {"one": LATER}


@pytest.mark.covers("F21", "A-31")
@pytest.mark.parametrize("when", [SYNC, MULTIGET], ids=["sync", "multiget"])
@pytest.mark.parametrize(
    "make",
    [
        lambda when: halving(when=when),
        lambda when: answering(200, b"<html>login</html>", when=when),
        lambda when: answering(207, b"<html>login</html>", when=when),
        lambda when: rewriting(lambda body: body[: len(body) // 2], when=when),
    ],
    ids=["half", "login-page", "login-page-207", "cut-with-a-fitting-length"],
)
def test_what_is_not_a_whole_answer_leaves_nothing(
    site: Site, when: Callable[[Call], bool], make: Callable[..., Fault]
) -> None:
    mirror = site.mirror(one=Planned(), two=Planned())
    mirror.put("one", LATER)
    mirror.delete("two")
    with site.proxy.fault(make(when)), pytest.raises(UnreadableAnswer):
        mirror.pull()
    mirror.pull()
    assert mirror.plans == {"one": LATER}


def reencoded(body: bytes) -> bytes:
    """Spell hrefs the other way: what was encoded plain, and what was plain encoded."""
    return re.sub(
        rb"(<href>)([^<]*)(</href>)",
        lambda m: m[1] + m[2].replace(b"%40", b"@").replace(b".ics", b"%2Eics") + m[3],
        body,
    )


def test_hrefs_are_the_same_however_they_are_encoded(site: Site) -> None:
    mirror = SiteMirror(site, site.calendar())
    mirror.put("ann@example.com", Planned())
    mirror.put("gone@example.com", Planned())
    mirror.pull()
    mirror.put("ann@example.com", LATER)
    mirror.delete("gone@example.com")
    with site.proxy.fault(rewriting(reencoded)):
        mirror.pull()
    assert mirror.plans == {"ann@example.com": LATER}
    mirror.token = None
    with site.proxy.fault(rewriting(reencoded, when=MULTIGET)):
        mirror.pull()
    assert mirror.plans == {"ann@example.com": LATER}


def test_absolute_hrefs_of_a_proxy_that_knows_another_name_are_understood(site: Site) -> None:
    mirror = site.mirror(one=Planned())
    mirror.put("one", LATER)
    inner = rewriting(
        lambda body: body.replace(b"<href>/ann/c", b"<href>http://internal:8080/ann/c"),
        when=lambda call: call.path == mirror.calendar,
    )
    with site.proxy.fault(inner):
        mirror.pull()
    assert mirror.plans == {"one": LATER}


@pytest.mark.covers("F69")
def test_an_etag_that_changes_by_itself_is_no_change(site: Site) -> None:
    counter = iter(range(10**6))
    restless = rewriting(
        lambda body: re.sub(rb'<getetag>"', lambda _: b'<getetag>"%d-' % next(counter), body)
    )
    with site.proxy.fault(without_sync()), site.proxy.fault(without("getctag")):
        mirror = site.mirror(one=Planned(), two=Planned())
        with site.proxy.fault(restless):
            assert items(mirror.pull()) == []
            assert items(mirror.pull()) == []
            mirror.put("one", LATER)
            assert [item.remote_id for item in items(mirror.pull())] == ["one.ics"]
    assert mirror.plans == {"one": LATER, "two": Planned()}


@pytest.mark.covers("F69")
def test_a_weak_etag_tells_as_much_as_a_strong_one(site: Site) -> None:
    weak = rewriting(lambda body: body.replace(b'<getetag>"', b'<getetag>W/"'))
    with site.proxy.fault(without_sync()):
        mirror = site.mirror(one=Planned(), two=Planned())
        mirror.put("one", LATER)
        with site.proxy.fault(weak):
            before = site.proxy.count(MULTIGET)
            [item] = items(mirror.pull())
            assert site.proxy.count(MULTIGET) == before + 1
            assert hrefs(site.proxy.calls[-1].body) == 1
    assert isinstance(item, Series)
    assert (item.remote_id, item.etag) == ("one.ics", None)


@pytest.mark.covers("F27")
def test_what_a_listing_of_etags_leaves_out_makes_it_a_full_listing_and_no_deletion(
    site: Site,
) -> None:
    with site.proxy.fault(without_sync()):
        mirror = site.mirror(one=Planned(), two=Planned(), three=Planned())
        before = site.proxy.count(MULTIGET)
        mirror.delete("one")
        mirror.put("two", LATER)
        pages = mirror.pull()
        assert all(page.full for page in pages)
        assert [type(item) for item in items(pages)] == [Unchanged, Series]
        assert site.proxy.count(MULTIGET) == before + 1, "what is as it was is not fetched"
        assert mirror.plans == {"two": LATER, "three": Planned()}
        assert not any(page.full for page in mirror.pull())


def test_an_unchanged_ctag_costs_one_request(site: Site) -> None:
    with site.proxy.fault(without_sync()):
        mirror = site.mirror(one=Planned())
        source = site.open()
        source.list_calendars()
        before = len(site.proxy.calls)
        list(source.changes(mirror.calendar, mirror.token, (0, 1)))
        assert len(site.proxy.calls) == before + 1


def test_an_unchanged_sync_token_costs_one_request(each: Site) -> None:
    mirror = each.mirror(one=Planned())
    source = each.open()
    source.list_calendars()
    before = len(each.proxy.calls)
    list(source.changes(mirror.calendar, mirror.token, (0, 1)))
    assert len(each.proxy.calls) == before + 1


def test_a_listing_that_the_server_cuts_is_not_believed(site: Site) -> None:
    mirror = SiteMirror(site, site.calendar())
    mirror.put("one", Planned())
    cut = b"<response><href>/ann/</href><status>HTTP/1.1 507 x</status></response></multistatus>"
    fault = rewriting(
        lambda body: body.replace(b"</multistatus>", cut),
        when=lambda call: call.is_listing() and call.path == mirror.calendar,
    )
    with site.proxy.fault(fault), pytest.raises(UnreadableAnswer):
        mirror.pull()


@pytest.mark.covers("F23", "F24")
def test_objects_named_twice_and_in_any_order_are_one_each(site: Site) -> None:
    def twice(body: bytes) -> bytes:
        found = re.findall(rb"<response>.*?</response>", body, re.DOTALL)
        if not found:
            return body
        head, tail = body.partition(found[0])[0], body.rpartition(found[-1])[2]
        return head + b"".join(reversed(found * 2)) + tail

    mirror = SiteMirror(site, site.calendar())
    plans = many(5)
    for uid, plan in plans.items():
        mirror.put(uid, plan)
    doubled = rewriting(twice, when=lambda call: call.path == mirror.calendar)
    with site.proxy.fault(doubled):
        assert len(items(mirror.pull())) == 5
        mirror.put("event-0", LATER)
        mirror.delete("event-1")
        assert len(items(mirror.pull())) == 2
    del plans["event-1"]
    assert mirror.plans == plans | {"event-0": LATER}


def test_a_task_among_events_is_no_event(each: Site) -> None:
    mirror = SiteMirror(each, each.calendar())
    mirror.put("one", Planned())
    task = Planned().ics("task").replace("VEVENT", "VTODO").replace("DTEND", "DUE")
    each.dav.put(mirror.calendar, "task.ics", task)
    mirror.pull()
    assert mirror.plans == {"one": Planned()}
    each.dav.put(mirror.calendar, "task.ics", task.replace("Meeting", "Changed"))
    mirror.pull()
    assert (mirror.plans, mirror.unknown) == ({"one": Planned()}, set())


def test_a_calendar_object_with_two_uids_is_named_and_not_halved(site: Site) -> None:
    mirror = SiteMirror(site, site.calendar())
    mirror.put("one", Planned())
    mirror.put("other", Planned())
    event = re.compile(rb"BEGIN:VEVENT.*?END:VEVENT\r?\n", re.DOTALL)

    def doubled(found: re.Match[bytes]) -> bytes:
        return found[0] + found[0].replace(b"UID:one", b"UID:two") * (b"UID:one" in found[0])

    two = rewriting(lambda body: event.sub(doubled, body), when=MULTIGET)
    with site.proxy.fault(two):
        found = {item.remote_id: item for item in items(mirror.pull())}
    assert isinstance(found["other.ics"], Series)
    assert "2 different events" in found["one.ics"].reason


def test_a_calendar_is_read_for_the_changed_occurrences_of_its_one_broken_event(
    site: Site,
) -> None:
    mirror = SiteMirror(site, site.calendar())
    mirror.put("one", Planned())
    event = re.compile(rb"BEGIN:VEVENT.*?END:VEVENT\r?\n", re.DOTALL)
    start = re.compile(rb"DTSTART[^\r\n]*")

    def broken(found: re.Match[bytes]) -> bytes:
        moved = start.sub(rb"\g<0>\r\nRECURRENCE-ID:20261101T080000Z", found[0])
        return start.sub(b"DTSTART:never", found[0]) + moved

    with site.proxy.fault(rewriting(lambda body: event.sub(broken, body), when=MULTIGET)):
        (item,) = items(mirror.pull())
    assert isinstance(item, Unreadable)
    assert item.remains is not None
    assert [it.summary for it in item.remains.overrides] == ["Meeting"]


def test_the_owners_reply_is_read_by_the_address_that_the_server_knows(site: Site) -> None:
    calendar = site.calendar()
    event = (
        Planned()
        .ics("one")
        .replace(
            "END:VEVENT",
            "ORGANIZER:mailto:boss@example.com\r\n"
            "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.com\r\nEND:VEVENT",
        )
    )
    site.dav.put(calendar, "one.ics", event)
    addresses = rewriting(
        lambda body: body.replace(
            b"<C:calendar-user-address-set><href>/ann/</href>",
            b"<C:calendar-user-address-set><href>/ann/</href><href>mailto:other@example.com</href>"
            b"<href preferred='1'>mailto:ann@example.com</href>",
        )
    )
    with site.proxy.fault(addresses):
        [item] = items(list(site.open().changes(calendar, None, (0, 1))))
    assert isinstance(item, Series)
    assert item.series.master.self_partstat.value == "DECLINED"
    assert item.text.startswith("BEGIN:VCALENDAR")
    assert item.etag
