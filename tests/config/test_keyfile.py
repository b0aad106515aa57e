"""The key file, and the settings in force."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bridge.config.keyfile import KeyFile
from bridge.config.live import Live
from bridge.errors import ConfigError
from tests.config.files import read


def test_a_key_file_is_read_as_it_was_made(tmp_path: Path) -> None:
    made = KeyFile.create(tmp_path / "key")
    assert KeyFile.read(tmp_path / "key") == made
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert len(made.identity) == len(made.derive("x")) == 32
    assert made.instance in (tmp_path / "key").read_text()


def test_every_key_file_and_every_purpose_has_its_own_keys(tmp_path: Path) -> None:
    one, two = KeyFile.create(tmp_path / "one"), KeyFile.create(tmp_path / "two")
    found = {one.identity, two.identity, one.derive("a"), one.derive("b"), two.derive("a")}
    assert len(found | {one.key, two.key}) == 7
    assert one.derive("a") == one.derive("a")
    assert one.instance != two.instance


@pytest.mark.covers("T39")
def test_a_key_file_does_not_show_its_keys(tmp_path: Path) -> None:
    made = KeyFile.create(tmp_path / "key")
    assert made.identity.hex() not in repr(made)
    assert repr(made.key) not in repr(made)


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    made = KeyFile.create(tmp_path / "key")
    with pytest.raises(ConfigError, match="exists already"):
        KeyFile.create(tmp_path / "key")
    assert KeyFile.read(tmp_path / "key") == made


@pytest.mark.covers("T40")
@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o604, True)])
def test_a_key_file_that_others_may_read_is_warned_of(
    tmp_path: Path, mode: int, warned: bool
) -> None:
    KeyFile.create(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    assert bool(KeyFile.read(tmp_path / "key").warnings) == warned


@pytest.mark.parametrize(
    "content",
    [b"", b"busybridge-key 2\n", b"secret", b"\xff" * 100, b"busybridge-key 1\ninstance x\n"],
)
def test_another_file_is_no_key_file_and_is_not_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        KeyFile.read(tmp_path / "key")
    (problem,) = caught.value.problems
    assert problem.message == "this is not a BusyBridge key file"


def test_a_truncated_key_file_is_refused(tmp_path: Path) -> None:
    KeyFile.create(tmp_path / "key")
    (tmp_path / "key").write_text((tmp_path / "key").read_text()[:-10])
    with pytest.raises(ConfigError, match="not a BusyBridge key file"):
        KeyFile.read(tmp_path / "key")


def test_a_missing_key_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="restore yours from a backup"):
        KeyFile.read(tmp_path / "key")


def test_a_bad_file_leaves_the_settings_in_force(tmp_path: Path) -> None:
    live = Live(read(tmp_path, "version: 1"))
    old = live.current
    with pytest.raises(ConfigError, match=r"busybridge\.yaml:2: sync\.interval"):
        live.swap(read(tmp_path, "version: 1\nsync: {interval: 1s}"))
    assert live.current is old
    new = read(tmp_path, "version: 1\nsync: {interval: 1m}")
    assert live.swap(new) is old
    assert live.current is new
