"""Behind a proxy that shows us below a path."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from defusedxml import ElementTree

from bridge.store.database import Database
from tests.web.site import Response, Site, basic, site_settings

PROXY = {"trusted_proxies": ["127.0.0.1/32"]}


@pytest.fixture
def site(sqlite_database: Database) -> Iterator[Site]:
    with Site(sqlite_database, site_settings(server=PROXY), caldav=True) as served:
        yield served


@pytest.fixture
def with_base_url(sqlite_database: Database) -> Iterator[Site]:
    settings = site_settings(server={"base_url": "https://example.com/cal"})
    with Site(sqlite_database, settings, caldav=True) as served:
        yield served


def hrefs(answer: Response) -> set[str]:
    assert answer.status == 207
    return {str(each.text) for each in ElementTree.fromstring(answer.body).iter("{DAV:}href")}


def listing(site: Site, path: str, **headers: str) -> Response:
    password = site.app_password("alice")
    named = {"Depth": "1", "Authorization": basic("alice", password)} | headers
    return site.get(path, "PROPFIND", **named)


@pytest.mark.parametrize("header", ["X_Script_Name", "X_Forwarded_Prefix"])
def test_a_trusted_proxy_says_below_which_path_clients_see_us(site: Site, header: str) -> None:
    found = hrefs(listing(site, "/alice/", **{header: "/cal/"}))
    assert {"/cal/", "/cal/alice/", "/cal/alice/room-a.busy/"} <= found
    assert all(each.startswith("/cal/") for each in found)


def test_a_proxy_may_leave_its_path_on_the_requests(site: Site) -> None:
    headers = {"X_Script_Name": "/cal"}
    assert hrefs(listing(site, "/cal/alice/", **headers)) == hrefs(
        listing(site, "/alice/", **headers)
    )
    assert site.get("/cal/freebusy/room-b.ifb", **headers).status == 200
    assert site.get("/cal", "OPTIONS", **headers).status == 200


def test_without_a_header_the_path_of_the_base_url_counts(with_base_url: Site) -> None:
    found = hrefs(listing(with_base_url, "/cal/alice/"))
    assert "/cal/alice/room-a.busy/" in found
    moved = with_base_url.get("/.well-known/caldav", "PROPFIND")
    assert (moved.status, moved.headers["location"]) == (301, "/cal/")


def test_links_with_the_prefix_are_understood_in_bodies(site: Site) -> None:
    site.fill("room-a", [(site.now, site.now + 3600)])
    headers = {"X_Script_Name": "/cal", "Authorization": basic("alice", site.app_password("alice"))}
    listed = listing(site, "/alice/room-a.busy/", X_Script_Name="/cal")
    (name,) = (each for each in hrefs(listed) if each.endswith(".ics"))
    body = (
        '<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>'
        f"<D:getetag/></D:prop><D:href>{name}</D:href></C:calendar-multiget>"
    )
    answer = site.get("/alice/room-a.busy/", "REPORT", body.encode(), **headers)
    assert hrefs(answer) == {name}
    assert b"404" not in answer.body


@pytest.mark.covers("T58")
@pytest.mark.parametrize(
    "value", ["/cal", "//evil.example", "/../x", "/a b", "https://evil.example/"]
)
def test_nobody_else_chooses_what_our_links_begin_with(
    sqlite_database: Database, value: str
) -> None:
    trusting = site_settings(server=PROXY)
    settings = site_settings() if value == "/cal" else trusting
    with Site(sqlite_database, settings, caldav=True) as site:
        assert "/alice/" in hrefs(listing(site, "/alice/", X_Script_Name=value))
