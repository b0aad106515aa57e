"""The keys in force: the key file as it was last read, and read again when it has to be."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes

from bridge.config.keyfile import KeyFile
from bridge.errors import ConfigError, ConfigProblem

CREDENTIALS = "credentials"
"""What keys of `KeyRing.find` are for."""


class KeyRing:
    """A key file that may be replaced while the process runs; any number of threads may share it.

    Instance and identity never change: a file with others is not taken.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it is missing, unreadable or not a key file.
        """
        self.path = path
        self.current = KeyFile.read(path)
        """The file as it was last read."""
        self.followers: list[Callable[[KeyFile], object]] = []
        """Told of each file that came into force since."""

    def refresh(self) -> KeyFile:
        """Read the file again.

        Raises:
            ConfigError: it cannot be used, or is of another instance; the keys in force stay.
        """
        found = KeyFile.read(self.path)
        if (found.instance, found.identity) != (self.current.instance, self.current.identity):
            raise ConfigError(
                [
                    ConfigProblem(
                        f"this key file is of another instance, not of {self.current.instance}",
                        file=str(self.path),
                        hint="put the right one back; the keys that were read before stay in force",
                    )
                ]
            )
        if found.keys != self.current.keys:
            self._follow(found)
        return self.current

    def find(self, key_id: str) -> bytes | None:
        """Give the key that encrypts credentials; one that is not known may be in the file by now.

        Returns:
            32 bytes; None when the file does not have it.
        """
        found = self.current.ring(CREDENTIALS).get(key_id)
        if found is None:
            with suppress(ConfigError):
                found = self.refresh().ring(CREDENTIALS).get(key_id)
        return found

    def add(self) -> str:
        """Add a new key to the file and return its id; nothing uses it yet.

        Raises:
            ConfigError: the file cannot be replaced.
        """
        return self._put((*self.refresh().keys, token_bytes(32))).key_id

    def keep_newest(self) -> None:
        """Drop every key of the file but the newest.

        Raises:
            ConfigError: the file cannot be replaced.
        """
        self._put((self.refresh().key,))

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Be the only process that changes the file.

        Raises:
            ConfigError: another process does.
        """
        # The folder, since the file itself becomes another one.
        handle = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                problem = ConfigProblem("its keys are being rotated already", file=str(self.path))
                raise ConfigError([problem]) from err
            yield
        finally:
            os.close(handle)

    def _put(self, keys: tuple[bytes, ...]) -> KeyFile:
        made = replace(self.current, keys=keys)
        made.replace(self.path)
        self._follow(made)
        return made

    def _follow(self, file: KeyFile) -> None:
        self.current = file
        for follower in self.followers:
            follower(file)
