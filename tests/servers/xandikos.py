"""A real Xandikos, which has no logins of its own: everybody is `ann`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.servers.dav import Dav
from tests.servers.process import Server, start


def start_xandikos(folder: Path, *options: str) -> Server:
    """Start one of your own; end it with `stop`."""

    def arguments(port: int) -> list[str]:
        return [
            *("serve", "-d", str(folder / "data"), "--state-dir", str(folder / "state")),
            *("-l", "127.0.0.1", "-p", str(port), "--no-detect-systemd"),
            *("--current-user-principal", "/ann/", "--autocreate"),
            *options,
        ]

    return start("xandikos", folder, arguments)


@cache
def shared_xandikos(folder: Path) -> Server:
    """Start the one that the tests of this process share; it ends with the process."""
    return start_xandikos(folder)


def xandikos_account(server: Server) -> Dav:
    """Enter as `ann`."""
    return Dav(server.url, "/ann/calendars/")
