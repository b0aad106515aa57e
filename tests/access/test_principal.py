"""The one decision: who may do what with which resource."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.access import (
    Principal,
    PrincipalKind,
    authorize,
    feed_principal,
    listed,
    projection,
    public,
)
from bridge.access.principal import api_key_principal
from bridge.config.logins import Grant
from bridge.config.plan import ResourcePlan, plan
from bridge.config.settings import Feed, Settings
from bridge.model.resource import Access, Projection, ResourceId

LEVELS = list(Access)


def login(access: dict[str, str], *, admin: bool = False) -> Principal:
    grants = {name: Grant.model_validate(level) for name, level in access.items()}
    return Principal(kind=PrincipalKind.LOGIN, name="ann", is_admin=admin, grants=grants)


def resource(resource_id: str = "room-a", *, open_to_all: bool = False) -> ResourcePlan:
    given = {"id": resource_id, "freebusy": {"public": open_to_all}}
    ((made, _),) = plan(Settings.model_validate({"version": 1, "resources": [given]}))
    return made


@pytest.mark.parametrize("granted", LEVELS)
@pytest.mark.parametrize("needed", LEVELS)
def test_a_level_includes_those_below_it(granted: Access, needed: Access) -> None:
    allowed = authorize(login({"room-a": granted.value}), "room-a", needed)
    assert allowed == (LEVELS.index(granted) >= LEVELS.index(needed))


@given(st.text(max_size=20), st.sampled_from(LEVELS))
def test_what_is_not_granted_is_denied(resource_id: str, needed: Access) -> None:
    assert not authorize(login({}), resource_id, needed)
    if resource_id != "room-b":
        assert not authorize(login({"room-b": "manage"}), resource_id, needed)


def test_a_name_goes_before_a_glob_and_of_globs_the_highest_counts() -> None:
    ann = login({"*": "read", "room-*": "write", "room-a": "free-busy"})
    assert not authorize(ann, "room-a", Access.READ)
    assert authorize(ann, "room-b", Access.WRITE)
    assert not authorize(ann, "car", Access.WRITE)


def test_only_stars_and_question_marks_are_patterns() -> None:
    ann = login({"room-[ab]": "read", "r??m-c": "read"})
    assert not authorize(ann, "room-a", Access.FREE_BUSY)
    assert authorize(ann, "room-c", Access.READ)


def test_an_admin_may_do_everything_and_is_shown_what_is_named() -> None:
    admin = login({"room-a": "read"}, admin=True)
    assert authorize(admin, "car", Access.MANAGE)
    assert listed(admin, ["car", "room-a"]) == ["room-a"]


def test_a_glob_lists_only_when_it_says_so() -> None:
    ids = ["car", "room-a", "room-b"]
    assert listed(login({"*": "free-busy", "car": "read"}), ids) == ["car"]
    grants = {"room-*": Grant(level=Access.READ, list=True)}
    assert listed(Principal(kind=PrincipalKind.LOGIN, grants=grants), ids) == ["room-a", "room-b"]


def test_details_are_for_those_who_may_read() -> None:
    room = resource()
    assert projection(login({"room-a": "free-busy"}), room) is Projection.TIMES
    assert projection(login({"room-a": "read"}), room) is Projection.DETAILS
    assert projection(login({"room-b": "read"}), room) is None


def test_the_public_sees_times_where_the_resource_says_so() -> None:
    assert projection(public(resource()), resource()) is None
    room = resource(open_to_all=True)
    assert projection(public(room), room) is Projection.TIMES
    assert projection(public(room), resource("room-b", open_to_all=True)) is None


@pytest.mark.parametrize(
    ("detail", "seen"), [("busy_only", Projection.TIMES), ("private", Projection.DETAILS)]
)
def test_a_feed_reaches_its_one_resource(detail: str, seen: Projection) -> None:
    feed = Feed.model_validate({"name": "team", "detail": detail})
    principal = feed_principal(ResourceId("room-a"), feed)
    assert projection(principal, resource()) is seen
    assert projection(principal, resource("room-b")) is None
    assert principal.name == "room-a/team"


@pytest.mark.covers("T59")
def test_an_api_key_reaches_what_its_scopes_and_globs_name() -> None:
    reader = api_key_principal("k", ["busy:read"], ["room-*"])
    assert authorize(reader, "room-a", Access.FREE_BUSY)
    assert not authorize(reader, "room-a", Access.READ)
    assert not authorize(reader, "car", Access.FREE_BUSY)
    for scopes in ([], ["unheard:of"]):
        assert not authorize(api_key_principal("k", scopes, ["*"]), "car", Access.FREE_BUSY)
