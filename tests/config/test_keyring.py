"""A key file with several keys: how it is read, and how it is replaced."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bridge.config.keyfile import KeyFile
from bridge.config.keyring import CREDENTIALS, KeyRing
from bridge.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    KeyFile.create(tmp_path / "key")
    return tmp_path / "key"


def test_a_key_file_from_before_there_were_rings_goes_on_working(tmp_path: Path) -> None:
    old = tmp_path / "key"
    old.write_text(f"busybridge-key 1\ninstance {'1' * 16}\nidentity {'2' * 64}\nkey {'3' * 64}\n")
    old.chmod(0o600)
    ring = KeyRing(old)
    assert ring.current.keys == (bytes.fromhex("3" * 64),)
    assert ring.find(ring.current.key_id) == ring.current.derive(CREDENTIALS)


def test_an_added_key_is_the_newest_and_the_old_ones_are_still_found(path: Path) -> None:
    ring = KeyRing(path)
    before, identity = ring.current.key_id, ring.current.identity
    added = ring.add()
    assert added != before
    for each in (ring, KeyRing(path)):
        assert each.current.key_id == added
        assert each.current.identity == identity
        assert {each.find(before), each.find(added)}.isdisjoint({None})
    ring.keep_newest()
    assert KeyRing(path).find(before) is None


def test_a_process_that_meets_a_new_key_reads_the_file_again(path: Path) -> None:
    serving, rotating = KeyRing(path), KeyRing(path)
    added = rotating.add()
    assert serving.find(added) == rotating.find(added) is not None
    assert serving.find("0" * 16) is None


def test_a_file_of_another_instance_is_not_taken_by_a_running_process(path: Path) -> None:
    ring = KeyRing(path)
    before = ring.current
    path.unlink()
    KeyFile.create(path)
    with pytest.raises(ConfigError, match="of another instance"):
        ring.refresh()
    assert ring.find(KeyFile.read(path).key_id) is None
    assert ring.current is before


@pytest.mark.covers("T40")
@pytest.mark.parametrize(("mode", "after"), [(0o600, 0o600), (0o640, 0o640), (0o666, 0o640)])
def test_a_replaced_file_is_readable_for_whoever_served_with_it_and_for_no_others(
    path: Path, mode: int, after: int
) -> None:
    path.chmod(mode)
    KeyRing(path).add()
    assert stat.S_IMODE(path.stat().st_mode) == after
    assert path.stat().st_uid == os.geteuid()
    assert [each.name for each in path.parent.iterdir()] == ["key"]


def test_what_a_killed_process_left_does_not_hinder_the_next(path: Path) -> None:
    leftover = path.with_name(".key.new")
    leftover.write_text("half of a ke")
    KeyRing(path).add()
    assert not leftover.exists()
    assert len(KeyRing(path).current.keys) == 2


def test_a_key_file_that_cannot_be_replaced_stays_as_it_was(path: Path) -> None:
    ring, before = KeyRing(path), path.read_bytes()
    path.with_name(".key.new").mkdir()  # in the way of anybody, root included
    with pytest.raises(ConfigError, match=r"cannot be replaced.*has to be writable"):
        ring.add()
    assert path.read_bytes() == before
    assert len(ring.current.keys) == 1


def test_one_process_at_a_time_changes_the_keys(path: Path) -> None:
    with (
        KeyRing(path).changing(),
        pytest.raises(ConfigError, match="rotated already"),
        KeyRing(path).changing(),
    ):
        pass
    with KeyRing(path).changing():
        pass


@pytest.mark.covers("T39")
def test_a_ring_does_not_show_its_keys(path: Path) -> None:
    ring = KeyRing(path)
    ring.add()
    shown = repr((ring, ring.current))
    assert all(key.hex() not in shown and repr(key) not in shown for key in ring.current.keys)
