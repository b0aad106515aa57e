"""A process' `Tokens` on a database, and as a program: many threads that all want a new token."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bridge.app.outlet import make_transport
from bridge.config.keyring import KeyRing
from bridge.model.resource import ConnectionId
from bridge.store.database import Database
from bridge.store.vault import Vault
from bridge.store.wake import Wake
from bridge.tokens import Tokens
from bridge.transport import Transport
from tests.builders import NOW, make_settings
from tests.servers.authorization import refresh

WORK = ConnectionId("room-a.work")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Process:
    """What one process has."""

    def __init__(self, database: Database, ring: KeyRing, token_url: str) -> None:
        self.database = database
        self.clock = Clock()
        self.ring = ring
        self.vault = Vault(ring.find)
        self.wake = Wake(database)
        self.http: Transport = make_transport(
            make_settings(outbound={"allow_networks": ["127.0.0.1/32"]}).outbound
        )
        self.refresh = partial(refresh, self.http, token_url)
        self.tokens = Tokens(database, self.wake, self.vault, self.clock)
        self.source = self.tokens.source(WORK, self.refresh)

    def close(self) -> None:
        self.wake.close()
        self.http.close()


@contextmanager
def process(database_url: str, key_file: str, token_url: str) -> Iterator[Process]:
    database = Database(database_url)
    made = Process(database, KeyRing(Path(key_file)), token_url)
    try:
        yield made
    finally:
        made.close()
        database.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Read a refused token a line; let every thread ask for another; write what they got."""
    database_url, key_file, token_url, threads = sys.argv[1:]
    with (
        process(database_url, key_file, token_url) as made,
        ThreadPoolExecutor(int(threads)) as pool,
    ):
        _say("ready")
        for line in sys.stdin:
            given = [line.strip()] * int(threads)
            _say(" ".join(pool.map(made.source.renewed, given)))


if __name__ == "__main__":
    main()
