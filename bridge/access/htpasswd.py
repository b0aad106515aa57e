"""Logins of an htpasswd file: `name:hash` lines, read again when the file changes."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from pydantic import SecretStr

from bridge.config.checks import RESERVED
from bridge.config.logins import ID_PATTERN
from bridge.config.values import parse_hash

_log = logging.getLogger(__name__)
_MAX_SIZE = 4 << 20

NO_HASHES: Mapping[str, str] = MappingProxyType({})


class Htpasswd:
    """The hashes of one file by login."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._stamp: tuple[int, ...] | None = None
        self._hashes = NO_HASHES

    def hashes(self) -> Mapping[str, str]:
        """Return what the file holds now; nothing when it cannot be read, so nobody gets in."""
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            with self._lock:
                if stamp != self._stamp:
                    self._hashes = _read(self.path)
                    self._stamp = stamp
                return self._hashes
        except OSError as err:
            _log.warning("%s cannot be read, its logins are refused: %s", self.path, err.strerror)
            return NO_HASHES


def _read(path: Path) -> Mapping[str, str]:
    with path.open("rb") as file:
        text = file.read(_MAX_SIZE).decode("utf-8", "replace")
    hashes: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, _, stored = line.strip().partition(":")
        if not name or name.startswith("#"):
            continue
        try:
            parse_hash(SecretStr(stored))
        except ValueError as err:
            _log.warning("%s:%d: ignored: %s", path, number, err)
            continue
        if not re.fullmatch(ID_PATTERN, name) or name in RESERVED:
            _log.warning("%s:%d: ignored: no login can have this name", path, number)
            continue
        hashes[name] = stored
    return hashes
