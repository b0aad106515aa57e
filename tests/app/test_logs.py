"""The log: one record a line, and no secret in it."""

import json
import logging

import pytest
from pydantic import SecretStr

from bridge.app.logs import ConsoleFormatter, JsonFormatter, Redactor, secrets_of
from bridge.config.settings import Settings
from bridge.web.redaction import escaped
from tests.builders import make_settings


def record(message: str, *args: object, error: Exception | None = None, **extra: object):
    trace = None
    if error is not None:
        with pytest.raises(type(error)) as caught:
            raise error
        trace = (caught.type, caught.value, caught.tb)
    made = logging.LogRecord("bridge.test", logging.WARNING, __file__, 1, message, args, trace)
    vars(made).update(extra)
    return made


def console(*secrets: str, journal: bool = False) -> ConsoleFormatter:
    redactor = Redactor()
    redactor.learn(secrets)
    return ConsoleFormatter(redactor, journal=journal)


@pytest.mark.covers("T31")
@pytest.mark.parametrize(
    "hostile",
    [
        "uid\n2026-01-01T00:00:00.000Z INFO bridge.app: all is well",
        "uid\r\nforged",
        "uid\x1b[2J\x1b]0;title\x07",
        "uid\u2028forged\u2029forged\x85forged\x0bforged",
        "uid\u202eforged\u2066",
        "nul\x00",
    ],
)
def test_what_a_calendar_says_stays_on_its_line(hostile: str) -> None:
    for formatter in (console(), JsonFormatter(Redactor())):
        line = formatter.format(record("event %s is broken", hostile))
        assert len(line.splitlines()) == 1
        assert line.isprintable()


@pytest.mark.covers("T31")
def test_a_traceback_cannot_forge_a_record_either() -> None:
    error = ValueError("bad uid\n2026-01-01T00:00:00.000Z INFO bridge.app: forged")
    first, *rest = console().format(record("failed", error=error)).splitlines()
    assert first.endswith("WARNING bridge.test: failed")
    assert rest
    assert all(line.startswith("  | ") for line in rest)
    assert any("ValueError: bad uid" in line for line in rest)


def test_ordinary_text_is_left_as_it_is() -> None:
    text = 'Room Ä, "Blue": /freebusy/room-a.ifb?start=0d&end=60d 200 100%'
    assert escaped(text) == text
    assert Redactor().clean(text) == text


@pytest.mark.covers("T39")
@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Basic YWxpY2U6c2VjcmV0", "YWxpY2U6c2VjcmV0"),
        ("{'authorization': 'Bearer abc.def-ghi'}", "abc.def-ghi"),
        ("authorization=Digest username=x", "username=x"),
        ("sent Basic YWxpY2U6c2VjcmV0 there", "YWxpY2U6c2VjcmV0"),
        ("GET /feeds/abcdefghijklmnop/room-a.ics", "abcdefghijklmnop"),
        ("GET /connect/signed-link", "signed-link"),
        ("key bbk_abcdefgh_" + "c" * 32, "c" * 32),
        ("password bb_abcdefgh_" + "d" * 32, "d" * 32),
        ("https://ann:hunter2@dav.example.com/", "hunter2"),
        ("https://example.com/basic.ics?private=7f3a&x=1", "7f3a"),
        ("/freebusy/room-a.ifb?start=0d&token=7f3a9c", "7f3a9c"),
        ("/oauth/callback?code=4/abc&state=xyz123", "xyz123"),
    ],
)
def test_what_looks_like_a_secret_is_starred_out(text: str, secret: str) -> None:
    clean = Redactor().clean(text)
    assert secret not in clean
    assert "***" in clean


@pytest.mark.covers("T39")
def test_secrets_of_the_settings_are_starred_out_wherever_they_turn_up() -> None:
    formatter = console("correct horse", "correct horse battery", "tiny")
    error = RuntimeError("login with correct horse battery failed")
    text = formatter.format(record("%s and %s", "correct horse", "tiny", error=error))
    assert "correct" not in text
    assert "battery" not in text
    assert "tiny" in text, "too short to be looked for"


def test_every_secret_of_the_settings_is_found() -> None:
    settings = make_settings(
        storage={"database_password": "database-password"},
        auth={"users": [{"name": "alice", "password_hash": "$2b$12$" + "a" * 53}]},
    )
    assert set(secrets_of(settings)) == {"database-password", "$2b$12$" + "a" * 53}
    assert list(secrets_of({"a": [SecretStr("x"), (SecretStr("y"),)], "b": 1})) == ["x", "y"]
    assert isinstance(settings, Settings)


def test_the_json_form_is_one_object_with_the_fields_of_the_access_log() -> None:
    redactor = Redactor()
    redactor.learn(["canary-secret"])
    made = record("GET %s", "/x", error=ValueError("canary-secret"), status=200, path="/x")
    fields = json.loads(JsonFormatter(redactor).format(made))
    assert fields["level"] == "warning"
    assert fields["logger"] == "bridge.test"
    assert fields["message"] == "GET /x"
    assert (fields["status"], fields["path"]) == (200, "/x")
    assert fields["time"].endswith("Z")
    assert fields["traceback"][-1] == "ValueError: ***"


def test_under_systemd_every_line_bears_its_priority_and_no_time() -> None:
    lines = console(journal=True).format(record("failed", error=ValueError("x"))).splitlines()
    assert lines[0] == "<4>WARNING bridge.test: failed"
    assert all(line.startswith("<4>") for line in lines)
