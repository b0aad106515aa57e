"""Getting the bytes of a feed or file, or learning that they did not change."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import PurePath
from typing import Protocol
from urllib.parse import urlsplit

from bridge.errors import (
    ProviderError,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Basic, Http
from bridge.provider import Account
from bridge.providers.ics import IcsConnection, IcsDefaults
from bridge.transport import raise_for_status

_WHAT = "the calendar feed"
# RFC 9110 sections 8.8.2 and 8.8.3, without insisting on the quotes that some servers forget;
# anything else is not kept, since it might not be sendable.
_ETAG = re.compile(r"[\x21-\x7e]{1,400}")
_DATE = re.compile(r"[A-Za-z0-9,: +-]{1,64}")


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server wants to hear to answer 304; empty where it gave none."""

    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole calendar file."""

    body: bytes = field(repr=False)
    validators: Validators = Validators()

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hex."""
        return sha256(self.body).hexdigest()


class Feed(Protocol):
    """A place that holds one calendar file."""

    @property
    def identity(self) -> str:
        """A digest that tells places apart without naming them."""
        ...

    @property
    def name(self) -> str:
        """What people call the place when the calendar has no name."""
        ...

    def fetch(self, known: Validators) -> Fetched | None:
        """Return the content, or None when it is what `known` was given with.

        Raises:
            ProviderError: it could not be read whole, or is something else than a calendar.
        """
        ...


def make_feed(account: Account) -> Feed:
    """Make the feed that a connection's settings name."""
    settings, defaults = account.settings, account.defaults
    if not (isinstance(settings, IcsConnection) and isinstance(defaults, IcsDefaults)):
        raise TypeError("not the settings of an ics connection")
    if settings.path is not None:
        return FileFeed(str(settings.path), defaults.max_size)
    if settings.url is None:
        raise ValueError("neither url nor path")
    password = settings.password
    return UrlFeed(
        account.http,
        settings.url.get_secret_value(),
        Basic(settings.username, password.get_secret_value()) if password else None,
        timeout=defaults.timeout,
        max_size=defaults.max_size,
    )


class UrlFeed:
    """A feed behind http or https."""

    def __init__(
        self, http: Http, url: str, auth: Basic | None, *, timeout: timedelta, max_size: int
    ) -> None:
        self._http = http
        self._url = url
        self._auth = auth
        self._timeout = timeout
        self._max_size = max_size
        self.identity = _identity("url", url, auth.username if auth else "")
        self.name = urlsplit(url).hostname or "ICS feed"

    def fetch(self, known: Validators) -> Fetched | None:
        """See `Feed`."""
        headers = {"Accept": "text/calendar, */*;q=0.5"}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.modified:
            headers["If-Modified-Since"] = known.modified
        answer = self._http.request(
            "GET",
            self._url,
            headers=headers,
            auth=self._auth,
            timeout=self._timeout,
            max_size=self._max_size,
        )
        if answer.status == 304 and known != Validators():
            return None
        raise_for_status(answer, what=_WHAT)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise _web_page(_WHAT)
        _look_at(answer.body, _WHAT)
        validators = Validators(
            _fitting(_ETAG, answer.headers.get("etag", "")),
            _fitting(_DATE, answer.headers.get("last-modified", "")),
        )
        return Fetched(answer.body, validators)


class FileFeed:
    """A file on this machine; it is read anew each time, since modification times can lie."""

    def __init__(self, path: str, max_size: int) -> None:
        self._path = path
        self._max_size = max_size
        self.identity = _identity("path", path)
        self.name = PurePath(path).stem

    def fetch(self, known: Validators) -> Fetched | None:
        """See `Feed`; never None."""
        try:
            body = self._read()
        except FileNotFoundError as err:
            raise RemoteNotFound(f"{self._path} does not exist", hint="check path") from err
        except PermissionError as err:
            raise RemoteRejected(
                f"{self._path} may not be read", code="forbidden", hint="let the bridge read it"
            ) from err
        except OSError as err:
            raise TemporarilyUnavailable(f"{self._path}: {err.strerror}") from err
        _look_at(body, self._path)
        return Fetched(body)

    def _read(self) -> bytes:
        # Not blocking: opening a pipe would wait for a writer. Nothing but a regular file is read,
        # since a device may never end and reading it may do something.
        handle = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise RemoteRejected(f"{self._path} is not a regular file", hint="check path")
            with open(handle, "rb", closefd=False) as file:
                body = file.read(self._max_size + 1)
        finally:
            os.close(handle)
        if len(body) > self._max_size:
            raise UnreadableAnswer(
                f"{self._path} is larger than {self._max_size} bytes",
                code="too_large",
                hint="raise providers.ics.max_size",
            )
        return body


def _look_at(body: bytes, what: str) -> None:
    """Say plainly what the usual wrong answers are; the parser judges the rest."""
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise UnreadableAnswer(
            f"{what} is empty", hint="an empty calendar still has BEGIN:VCALENDAR"
        )
    if start.startswith(b"<"):
        raise _web_page(what)


def _web_page(what: str) -> ProviderError:
    return UnreadableAnswer(
        f"{what} is a web page, not a calendar",
        hint="it may be a login page: use the address that ends in .ics or is called iCal address",
    )


def _fitting(pattern: re.Pattern[str], value: str) -> str:
    return value if pattern.fullmatch(value) else ""


def _identity(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:32]
