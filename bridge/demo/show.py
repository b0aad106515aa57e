"""The bridge of the demo: configured as an admin would, and told about when it has busy time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from bridge.app.bridge import Bridge
from bridge.app.serve import serve
from bridge.config.keyfile import KeyFile
from bridge.demo.configuration import RESOURCES, TO_CONNECT, USER, configuration
from bridge.demo.sources import LOGIN, Source
from bridge.demo.stand_ins import StandIns
from bridge.demo.telling import Opened, tell_person, tell_program
from bridge.model.interval import utc
from bridge.model.resource import ResourceId
from bridge.scheduler.ground import read_clock
from bridge.store import feeds, keys

_FIRST_PULL = timedelta(seconds=60)


class Sources(NamedTuple):
    """What the bridge reads."""

    started: Sequence[Source]
    addresses: list[str]
    """URLs of their calendars."""
    accounts: StandIns


def show(folder: Path, port: int, read: Sources, interval: str, *, as_json: bool) -> None:
    """Serve until SIGINT or SIGTERM, and print what there is to see once it is there."""
    text = configuration(port, read.started, read.accounts, interval)
    bridge = Bridge(_configure(folder, text, read.accounts))

    def tell(_address: str) -> None:
        opened = _open(bridge, read)
        if as_json:
            tell_program(opened)
        else:
            tell_person(opened, utc(read_clock()), interval)

    serve(bridge, ready=tell, reloads=False)


def _configure(folder: Path, text: str, accounts: StandIns) -> Path:
    KeyFile.create(folder / "busybridge.key")
    secrets = {
        "source.password": LOGIN.password,
        "google.secret": accounts.google.secret,
        "microsoft.secret": accounts.microsoft.secret,
        "zoom.secret": accounts.zoom.secret,
    }
    for name, secret in secrets.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(f"{secret}\n")
    config = folder / "busybridge.yaml"
    config.write_text(text)
    return config


def _open(bridge: Bridge, read: Sources) -> Opened:
    """Wait for the first busy time, then make what it is seen with."""
    bridge.scheduler.sync([ResourceId(name) for name in RESOURCES], _FIRST_PULL)
    with bridge.database.write() as conn:
        _, key = keys.create_api_key(
            conn, "demo", scopes=["busy:read"], resources=["*"], now=bridge.clock()
        )
        _, password = keys.create_app_password(conn, USER, "demo", bridge.clock())
        tokens = {
            name: row.token(bridge.keyfile.identity)
            for name in RESOURCES
            for row in feeds.feeds_of(conn, ResourceId(name))
        }
    link, _ = bridge.invitations.page(ResourceId(TO_CONNECT), "demo")
    return Opened(
        base=bridge.settings.server.public_url,
        config=bridge.config_path,
        key=key,
        password=password,
        feeds=tokens,
        sources=read.addresses,
        link=link,
        accounts=read.accounts,
    )
