"""One YAML file -> settings, or every problem at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bridge.config.load import load
from bridge.config.settings import Settings
from bridge.errors import ConfigError
from bridge.model.resource import Access
from tests.config.files import KINDS, ShedConnection, ShedDefaults, problems, read


def test_a_minimal_file_gives_every_default(tmp_path: Path) -> None:
    settings = read(tmp_path, "version: 1")
    assert settings.sync.interval == timedelta(minutes=5)
    assert settings.storage.database == f"sqlite:///{tmp_path}/busybridge.sqlite3"
    assert settings.storage.encryption_key_file == tmp_path / "busybridge.key"
    assert settings.providers["shed"] == ShedDefaults()
    assert settings.warnings == ()


@pytest.mark.covers("A-02")
def test_every_problem_is_named_at_once_with_its_line_and_the_remedy(tmp_path: Path) -> None:
    text = """
        version: 1
        resources:
          - id: room-a
            connections:
              - id: work
                provider: shed
                url: somewhere
                read_calender: [primary]
                write_calendar: primary
              - {id: team, provider: shed, url: there, write_calendar: primary}
            mirror:
              - {to: team/primary, from: [work, team]}
        """
    assert problems(tmp_path, text) == [
        "8: resources[0].connections[0].read_calender: unknown key "
        '(did you mean "read_calendars"?)',
        "10: resources[0].connections[1].write_calendar: 2 write calendars (work, team), "
        "none of them primary (set primary: true on exactly one)",
        "12: resources[0].mirror[0].from[1]: mirror cycle: team would be mirrored into itself "
        "(leave team out of from)",
    ]


def test_problems_of_all_sorts_stand_side_by_side_in_the_order_of_lines(tmp_path: Path) -> None:
    text = """
        environment: Production!
        server: {role: web, threds: 3, timezone: Europe/Berln}
        sync: {interval: 5s, jitter: "${NOPE}"}
        auth:
          users:
            - {name: ui, access: {room-x: reed, rom-a: read, "A b": read}}
            - {name: bob, password_hash: "$2b$10$abc"}
            - {name: bob, password_hash_env: HASH}
            - {nam: carl}
        resources:
          - name: nameless
          - id: room-a
            connections:
              - {id: work, provider: shed, url: 3, privacy: {mode: ful}}
              - {id: work, provider: shedd, url: x}
        removed_resources: pork
        """
    assert problems(tmp_path, text) == [
        "1: version: is missing (write version: 1)",
        "1: environment: must be lower-case letters, digits, - and _, "
        "and begin with a letter or a digit",
        "2: server.timezone: 'Europe/Berln' is not a time zone (write an IANA name: Europe/Berlin)",
        '2: server.threds: unknown key (did you mean "threads"?)',
        "2: server.role: web shares its database, and SQLite has one process "
        "(set storage.database to postgresql://user@host/name)",
        "3: sync.jitter: the environment variable NOPE is not set",
        "3: sync.interval: must be at least 10 seconds",
        "6: auth.users[0].access.room-x.level: 'reed' is not one of free-busy, read, write, manage "
        '(did you mean "read"?)',
        '6: auth.users[0].name: "ui" is a part of BusyBridge\'s own URLs (rename it)',
        '6: auth.users[0].access.rom-a: there is no such resource (did you mean "room-a"?)',
        '6: auth.users[0].access["A b"]: neither the id of a resource nor a pattern '
        '(as in "room-*")',
        "7: auth.users[1].password_hash: a secret in the file itself (give password_hash_env or "
        "password_hash_file, or set allow_inline_secrets: true)",
        "8: auth.users[2].password_hash_env: the environment variable HASH is not set",
        '8: auth.users[2].name: "bob" is taken (first on line 7)',
        "9: auth.users[3].name: is missing",
        '9: auth.users[3].nam: unknown key (did you mean "name"?)',
        "11: resources[0].id: is missing",
        "14: resources[1].connections[0].url: must be text (put it in quotes)",
        "14: resources[1].connections[0].privacy.mode: 'ful' is not one of busy_only, private, "
        'full (did you mean "full"?)',
        '15: resources[1].connections[1].provider: no provider "shedd" (did you mean "shed"?)',
        '15: resources[1].connections[1].id: "work" is taken (first on line 14)',
        "16: removed_resources: 'pork' is not one of park, purge (did you mean \"park\"?)",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("version: 2", "1: version: 2 is not one of 1"),
        ("sync: {interval: fast}", "2: sync.interval: 'fast' is not a duration"),
        ("sync: {interval: -5m}", "2: sync.interval: '-5m' is not a duration"),
        ("sync: {interval: 300}", "2: sync.interval: '300' is not a duration"),
        ("sync: {window: {future: 99999d}}", "2: sync.window.future: "),
        ("sync: {full_reconcile: 10m, interval: 1h}", "2: sync.full_reconcile: is shorter than"),
        ("sync: {backoff: {initial: 2h, max: 1h}}", "2: sync.backoff.initial: is longer than"),
        ("sync: {jitter: 60%}", "2: sync.jitter: must be at most 0.5"),
        ("server: 5", "2: server: must be a mapping of keys to values"),
        ("server: {threads: many}", "2: server.threads: must be a whole number"),
        ("server: {bind: localhost}", "2: server.bind: 'localhost' is not an address with a port"),
        ("server: {base_url: 'https://u:p@h'}", "2: server.base_url: not a URL without login"),
        ("server: {base_url: 'https://h/cal?x'}", "2: server.base_url: not a URL without login"),
        ("server: {base_url: 'https://h/../x'}", "2: server.base_url: not a URL without login"),
        ("server: {base_url: 'https://h/feeds'}", '2: server.base_url: the path "/feeds" is one'),
        (
            "server: {trusted_proxies: [10.0.0.1/8]}",
            "2: server.trusted_proxies[0]: '10.0.0.1/8' is",
        ),
        ("server: {trusted_proxies: ['10.0.0.0/8:1']}", "2: server.trusted_proxies[0]: "),
        (
            "server: {rate_limit: {per_client: 0/s}}",
            "2: server.rate_limit.per_client: '0/s' is not",
        ),
        ("metrics: {enabled: maybe}", "2: metrics.enabled: must be true or false"),
        ("resources: {id: room-a}", "2: resources: must be a list"),
        ("resources: [room-a]", "2: resources[0]: must be a mapping of keys to values"),
        ("resources: [{id: a.b}]", "2: resources[0].id: must be lower-case letters"),
        ("resources: [{id: api}]", '2: resources[0].id: "api" is a part of BusyBridge\'s own URLs'),
        ("resources: [{id: .well-known}]", "2: resources[0].id: must be lower-case letters"),
        ("resources: [{id: a, email: x}]", "2: resources[0].email: 'x' is not a mail address"),
        ("auth: {htpasswd_file: nowhere}", "2: auth.htpasswd_file: there is no file "),
        ("storage: {database: 'sqlite://'}", "2: storage.database: not the path of a file"),
        ("storage: {database: 'mysql://h/d'}", "2: storage.database: not a database we know"),
        ("storage: {database: 'sqlite:///.'}", "2: storage.database: is a directory"),
        ("providers: {shedd: {}}", '2: providers.shedd: no provider "shedd"'),
        ("providers: {shed: {shelfs: 4}}", "2: providers.shed.shelfs: unknown key (did you mean"),
        (
            "providers: {shed: {}, hut: {}}",
            "2: providers.hut: the defaults of shed are given twice",
        ),
        ("options: 1", "2: options: unknown key"),
    ],
)
def test_a_wrong_value_is_named_in_plain_words(tmp_path: Path, line: str, message: str) -> None:
    text = line if line.startswith("version") else f"version: 1\n{line}"
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(message)


def test_ids_names_and_addresses_are_taken_once(tmp_path: Path) -> None:
    text = """
        version: 1
        auth: {users: [{name: ann}, {name: ann}]}
        resources:
          - {id: a, email: Ann@example.com, feeds: [{name: team}, {name: team}]}
          - {id: a, email: ann@example.com}
        """
    assert problems(tmp_path, text) == [
        '2: auth.users[1].name: "ann" is taken (first on line 2)',
        '4: resources[0].feeds[1].name: "team" is taken (first on line 4)',
        '5: resources[1].id: "a" is taken (first on line 4)',
        '5: resources[1].email: "ann@example.com" is taken (first on line 4)',
    ]


def test_a_login_may_be_called_like_a_resource(tmp_path: Path) -> None:
    text = """
        version: 1
        auth: {users: [{name: ann, access: {ann: write}}]}
        resources: [{id: ann}]
        """
    settings = read(tmp_path, text)
    assert settings.auth.users[0].access["ann"].level is Access.WRITE


@pytest.mark.covers("S4-06")
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("primary: true", "primary: true", "2 write calendars (x, y), 2 of them primary"),
        ("primary: true", "paused: true", None),
        ("paused: true", "paused: true", "2 write calendars (x, y), none of them primary"),
    ],
)
def test_two_write_calendars_need_one_primary(
    tmp_path: Path, first: str, second: str, expected: str | None
) -> None:
    text = f"""
        version: 1
        resources:
          - id: room-a
            connections:
              - {{id: x, provider: shed, url: u, write_calendar: primary, {first}}}
              - {{id: y, provider: shed, url: u, write_calendar: primary, {second}}}
        """
    found = problems(tmp_path, text)
    assert len(found) == (expected is not None)
    assert expected is None or expected in found[0]


def test_a_primary_connection_needs_a_write_calendar(tmp_path: Path) -> None:
    text = """
        version: 1
        resources:
          - {id: a, connections: [{id: x, provider: shed, url: u, primary: true}]}
        """
    assert problems(tmp_path, text) == [
        "3: resources[0].connections[0].primary: has no write_calendar "
        "(primary says which write_calendar receives the bookings)"
    ]


def test_a_kind_reads_its_own_keys_and_answers_to_its_synonyms(tmp_path: Path) -> None:
    text = """
        version: 1
        providers: {hut: {shelves: 7}}
        resources: [{id: a, connections: [{id: x, provider: Hut, url: u}]}]
        """
    settings = read(tmp_path, text)
    connection = settings.resources[0].connections[0]
    assert connection.provider == "shed"
    assert connection.options == ShedConnection(url="u")
    assert settings.providers["shed"] == ShedDefaults(shelves=7)


def test_without_kinds_their_keys_stay_unread(tmp_path: Path) -> None:
    text = """
        version: 1
        providers: {anything: {goes: 1}}
        resources: [{id: a, connections: [{id: x, provider: any, wild: 1, token_env: UNSET}]}]
        """
    settings = read(tmp_path, text, kinds=None)
    assert settings.providers == {}
    assert settings.resources[0].connections[0].options is None
    assert problems(tmp_path, "version: 1\nsevrer: {}", kinds=None) == [
        '2: sevrer: unknown key (did you mean "server"?)'
    ]


def test_relative_paths_start_from_the_directory_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    text = """
        version: 1
        storage: {database: "sqlite:///data/x.sqlite3", encryption_key_file: /keys/k}
        outbound: {ca_file: ca.pem}
        """
    settings = read(tmp_path, text)
    assert settings.storage.database == f"sqlite:///{tmp_path}/data/x.sqlite3"
    assert settings.storage.encryption_key_file == Path("/keys/k")
    assert settings.outbound.ca_file == tmp_path / "ca.pem"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_the_same(tmp_path: Path, scheme: str) -> None:
    text = f"version: 1\nstorage: {{database: '{scheme}://u@h/d?sslmode=require'}}"
    settings = read(tmp_path, text)
    assert settings.storage.database == "postgresql+psycopg://u@h/d?sslmode=require"


@pytest.mark.parametrize("role", ["web", "worker"])
def test_several_processes_need_postgresql(tmp_path: Path, role: str) -> None:
    text = f"""
        version: 1
        server: {{role: {role}}}
        storage: {{database: "postgresql://u@h/d"}}
        """
    assert problems(tmp_path, text) == []


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="busybridge init"):
        load(tmp_path / "none.yaml", KINDS, {})


def test_settings_read_back_what_they_write(tmp_path: Path) -> None:
    settings = read(tmp_path, "version: 1\nsync: {interval: 90s}")
    assert Settings.model_validate(settings.model_dump(mode="json")) == settings.model_copy(
        update={"providers": {}}
    )


def test_an_unwritten_section_is_an_empty_one(tmp_path: Path) -> None:
    settings = read(tmp_path, "version: 1\nserver:\nresources:\nsync:\n  interval:\n")
    assert settings.sync.interval == timedelta(minutes=5)
    assert settings.resources == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sevrer:", '2: sevrer: unknown key (did you mean "server"?)'),
        ("server: {bnd: null}", '2: server.bnd: unknown key (did you mean "bind"?)'),
        ("providers: {shedd: ~}", '2: providers.shedd: unknown key (did you mean "shed"?)'),
        ("providers: {hut: {shelfs: }}", "2: providers.hut.shelfs: unknown key (did you mean"),
        (
            "resources: [{id: a, connections: [{id: x, provider: hut, url: u, read_calender: }]}]",
            "2: resources[0].connections[0].read_calender: unknown key (did you mean"
            ' "read_calendars"?)',
        ),
        (
            "resources: [{id: a, availability: {alday: }}]",
            '2: resources[0].availability.alday: unknown key (did you mean "all_day"?)',
        ),
    ],
)
def test_an_unknown_key_without_a_value_is_a_mistake_all_the_same(
    tmp_path: Path, text: str, expected: str
) -> None:
    [found] = problems(tmp_path, f"version: 1\n{text}\n")
    assert found.startswith(expected)


def test_known_keys_without_a_value_count_as_left_out_everywhere(tmp_path: Path) -> None:
    text = """
        version: 1
        auth: {users: [{name: ann, email: , access: {room-a: }}]}
        providers: {shed: , ics: {max_size: }}
        availability: {event_types: {holiday: }, buffers: {before: }}
        resources:
          - id: a
            timezone:
            connections:
              - {id: x, provider: shed, url: u, password_env: , read_calendars: , sync: }
        """
    settings = read(tmp_path, text)
    assert settings.auth.users[0].access == {}
    assert settings.resources[0].connections[0].read_calendars is None
