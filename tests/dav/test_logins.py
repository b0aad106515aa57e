"""Logging in over CalDAV: guessing, devices, and headers that are no headers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.store.database import Database
from tests.access.people import quick_hash, user
from tests.dav.client import Client, free_busy, propfind, query
from tests.dav.house import PASSWORD, House, hours, house_settings
from tests.web.site import Response, basic

BODY = propfind("<D:prop><D:current-user-principal/></D:prop>")


@pytest.fixture
def proxied(sqlite_database: Database) -> Iterator[House]:
    """Behind a proxy that says where clients are; alice and carl have passwords of people."""
    users = [
        user("alice", PASSWORD, access={"room-a": "free-busy"}),
        user("carl", PASSWORD + "!", access={"room-a": "free-busy"}),
    ]
    made = house_settings(server={"trusted_proxies": ["127.0.0.1/32"]}, auth={"users": users})
    with House(sqlite_database, made) as house:
        yield house


def knock(house: House, name: str, password: str, address: str = "192.0.2.1") -> Response:
    client = Client(house.port, basic(name, password))
    try:
        return client.send("PROPFIND", f"/{name}/", BODY, Depth="0", X_Forwarded_For=address)
    finally:
        client.close()


@pytest.mark.covers("T32")
def test_who_guesses_is_told_to_wait_and_harms_nobody_else(proxied: House) -> None:
    statuses = []
    for number in range(300):
        answer = knock(proxied, "alice", f"guess {number}")
        statuses.append(answer.status)
        if answer.status == 429:
            assert 0 < int(answer.headers["retry-after"]) <= 900
            assert b"wait" in answer.body
    assert set(statuses) == {401, 429}
    assert statuses[-1] == 429
    assert proxied.gate.hashed <= 20
    # Not even the right password is tried now, from there; an app password cannot be guessed.
    assert knock(proxied, "alice", PASSWORD).status == 429
    assert knock(proxied, "alice", proxied.app_password("alice")).status == 207
    # Somebody else, somewhere else.
    assert knock(proxied, "carl", PASSWORD + "!", "198.51.100.7").status == 207
    # And in the end, she herself.
    proxied.now += int(knock(proxied, "alice", "x").headers["retry-after"])
    assert knock(proxied, "alice", PASSWORD).status == 207


@pytest.mark.covers("T33")
def test_a_login_that_does_not_exist_is_refused_with_the_same_octets_and_the_same_work(
    proxied: House,
) -> None:
    answers = []
    for name in ("alice", "nobody", "alice", "nobody"):
        before = proxied.gate.hashed
        client = Client(proxied.port, basic(name, "wrong"))
        answer = client.send("PROPFIND", "/", BODY, Depth="0")
        client.close()
        unlike = ("date", "x-request-id")
        answers.append(
            (
                answer.status,
                answer.body,
                sorted((key, value) for key, value in answer.headers.items() if key not in unlike),
            )
        )
        assert proxied.gate.hashed == before + 1
    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.covers("T34")
def test_a_client_that_polls_hashes_its_password_once_and_an_app_password_never(
    proxied: House,
) -> None:
    person = Client(proxied.port, basic("alice", PASSWORD))
    for _ in range(100):
        assert person.propfind("/", "D:current-user-principal")
    assert proxied.gate.hashed == 1
    device = proxied.client("alice")
    for _ in range(100):
        assert device.propfind("/", "D:current-user-principal")
    assert proxied.gate.hashed == 1
    person.close()


def test_a_login_of_an_htpasswd_file_finds_the_calendars_of_the_resource_of_its_name(
    sqlite_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(f"room-b:{quick_hash(PASSWORD)}\n")
    auth = {"users": [], "htpasswd_file": file}
    with House(sqlite_database, house_settings(auth=auth)) as house:
        house.fill("room-b", hours(2))
        client = Client(house.port, basic("room-b", PASSWORD))
        found = client.propfind("/room-b/", "D:displayname", depth="1")
        assert list(found) == ["/room-b/", "/room-b/busy/", "/room-b/bookings/"]
        assert len(client.listing("/room-b/busy/")) == 2
        file.write_text("")
        assert client.get("/room-b/busy/").status == 401
        client.close()


def test_a_login_opens_no_other_home_with_its_password(proxied: House) -> None:
    assert knock(proxied, "carl", PASSWORD).status == 401
    alices = proxied.app_password("alice")
    assert knock(proxied, "carl", alices).status == 401


@pytest.mark.covers("T58")
@pytest.mark.parametrize(
    "header", ["X-Remote-User", "X-Forwarded-User", "Remote-User", "X-Script-Name"]
)
def test_no_header_chooses_who_asks_or_where_we_are(house: House, header: str) -> None:
    nobody = Client(house.port, "")
    assert nobody.send("PROPFIND", "/", BODY, **{header: "/root"}).status == 401
    alice = house.client("alice")
    plain = alice.send("PROPFIND", "/", BODY, Depth="0").body
    assert alice.send("PROPFIND", "/", BODY, Depth="0", **{header: "/root"}).body == plain
    nobody.close()


def test_requests_at_the_same_time_never_take_one_login_for_another(house: House) -> None:
    clients = house.everybody()
    wrong: list[str] = []

    def poll(name: str, client: Client) -> None:
        for _ in range(40):
            (found,) = client.propfind("/", "D:current-user-principal")["/"].hrefs(
                "D:current-user-principal"
            )
            if found != f"/{name}/":
                wrong.append(f"{name} was {found}")

    threads = [threading.Thread(target=poll, args=each) for each in clients.items()]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []


# Headers that are no headers


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YWxpY2U=",
        "Basic /////w==",
        "Basic " + "A" * 5000,
        "Basic YTpiOmM6ZA== x",
        "Bearer",
        "Bearer a b",
        "Digest username=alice",
        "Negotiate x",
        "nonsense",
        "Basic \xff\xfe",
        "Basic YWxpY2U6AA==",
    ],
)
@pytest.mark.parametrize("method", ["PROPFIND", "GET", "REPORT", "PUT"])
def test_credentials_that_are_none_are_refused(
    house: House, authorization: str, method: str
) -> None:
    client = Client(house.port, authorization)
    assert client.send(method, "/", BODY).status in {400, 401}
    client.close()


@pytest.fixture(scope="module")
def open_door(standing: House) -> Client:
    standing.fill("room-a", hours(2))
    return standing.client("bob")


METHODS = (
    "GET",
    "HEAD",
    "PUT",
    "DELETE",
    "MOVE",
    "COPY",
    "POST",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "REPORT",
    "MKCALENDAR",
    "MKCOL",
    "LOCK",
)
HEADERS = (
    "Depth",
    "Destination",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If",
    "Overwrite",
    "Range",
    "Prefer",
    "Accept-Encoding",
    "Content-Type",
    "Timeout",
    "If-Schedule-Tag-Match",
)
WORDS = st.sampled_from(
    [
        "*",
        '"',
        'W/"',
        "0",
        "1",
        "infinity",
        "-1",
        "/",
        "//",
        "http://[",
        "http://\xe9/",
        "%",
        "%ff",
        "%00",
        "/%2e%2e/",
        "a" * 3000,
        "gzip",
        "bytes=0-",
        "text/xml; charset=utf-7",
        "T",
        ",,,",
        "\xff",
    ]
) | st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=40)


@pytest.mark.covers("P9")
@settings(max_examples=250)
@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(["/", "/bob/", "/bob/room-a.busy/", "/bob/room-a.busy/x.ics", "/x/"]),
    headers=st.dictionaries(st.sampled_from(HEADERS), WORDS, max_size=4),
    body=st.sampled_from(["", BODY, query(), free_busy(None, None), "BEGIN:VCALENDAR"]),
)
@example(method="MOVE", path="/bob/room-a.busy/x.ics", headers={"Destination": "http://["}, body="")
@example(method="PROPFIND", path="/bob/", headers={"Depth": "\xb2"}, body="")
@example(method="GET", path="/bob/room-a.busy/", headers={"If-Match": "W/"}, body="")
def test_no_header_makes_an_answer_5xx(
    open_door: Client, method: str, path: str, headers: dict[str, str], body: str
) -> None:
    answer = open_door.send(
        method, path, body, **{name: value.strip() for name, value in headers.items()}
    )
    assert answer.status < 500
    assert b"Traceback" not in answer.body
