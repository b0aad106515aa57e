"""Secrets: `x` in the file, `x_env` from a variable, `x_file` from a file of its own.

A secret leaves here as SecretStr, so that no message or dump downstream can show it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

from bridge.config.document import Document, KeyPath
from bridge.config.keyfile import mode_warnings
from bridge.config.schema import SUFFIXES, Key, Many, keys

MAX_SECRET_SIZE = 64 << 10


class Secrets:
    """Replaces every spelling of a secret in a document's data by its value."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._inline_allowed = document.data.get("allow_inline_secrets") is True

    def resolve(self, model: type[BaseModel], data: object, path: KeyPath) -> None:
        """Walk over the part of the data that `model` describes; data is changed in place."""
        if not isinstance(data, dict):
            return
        for key in keys(model):
            if key.is_secret:
                self._take(key, data, path)
            elif key.section is not None and key.name in data:
                for each, where in _values(key, data[key.name], (*path, key.name)):
                    self.resolve(key.section, each, where)

    def _take(self, key: Key, data: dict[str, Any], path: KeyPath) -> None:
        given = [name for name in key.spellings if name in data]
        if not given or isinstance(data[given[0]], SecretStr):  # the latter was set by API
            return
        for second in given[1:]:
            self._document.problem(
                (*path, second), f"{given[0]} is given as well", "give one of them"
            )
        name = given[0]
        value = data[name]
        for spelling in given:
            del data[spelling]
        secret = None
        if isinstance(value, str):
            secret = self._read(key, name, value, path)
        else:
            self._document.problem((*path, name), "must be text", "put it in quotes")
        if secret is None:
            self._document.reported.add((*path, key.name))
        else:
            self._document.places[*path, key.name] = self._document.places[*path, name]
            data[key.name] = SecretStr(secret)

    def _read(self, key: Key, name: str, value: str, path: KeyPath) -> str | None:
        where = (*path, name)
        match SUFFIXES[key.spellings.index(name)]:
            case "_env":
                return self._from_variable(value, where)
            case "_file":
                return self._from_file(value, where)
        if where not in self._document.variables:
            if not self._inline_allowed:
                self._document.problem(
                    where,
                    "a secret in the file itself",
                    f"give {key.name}_env or {key.name}_file, or set allow_inline_secrets: true",
                )
                return None
            self._warn(mode_warnings(self._document.path, self._document.mode))
        return value

    def _from_variable(self, name: str, where: KeyPath) -> str | None:
        value = self._document.environ.get(name)
        if not value:
            state = "not set" if value is None else "empty"
            self._document.problem(where, f"the environment variable {name} is {state}")
        return value or None

    def _from_file(self, name: str, where: KeyPath) -> str | None:
        path = self._document.directory / name
        try:
            # Not blocking: a pipe without a writer would hang `check`.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(MAX_SECRET_SIZE + 1) if stat.S_ISREG(mode) else b""
            text = content.decode()
        except OSError as err:
            self._document.problem(where, f"{path} cannot be read: {err.strerror}")
            return None
        except UnicodeDecodeError:
            self._document.problem(where, f"{path} is not UTF-8 text")
            return None
        if not stat.S_ISREG(mode) or len(content) > MAX_SECRET_SIZE:
            self._document.problem(where, f"{path} is not a file of at most 64 KiB")
            return None
        self._warn(mode_warnings(path, mode))
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            self._document.problem(where, f"{path} is empty")
        return text or None

    def _warn(self, warnings: tuple[str, ...]) -> None:
        self._document.warnings.extend(
            each for each in warnings if each not in self._document.warnings
        )


def _values(key: Key, value: object, path: KeyPath) -> Iterator[tuple[object, KeyPath]]:
    if key.many is Many.ONE:
        yield value, path
    elif key.many is Many.LIST and isinstance(value, list):
        yield from ((each, (*path, index)) for index, each in enumerate(value))
    elif key.many is Many.MAP and isinstance(value, dict):
        yield from ((each, (*path, str(name))) for name, each in value.items())
