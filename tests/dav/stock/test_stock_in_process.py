"""Radicale's own Application over the plugin, called in this process: what it does not do."""

from __future__ import annotations

import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import vobject.base
from radicale.app import Application
from sqlalchemy import make_url

from radicale_plugin import ground as plugin_ground
from radicale_plugin.application import make_dav
from tests.dav.stock.grounds import PASSWORD, SHOWN, SPACES, Ground, Installation, responses
from tests.dav.stock.test_both_grounds import (
    BUSY,
    FREE_BUSY_QUERY,
    RANGE,
    TIMES,
    multiget,
    query,
)
from tests.web.site import Response


@dataclass(frozen=True)
class InProcess(Ground):
    """A ground without a server: every request is answered in the thread that asks."""

    wsgi: Any = None

    def send(
        self,
        method: str,
        path: str,
        login: str | None = "bob",
        body: str = "",
        *,
        password: str | None = None,
        **headers: str,
    ) -> Response:
        octets = body.encode()
        target, _, asked = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": target,
            "QUERY_STRING": asked,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.1",
            "CONTENT_LENGTH": str(len(octets)),
            "wsgi.input": BytesIO(octets),
            "wsgi.errors": sys.stderr,
        } | {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        if login is not None:
            given = self.installation.passwords[login] if password is None else password
            credentials = b64encode(f"{login}:{given}".encode()).decode()
            environ["HTTP_AUTHORIZATION"] = f"Basic {credentials}"
        started: list[Any] = []
        found = b"".join(self.wsgi(environ, lambda *given: started.append(given)))
        status, given_headers = started[0][:2]
        named = {name.lower(): value for name, value in given_headers}
        return Response(int(status.split()[0]), named, found)


def wsgi_of(name: str, installation: Installation) -> Any:
    configuration = installation.radicale_configuration()
    if name == "stock":
        return Application(configuration)
    return make_dav(plugin_ground.of(configuration))


@pytest.fixture
def in_process(installation: Installation) -> InProcess:
    """Stock Radicale as `docs/operation.md` configures it."""
    return InProcess("stock", 0, installation, wsgi_of("stock", installation))


@pytest.fixture(params=["own", "stock"])
def either(request: pytest.FixtureRequest, installation: Installation) -> InProcess:
    return InProcess(request.param, 0, installation, wsgi_of(request.param, installation))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What vobject was asked to parse."""
    texts: list[str] = []
    original: Callable[..., Iterator[Any]] = vobject.base.readComponents

    def counting(text: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        texts.append(text)
        return original(text, *args, **kwargs)

    monkeypatch.setattr(vobject.base, "readComponents", counting)
    monkeypatch.setattr(vobject, "readComponents", counting)
    return texts


def test_reading_parses_nothing(in_process: InProcess, parsed: list[str]) -> None:
    listed = in_process.propfind(
        BUSY, "D:getetag", "D:getcontenttype", "D:getcontentlength", "D:resourcetype", depth=1
    )
    assert len(listed) == 61
    assert in_process.send("GET", max(listed)).status == 200
    assert in_process.send("GET", BUSY).status == 200
    for path in (BUSY, TIMES):
        for asked in (query(), query(RANGE), multiget(*sorted(listed)[1:])):
            answer = in_process.report(path, asked)
            assert answer.status == 207
            assert len(responses(answer)) >= 29
        assert in_process.sync(path).status == 207
    assert parsed == []
    # Free-busy is Radicale's own calculation here, which parses: the count does count.
    assert in_process.report(TIMES, FREE_BUSY_QUERY).status == 200
    assert len(parsed) == 30


def test_nothing_sleeps_in_a_request(
    in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    requests = [
        (401, "PROPFIND", "/bob/", "bob", "wrong"),
        (401, "PROPFIND", "/nobody/", "bob", ""),
        (401, "PROPFIND", "/bob/", None, None),
        (403, "PUT", f"{BUSY}x.ics", "bob", None),
        (500, "GET", "/bob/unread.busy/", "bob", None),
    ]
    for status, method, path, login, password in requests:
        assert in_process.send(method, path, login, password=password).status == status
    assert slept == []


@pytest.mark.covers("T49")
def test_logins_that_share_a_thread_never_see_each_others_things(either: InProcess) -> None:
    homes = ["/bob/", "/carl/"]
    wanted = f"<D:propfind {SPACES}><D:prop><D:displayname/></D:prop></D:propfind>"
    order = [0, 0, 1, 0, 2, 0, 3, 1, 1, 2, 1, 3, 2, 2, 3, 3, 0]  # each after each
    for who in map(["bob", "carl", "anonymous", "wrong"].__getitem__, order):
        login = None if who == "anonymous" else "bob" if who == "wrong" else who
        password = "wrong" if who == "wrong" else None
        for home in homes:
            answer = either.send("PROPFIND", home, login, wanted, password=password, Depth="1")
            if who not in SHOWN:
                assert answer.status == 401
            elif home == f"/{who}/":
                assert set(responses(answer)) == SHOWN[who]
            else:
                assert answer.status in (403, 404)
        private = either.send("GET", BUSY, login, password=password)
        assert (b"canary" in private.body) is (who == "bob")


@pytest.mark.covers("T49")
def test_logins_that_ask_at_the_same_time_see_their_own_things(either: InProcess) -> None:
    logins = sorted(SHOWN)
    found: dict[str, list[set[str]]] = {login: [] for login in logins}
    together = threading.Barrier(len(logins))

    def ask(login: str) -> None:
        together.wait(30)
        for _ in range(10):
            listed = either.propfind(f"/{login}/", "D:displayname", login=login, depth=1)
            found[login].append(set(listed))

    threads = [threading.Thread(target=ask, args=(login,)) for login in logins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {login: [SHOWN[login]] * 10 for login in logins}


@pytest.mark.parametrize(("name", "refused"), [("stock", 401), ("own", 429)])
def test_whoever_guesses_is_let_in_no_more(
    sqlite_url: str, tmp_path: Path, name: str, refused: int
) -> None:
    made = Installation(tmp_path, sqlite_url, login_failures="3/min")
    try:
        either = InProcess(name, 0, made, wsgi_of(name, made))
        for _ in range(3):
            assert either.send("GET", BUSY, password="wrong").status == 401
        assert either.send("GET", BUSY, password=PASSWORD).status == refused
        assert either.send("GET", BUSY).status == 200  # an app password cannot have been guessed
    finally:
        made.close()


def test_a_database_on_postgresql_is_read_alike(tmp_path: Path, postgresql_url: str) -> None:
    url = make_url(postgresql_url)._replace(password=None)
    made = Installation(tmp_path, url.render_as_string())
    try:
        stock = InProcess("stock", 0, made, wsgi_of("stock", made))
        assert set(stock.propfind("/bob/", "D:displayname", depth=1)) == SHOWN["bob"]
        assert len(responses(stock.report(TIMES, query(RANGE)))) == 30
    finally:
        made.close()
