"""The key file: the instance's id, its identity and its key; made once by `init`, mode 0600.

A text file of four lines, so that an admin can see which instance a file belongs to:

    busybridge-key 1
    instance 6f1c0d5e9a3b4c27
    identity <64 hex digits>
    key <64 hex digits>
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from bridge.errors import ConfigError, ConfigProblem

_HEADER = "busybridge-key 1"
_FORM = re.compile(
    rf"{_HEADER}\ninstance ([0-9a-f]{{16}})\nidentity ([0-9a-f]{{64}})\nkey ([0-9a-f]{{64}})\n?"
)
_SECRET_MODE = 0o640
_MAX_SIZE = 4096


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What the file holds; the secrets stay out of `repr`."""

    instance: str
    """16 hex digits; X-BUSYBRIDGE-ORIGIN of everything we publish or write."""
    identity: bytes = field(repr=False)
    """32 bytes that never change: HMACs of block UIDs and feed tokens are made with them."""
    key: bytes = field(repr=False)
    """32 bytes; never used itself, only through `derive`."""
    warnings: tuple[str, ...] = ()

    @classmethod
    def create(cls, path: Path) -> KeyFile:
        """Write a new file, mode 0600.

        Raises:
            ConfigError: the file exists (it is never overwritten) or cannot be written.
        """
        made = cls(secrets.token_hex(8), secrets.token_bytes(32), secrets.token_bytes(32))
        text = (
            f"{_HEADER}\ninstance {made.instance}\n"
            f"identity {made.identity.hex()}\nkey {made.key.hex()}\n"
        )
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
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
        return cls(
            match[1], bytes.fromhex(match[2]), bytes.fromhex(match[3]), mode_warnings(path, mode)
        )

    def derive(self, purpose: str) -> bytes:
        """Make a 32-byte key for one purpose; the same purpose gives the same key."""
        return hmac.digest(self.key, b"busybridge/" + purpose.encode(), "sha256")


def mode_warnings(path: Path, mode: int) -> tuple[str, ...]:
    """Say so when a file with a secret grants more than mode 0640."""
    if mode & 0o777 & ~_SECRET_MODE:
        return (f"{path}: holds a secret and has mode {mode & 0o777:04o}; chmod 0600 it",)
    return ()


def _problem(path: Path, message: str, hint: str = "") -> ConfigError:
    return ConfigError([ConfigProblem(message, file=str(path), hint=hint)])
