"""`init` and `check`: the first two commands that anybody types."""

from __future__ import annotations

import re
import stat

import pytest

from tests.cli.folder import Folder

MISTAKES = """\
version: 1
server:
  bnd: 127.0.0.1:5232
  timezone: Europe/Berln
resources:
  - id: room-a
    connections:
      - id: work
        provider: caldv
      - id: left
        provider: ics
        path: a.ics
        read_calender: [primary]
        write_calendar: primary
      - {id: right, provider: ics, path: b.ics, write_calendar: primary}
      - {id: dav, provider: caldav, server_url: "https://dav.example.com", username: ann,
         password_env: NOT_SET}
    mirror:
      - {to: right/primary, from: [left]}
      - {to: dav/primary, from: [left, dav]}
sync:
  interval: soon
"""


@pytest.mark.covers("A-01")
def test_what_init_writes_is_valid_and_its_secrets_are_private(folder: Folder) -> None:
    done = folder.run("init").ok()
    assert done.out.split() == ["busybridge.yaml", "busybridge.key"]
    assert "busybridge check" in done.err, "the next step is named"
    checked = folder.run("check").ok()
    assert checked.out == "busybridge.yaml: 1 resource, no problems\n"
    assert checked.err == ""
    for name in ("busybridge.yaml", "busybridge.key"):
        assert stat.S_IMODE((folder.path / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.path.glob("[!.]*")) == [
        "busybridge.key",
        "busybridge.yaml",
    ], "nothing was started or stored"


def test_init_overwrites_nothing(folder: Folder) -> None:
    folder.run("init", "sub").ok()
    key = (folder.path / "sub/busybridge.key").read_bytes()
    again = folder.run("init", "sub")
    assert again.code == 2
    assert again.err.count("exists already and is not overwritten") == 2
    assert (folder.path / "sub/busybridge.key").read_bytes() == key


def test_who_has_a_configuration_and_no_key_file_is_told_how_to_make_one(folder: Folder) -> None:
    (folder.path / "busybridge.yaml").write_text("version: 1\n")
    command = re.search(r"`busybridge (.*?)`", folder.run("check").err)
    assert command
    folder.run(*command[1].split()).ok()
    folder.run("check").ok()
    assert stat.S_IMODE((folder.path / "busybridge.key").stat().st_mode) == 0o600
    assert folder.run(*command[1].split()).code == 2, "it is never overwritten"


@pytest.mark.covers("A-02")
def test_check_names_every_mistake_at_once(folder: Folder) -> None:
    folder.run("init").ok()
    (folder.path / "busybridge.yaml").write_text(MISTAKES)
    done = folder.run("check")
    assert done.code == 2
    assert done.out == ""
    lines = done.err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["busybridge.yaml:3", "server.bnd"],
        ["busybridge.yaml:4", "server.timezone"],
        ["busybridge.yaml:9", "resources[0].connections[0].provider"],
        ["busybridge.yaml:13", "resources[0].connections[1].read_calender"],
        ["busybridge.yaml:15", "resources[0].connections[2].write_calendar"],
        ["busybridge.yaml:17", "resources[0].connections[3].password_env"],
        ["busybridge.yaml:19", "resources[0].mirror[0].to"],
        ["busybridge.yaml:20", "resources[0].mirror[1].from[1]"],
        ["busybridge.yaml:22", "sync.interval"],
    ]
    for line, hint in zip(
        lines,
        (
            *('"bind"', "Europe/Berlin", '"caldav"', '"read_calendars"', "primary", "NOT_SET"),
            *("into another one", "leave dav out", "5m"),
        ),
        strict=True,
    ):
        assert hint in line
    assert not folder.database.exists(), "nothing was started"

    told = folder.run("--json", "check")
    assert told.code == 2
    assert [(it["file"], it["line"], it["key"]) for it in told.json["problems"]] == [
        ("busybridge.yaml", int(line.split(":")[1]), line.split(": ")[1]) for line in lines
    ]


def test_check_warns_of_secrets_that_others_may_read(folder: Folder) -> None:
    folder.run("init").ok()
    (folder.path / "busybridge.key").chmod(0o644)
    done = folder.run("check").ok()
    assert "busybridge.key" in done.err
    assert "chmod 0600" in done.err
    assert "no problems" in done.out
    assert folder.run("check", "--json").ok().json["warnings"]


def test_the_configuration_is_found_by_option_variable_and_place(folder: Folder) -> None:
    folder.run("init", "elsewhere").ok()
    named = "elsewhere/busybridge.yaml"
    for done in (
        folder.run("--config", named, "check"),
        folder.run("check", "--config", named),
        folder.run("check", environ={"BUSYBRIDGE_CONFIG": named}),
        folder.run("check", "--config", named, environ={"BUSYBRIDGE_CONFIG": "nowhere.yaml"}),
    ):
        assert done.ok().out.startswith(named)
    lost = folder.run("check")
    assert lost.code == 2
    assert "`busybridge init`" in lost.err
    assert "/etc/busybridge/busybridge.yaml" in lost.err
