"""The key file: the instance's id, its identity and its keys; made by `init`, mode 0600.

A text file of four lines, so that an admin can see which instance a file belongs to:

    busybridge-key 1
    instance 6f1c0d5e9a3b4c27
    identity <64 hex digits>
    key <64 hex digits>

While `keyring rotate` is under way there is a line for each key, the newest last. A key's id is
made from the key: whoever has the id in a database can tell whether a file holds that key.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bridge.errors import ConfigError, ConfigProblem

_HEADER = "busybridge-key 1"
_FORM = re.compile(
    rf"{_HEADER}\ninstance ([0-9a-f]{{16}})\nidentity ([0-9a-f]{{64}})"
    r"((?:\nkey [0-9a-f]{64})+)\n?"
)
_PRIVATE = 0o600
_SECRET_MODE = 0o640
_MAX_SIZE = 4096


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What the file holds; the secrets stay out of `repr`."""

    instance: str
    """16 hex digits; X-BUSYBRIDGE-ORIGIN of everything we publish or write."""
    identity: bytes = field(repr=False)
    """32 bytes that never change: HMACs of block UIDs and feed tokens are made with them."""
    keys: tuple[bytes, ...] = field(repr=False)
    """32 bytes each, the newest last; never used themselves, only through `derive`."""
    warnings: tuple[str, ...] = ()

    @classmethod
    def create(cls, path: Path) -> KeyFile:
        """Write a new file, mode 0600.

        Raises:
            ConfigError: the file exists (it is never overwritten) or cannot be written.
        """
        made = cls(secrets.token_hex(8), secrets.token_bytes(32), (secrets.token_bytes(32),))
        try:
            _write(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), made)
        except FileExistsError as err:
            raise _problem(path, "exists already and is not overwritten") from err
        except OSError as err:
            raise _problem(path, f"cannot be written: {err.strerror}") from err
        return made

    @classmethod
    def read(cls, path: Path) -> KeyFile:
        """Read the file; one that others may read is used, with a line in `warnings`.

        Raises:
            ConfigError: the file is missing, unreadable or not a key file.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(_MAX_SIZE)
        except OSError as err:
            raise _problem(
                path,
                f"the key file cannot be read: {err.strerror}",
                f"`busybridge init --key {path}` makes one; restore yours from a backup when there "
                "is data",
            ) from err
        match = _FORM.fullmatch(content.decode("ascii", "replace").replace("\r\n", "\n"))
        if match is None:
            raise _problem(
                path,
                "this is not a BusyBridge key file",
                "restore it, or make one with `init --key`",
            )
        keys = tuple(bytes.fromhex(line.removeprefix("key ")) for line in match[3].split("\n")[1:])
        return cls(match[1], bytes.fromhex(match[2]), keys, mode_warnings(path, mode))

    @property
    def key(self) -> bytes:
        """The newest key."""
        return self.keys[-1]

    @property
    def key_id(self) -> str:
        """The id of the newest key; see `ring`."""
        return _key_id(self.key)

    def ring(self, purpose: str) -> Mapping[str, bytes]:
        """Make a 32-byte key for one purpose from each key, by the key's id; the newest last."""
        return {_key_id(key): _derive(key, purpose) for key in self.keys}

    def derive(self, purpose: str) -> bytes:
        """Make a 32-byte key for one purpose from the newest key."""
        return _derive(self.key, purpose)

    def replace(self, path: Path) -> None:
        """Put these keys in the place of a file that exists: at every moment it is old or new.

        Owner and mode stay, as far as they keep the file private: the server has to be able to
        read what an admin rotated.

        Raises:
            ConfigError: the file cannot be replaced; it is as it was.
        """
        fresh = path.with_name(f".{path.name}.new")
        try:
            before = path.stat()
            fresh.unlink(missing_ok=True)  # of a process that was killed
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
            try:
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(handle, before.st_uid, before.st_gid)
                os.fchmod(handle, before.st_mode & _SECRET_MODE | _PRIVATE)
            except OSError:
                os.close(handle)
                raise
            _write(handle, self)
            fresh.replace(path)
            _sync_folder(path)
        except OSError as err:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise _problem(
                path,
                f"the key file cannot be replaced: {err.strerror}",
                "its folder has to be writable, and the file itself must not be a mount",
            ) from err


def _key_id(key: bytes) -> str:
    return _derive(key, "key id")[:8].hex()


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, b"busybridge/" + purpose.encode(), "sha256")


def _write(handle: int, made: KeyFile) -> None:
    lines = [_HEADER, f"instance {made.instance}", f"identity {made.identity.hex()}"]
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write("\n".join([*lines, *(f"key {key.hex()}" for key in made.keys), ""]))
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mode_warnings(path: Path, mode: int) -> tuple[str, ...]:
    """Say so when a file with a secret grants more than mode 0640."""
    if mode & 0o777 & ~_SECRET_MODE:
        return (f"{path}: holds a secret and has mode {mode & 0o777:04o}; chmod 0600 it",)
    return ()


def _problem(path: Path, message: str, hint: str = "") -> ConfigError:
    return ConfigError([ConfigProblem(message, file=str(path), hint=hint)])
