"""Mirrors from the command line: foreseen, written, shown, and what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.cli.folder import Folder, calendar, event
from tests.e2e import inside
from tests.servers.dav import Dav
from tests.servers.radicale import radicale_account, shared_radicale

COMMANDS_INSIDE = True


@pytest.fixture
def account(tmp_path_factory: pytest.TempPathFactory) -> Dav:
    return radicale_account(shared_radicale(tmp_path_factory.getbasetemp() / "radicale"))


def mirrored(path: Path, account: Dav) -> tuple[Folder, str, str]:
    """A folder whose person has two calendars, the first mirrored into the second."""
    names = [f"work-{path.name}", f"team-{path.name}"]
    work, team = (account.make_calendar(name) for name in names)
    account.put(work, "board.ics", calendar(event("board", "Secret board", 9, 10)))
    keys = {
        "provider": "caldav",
        "server_url": account.url,
        "username": account.username,
        "password": account.password,
    }
    person = {
        "id": "ann",
        "name": "Ann",
        "connections": [
            {"id": "work", **keys, "read_calendars": [names[0]]},
            {"id": "team", **keys, "read_calendars": [names[1]]},
        ],
        "mirror": [{"to": f"team/{names[1]}", "title": "Busy ({{resource}})"}],
    }
    folder = Folder(path).prepare(
        resources=[person],
        auth={"users": []},
        allow_inline_secrets=True,
        outbound={"allow_networks": ["127.0.0.1/32"]},
    )
    return folder, team, f"team/{names[1]}"


def run(folder: Folder, *arguments: str) -> CompletedProcess[str]:
    return inside.run(folder.path / "busybridge.yaml", *arguments)


def titles(account: Dav, collection: str) -> list[str]:
    """What the events of a calendar are called."""
    lines = account.send("GET", collection).decode().splitlines()
    return [line.partition(":")[2] for line in lines if line.startswith("SUMMARY")]


def told(folder: Folder, *arguments: str) -> Any:
    return json.loads(run(folder, "--json", *arguments).stdout)


@pytest.mark.covers("S0-36")
def test_a_mirror_is_foreseen_written_and_shown(tmp_path: Path, account: Dav) -> None:
    folder, team, to = mirrored(tmp_path, account)
    assert f"mirror ann to {to}: no calendar was read yet" in run(folder, "plan").stdout
    run(folder, "sync")
    assert run(folder, "plan").stdout == f"mirror ann to {to}: write 1 block\n"
    assert titles(account, team) == [], "to foresee it writes nothing"
    assert "nothing was written yet" in run(folder, "mirror").stdout
    (written,) = told(folder, "mirror", "--now")
    assert (written["outcome"], written["written"]) == ("written", 1)
    assert titles(account, team) == ["Busy (Ann)"]
    assert run(folder, "plan").stdout == "nothing to do\n"
    (shown,) = told(folder, "mirror", "ann")
    assert (shown["state"], shown["blocks"], shown["from"]) == ("written", 1, ["work"])
    assert "all is well" in run(folder, "status").stdout
    folder.config["resources"][0]["mirror"] = []
    folder.write()
    assert f"mirror ann to {to}: delete 1 block" in run(folder, "plan").stdout
    run(folder, "mirror", "--now")
    assert titles(account, team) == []


def test_what_is_wrong_with_a_mirror_is_said_with_its_remedy(tmp_path: Path, account: Dav) -> None:
    folder, _, _ = mirrored(tmp_path, account)
    run(folder, "sync")
    folder.config["resources"][0]["mirror"] = [{"to": "team/nowhere"}]
    folder.write()
    assert "there is no calendar 'nowhere'" in run(folder, "plan").stdout
    done = run(folder, "mirror", "--now")
    assert done.returncode == 1
    assert "`busybridge calendars list ann.team`" in done.stdout
    status = run(folder, "status")
    assert status.returncode == 3
    assert "mirror to team/nowhere: there is no calendar 'nowhere'" in status.stdout
    assert run(folder, "mirror", "bob").returncode == 1
