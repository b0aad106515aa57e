"""A real Radicale with the login `ann`, as an admin would run it for a source of calendars."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.servers.dav import Dav
from tests.servers.process import Server, start

_PASSWORD = "secret"
_CONFIG = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
filesystem_folder = {folder}/data
[web]
type = none
[logging]
level = error
"""


def start_radicale(folder: Path, password: str = _PASSWORD) -> Server:
    """Start one of your own; end it with `stop`."""

    def arguments(port: int) -> list[str]:
        (folder / "users").write_text(f"ann:{password}\nben:other\n")
        (folder / "config").write_text(_CONFIG.format(port=port, folder=folder))
        return ["--config", str(folder / "config")]

    return start("radicale", folder, arguments)


@cache
def shared_radicale(folder: Path) -> Server:
    """Start the one that the tests of this process share; it ends with the process."""
    return start_radicale(folder)


def radicale_account(server: Server) -> Dav:
    """Log in as `ann`."""
    return Dav(server.url, "/ann/")
