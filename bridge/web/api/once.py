"""`Idempotency-Key`: a request that is sent again is answered again, and not done again."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from contextlib import suppress

from flask import Response, g

from bridge.errors import BridgeError, StoreError
from bridge.store import repeats
from bridge.store.repeats import Repeat
from bridge.store.vault import SealBroken, UnknownKey, Vault
from bridge.web.api.routes import ACTING, asking
from bridge.web.context import WebContext
from bridge.web.exchange import Request
from bridge.web.problem import Problem

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "1 to 255 letters that you choose. The same request with the same key is "
    "answered for 24 hours as the first time it was done, and not done again; another request with "
    "that key is 422. What failed is forgotten.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_KEY = re.compile(r"[!-~]{1,255}")
_SHORT = "1"
"""Seconds until a request that runs at this moment may be done."""

_log = logging.getLogger(__name__)


class Once:
    """Does each request once."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def answer(self, view: Callable[[], Response]) -> Response:
        """Answer by `view`, or as it was answered before.

        Only what was done is remembered: of an answer that says that nothing was, the next try may
        differ.

        Raises:
            Problem: 422, the key was used for something else, or is none; 409, the same request
                is being worked on.
        """
        given = asking().header(HEADER)
        if given is None:
            return view()
        if not _KEY.fullmatch(given):
            raise _refusal("is not 1 to 255 visible ASCII letters")
        vault = self._context.vault
        if vault is None:
            raise BridgeError("this process remembers no requests")
        name, request = repeats.identify(g.principal.name, given), _digest(asking())
        if (before := self._begin(vault, name, request)) is not None:
            return _again(before, request)
        try:
            response = view()
        except BaseException:
            self._give_up(name)
            raise
        if response.status_code >= 300:
            self._give_up(name)
            return response
        body, media_type = response.get_data(as_text=True), response.content_type or ""
        repeat = Repeat(request, response.status_code, body, media_type)
        try:
            with self._context.database.write() as conn:
                repeats.finish(conn, vault, name, repeat)
        except StoreError as err:  # it was done: that has to be said
            _log.warning("the answer to a request is not remembered: %s", err)
        return response

    def _begin(self, vault: Vault, name: str, request: str) -> Repeat | None:
        try:
            with self._context.database.write(lasting=False) as conn:
                return repeats.begin(conn, vault, name, request, asking().now)
        except (UnknownKey, SealBroken) as err:
            raise Problem(
                409,
                "conflict",
                f"This {HEADER} came before, and what it was answered cannot be read any more. "
                "See whether it was done; use another key if it was not.",
            ) from err

    def _give_up(self, name: str) -> None:
        with suppress(StoreError), self._context.database.write(lasting=False) as conn:
            repeats.give_up(conn, name)


def _again(before: Repeat, request: str) -> Response:
    if before.request != request:
        raise _refusal("was used for another request")
    if not before.status:
        raise Problem(
            409,
            "conflict",
            f"The request with this {HEADER} is being worked on.",
            headers=[("Retry-After", _SHORT)],
        )
    headers = [("Cache-Control", "no-store"), (REPLAYED, "true")]
    return Response(before.body, before.status, headers, content_type=before.media_type)


def _digest(request: Request) -> str:
    """Tell requests apart; the body counts octet by octet, and for which resource somebody acts."""
    query = str(request.environ.get("QUERY_STRING", ""))
    acting = request.header(ACTING)
    head = f"{request.method} {request.path}?{query}\n{acting!r}\n".encode()
    return hashlib.sha256(head + request.body).hexdigest()


def _refusal(message: str) -> Problem:
    errors = [{"field": HEADER, "message": message}]
    return Problem(422, "invalid_request", f"{HEADER} {message}.", errors=errors)
