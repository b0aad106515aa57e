"""PROPFIND: what is shown of roots, principals, homes, calendars and objects."""

from __future__ import annotations

import time

import pytest

from tests.dav.client import (
    Client,
    change,
    clark,
    propfind,
    query,
    read,
    refusal,
    search,
    update,
)
from tests.dav.house import HOUR, NINE, House, hours

BUSY = "/bob/room-a.busy/"
BOOKINGS = "/bob/room-a.bookings/"


def test_named_properties_come_with_200_and_unknown_ones_with_404(bob: Client) -> None:
    asked = '<D:prop><D:displayname/><D:nonsense/><x:y xmlns:x="urn:other"/><z xmlns=""/></D:prop>'
    (member,) = read(bob.send("PROPFIND", BUSY, propfind(asked), Depth="0")).values()
    assert list(member.props) == ["D:displayname"]
    assert member.others == {"D:nonsense": 404, "{urn:other}y": 404, "z": 404}


def test_an_unknown_property_alone_is_answered_with_404_and_no_empty_200(bob: Client) -> None:
    answer = bob.send("PROPFIND", BUSY, propfind("<D:prop><D:quota/></D:prop>"), Depth="0")
    assert b"200 OK" not in answer.body
    assert read(answer)[BUSY].others == {"D:quota": 404}


def test_a_request_for_no_property_is_answered_with_no_property(bob: Client) -> None:
    member = read(bob.send("PROPFIND", BUSY, propfind("<D:prop/>"), Depth="0"))[BUSY]
    assert (member.props, member.others) == ({}, {})


def test_an_empty_body_is_allprop(bob: Client) -> None:
    empty = bob.send("PROPFIND", BUSY, Depth="0")
    assert empty.body == bob.send("PROPFIND", BUSY, propfind("<D:allprop/>"), Depth="0").body
    shown = read(empty)[BUSY].props
    assert {"D:resourcetype", "D:displayname", "D:getetag", "D:sync-token"} <= set(shown)
    # RFC 4791 section 5.2: SHOULD NOT be returned by allprop.
    assert "C:supported-calendar-component-set" not in shown
    assert "C:max-date-time" not in shown


def test_include_adds_to_allprop_and_says_what_is_not_there(bob: Client) -> None:
    asked = "<D:allprop/><D:include><C:max-date-time/><D:nonsense/><D:displayname/></D:include>"
    member = read(bob.send("PROPFIND", BUSY, propfind(asked), Depth="0"))[BUSY]
    assert "C:max-date-time" in member.props
    assert member.others == {"D:nonsense": 404}


@pytest.mark.parametrize("path", ["/", "/bob/", "/room-a/", BUSY, BOOKINGS])
def test_propname_names_what_can_then_be_asked_for(bob: Client, path: str) -> None:
    named = read(bob.send("PROPFIND", path, propfind("<D:propname/>"), Depth="0"))[path].props
    assert all(not len(each) and not each.text for each in named.values())
    asked = bob.propfind(path, *named)[path]
    assert set(asked.props) == set(named)
    assert asked.others == {}


def test_propname_and_allprop_hold_for_objects_too(house: House, bob: Client) -> None:
    house.fill("room-a", hours(2))
    body = propfind("<D:propname/>")
    named = read(bob.send("PROPFIND", BUSY, body, Depth="1"))
    shown = bob.propfind(BUSY, depth="1")
    assert list(named) == list(shown)
    for href in list(named)[1:]:
        assert set(named[href].props) == set(shown[href].props)
        assert set(bob.propfind(href)[href].props) == set(shown[href].props)
        assert shown[href].text("D:getcontenttype") == (
            "text/calendar; charset=utf-8; component=VEVENT"
        )
        assert int(shown[href].text("D:getcontentlength")) == len(bob.get(href).body)


@pytest.mark.parametrize(
    "body",
    [
        "<D:propfind/>",
        "<D:propfind><D:other/></D:propfind>",
        "<D:propertyupdate/>",
        "<C:calendar-query/>",
        "no xml at all",
        "<D:propfind><D:prop>",
    ],
)
def test_a_body_that_is_no_propfind_is_400(bob: Client, body: str) -> None:
    declared = body.replace("/>", ' xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"/>', 1)
    assert bob.send("PROPFIND", BUSY, declared, Depth="0").status == 400


@pytest.mark.covers("T53")
@pytest.mark.parametrize(
    "asked",
    [
        "".join(f'<x:p{n} xmlns:x="urn:x"/>' for n in range(201)),
        "".join(f"<D:p{n}{'n' * 1000}/>" for n in range(40)),
    ],
    ids=["201", "long"],
)
def test_more_names_of_properties_than_anyone_needs_are_refused(bob: Client, asked: str) -> None:
    """Each is repeated for every calendar of a home, and for every principal that is found."""
    prop = f"<D:prop>{asked}</D:prop>"
    include = f"<D:allprop/><D:include>{asked}</D:include>"
    for answer in (
        bob.send("PROPFIND", "/bob/", propfind(prop), Depth="1"),
        bob.send("PROPFIND", "/bob/", propfind(include), Depth="1"),
        bob.report(BUSY, query(prop=asked)),
        bob.report("/", search(("D:displayname", "room"), prop=asked)),
    ):
        assert answer.status == 400
        assert b"propert" in answer.body


# RFC 8144


@pytest.mark.parametrize("asked", [{"Prefer": "return=minimal"}, {"Brief": "t"}])
def test_what_is_not_there_goes_unmentioned_when_a_client_prefers_it(
    house: House, bob: Client, asked: dict[str, str]
) -> None:
    house.fill("room-a", hours(1))
    body = propfind("<D:prop><D:displayname/><D:nonsense/><D:getetag/></D:prop>")
    answer = bob.send("PROPFIND", BUSY, body, Depth="1", **asked)
    assert answer.headers["preference-applied"] == "return=minimal"
    found = read(answer)
    assert len(found) == 2
    assert all(each.others == {} and "D:getetag" in each.props for each in found.values())
    only = bob.send(
        "PROPFIND", BUSY, propfind("<D:prop><D:nonsense/></D:prop>"), Depth="0", **asked
    )
    assert (read(only)[BUSY].props, read(only)[BUSY].others) == ({}, {})
    report = bob.report(BUSY, query(prop="<D:nonsense/><D:getetag/>"), **asked)
    assert all(each.others == {} for each in read(report).values())
    kept = bob.send("PROPPATCH", BUSY, update(change("set", D_displayname="Mine")), **asked)
    assert (kept.status, kept.body) == (200, b"")
    refused = bob.send("PROPPATCH", BUSY, update(change("set", D_owner="x")), **asked)
    assert read(refused)[BUSY].others == {"D:owner": 403}


# Depth


@pytest.mark.parametrize("path", ["/", "/bob/", BUSY])
def test_infinite_depth_is_refused_with_its_precondition(bob: Client, path: str) -> None:
    answer = bob.send("PROPFIND", path, Depth="infinity")
    assert refusal(answer)[:2] == (403, ["D:propfind-finite-depth"])


def test_without_a_depth_the_collection_alone_answers(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    assert list(read(bob.send("PROPFIND", BUSY))) == [BUSY]
    assert list(bob.propfind(BUSY, "D:getetag", depth="0")) == [BUSY]
    assert len(bob.propfind(BUSY, "D:getetag", depth="1")) == 4


def test_the_members_of_a_home_are_its_calendars_and_not_their_objects(
    house: House, bob: Client
) -> None:
    house.fill("room-a", hours(3))
    assert list(bob.propfind("/bob/", "D:getetag", depth="1")) == ["/bob/", BUSY, BOOKINGS]


def test_the_principal_of_a_resource_has_no_members(house: House, bob: Client) -> None:
    house.fill("room-a", hours(3))
    assert list(bob.propfind("/room-a/", "D:displayname", depth="1")) == ["/room-a/"]


def test_an_object_asked_with_depth_1_is_the_object(house: House, bob: Client) -> None:
    house.fill("room-a", hours(1))
    (name,) = bob.listing(BUSY)
    assert list(bob.propfind(BUSY + name, "D:getetag", depth="1")) == [BUSY + name]


def test_a_thousand_objects_are_listed_each_once_with_the_etag_that_a_get_has(
    house: House, bob: Client
) -> None:
    house.fill("room-a", [(NINE + n * HOUR, NINE + n * HOUR + 900) for n in range(1000)])
    began = time.process_time()
    listed = bob.listing(BUSY)
    assert time.process_time() - began < 2
    assert len(listed) == 1000
    for name in list(listed)[::250]:
        assert bob.get(BUSY + name).headers["etag"] == listed[name]


# What calendars say of themselves


@pytest.mark.covers("A-22")
@pytest.mark.parametrize("name", ["alice", "bob", "carol", "dora", "root", "lia"])
def test_the_busy_calendar_is_read_only_to_everybody(house: House, name: str) -> None:
    path = f"/{name}/room-a.busy/"
    house.fill("room-a", hours(1))
    found = house.client(name).propfind(path, "D:current-user-privilege-set", depth="1")
    assert len(found) == 2
    for member in found.values():
        granted = {each.tag for each in member.props["D:current-user-privilege-set"].iter()}
        assert {clark("D:read"), clark("C:read-free-busy")} <= granted
        writes = ("all", "write", "write-content", "write-properties", "bind", "unbind")
        assert not granted & {clark(f"D:{word}") for word in writes}


def test_a_calendar_names_the_reports_that_it_answers(bob: Client) -> None:
    reports = {
        each.tag for each in bob.propfind(BUSY)[BUSY].props["D:supported-report-set"].iter()
    } - {clark(f"D:{name}") for name in ("supported-report-set", "supported-report", "report")}
    assert reports == {
        clark("D:sync-collection"),
        clark("C:calendar-query"),
        clark("C:calendar-multiget"),
        clark("C:free-busy-query"),
    }
    for tag in reports:
        space, _, local = tag[1:].partition("}")
        answer = bob.report(BUSY, f'<x:{local} xmlns:x="{space}"/>')
        assert b"supported-report" not in answer.body


def test_a_calendar_says_what_it_holds(bob: Client) -> None:
    wanted = (
        "C:supported-calendar-component-set",
        "C:supported-calendar-data",
        "C:supported-collation-set",
        "C:min-date-time",
        "C:max-date-time",
        "C:calendar-timezone-id",
        "C:schedule-calendar-transp",
        "D:resourcetype",
    )
    member = bob.propfind(BUSY, *wanted)[BUSY]
    (component,) = member.props["C:supported-calendar-component-set"]
    assert component.get("name") == "VEVENT"
    assert [each.text for each in member.props["C:supported-collation-set"]] == [
        "i;ascii-casemap",
        "i;octet",
        "i;unicode-casemap",
    ]
    assert member.text("C:min-date-time") == "20261110T000000Z"
    assert member.text("C:max-date-time") == "20271225T000000Z"
    assert member.children("C:schedule-calendar-transp") == ["C:opaque"]
    assert member.children("D:resourcetype") == ["D:collection", "C:calendar"]


def test_ctag_and_sync_token_change_with_the_busy_time_and_only_then(
    house: House, bob: Client
) -> None:
    wanted = ("CS:getctag", "D:sync-token", "D:getetag")

    def tags() -> list[str]:
        member = bob.propfind(BUSY, *wanted)[BUSY]
        return [member.text(name) for name in wanted]

    empty = tags()
    assert tags() == empty
    house.fill("room-a", hours(1))
    one = tags()
    assert not set(one) & set(empty)
    house.fill("room-b", hours(1))
    house.pulled("room-a", house.now)
    house.now += 3600
    assert tags() == one


def test_a_bookings_calendar_is_empty_and_has_tags_all_the_same(bob: Client) -> None:
    member = bob.propfind(BOOKINGS, "CS:getctag", "D:sync-token")[BOOKINGS]
    assert member.others == {}
    assert bob.listing(BOOKINGS) == {}
    assert bob.sync(BOOKINGS, member.text("D:sync-token")) == {}
