"""Finding the calendars of a login, and where the password goes on the way."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from bridge.config.settings import Outbound
from bridge.errors import (
    AddressRefused,
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    RemoteNotFound,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Service
from bridge.provider import AccessRole, CalendarInfo, EventSource
from bridge.transport import Transport
from tests.contract.provider_contract import WINDOW
from tests.servers.faultproxy import Answer, Call, Forward, answering, halving, rewriting
from tests.servers.names import Names
from tests.servers.origin import Origin
from tests.unit.providers.caldav.conftest import Site

_LOGIN = "Basic " + base64.b64encode(b"ann:secret").decode()


def listed(source: EventSource) -> dict[str, CalendarInfo]:
    return {info.id: info for info in source.list_calendars()}


def naming_home(*homes: str) -> Callable[[Call, Forward], Answer]:
    """Make the principal name other calendar homes."""
    hrefs = "".join(f"<D:href xmlns:D='DAV:'>{home}</D:href>" for home in homes).encode()

    def change(body: bytes) -> bytes:
        head, tag, rest = body.partition(b"<C:calendar-home-set>")
        _, end, tail = rest.partition(b"</C:calendar-home-set>")
        return head + tag + hrefs + end + tail if end else body

    return rewriting(change)


def test_the_root_of_a_server_is_enough(each: Site) -> None:
    calendar = each.calendar(name="Work & Züri")
    found = listed(each.open(each.proxy.url()))[calendar]
    assert found.name == "Work & Züri"
    assert found.role is AccessRole.WRITE


def test_a_principal_a_home_and_a_calendar_are_enough_too(each: Site) -> None:
    calendar = each.calendar()
    assert calendar in listed(each.open(each.proxy.url("/ann/")))
    assert calendar in listed(each.open(each.proxy.url(each.dav.home)))
    assert list(listed(each.open(each.proxy.url(calendar)))) == [calendar]
    assert list(listed(each.open(each.proxy.url(calendar.rstrip("/"))))) == [calendar]


def test_the_one_calendar_of_a_calendar_url_is_the_primary(site: Site) -> None:
    calendar = site.calendar()
    assert listed(site.open(site.proxy.url(calendar)))[calendar].is_primary


def test_the_well_known_url_is_followed_where_the_root_says_nothing(site: Site) -> None:
    calendar = site.calendar()

    def somewhere(call: Call, forward: Forward) -> Answer:
        if call.path == "/.well-known/caldav":
            return Answer(301, b"", {"Location": "/ann/"})
        return Answer(404) if call.path == "/" else forward(call)

    with site.proxy.fault(somewhere):
        assert calendar in listed(site.open())
    kept = next(call for call in site.proxy.calls if call.path == "/ann/")
    assert (kept.method, kept.headers["authorization"]) == ("PROPFIND", _LOGIN)
    assert b"current-user-principal" in kept.body


@pytest.mark.parametrize("server", ["example.com", "ann@example.com"])
@pytest.mark.parametrize("path", ["/ann/", ""])
def test_a_domain_or_mail_address_finds_the_server_by_its_srv_record(
    secure: Site, connect: Callable[..., Transport], server: str, path: str
) -> None:
    name = "_caldavs._tcp.example.com"
    secure.http = connect(
        services={name: [Service("dav.example.com", secure.proxy.port)]},
        texts={name: [f"path={path}"] if path else []},
    )
    assert secure.calendar() in listed(secure.open(server))
    asked = secure.proxy.calls[0]
    assert asked.headers["host"] == f"dav.example.com:{secure.proxy.port}"
    assert asked.path == (path or "/.well-known/caldav")


@pytest.mark.parametrize("gone", [("/dav/",), ("/dav/", "/.well-known/caldav")])
def test_a_named_path_that_is_not_there_does_not_end_the_search_on_that_host(
    secure: Site, connect: Callable[..., Transport], gone: tuple[str, ...]
) -> None:
    """RFC 6764 section 6 step 3: the path of the TXT record, the well-known URI, the root."""
    name = "_caldavs._tcp.example.com"
    secure.http = connect(
        services={name: [Service("dav.example.com", secure.proxy.port)]},
        texts={name: ["path=/dav/"]},
    )
    calendar = secure.calendar()
    with secure.proxy.fault(answering(404, when=lambda call: call.path in gone)):
        assert calendar in listed(secure.open("example.com"))
    hosts = {call.headers["host"].partition(":")[0] for call in secure.proxy.calls}
    assert hosts == {"dav.example.com"}


def test_a_name_server_that_fails_does_not_keep_the_host_itself_from_being_asked(
    secure: Site,
) -> None:
    names = Names({"example.com": ["127.0.0.1"]}, services={"_caldavs._tcp.example.com": None})
    outbound = Outbound.model_validate({"allow_networks": ["127.0.0.1/32"]})
    secure.http = Transport(outbound, resolver=names, user_agent="BusyBridge/test")
    with closing(secure.http), pytest.raises(TemporarilyUnavailable) as failed:
        secure.open("example.com").list_calendars()
    assert names.asked[:1] == ["example.com"], "a name of the hosts file has no records"
    assert failed.value.code == "dns", "with records it might have been found: try again later"


def test_the_domain_of_the_user_name_is_asked_where_no_server_is_named(
    secure: Site, connect: Callable[..., Transport]
) -> None:
    service = Service("dav.example.com", secure.proxy.port)
    secure.http = connect(services={"_caldavs._tcp.example.com": [service]})
    with pytest.raises(AuthorizationExpired):
        secure.open("example.com", username="ann@example.com").list_calendars()


@pytest.mark.covers("T14")
def test_an_srv_record_of_another_site_gets_no_password(
    secure: Site, connect: Callable[..., Transport]
) -> None:
    service = Service("evil.example.net", secure.proxy.port)
    secure.http = connect(services={"_caldavs._tcp.example.com": [service]})
    with pytest.raises(AddressRefused) as refused:
        secure.open("example.com").list_calendars()
    assert f"https://evil.example.net:{secure.proxy.port}" in refused.value.hint
    assert secure.proxy.calls == []


def test_the_home_may_be_on_another_host_of_the_same_registrable_domain(secure: Site) -> None:
    calendar = secure.calendar()
    home = secure.proxy.url("/ann/", host="p01.example.com")
    with secure.proxy.fault(naming_home(home)):
        source = secure.open(secure.proxy.url(host="dav.example.com"))
        assert calendar in listed(source)
        list(source.changes(calendar, None, WINDOW))
    assert secure.proxy.calls[-1].headers["host"].startswith("p01.example.com")
    assert secure.proxy.calls[-1].headers["authorization"] == _LOGIN


def test_icloud_keeps_its_homes_on_numbered_hosts(secure: Site) -> None:
    calendar = secure.calendar()
    home = secure.proxy.url("/ann/", host="p42-caldav.icloud.com")
    with secure.proxy.fault(naming_home(home)):
        found = listed(secure.open_apple(secure.proxy.url(host="caldav.icloud.com")))
    assert calendar in found
    assert not any(info.is_primary for info in found.values()), "iCloud names no main calendar"


def test_icloud_is_trusted_from_elsewhere_too(secure: Site) -> None:
    calendar = secure.calendar()
    icloud = secure.proxy.url("/", host="caldav.icloud.com")

    def elsewhere(call: Call, forward: Forward) -> Answer:
        there = call.headers["host"].startswith("dav.example.com")
        return Answer(308, b"", {"Location": icloud}) if there else forward(call)

    server = secure.proxy.url(host="dav.example.com")
    with (
        secure.proxy.fault(elsewhere),
        secure.proxy.fault(naming_home(secure.proxy.url("/ann/", host="p42-caldav.icloud.com"))),
    ):
        assert calendar in listed(secure.open_apple(server))
        with pytest.raises(AddressRefused):
            secure.open(server).list_calendars()


@pytest.mark.covers("T14")
def test_of_several_homes_those_on_other_sites_are_left_out(site: Site) -> None:
    calendar = site.calendar()
    with Origin() as trap:
        homes = naming_home(f"http://evil.example.net:{trap.port}/ann/", "/ann/")
        with site.proxy.fault(homes):
            assert calendar in listed(site.open())
        assert trap.accepts == 0


def test_several_homes_are_all_listed(site: Site) -> None:
    calendars = {site.calendar(), site.calendar()}
    first, second = sorted(calendars)
    homes = naming_home("/nowhere/", first, second)
    with site.proxy.fault(homes), pytest.raises(ProviderError):
        site.open().list_calendars()  # what cannot be read is not empty
    with site.proxy.fault(naming_home("/ann/", first, second)):
        assert calendars <= listed(site.open()).keys()


@pytest.mark.covers("T14")
@pytest.mark.parametrize("property_name", ["calendar-home-set", "current-user-principal"])
def test_hrefs_to_another_site_are_never_asked(
    site: Site, property_name: str, connect: Callable[..., Transport]
) -> None:
    site.calendar()
    with Origin() as trap:
        evil = f"http://evil.example.net:{trap.port}/ann/".encode()
        target = f"{property_name}><href>/ann/</href>".encode()
        if property_name == "calendar-home-set":
            target = b"C:" + target
        change = rewriting(
            lambda body: body.replace(
                b"<" + target, b"<" + target.replace(b"/ann/</href>", evil + b"</href>")
            )
        )
        with site.proxy.fault(change), pytest.raises(AddressRefused, match="another site"):
            site.open().list_calendars()
        assert trap.accepts == 0


@pytest.mark.covers("T14")
def test_members_and_objects_named_on_another_site_are_asked_here(site: Site) -> None:
    calendar = site.calendar()
    site.dav.put(calendar, "one.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"
        "BEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n")  # fmt: skip
    with Origin() as trap:
        evil = f"http://evil.example.net:{trap.port}".encode()
        change = rewriting(
            lambda body: body.replace(b"<href>/ann/c", b"<href>" + evil + b"/ann/c"),
            when=lambda call: call.path == calendar,
        )
        with site.proxy.fault(change):
            pages = list(site.open().changes(calendar, None, WINDOW))
        assert [item.remote_id for page in pages for item in page.items] == ["one.ics"]
        assert trap.accepts == 0


@pytest.mark.covers("T15")
def test_a_redirect_to_another_site_gets_no_password(site: Site) -> None:
    with Origin() as other:
        elsewhere = f"http://evil.example.net:{other.port}/"
        with (
            site.proxy.fault(answering(302, headers={"Location": elsewhere})),
            pytest.raises(AddressRefused, match="another site"),
        ):
            site.open().list_calendars()
        assert [request.headers.get("authorization") for request in other.requests] != []
        assert not any("authorization" in request.headers for request in other.requests)


def test_the_password_is_not_sent_from_https_to_http(secure: Site) -> None:
    plain = f"http://other.example.com:{secure.proxy.port}/ann/"
    with secure.proxy.fault(naming_home(plain)), pytest.raises(AddressRefused):
        secure.open(secure.proxy.url(host="dav.example.com")).list_calendars()


def test_a_server_that_does_not_know_of_its_proxy_may_write_http(secure: Site) -> None:
    calendar = secure.calendar()
    with secure.proxy.fault(naming_home("http://dav.example.com/ann/")):
        assert calendar in listed(secure.open(secure.proxy.url(host="dav.example.com")))


def test_properties_of_a_calendar_are_read(each: Site) -> None:
    calendar = each.calendar(name="Home", props="<I:calendar-color>#FF2968FF</I:calendar-color>")
    found = listed(each.open())[calendar]
    assert (found.name, found.color, found.time_zone) == ("Home", "#ff2968", "")


@pytest.mark.parametrize(
    ("definition", "zone"),
    [
        ("TZID:Europe/Vienna", "Europe/Vienna"),
        ("TZID:W. Europe Standard Time", "Europe/Berlin"),
        ("TZID:whatever\nX-LIC-LOCATION:Asia/Tokyo", "Asia/Tokyo"),
        ("TZID:UTC", "UTC"),
        ("TZID:no such zone", ""),
    ],
)
def test_the_zone_of_a_calendar_gets_its_iana_name(site: Site, definition: str, zone: str) -> None:
    rules = "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"
    text = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\n{definition}\n{rules}END:STANDARD\n"
        "END:VTIMEZONE\nEND:VCALENDAR\n"
    )
    calendar = site.calendar(props=f"<C:calendar-timezone>{text}</C:calendar-timezone>")
    assert listed(site.open())[calendar].time_zone == zone


def test_a_collection_of_tasks_is_no_calendar(site: Site) -> None:
    tasks = site.calendar(
        props="<C:supported-calendar-component-set><C:comp name='VTODO'/>"
        "</C:supported-calendar-component-set>"
    )
    assert tasks not in listed(site.open())


@pytest.mark.parametrize(
    ("privileges", "role"),
    [
        (b"<privilege><read /></privilege>", AccessRole.READ),
        (b"<privilege><C:read-free-busy /></privilege>", AccessRole.FREE_BUSY),
        (b"<privilege><read /></privilege><privilege><bind /></privilege>", AccessRole.WRITE),
        (b"", AccessRole.READ),
    ],
)
def test_privileges_become_a_role(site: Site, privileges: bytes, role: AccessRole) -> None:
    calendar = site.calendar()

    def change(body: bytes) -> bytes:
        parts = body.split(b"<current-user-privilege-set>")
        ends = [part.partition(b"</current-user-privilege-set>") for part in parts[1:]]
        sets = [b"<current-user-privilege-set>" + privileges + end + rest for _, end, rest in ends]
        return parts[0] + b"".join(sets)

    with site.proxy.fault(rewriting(change)):
        assert listed(site.open())[calendar].role is role


def test_the_calendar_that_invitations_go_to_is_the_primary(site: Site) -> None:
    first, second = sorted([site.calendar(), site.calendar()])
    assert listed(site.open())[second].is_primary is False

    def inbox(body: bytes) -> bytes:
        name = "C:schedule-default-calendar-URL"
        default = f"<prop><{name}><href>{second}</href></{name}><resourcetype>"
        return body.replace(b"<prop><resourcetype>", default.encode(), 1)

    with site.proxy.fault(rewriting(inbox, when=lambda call: call.is_listing())):
        found = listed(site.open())
    assert [info.id for info in found.values() if info.is_primary] == [second]
    assert first in found


def test_a_calendar_marked_as_transparent_says_so(make_site: Callable[..., Site]) -> None:
    site = make_site("xandikos")
    calendar = site.calendar()
    assert not listed(site.open())[calendar].ignores_busy
    with site.proxy.fault(rewriting(lambda body: body.replace(b":opaque", b":transparent"))):
        assert listed(site.open())[calendar].ignores_busy


def test_a_wrong_password_needs_a_human(site: Site) -> None:
    with pytest.raises(AuthorizationExpired, match="'ann'") as refused:
        site.open(password="wrong-canary").list_calendars()
    assert refused.value.code == "token_expired"
    assert "wrong-canary" not in f"{refused.value} {refused.value.hint}"


def test_apple_says_that_it_wants_an_app_specific_password(site: Site) -> None:
    with site.proxy.fault(answering(401)), pytest.raises(AuthorizationExpired) as refused:
        site.open_apple().list_calendars()
    assert refused.value.code == "app_password_revoked"
    assert "app-specific" in refused.value.hint


def test_a_principal_that_is_nobody_is_a_refused_login(site: Site) -> None:
    anonymous = rewriting(
        lambda body: body.replace(
            b"<current-user-principal><href>/ann/</href>",
            b"<current-user-principal><unauthenticated/>",
        )
    )
    with site.proxy.fault(anonymous), pytest.raises(AuthorizationExpired):
        site.open().list_calendars()


@pytest.mark.covers("F18")
@pytest.mark.parametrize("status", [403, 429, 503])
@pytest.mark.parametrize(
    ("header", "pause"), [({}, 2), ({"Retry-After": "1"}, 2), ({"Retry-After": "90"}, 90)]
)
def test_apples_throttles_are_told_with_a_floor(
    site: Site, status: int, header: dict[str, str], pause: int
) -> None:
    fault = answering(status, headers=header)
    with site.proxy.fault(fault), pytest.raises(RateLimited) as limited:
        site.open_apple().list_calendars()
    assert limited.value.retry_after is not None
    assert limited.value.retry_after.total_seconds() == pause
    assert len(site.proxy.calls) == 1


@pytest.mark.covers("F21", "F70")
@pytest.mark.parametrize(
    "fault",
    [
        answering(200, b"<html>Please sign in</html>", {"Content-Type": "text/html"}),
        answering(207, b"<html>Please sign in</html>", {"Content-Type": "text/html"}),
        answering(200, b""),
        halving(),
    ],
)
def test_what_is_no_caldav_answer_is_no_empty_account(site: Site, fault: object) -> None:
    with site.proxy.fault(fault), pytest.raises(UnreadableAnswer):
        site.open().list_calendars()


def test_a_server_without_calendars_says_what_to_write(site: Site) -> None:
    with site.proxy.fault(answering(404)), pytest.raises(ProviderError) as missing:
        site.open().list_calendars()
    assert missing.value.hint


@pytest.mark.parametrize("status", [500, 503])
def test_a_calendar_that_the_server_cannot_look_at_is_not_left_out(site: Site, status: int) -> None:
    """A calendar that is not listed counts as gone, and with it its busy time."""
    calendar = site.calendar().encode()
    shape = re.compile(rb"(<href>" + calendar + rb"</href><propstat>.*?)200 OK", re.DOTALL)
    for fault in (
        rewriting(lambda body: shape.sub(rb"\g<1>%d x" % status, body)),
        rewriting(
            lambda body: body.replace(
                b"<href>" + calendar + b"</href><propstat>",
                b"<href>" + calendar + b"</href><status>HTTP/1.1 %d x</status><propstat>" % status,
            ).replace(b"200 OK", b"404 x")
        ),
    ):
        source = site.open()
        source.list_calendars()
        with site.proxy.fault(fault), pytest.raises(ProviderError):
            source.list_calendars()


def test_a_home_that_is_not_there_is_no_empty_account(make_site: Callable[..., Site]) -> None:
    """Xandikos hides the 404 in a multistatus."""
    site = make_site("xandikos")
    calendar = site.calendar()
    source = site.open(site.proxy.url(calendar))
    source.list_calendars()
    site.dav.delete(calendar)
    with pytest.raises(RemoteNotFound):
        source.list_calendars()


@pytest.mark.parametrize("status", [502, 503])
def test_a_server_that_is_down_is_asked_once(site: Site, status: int) -> None:
    with site.proxy.fault(answering(status)), pytest.raises(TemporarilyUnavailable):
        site.open().list_calendars()
    assert len(site.proxy.calls) == 1


def test_homes_that_moved_are_found_again(site: Site) -> None:
    calendar = site.calendar()
    source = site.open()
    with site.proxy.fault(naming_home(calendar)):
        source.list_calendars()

    def moved(call: Call, forward: Forward) -> Answer:
        return Answer(404) if call.path == calendar else forward(call)

    with site.proxy.fault(moved):
        assert calendar in listed(source)
        assert urlsplit(site.proxy.calls[-1].path).path == "/ann/"


def test_a_calendar_that_is_gone_is_not_found(each: Site) -> None:
    calendar = each.calendar()
    source = each.open()
    list(source.changes(calendar, None, WINDOW))
    each.dav.delete(calendar)
    with pytest.raises(RemoteNotFound):
        list(source.changes(calendar, None, WINDOW))
    with pytest.raises(RemoteNotFound):
        list(each.open().changes(calendar, None, WINDOW))


def test_nothing_is_asked_before_it_is_needed(site: Site) -> None:
    site.open()
    assert site.proxy.calls == []
