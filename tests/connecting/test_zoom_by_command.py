"""`auth url` and `auth login` at Zoom: straight to its page, and back."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.model.resource import ConnectionStatus
from tests.connecting.outlook import consent
from tests.connecting.owner import ANN, Browser
from tests.connecting.zooming import Studio, opened
from tests.e2e import inside


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened(tmp_path) as made:
        made.now = int(time.time())
        yield made


def auth(studio: Studio, *arguments: str) -> str:
    done = inside.run(studio.bridge.config_path, "auth", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refused(studio: Studio, *arguments: str) -> str:
    done = inside.run(studio.bridge.config_path, "auth", *arguments)
    assert done.returncode in (1, 2)
    return done.stderr


@pytest.mark.covers("S0-24")
@pytest.mark.parametrize("named", [(), ("room-a",), ("room-a", "--connection", "work")])
def test_a_link_leads_straight_to_the_provider_whether_the_resource_is_named_or_not(
    studio: Studio, named: tuple[str, ...]
) -> None:
    browser = Browser()
    link = auth(studio, "url", *named, "--provider", "zoom")
    assert link.startswith(f"{studio.url}/oauth/zoom/start?token=")
    asked = browser.get(link)
    assert asked.status_code == 303, asked.text
    page = browser.get(consent(browser, asked.headers["Location"], ANN))
    assert "Connected" in page.text
    assert studio.status() is ConnectionStatus.ACTIVE


@pytest.mark.covers("S0-24")
def test_a_host_logs_in_from_a_terminal(studio: Studio) -> None:
    command = ["--config", str(studio.bridge.config_path), "auth", "login", "room-a", "zoom"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", *command, "--url"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    answer = consent(Browser(), process.stdout.readline().strip(), ANN)
    assert answer.startswith("http://127.0.0.1:")
    out, err = process.communicate(f"{answer}\n", timeout=60)
    assert (process.returncode, out) == (0, "room-a.work is connected\n"), err
    assert studio.status() is ConnectionStatus.ACTIVE


def test_what_no_link_leads_to_is_said(studio: Studio) -> None:
    assert "name a RESOURCE, or a --provider" in refused(studio, "url")
    assert "name a RESOURCE" in refused(studio, "url", "--connection", "work")
    assert "did you mean zoom?" in refused(studio, "url", "--provider", "zom")
    assert "no resource has a google connection" in refused(studio, "url", "--provider", "google")
    lacking = refused(studio, "url", "room-a", "--provider", "google")
    assert "room-a has no google connection" in lacking


def test_of_several_resources_one_has_to_be_named_and_a_program_asks_nobody(
    tmp_path: Path,
) -> None:
    def adjust(_: Any, config: Any) -> None:
        own = {"id": "own", "provider": "zoom", "account_email": ANN}
        config["resources"].append({"id": "room-b", "connections": [own]})

    with opened(tmp_path, adjust, alone=True) as studio:
        told = refused(studio, "url", "--provider", "zoom")
        assert "several have zoom connections: room-a or room-b?" in told
        told = refused(studio, "url", "room-b", "--provider", "zoom")
        assert "nobody has to agree" in told
