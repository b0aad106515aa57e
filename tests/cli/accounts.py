"""Rooms with Google accounts at a stand-in, connected from the command line."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from tests.cli.folder import ALICE, PATIENCE, Folder
from tests.connecting.home import Provider
from tests.connecting.owner import ANN, Browser
from tests.servers.ports import free_port


def prepare(folder: Folder, google: Provider, *resources: Any) -> Folder:
    return folder.prepare(
        server={"bind": f"127.0.0.1:{free_port()}"},
        allow_inline_secrets=True,
        auth={"users": [{**ALICE, "access": {"*": "read"}}]},
        outbound={"allow_networks": ["127.0.0.1/32"]},
        providers={"google": google.section()},
        resources=list(resources),
    )


def connect(home: Folder, connection: str = "room-b.work", account: str = ANN) -> None:
    """Log in as somebody does who has a terminal here and a browser elsewhere."""
    resource = connection.partition(".")[0]
    line = ["auth", "login", resource, "google", "--url", "--connection", connection]
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", *line],
        cwd=home.path,
        env=home.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    answer = Browser().consent(process.stdout.readline().strip(), account)
    process.communicate(f"{answer}\n", timeout=PATIENCE)
    assert process.returncode == 0
