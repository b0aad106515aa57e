"""Logins for tests, with hashes that are quick to check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bcrypt

from bridge.access import Gate
from bridge.config.live import Live
from bridge.config.settings import Settings
from bridge.store.database import Database

NOON = 1_790_000_000


def quick_hash(password: str, rounds: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


def user(name: str, password: str | None = None, **keys: Any) -> dict[str, Any]:
    hashed = {"password_hash": quick_hash(password)} if password else {}
    return {"name": name, **hashed, **keys}


def settings(*users: Mapping[str, Any], **auth: Any) -> Settings:
    return Settings.model_validate({"version": 1, "auth": {"users": users, **auth}})


def gate(database: Database, *users: Mapping[str, Any], **auth: Any) -> Gate:
    return Gate(database, Live(settings(*users, **auth)))
