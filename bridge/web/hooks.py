"""What providers post: `/hooks/{provider}`.

Genuine notifications count against no limit, since a provider sends those of everybody from few
addresses. Those that are refused do: who sends too many of them is not even looked up any more.
Body and query mean only what the provider's kind reads in them.
"""

from __future__ import annotations

import math
import time

from bridge.channels.hearing import Hearing
from bridge.config.live import Live
from bridge.notifier import Delivery
from bridge.web.exchange import Reply, Request
from bridge.web.limiter import Limiter
from bridge.web.metrics import Metrics
from bridge.web.problem import not_found, too_many

_LARGEST = 512 << 10
"""Bytes of a body; what is longer is no notification."""


class Hooks:
    """Answers below `/hooks`."""

    def __init__(self, hearing: Hearing, live: Live, metrics: Metrics) -> None:
        self._hearing = hearing
        self._live = live
        self._metrics = metrics
        self._refusals = Limiter()

    def answer(self, request: Request) -> Reply:
        """Take one notification.

        Raises:
            Problem: 404 for whatever is not genuine, 429.
            StoreError: it could not be noted; a provider sends it again.
        """
        name = request.path.removeprefix("/hooks/")
        rate = self._live.current.server.rate_limit.per_client
        client, moment = request.client.key, time.monotonic()
        if wait := self._refusals.full(client, rate, moment):
            raise too_many(math.ceil(wait), "notifications")
        taken = self._hearing.hear(name, _delivery(request))
        self._metrics.notifications(taken.taken, taken.refused)
        if taken.status == 404:
            self._refusals.wait(client, rate, moment)
            raise not_found()
        headers = [("Cache-Control", "no-store")]
        if taken.body:
            headers.append(("Content-Type", taken.media_type))
        return Reply(taken.status, headers, taken.body)


def _delivery(request: Request) -> Delivery:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in request.environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    body = request.body if len(request.body) <= _LARGEST else b""
    return Delivery(headers, request.query, body)
