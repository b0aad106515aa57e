"""Batches: many requests in one, multipart/mixed there and back.

https://developers.google.com/workspace/calendar/api/guides/batch
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus

from bridge.sandbox.google.api import Api
from bridge.sandbox.google.errors import ApiError, invalid
from bridge.sandbox.messages import Answer, Request
from bridge.sandbox.world import World

_MOST = 50
# What the parts of a batch may take over from the whole.
_SHARED = ("authorization",)


def answer(world: World, api: Api, headers: Mapping[str, str], body: bytes) -> Answer:
    """Answer a batch; its parts come back in any order.

    Raises:
        ApiError: 400: it is no batch, or too large.
    """
    parts = _parts(headers.get("content-type", ""), body)
    if not parts or len(parts) > _MOST:
        raise ApiError(400, "badRequest", f"A batch holds 1 to {_MOST} requests.")
    shared = {name: headers[name] for name in _SHARED if name in headers}
    answers = [(_identity(part), api.answer(_request(part, shared))) for part in parts]
    with world.lock:
        world.random.shuffle(answers)
        boundary = f"batch_{world.token()}"
    written = b"".join(_part(boundary, name, each) for name, each in answers)
    kind = f"multipart/mixed; boundary={boundary}"
    return Answer(200, written + f"--{boundary}--\r\n".encode(), {"Content-Type": kind})


def _parts(content_type: str, body: bytes) -> list[Message]:
    whole = BytesParser(policy=HTTP).parsebytes(
        f"Content-Type: {content_type}\r\n\r\n".encode("latin-1") + body
    )
    if whole.get_content_type() != "multipart/mixed" or not whole.is_multipart():
        raise invalid("A batch is multipart/mixed.")
    parts: list[Message] = [each for each in whole.iter_parts() if isinstance(each, Message)]
    if any(part.get_content_type() != "application/http" for part in parts):
        raise invalid("A part of a batch is application/http.")
    return parts


def _identity(part: Message) -> str:
    name = str(part.get("Content-ID", "")).strip()
    return f"<response-{name[1:]}" if name.startswith("<") else f"response-{name}" if name else ""


def _request(part: Message, shared: Mapping[str, str]) -> Request:
    content = part.get_payload(decode=True)
    text = content if isinstance(content, bytes) else b""
    line, _, rest = text.lstrip().partition(b"\n")
    words = line.decode("latin-1").split()
    if len(words) not in (2, 3):
        raise invalid("A part of a batch begins with METHOD PATH.")
    # A part without header fields begins its body at once.
    head, _, body = (b"\n" + rest.replace(b"\r\n", b"\n")).partition(b"\n\n")
    fields = [row.partition(":") for row in head.decode("latin-1").split("\n") if ":" in row]
    own = {name.strip().lower(): value.strip() for name, _, value in fields}
    return Request(words[0].upper(), words[1], {**shared, **own}, body)


def _part(boundary: str, name: str, answer: Answer) -> bytes:
    phrase = HTTPStatus(answer.status).phrase
    head = [f"--{boundary}", "Content-Type: application/http"]
    head += [f"Content-ID: {name}"] if name else []
    head += ["", f"HTTP/1.1 {answer.status} {phrase}"]
    head += [f"{key}: {value}" for key, value in answer.headers.items()]
    head += [f"Content-Length: {len(answer.body)}", "", ""]
    return "\r\n".join(head).encode() + answer.body + b"\r\n"
