"""One request and its answer, as the handlers of this room see them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from bridge.model.interval import Instant
from bridge.web.proxies import Client

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

Headers = list[tuple[str, str]]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)
_FORBIDDEN_IN_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class BadQuery(ValueError):
    """The query string is not a list of `name=value` in UTF-8."""


@dataclass(slots=True)
class Reply:
    """A whole answer; `body` is left out by the dispatcher for HEAD."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


@dataclass(slots=False)
class Request:
    """One request, its path checked and decoded, its body read."""

    environ: WSGIEnvironment = field(repr=False)
    method: str
    """One that HTTP or WebDAV knows, else `OTHER`: any word can come in, few may reach labels."""
    path: str = field(repr=False)
    """Percent-decoded, valid UTF-8, begins with a slash, without the prefix."""
    client: Client
    id: str
    now: Instant
    body: bytes = field(repr=False, default=b"")
    prefix: str = ""
    """Path below which clients see us, without a slash at its end."""

    def header(self, name: str) -> str | None:
        """Return a header's value; repeated ones are joined with a comma."""
        value = self.environ.get("HTTP_" + name.upper().replace("-", "_"))
        return value if isinstance(value, str) else None

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last counts.

        Raises:
            BadQuery: not UTF-8, or more than fifty parameters.
        """
        try:
            pairs = parse_qsl(
                self.environ.get("QUERY_STRING", ""),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=50,
            )
        except ValueError as err:
            raise BadQuery("the query is not a list of at most fifty name=value in UTF-8") from err
        return dict(pairs)


def safe_headers(headers: Headers) -> Headers:
    """Return headers that cannot end a line or start another (T27).

    Control characters are dropped from values and what latin-1 cannot hold becomes `?`; a header
    whose name is no token is dropped whole.
    """
    return [
        (name, _FORBIDDEN_IN_VALUE.sub("", value.encode("latin-1", "replace").decode("latin-1")))
        for name, value in headers
        if _NAME.fullmatch(name)
    ]
