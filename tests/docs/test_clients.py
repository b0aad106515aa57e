"""What `docs/clients.md` tells people to type and to open is there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.access import Principal, PrincipalKind
from bridge.access.directory import Directory
from bridge.config.live import Live
from bridge.config.logins import Grant
from bridge.model.resource import Access
from radicale_plugin import places
from tests.builders import make_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "clients.md").read_text()
COMMANDS = re.findall(r"^busybridge (.+)$", PAGE, re.MULTILINE)


def test_the_readme_leads_to_it() -> None:
    assert "(docs/clients.md)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command: str, tmp_path: Path) -> None:
    """Without a configuration they get as far as looking for it."""
    done = subprocess.run(
        [sys.executable, "-m", "bridge", *shlex.split(command)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "busybridge.yaml" in done.stderr


def test_its_addresses_are_those_of_calendars() -> None:
    """For the login `ann`, with a resource of her own and one that she may read."""
    settings = make_settings(resources=[{"id": "ann"}, {"id": "room-a", "name": "Room A"}])
    grants = {name: Grant(level=Access.READ) for name in ("ann", "room-a")}
    ann = Principal(kind=PrincipalKind.LOGIN, name="ann", grants=grants)
    directory = Directory(Live(settings))
    told = set(re.findall(r"`(/ann/[^`]+/)`", PAGE))
    boxes = {places.box_path(ann, kind) for kind in places.BOXES}
    assert told == {each.path for each in places.calendars(ann, directory)} | boxes


@pytest.mark.parametrize(
    "client",
    [
        "Apple Calendar", "Thunderbird", "Evolution", "GNOME", "DAVx⁵", "CalDAV Synchronizer",
        "Kontact", "Merkuro", "vdirsyncer", "khal", "python-caldav", "cadaver", "calcurse-caldav",
    ],
)  # fmt: skip
def test_every_client_says_whether_it_was_tried_or_read_about(client: str) -> None:
    [row] = [
        line
        for line in PAGE.splitlines()
        if re.match(rf"\| [^|]*{client}[^|]* \| (tried|read) \|", line)
    ]
    assert row
