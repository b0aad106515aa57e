"""Microsoft accounts from the command line: codes for other devices, and what is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.cli.folder import PATIENCE, Folder
from tests.connecting.outlook import Microsoft
from tests.connecting.owner import ANN, BOB, plain_client
from tests.servers.ports import free_port

COMMANDS_INSIDE = True


@pytest.fixture
def microsoft() -> Iterator[Microsoft]:
    made = Microsoft()
    entra = made.sandbox.microsoft.entra
    begin = entra.device

    def soon(*given: Any) -> Any:
        begun = begin(*given)
        made.sandbox.microsoft.grants.devices[begun["device_code"]].pause = timedelta(seconds=1)
        return begun | {"interval": 1}

    entra.device = soon  # type: ignore[method-assign]
    with made.sandbox:
        yield made


@pytest.fixture
def home(folder: Folder, microsoft: Microsoft) -> Folder:
    return folder.prepare(
        server={"bind": f"127.0.0.1:{free_port()}"},
        allow_inline_secrets=True,
        logging={"level": "debug"},
        auth={},
        outbound={"allow_networks": ["127.0.0.1/32"]},
        providers={"microsoft": microsoft.section()},
        resources=[
            {"id": "room-a", "connections": [{"id": "work", "provider": "microsoft"}]},
            {"id": "room-b", "connections": [{"id": "own", "provider": "google"}]},
        ],
    )


def elsewhere(
    home: Folder, microsoft: Microsoft, account: str, decision: str = "allow"
) -> tuple[int, str, str]:
    """Log in as somebody does whose browser is on another machine."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "auth", "login", "room-a", "outlook", "--device"],
        cwd=home.path,
        env=home.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    code = process.stdout.readline().strip()
    form = {"user_code": code, "account": account, "decision": decision}
    page = plain_client().post(f"{microsoft.sandbox.url}/devicelogin", data=form)
    assert page.status_code == 200, page.text
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


@pytest.mark.covers("A-28", "T7", "T39", "S0-33")
def test_an_account_is_connected_by_a_code_that_is_entered_elsewhere(
    home: Folder, microsoft: Microsoft
) -> None:
    code, out, err = elsewhere(home, microsoft, ANN, "deny")
    assert (code, out) == (1, "")
    assert "the owner did not agree" in err

    code, out, err = elsewhere(home, microsoft, ANN)
    assert (code, out) == (0, "room-a.work is connected\n"), err
    assert f"Open {microsoft.sandbox.url}/devicelogin in any browser" in err
    shown = home.json("connections", "show", "room-a.work")
    assert (shown["status"], shown["connected_account"]) == ("active", ANN)
    home.run("auth", "refresh", "room-a.work").ok()

    code, out, err = elsewhere(home, microsoft, BOB)
    assert (code, "another account" in err) == (1, True)
    done = home.run("auth", "revoke", "room-a.work").ok()
    assert done.out == "room-a.work is disconnected\n"
    assert "myapplications.microsoft.com" in done.err
    assert "not given back" not in done.err, "nobody can see to that"

    assert elsewhere(home, microsoft, BOB)[0] == 0, "once disconnected it may be another account"
    home.config["resources"] = home.config["resources"][1:]
    home.write()
    assert "what its owner permitted stays until its owner ends it" in home.run("plan").ok().out
    gone = home.run("apply", "--yes").ok()
    assert "its owner ends what was permitted: room-a.work (microsoft)" in gone.err
    told = f"{out}{err}{done.out}{done.err}{gone.out}{gone.err}{shown}"
    assert len(microsoft.secrets) > 6
    assert [each for each in microsoft.secrets if each in told] == []


def test_who_cannot_give_codes_says_what_helps(home: Folder, microsoft: Microsoft) -> None:
    refused = home.run("auth", "login", "room-b", "google", "--device")
    assert (refused.code, "with --url it may be anywhere" in refused.err) == (1, True)
    both = home.run("auth", "login", "room-a", "outlook", "--device", "--url")
    assert (both.code, "exclude each other" in both.err) == (2, True)
    clients = microsoft.sandbox.microsoft.grants.clients
    with microsoft.sandbox.world.lock:
        for each in clients.values():
            each.is_public = False
    refused = home.run("auth", "login", "room-a", "outlook", "--device")
    assert refused.code == 1
    assert "allow public client flows" in refused.err


def test_what_is_wrong_is_said_wherever_one_looks(home: Folder, microsoft: Microsoft) -> None:
    assert elsewhere(home, microsoft, ANN)[0] == 0
    path = home.path / "busybridge.yaml"
    path.write_text(path.read_text().replace("CANARY-client-secret", "CANARY-another"))
    microsoft.fault("expired_tokens")
    assert home.run("sync", "room-a.work").code == 1
    hint = "the value of a secret, not its id"
    for line in (("status",), ("doctor", "microsoft"), ("connections", "show", "room-a.work")):
        told = home.run(*line).out
        assert "Microsoft does not take the client secret (AADSTS7000215)" in told, line
        assert hint in told, line
    found = home.json("connections", "show", "room-a.work")
    assert (found["status"], found["error"]["code"]) == ("error", "invalid_client")
    assert found["error"]["since"]
    assert hint in found["error"]["hint"]
    notes = home.run("doctor", "microsoft", "--json").json["installation"]["notes"]
    assert any("client_secret_expired" in each for each in notes)
    assert not any("CANARY" in each for each in notes)
