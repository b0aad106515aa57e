"""What goes in and out over HTTP, whoever answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bridge.sandbox.faults import Faults


@dataclass(frozen=True, slots=True)
class Request:
    """One request, alone or in a batch."""

    http_method: str
    target: str
    """Path and query, percent-encoded."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Half of the body, then the connection ends."""
    is_lost: bool = False
    """The connection ends without an answer."""


class Page(NamedTuple):
    """What a page for people answers: HTML, or where the browser goes next."""

    html: str
    status: int = 200
    location: str = ""


_GOOD = (200, 201)


def spoiled(answer: Answer, faults: Faults) -> Answer:
    """Break a good answer, where that is switched on."""
    if answer.status in _GOOD and faults.happens("html"):
        page = b"<!doctype html><title>Sign in</title><p>Please sign in to the network."
        return Answer(200, page, {"Content-Type": "text/html; charset=utf-8"})
    if answer.status in _GOOD and faults.happens("cut"):
        return Answer(answer.status, answer.body, answer.headers, cut=True)
    return answer
