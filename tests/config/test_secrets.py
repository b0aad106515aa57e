"""Secrets by variable and by file; none of them in any text."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge.config.load import load
from bridge.config.plan import plan
from bridge.config.settings import Settings
from bridge.errors import ConfigError
from tests.config.files import KINDS, ShedConnection, problems, read, write

CANARY = "canary-8d41f2"


def shed(line: str, *, inline: bool = False) -> str:
    return f"""
        version: 1
        allow_inline_secrets: {str(inline).lower()}
        resources: [{{id: a, connections: [{{id: x, provider: shed, url: u, {line}}}]}}]
        """


def password(settings: Settings) -> str | None:
    options = settings.resources[0].connections[0].options
    assert isinstance(options, ShedConnection)
    return options.password.get_secret_value() if options.password else None


def test_a_secret_comes_from_a_variable(tmp_path: Path) -> None:
    settings = read(tmp_path, shed("password_env: PW"), environ={"PW": " two words\n"})
    assert password(settings) == " two words\n"


@pytest.mark.covers("T40")
@pytest.mark.parametrize(
    ("content", "expected"),
    [("pw\n", "pw"), ("pw\r\n", "pw"), ("pw", "pw"), ("a\nb\n\n", "a\nb\n")],
)
def test_a_secret_comes_from_a_file_without_its_last_line_break(
    tmp_path: Path, content: str, expected: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(content.encode())
    secret.chmod(0o600)
    settings = read(tmp_path, shed("password_file: secret"))
    assert password(settings) == expected
    assert settings.warnings == ()


@pytest.mark.covers("T40")
@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_secret_that_others_may_read_is_warned_of(
    tmp_path: Path, mode: int, warned: bool
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    secret.chmod(mode)
    settings = read(tmp_path, shed("password_file: secret"))
    expected = f"{secret}: holds a secret and has mode {mode:04o}; chmod 0600 it"
    assert settings.warnings == ((expected,) if warned else ())


@pytest.mark.covers("T40")
def test_an_inline_secret_needs_leave_and_a_file_of_mode_0600(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, shed(f"password: {CANARY}"))
    assert "a secret in the file itself (give password_env or password_file" in found
    assert CANARY not in found
    allowed = write(tmp_path, shed(f"password: {CANARY}", inline=True))
    allowed.chmod(0o644)
    settings = load(allowed, KINDS, {})
    assert password(settings) == CANARY
    assert len(settings.warnings) == 1
    allowed.chmod(0o600)
    assert load(allowed, KINDS, {}).warnings == ()


def test_a_placeholder_is_not_inline(tmp_path: Path) -> None:
    settings = read(tmp_path, shed("password: '${PW}'"), environ={"PW": "pw"})
    assert password(settings) == "pw"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("password_env: UNSET", "password_env: the environment variable UNSET is not set"),
        ("password_env: EMPTY", "password_env: the environment variable EMPTY is empty"),
        ("password_file: none", "cannot be read: No such file or directory"),
        ("password_file: .", "cannot be read: Is a directory"),
        ("password_env: PW, password_file: f", "password_file: password_env is given as well"),
        ("password_env: [PW]", "password_env: must be text"),
        ("passwort_env: PW", 'passwort_env: unknown key (did you mean "password_env"?)'),
        ("url_env: PW", "url_env: unknown key"),
    ],
)
def test_a_secret_that_cannot_be_had_is_told_once_with_its_line(
    tmp_path: Path, line: str, message: str
) -> None:
    (found,) = problems(tmp_path, shed(line), environ={"EMPTY": "", "PW": CANARY})
    assert found.startswith("3: resources[0].connections[0].")
    assert message in found


def test_a_pipe_without_a_writer_does_not_hang_the_check(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (found,) = problems(tmp_path, shed("password_file: pipe"))
    assert "is not a file of at most 64 KiB" in found


def test_defaults_of_a_kind_and_users_have_secrets_too(tmp_path: Path) -> None:
    text = """
        version: 1
        providers: {shed: {token_env: TOKEN}}
        auth: {users: [{name: ann, password_hash_env: HASH}]}
        storage: {database: "postgresql://u@h/d", database_password_env: DB}
        """
    environ = {"TOKEN": "t", "HASH": "$2b$04$" + "a" * 53, "DB": "d"}
    settings = read(tmp_path, text, environ=environ)
    assert settings.providers["shed"].model_dump()["token"] == SecretStr("t")
    assert settings.storage.database_password == SecretStr("d")
    assert settings.auth.users[0].password_hash == SecretStr(environ["HASH"])


def test_a_hash_that_is_none_is_refused_without_being_shown(tmp_path: Path) -> None:
    text = "version: 1\nauth: {users: [{name: ann, password_hash_env: HASH}]}"
    (found,) = problems(tmp_path, text, environ={"HASH": CANARY})
    assert "auth.users[0].password_hash_env: not a bcrypt ($2b$...) or argon2" in found
    assert CANARY not in found


@pytest.mark.parametrize(
    "url", [f"postgresql://u:{CANARY}@h/d", f"postgres://u@h/d?password={CANARY}"]
)
def test_a_password_in_the_database_url_is_refused_without_being_shown(
    tmp_path: Path, url: str
) -> None:
    (found,) = problems(tmp_path, f"version: 1\nstorage: {{database: '{url}'}}")
    assert "storage.database: the URL holds a password (give it as database_password_file" in found
    assert CANARY not in found


@pytest.mark.covers("T39")
def test_no_text_made_of_the_settings_shows_a_secret(tmp_path: Path) -> None:
    text = """
        version: 1
        providers: {shed: {token_env: PW}}
        auth: {users: [{name: ann, password_hash_env: HASH}]}
        storage: {database: "postgresql://u@h/d", database_password_env: PW}
        resources:
          - id: a
            connections:
              - {id: x, provider: shed, url: u, password_env: PW}
              - {id: y, provider: ics, url: "https://h/canary-8d41f2.ics"}
        """
    settings = read(tmp_path, text, environ={"PW": CANARY, "HASH": "$2b$04$" + "a" * 53})
    texts = [repr(settings), str(settings), settings.model_dump_json()]
    texts += [repr(plan(settings)), repr(settings.providers)]
    texts += [each.model_dump_json() for row in plan(settings) for each in row[1]]
    texts += [repr(each.options) for each in settings.resources[0].connections]
    assert [text for text in texts if CANARY in text or "$2b$" in text] == []


@pytest.mark.covers("T39")
def test_no_problem_shows_a_secret(tmp_path: Path) -> None:
    text = """
        version: 7
        providers: {shed: {token_env: PW, shelves: x}}
        auth: {users: [{name: ann, password_hash_env: PW}]}
        resources:
          - id: a
            connections:
              - {id: x, provider: shed, password_env: PW, nonsense: 1}
              - {id: y, provider: ics, url: "ftp://h/canary-8d41f2.ics"}
              - {id: z, provider: shed, url: u, password: canary-8d41f2}
        """
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, environ={"PW": CANARY})
    assert len(caught.value.problems) >= 6
    assert CANARY not in str(caught.value)
    assert CANARY not in json.dumps([repr(each) for each in caught.value.problems])
