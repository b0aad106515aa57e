"""The keys that credentials are encrypted with."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from bridge.cli.ground import Ground, Store, command, now
from bridge.cli.names import Group
from bridge.cli.printing import count, say, table
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.store.connections import Failure


@click.group(cls=Group)
def keyring() -> None:
    """Keys of the key file, which credentials are encrypted with."""


@keyring.command(name="list")
@command
def list_(ground: Ground) -> None:
    """List the keys by id, and how many credentials need each."""
    from bridge.config.keyring import CREDENTIALS
    from bridge.store import cipherkeys

    with ground.store() as store, store.database.read() as conn:
        used, in_force = cipherkeys.uses(conn), cipherkeys.in_force(conn)
        known = store.keyfile.ring(CREDENTIALS)
        rows = [
            {
                "id": key_id,
                "in_file": key_id in known,
                "in_force": key_id == (in_force or store.keyfile.key_id),
                "credentials": used.get(key_id, 0),
            }
            for key_id in dict.fromkeys([*known, *used])
        ]
    ground.show(rows, lambda: table(rows, tuple(rows[0])))


@keyring.command()
@command
def rotate(ground: Ground) -> None:
    """Make a new key, encrypt every credential with it, and drop the old one.

    Servers go on meanwhile. After an interruption the next call goes on where it was. A backup
    from before needs the key file of before: keep that as long as the backup.
    """
    from bridge.config.keyring import KeyRing
    from bridge.store.rotation import rotate as run

    with ground.store() as store:
        path = store.settings.storage.encryption_key_file
        done = run(store.database, KeyRing(path))
    data = {"key": done.key_id, "credentials": done.credentials, "resumed": done.resumed}
    ground.show(data, lambda: _tell(str(path), done.credentials, resumed=done.resumed))


@keyring.command()
@click.option("--force", is_flag=True, help="Do it.")
@command
def forget(ground: Ground, force: bool) -> None:  # noqa: FBT001 - click names it
    """Give up credentials whose key is lost; their accounts have to be connected again."""
    from bridge.config.keyring import CREDENTIALS
    from bridge.store import cipherkeys, connections
    from bridge.store.compact import run as compact

    with ground.store() as store:
        known = store.keyfile.ring(CREDENTIALS)
        if not force:
            _refuse_loss(store, known)
        with store.database.write() as conn:
            lost = cipherkeys.forget(conn, known)
            cipherkeys.pin(conn, known)
            for connection_id in lost:
                connections.record_failure(conn, connection_id, now(), _lost())
        compact(store.database)
    ground.show(
        {"connections": lost},
        lambda: say(f"connect again: {', '.join(lost)}" if lost else "nothing is lost"),
    )


def _refuse_loss(store: Store, known: Collection[str]) -> None:
    from bridge.store import cipherkeys

    with store.database.read() as conn:
        used = cipherkeys.uses(conn)
    if lost := sum(number for key_id, number in used.items() if key_id not in known):
        raise BridgeError(f"{count(lost, 'credential')} would be gone for ever; --force does it")


def _lost() -> Failure:
    from bridge.model.resource import ConnectionStatus
    from bridge.store.connections import Failure

    return Failure(
        "credential_lost",
        "the key of its credential was lost",
        "connect the account again",
        ConnectionStatus.TOKEN_EXPIRED,
    )


def _tell(path: str, number: int, *, resumed: bool) -> None:
    how = " (the rotation that was interrupted is done)" if resumed else ""
    say(f"{path} holds a new key; {count(number, 'credential')} encrypted anew{how}")
    say("backups from before need the key file of before", err=True)
