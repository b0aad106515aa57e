"""The address that Google posts to, and whoever else finds it."""

from __future__ import annotations

import time
from io import BytesIO
from statistics import quantiles
from typing import Any

import pytest
from sqlalchemy import select

from bridge.store import schema
from bridge.web import hooks
from tests.channels.house import Pushed
from tests.web.site import StillTime


def marks(house: Pushed) -> list[Any]:
    with house.bridge.database.read() as conn:
        return list(conn.execute(select(schema.schedule.c.marked_at)).scalars())


@pytest.mark.covers("T41")
def test_what_is_not_genuine_is_answered_404_and_asks_for_nothing(house: Pushed) -> None:
    house.connect()
    house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    genuine = house.sandbox.google.push.delivered[-1]
    before = (house.pulls(), house.rows())
    forged: list[dict[str, str]] = [
        {"Channel_Token": "a" * 64},
        {"Channel_Token": ""},
        {"Channel_ID": "f" * 32},
        {"Resource_ID": "another"},
        {"Resource_ID": ""},
        {"Resource_State": ""},
        {"Channel_Token": "x" * 4000, "Channel_ID": "y" * 4000},
    ]
    for headers in forged:
        answer = house.post(genuine, **{"Message_Number": "77", **headers})
        assert answer.status_code == 404, headers
        assert answer.json()["code"] == "not_found"
    said = {house.post(genuine, **headers).text.split('"instance"')[0] for headers in forged}
    assert len(said) == 1, "one answer to all"
    assert house.post().status_code == 404
    assert set(marks(house)) == {None}
    assert (house.pulls(), house.rows()) == before
    assert house.post(genuine, Message_Number="78").status_code == 204
    house.until(lambda: house.pulls() == before[0] + 1, "a genuine one is answered by a pull")


@pytest.mark.parametrize(
    "path", ["/hooks", "/hooks/", "/hooks/caldav", "/hooks/nobody", "/hooks/a/b"]
)
def test_elsewhere_is_nothing(house: Pushed, path: str) -> None:
    assert house.client.post(f"{house.home.url}{path}").status_code == 404


def test_only_posts_are_taken(house: Pushed) -> None:
    answer = house.client.get(f"{house.home.url}/hooks/google")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_no_token_is_logged_or_shown(house: Pushed, caplog: pytest.LogCaptureFixture) -> None:
    house.connect()
    (channel,) = house.there()
    house.post(None, Channel_ID=channel.id, Channel_Token=channel.token, Resource_State="exists")
    house.quiet()
    shown = caplog.text + house.client.get(f"{house.home.url}/metrics").text
    assert channel.token not in shown


def test_figures_say_what_was_taken_and_which_channels_are_healthy(house: Pushed) -> None:
    house.connect()
    house.post()
    shown = house.client.get(f"{house.home.url}/metrics").text
    assert 'busybridge_notifications_total{outcome="taken"} 1.0' in shown
    assert 'busybridge_notifications_total{outcome="refused"} 1.0' in shown
    assert 'busybridge_channels{connection="room-a.work",state="healthy"} 1.0' in shown


@pytest.mark.covers("T41")
def test_who_sends_too_much_that_is_not_genuine_is_not_looked_at_any_more(
    house: Pushed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "time", StillTime())
    house.connect()
    answers = [call(house, {"CHANNEL_ID": "a", "CHANNEL_TOKEN": "b", "RESOURCE_STATE": "exists"})[0]
               for _ in range(700)]  # fmt: skip
    assert answers[0] == 404
    assert answers[-1] == 429


@pytest.mark.covers("T45")
def test_ten_thousand_notifications_are_two_pulls(house: Pushed) -> None:
    house.connect()
    genuine = dict(house.sandbox.google.push.delivered[-1].headers)
    named = {
        name.removeprefix("X-Goog-").replace("-", "_").upper(): it for name, it in genuine.items()
    }
    before = house.pulls()
    seconds = []
    for number in range(10_000):
        status, taken = call(
            house, named | {"RESOURCE_STATE": "exists", "MESSAGE_NUMBER": str(number + 10)}
        )
        assert status == 204, "none is put off or refused"
        seconds.append(taken)
    house.pass_time(60)
    house.quiet()
    house.pass_time(10)
    house.quiet()
    assert 1 <= house.pulls() - before <= 2
    assert quantiles(seconds, n=100)[98] < 0.05, "CPU time of one answer"


def call(house: Pushed, headers: dict[str, str]) -> tuple[int, float]:
    """Post to the application itself; give the status, and the CPU time that the answer took."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/hooks/google",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        **{f"HTTP_X_GOOG_{name}": value for name, value in headers.items()},
    }
    told: list[str] = []
    began = time.thread_time()
    list(house.bridge.wsgi(environ, lambda status, _headers, *_: told.append(status)))  # type: ignore[arg-type]
    return int(told[0][:3]), time.thread_time() - began
