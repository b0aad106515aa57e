"""`auth` beside a running server: connect, refresh, revoke; and no secret is told to anybody."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.folder import ALICE, Folder, Serving
from tests.connecting.home import Provider
from tests.connecting.owner import ANN, BOB, Browser, asked
from tests.servers.ports import free_port

COMMANDS_INSIDE = True

ROOT = Path(__file__).parents[2]
BROWSER = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.connecting.owner import Browser
browser = Browser()
answer = browser.consent(sys.argv[1])
assert browser.get(answer.partition("?")[0]).status_code == 404
assert browser.get(answer.partition("?")[0] + "?state=forged&code=forged").status_code == 200
print(browser.get(answer).text)
"""


@pytest.fixture
def google() -> Iterator[Provider]:
    made = Provider()
    with made.sandbox:
        yield made


@pytest.fixture
def home(folder: Folder, google: Provider) -> Folder:
    rooms = [
        {"id": "room-a", "connections": [{"id": "work", "provider": "google"}]},
        {
            "id": "room-b",
            "connections": [
                {"id": "one", "provider": "google"},
                {"id": "two", "provider": "google"},
            ],
        },
    ]
    return folder.prepare(
        server={"bind": f"127.0.0.1:{free_port()}"},
        allow_inline_secrets=True,
        logging={"level": "debug"},
        auth={"users": [{**ALICE, "access": {}}]},
        outbound={"allow_networks": ["127.0.0.1/32"]},
        providers={"google": google.section()},
        resources=rooms,
    )


@pytest.fixture
def server(home: Folder) -> Iterator[Serving]:
    with home.serve() as running:
        yield running


def status(home: Folder, name: str = "room-a.work") -> str:
    found = {each["id"]: each for each in home.json("connections", "list")}
    return str(found[name]["status"])


def by_hand(home: Folder, account: str = ANN, *more: str, untick: str = "") -> tuple[int, str, str]:
    """Log in as somebody does who has a terminal here and a browser elsewhere."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "auth", "login", "room-a", "google", "--url", *more],
        cwd=home.path,
        env=home.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = process.stdout.readline().strip()
    answer = Browser().consent(url, account, untick=untick)
    assert answer.startswith("http://127.0.0.1:")
    out, err = process.communicate(f"{answer}\n", timeout=60)
    return process.returncode, out, err


@pytest.mark.covers("T7", "T39", "P7", "A-28", "S0-33", "S0-34")
def test_an_account_is_connected_by_hand_while_the_server_runs_and_no_secret_is_told(
    home: Folder, server: Serving, google: Provider
) -> None:
    assert status(home) == "pending"
    code, out, err = by_hand(home)
    assert (code, out) == (0, "room-a.work is connected\n"), err
    server.until(lambda: status(home) == "active", "it is active")
    read = lambda: home.json("connections", "show", "room-a.work")["calendars"]  # noqa: E731
    server.until(lambda: [each["name"] for each in read()] == ["Ann"], "its calendar is read")
    assert home.json("connections", "show", "room-a.work")["connected_account"] == ANN

    assert home.run("auth", "refresh", "room-a.work").ok().out == "room-a.work has a new token\n"
    assert google.calls == ["authorization_code", "refresh_token"]
    code, out, err = by_hand(home, BOB)
    assert (code, out) == (1, "")
    assert "room-a.work is not connected: this is another account" in err
    assert "disconnect it first" in err

    link = home.run("auth", "url", "room-a").ok()
    assert "in the browser that uses it first" in link.err
    browser = Browser()
    pages = [browser.get(link.out.strip())]
    start = browser.press(pages[0])
    answer = browser.consent(start.headers["Location"])
    pages += [browser.get(answer), browser.get(answer), Browser().get(link.out.strip())]
    assert [page.status_code for page in pages] == [200, 200, 400, 404]

    done = home.run("auth", "revoke", "room-a.work").ok()
    assert (done.out, done.err) == ("room-a.work is disconnected\n", "")
    assert not google.allows()
    assert status(home) == "disconnected"
    assert read() == []
    refused = home.run("auth", "refresh", "room-a.work")
    assert (refused.code, "nobody has connected this account yet" in refused.err) == (1, True)
    assert by_hand(home, BOB)[0] == 0, "once disconnected it may be another account"

    told = server.log + err + out + "".join(page.text for page in pages[1:])
    secrets = google.secrets | {link.out.strip().rpartition("/")[2], asked(answer)["state"]}
    assert len(secrets) > 12
    assert [each for each in secrets if each in told or quote(each, safe="") in told] == []
    assert "/oauth/google/callback" in server.log


def test_a_browser_on_this_machine_is_opened_and_comes_back_by_itself(
    home: Folder, server: Serving, google: Provider
) -> None:
    program = home.path / "browser"
    program.write_text(BROWSER.format(python=sys.executable, root=str(ROOT)))
    program.chmod(0o755)
    done = home.run("auth", "login", "room-a", "google", environ={"BROWSER": str(program)}).ok()
    assert done.out.endswith("room-a.work is connected\n")
    assert google.allows()
    assert google.calls == ["authorization_code"]


def test_what_cannot_be_logged_in_is_said(home: Folder, server: Serving) -> None:
    for arguments, said in (
        (("room-x", "google"), "did you mean"),
        (("room-a", "gogle"), "there is no provider 'gogle'; did you mean google?"),
        (("room-a", "ics"), "room-a has no ics connection"),
        (("room-b", "google"), "--connection one or two"),
        (("room-b", "google", "--connection", "tow"), "did you mean two"),
    ):
        refused = home.run("auth", "login", *arguments, "--url")
        assert refused.code in (1, 2)
        assert said in refused.err
    refused = home.run("auth", "login", "room-a", "google", "--url", stdin="http://127.0.0.1/\n")
    assert (refused.code, "it has no state" in refused.err) == (1, True)


def test_an_account_that_waits_for_its_owner_is_not_called_late(
    home: Folder, server: Serving
) -> None:
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("UPDATE schedule SET next_due = 0")
    assert home.run("status").ok().out.count("pending") == 3


def test_pulling_an_account_that_waits_for_its_owner_says_how_to_connect_it(
    home: Folder, server: Serving
) -> None:
    refused = home.run("sync", "room-a.work")
    assert (refused.code, "`busybridge auth url room-a`" in refused.out) == (1, True)
    shown = home.run("connections", "show", "room-a.work").ok().out
    assert ["connected", "account", "-"] in [line.split() for line in shown.splitlines()]
    assert "off: the connection is pending" in shown


@pytest.mark.covers("T8")
def test_a_part_of_what_is_needed_is_not_enough(home: Folder, server: Serving) -> None:
    events = "https://www.googleapis.com/auth/calendar.events"
    code, _, err = by_hand(home, untick=events)
    assert (code, "not everything was permitted: read and write events" in err) == (1, True)
    found = home.json("connections", "show", "room-a.work")
    assert (found["status"], found["error"]["code"]) == ("error", "invalid_scope")
