"""What no single key can tell: names that clash or lead nowhere, keys that exclude each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from email.errors import MessageError
from pathlib import Path
from urllib.parse import urlsplit

from bridge.config import mirroring
from bridge.config.document import Document, KeyPath
from bridge.config.logins import ID_PATTERN, User
from bridge.config.mirroring import Finding
from bridge.config.schema import nearest
from bridge.config.settings import Connection, Resource, Settings

RESERVED = frozenset(
    {
        *("api", "connect", "feeds", "freebusy", "healthz"),
        *("hooks", "metrics", "oauth", "readyz", "ui"),
    }
)
"""First path segments of our own: no login and no resource can have such a name."""

_GLOB = re.compile(r"[a-z0-9_*?-]+")


def check(document: Document, settings: Settings, resource_ids: Sequence[str] | None) -> None:
    """Note what is wrong between keys that are right by themselves.

    Args:
        document: takes the problems.
        settings: of the document; parts with problems of their own may have been left out.
        resource_ids: every id there is, those left out included; None when not all are known.
    """
    ids = None if resource_ids is None else list(resource_ids)
    findings = [*_resources(settings), *_users(settings, ids), *_server(settings)]
    findings += _notify(settings)
    for index, resource in enumerate(settings.resources):
        at: KeyPath = ("resources", index)
        findings += _resource(resource, at)
        writable = {each.id: _unwritable(each, resource) for each in resource.connections}
        of_mirrors = (*at, "mirror")
        findings += mirroring.findings(resource.mirror, writable, of_mirrors, whole=ids is not None)
    for path, message, hint in findings:
        document.problem(path, message, hint if isinstance(hint, str) else _first(document, hint))


def _first(document: Document, path: KeyPath) -> str:
    line = document.line(path)
    return f"first on line {line}" if line else "first by what was set by API"


def _resources(settings: Settings) -> Iterator[Finding]:
    resources = settings.resources
    yield from _reserved([resource.id for resource in resources], ("resources",), "id")
    yield from _twice([resource.id for resource in resources], ("resources",), "id")
    yield from _twice([each.email.lower() for each in resources], ("resources",), "email")


def _users(settings: Settings, resource_ids: list[str] | None) -> Iterator[Finding]:
    users = settings.auth.users
    yield from _reserved([user.name for user in users], ("auth", "users"), "name")
    yield from _twice([user.name for user in users], ("auth", "users"), "name")
    for index, user in enumerate(users):
        yield from _access(user, ("auth", "users", index, "access"), resource_ids)


def _access(user: User, path: KeyPath, resource_ids: list[str] | None) -> Iterator[Finding]:
    for name in user.access:
        if re.fullmatch(ID_PATTERN, name):
            if resource_ids is not None and name not in resource_ids:
                yield (*path, name), "there is no such resource", nearest(name, resource_ids)
        elif not _GLOB.fullmatch(name):
            yield (*path, name), "neither the id of a resource nor a pattern", 'as in "room-*"'


def _server(settings: Settings) -> Iterator[Finding]:
    prefix = urlsplit(settings.server.base_url).path.strip("/").partition("/")[0]
    names = {user.name for user in settings.auth.users} | {it.id for it in settings.resources}
    if prefix in RESERVED | names:
        hint = "let the proxy show BusyBridge below another one"
        yield ("server", "base_url"), f'the path "/{prefix}" is one of BusyBridge\'s own', hint
    role, database = settings.server.role, settings.storage.database
    if role != "all" and database.startswith("sqlite"):
        hint = "set storage.database to postgresql://user@host/name"
        yield ("server", "role"), f"{role} shares its database, and SQLite has one process", hint
    if database.startswith("sqlite:///") and _stands(
        Path(database.removeprefix("sqlite:///")).is_dir
    ):
        yield ("storage", "database"), "is a directory", "name a file in it"
    if settings.sync.backoff.initial > settings.sync.backoff.max:
        yield ("sync", "backoff", "initial"), "is longer than sync.backoff.max", ""
    if settings.sync.full_reconcile < settings.sync.interval:
        yield ("sync", "full_reconcile"), "is shorter than sync.interval", ""
    for path, file in (
        (("auth", "htpasswd_file"), settings.auth.htpasswd_file),
        (("outbound", "ca_file"), settings.outbound.ca_file),
    ):
        if file is not None and not _stands(file.is_file):
            yield path, f"there is no file {file}", "or it cannot be looked at by this user"


def _notify(settings: Settings) -> Iterator[Finding]:
    smtp, hook = settings.notify.smtp, settings.notify.webhook
    if smtp.host and not smtp.sender:
        yield ("notify", "smtp"), "a mail server without from", "name the address of the sender"
    if smtp.host and not smtp.to:
        yield ("notify", "smtp"), "a mail server without to", "name who gets the alerts"
    for index, address in enumerate((smtp.sender, *smtp.to) if smtp.host else ()):
        if address and not _is_mailable(address):
            path = ("from",) if index == 0 else ("to", index - 1)
            yield ("notify", "smtp", *path), f"no mail can be sent to or from {address!r}", ""
    if smtp.user and smtp.password is None:
        yield ("notify", "smtp"), "a user without password", "give password_file or password_env"
    if hook.url is not None and hook.secret is None:
        hint = "make one: echo whsec_$(openssl rand -base64 32), and give it as secret_file or _env"
        yield ("notify", "webhook"), "a url without secret", hint


def _is_mailable(address: str) -> bool:
    from email.headerregistry import Address  # late: few files need it

    try:
        return Address(addr_spec=address).addr_spec == address
    except (ValueError, MessageError, IndexError):
        return False


def _stands(look: Callable[[], bool]) -> bool:
    """Look for a file; one in a closed folder, or of an impossible name, is none."""
    try:
        return look()
    except (OSError, ValueError):
        return False


def _resource(resource: Resource, path: KeyPath) -> Iterator[Finding]:
    connections = (*path, "connections")
    yield from _twice([each.id for each in resource.connections], connections, "id")
    yield from _twice([each.name for each in resource.feeds], (*path, "feeds"), "name")
    writers = []
    for index, connection in enumerate(resource.connections):
        if connection.write_calendar is not None:
            writers.append((index, connection))
            if not (connection.direction or resource.direction).writes:
                hint = "set direction: both, or outbound"
                yield (*connections, index, "write_calendar"), "is never written to: inbound", hint
        elif connection.primary:
            hint = "primary says which write_calendar receives the bookings"
            yield (*connections, index, "primary"), "has no write_calendar", hint
    chosen = [index for index, connection in writers if connection.primary]
    if len(writers) > 1 and len(chosen) != 1:
        names = ", ".join(connection.id for _, connection in writers)
        at = chosen[1] if chosen else writers[1][0]
        yield (
            (*connections, at, "primary" if chosen else "write_calendar"),
            f"{len(writers)} write calendars ({names}), {len(chosen) or 'none'} of them primary",
            "set primary: true on exactly one",
        )


def _unwritable(connection: Connection, resource: Resource) -> str:
    """Say why nothing can be written to a connection; empty when it can."""
    if connection.unwritable:
        return connection.unwritable
    writes = (connection.direction or resource.direction).writes
    return "" if writes else "is never written to: inbound"


def _reserved(names: list[str], base: KeyPath, key: str) -> Iterator[Finding]:
    for index, name in enumerate(names):
        if name in RESERVED:
            yield (*base, index, key), f'"{name}" is a part of BusyBridge\'s own URLs', "rename it"


def _twice(names: list[str], base: KeyPath, key: str) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name and first.setdefault(name, index) != index:
            yield (*base, index, key), f'"{name}" is taken', (*base, first[name], key)
