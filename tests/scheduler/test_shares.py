"""Who gets the slots when not all can."""

from pathlib import Path

import pytest
import yaml

from bridge.config.load import load
from bridge.registry import KINDS
from bridge.scheduler.shares import Shares, sites_of


@pytest.mark.parametrize(("slots", "kept"), [(1, 0), (2, 1), (3, 1), (4, 2), (20, 10), (200, 100)])
def test_half_of_the_slots_are_kept_for_those_that_went_well(slots: int, kept: int) -> None:
    shares = Shares(slots, {})
    assert sum(shares.admit(f"bad-{n}", proven=False) for n in range(300)) == slots - kept
    assert all(shares.admit(f"good-{n}", proven=True) for n in range(kept))


@pytest.mark.parametrize(("slots", "most"), [(1, 1), (4, 4), (5, 2), (8, 2), (20, 5), (200, 50)])
def test_no_server_gets_more_than_a_quarter_of_many_slots(slots: int, most: int) -> None:
    names = [f"room-{n}.work" for n in range(200)]
    shares = Shares(slots, dict.fromkeys(names, "dav.example"))
    assert sum(shares.admit(name, proven=True) for name in names) == most
    assert shares.admit("elsewhere", proven=True)


def test_what_runs_counts() -> None:
    shares = Shares(4, {})
    shares.add("one", proven=False)
    shares.add("two", proven=False)
    assert not shares.admit("three", proven=False)
    assert shares.admit("three", proven=True)


def test_servers_are_told_from_urls_and_addresses(tmp_path: Path) -> None:
    connections = {
        "dav": {
            "provider": "caldav",
            "server_url": "https://Dav.example:8443/x/",
            "username": "u",
            "password": "https://not.this",
        },
        "found": {"provider": "caldav", "username": "a@mail.example", "password": "p@ss"},
        "icloud": {"provider": "apple", "username": "a@mail.example", "password": "p@ss"},
        "feed": {"provider": "ics", "url": "webcal://feeds.example/secret.ics"},
        "file": {"provider": "ics", "path": "/srv/busy.ics"},
    }
    resource = {"id": "a", "connections": [{"id": id_} | it for id_, it in connections.items()]}
    path = tmp_path / "busybridge.yaml"
    path.write_text(
        yaml.safe_dump({"version": 1, "allow_inline_secrets": True, "resources": [resource]})
    )
    assert sites_of(load(path, KINDS)) == {
        "a.dav": "dav.example:8443",
        "a.found": "mail.example",
        "a.icloud": "caldav.icloud.com",
        "a.feed": "feeds.example",
        "a.file": "",
    }
