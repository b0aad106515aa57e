"""Between Flask and what answers."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue
from waitress.channel import ClientDisconnected

from bridge.sandbox.messages import Answer, Page
from bridge.sandbox.world import Json, Unknown


def root() -> str:
    """Return the server's address as the client called it, without a slash at the end."""
    return request.host_url.rstrip("/")


def target() -> str:
    """Return path and query as they came, still encoded."""
    return str(request.environ.get("REQUEST_URI") or request.full_path)


def headers() -> dict[str, str]:
    """Return the request's headers; names in lower case."""
    return {name.lower(): value for name, value in request.headers.items()}


def written(answer: Answer) -> Response:
    """Write an answer, half of it, or nothing."""
    fields = dict(answer.headers)
    if answer.is_lost:
        return Response(_Nothing())
    if not answer.cut:
        return Response(answer.body, answer.status, fields)

    def half() -> Iterator[bytes]:
        yield answer.body[: len(answer.body) // 2]

    fields["Content-Length"] = str(len(answer.body))
    return Response(half(), answer.status, fields)


class _Nothing(Iterator[bytes]):
    """Ends the connection before a word of an answer, as if its client were gone."""

    def __next__(self) -> bytes:
        raise ClientDisconnected


def page(made: Page) -> Response:
    """Write a page for people."""
    response = Response(made.html, made.status, content_type="text/html; charset=utf-8")
    if made.location:
        response.headers["Location"] = made.location
    return response


def body() -> Json:
    """Read a body of JSON."""
    document = request.get_json()
    if not isinstance(document, dict):
        raise TypeError("a JSON object is needed")
    return document


def refused(err: Exception) -> ResponseReturnValue:
    """Say what was wrong with a request."""
    return jsonify(error=f"{type(err).__name__}: {err}"), 404 if isinstance(err, Unknown) else 400
