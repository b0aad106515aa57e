"""Graph's subscriptions: making, renewing and ending them, and reading what they post.

https://learn.microsoft.com/graph/change-notifications-delivery-webhooks and
https://learn.microsoft.com/graph/change-notifications-lifecycle-events. Graph asks the address
whether it wants notifications before it answers the request for them, and posts those of several
subscriptions together.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from msgspec import structs
from pydantic import SecretStr

from bridge.errors import (
    ProviderError,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Response
from bridge.model.interval import Instant, instant, rfc3339
from bridge.notifier import Channel, Delivery, News, Notice, Notices, Watch
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.client import Client
from bridge.providers.microsoft.refusals import is_forbidden, raise_for_status

_CHANGES = "created,updated,deleted"
_AHEAD = 5 * 60
"""Seconds by which our clock may be ahead."""
_LONGEST, _SHORTER = 10_070 * 60 - _AHEAD, 4_230 * 60 - _AHEAD
"""Seconds that Graph lets subscriptions to events live, now and in clouds that are behind."""
_STATE = re.compile(r"([0-9A-Za-z-]{1,63})\.([0-9A-Za-z-]{1,64})", re.ASCII)
_ID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_LONGEST_PROOF = 1024
_MOST = 2000
"""Notifications of one request that are read."""
_REACHABLE = (
    "server.base_url has to be an https URL with a certificate that everybody accepts, and POST "
    "requests to /hooks/ have to arrive with their query within seconds"
)
_GIVEN_UP = ("subscriptionRemoved", "reauthorizationRequired")


class MicrosoftSubscriptions:
    """Implements `bridge.notifier.Notifier`."""

    def __init__(self, client: Client) -> None:
        """Open without touching the network."""
        self._client = client

    def watch(self, wanted: Watch) -> Channel:
        """Subscribe to a calendar's events; see `Notifier`.

        https://learn.microsoft.com/graph/api/subscription-post-subscriptions
        """
        asked = wire.Subscription(
            change_type=_CHANGES,
            notification_url=wanted.address,
            lifecycle_notification_url=wanted.address,
            resource=f"{self._client.mailbox}/calendars/{wanted.calendar}/events",
            client_state=f"{wanted.id}.{wanted.token.get_secret_value()}",
        )
        what = f"notifications of calendar {wanted.calendar!r}"
        response = self._ask("POST", "/subscriptions", asked, wanted.asked_at)
        if response.status in (400, 404, 409) or is_forbidden(response):
            raise _not_told(response, what)
        opened = self._client.subscription(response, what)
        if not _ID.fullmatch(opened.id):
            raise UnreadableAnswer(f"{what}: the answer is of no subscription")
        end = _end(opened, wanted.asked_at)
        return Channel(wanted.id, wanted.calendar, opened.id, end, confirmed=True)

    def renew(self, channel: Channel, wanted: Watch) -> Channel:
        """Let a subscription live longer, or make another where that one is gone; see `Notifier`.

        https://learn.microsoft.com/graph/api/subscription-update. This authorizes it again, too.
        """
        path = f"/subscriptions/{channel.reference}"
        response = self._ask("PATCH", path, wire.Subscription(), wanted.asked_at)
        if response.status in (400, 404, 409, 410):
            return replace(self.watch(wanted), is_late=True)
        what = f"notifications of calendar {channel.calendar!r}"
        end = _end(self._client.subscription(response, what), wanted.asked_at)
        return Channel(channel.id, channel.calendar, channel.reference, end)

    def stop(self, channel: Channel) -> None:
        """End a subscription; see `Notifier`.

        https://learn.microsoft.com/graph/api/subscription-delete
        """
        response = self._client.answer("DELETE", f"/subscriptions/{channel.reference}")
        if response.status not in (404, 410):
            raise_for_status(response, "the end of notifications")

    def _ask(self, method: str, path: str, asked: wire.Subscription, now: Instant) -> Response:
        """Ask for the longest life that is given."""
        response = self._ask_until(now + _LONGEST, method, path, asked)
        if response.status == 400 and _is_too_long(response):
            response = self._ask_until(now + _SHORTER, method, path, asked)
        return response

    def _ask_until(
        self, end: Instant, method: str, path: str, asked: wire.Subscription
    ) -> Response:
        lasting = structs.replace(asked, expiration_date_time=rfc3339(end))
        return self._client.answer(method, path, wire.write(lasting))


def notices(delivery: Delivery) -> Notices:
    """Read notifications, or the question whether they are wanted; else nothing is claimed.

    Where some were missed, what changed since the last pull is enough: what a listing continues
    from does not depend on what was told.
    """
    proof = delivery.query.get("validationToken", "")
    if proof:
        # Nobody's word is taken for anything: whoever asks gets a line of plain text back.
        if len(proof) > _LONGEST_PROOF or not proof.isprintable():
            return Notices()
        return Notices(status=200, body=proof.encode(), handshake=True)
    claims: dict[tuple[str, str, News], Notice] = {}
    for note in wire.notes(delivery.body, _MOST):
        state = _STATE.fullmatch(note.client_state or "")
        reference = note.subscription_id or ""
        if state is None or not _ID.fullmatch(reference):
            continue
        news = News.ENDED if note.lifecycle_event in _GIVEN_UP else News.CHANGED
        claims[state[0], reference, news] = Notice(state[1], SecretStr(state[2]), news, reference)
    return Notices(tuple(claims.values()), status=202)


def _end(opened: wire.Subscription, now: Instant) -> Instant:
    try:
        moment = datetime.fromisoformat(opened.expiration_date_time)
        end = instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        end = 0
    if end <= now:
        raise UnreadableAnswer("a subscription was made that has no end, or is over")
    return end


def _is_too_long(response: Response) -> bool:
    """Tell whether it is the life that is refused; the code that comes with it means much else."""
    return "expir" in wire.failure(response.body).message.lower()


def _not_told(response: Response, what: str) -> ProviderError:
    """Say why there is no subscription.

    Of calendars that others share with an account Graph tells nobody whom that account's owner
    permitted to read them: https://learn.microsoft.com/graph/api/subscription-post-subscriptions.
    """
    told = wire.failure(response.body)
    named = f" ({told.code[:80]})" if told.code and told.code[:80].isprintable() else ""
    if response.status == 409:
        return RemoteRejected(
            f"{what}: Microsoft has them sent already{named}",
            code="push_refused",
            hint="that ends by itself within a week; until then the calendar is polled",
        )
    if response.status != 400:
        return RemoteRejected(f"{what}: Microsoft sends none of it{named}", code="push_unsupported")
    if "validation" in f"{told.code} {told.message}".lower():
        # A proxy that does not send requests here yet does so soon, unless it never does.
        return TemporarilyUnavailable(
            f"{what}: Microsoft asked at the address whether it wants them, and got no answer",
            code="push_refused",
            hint=_REACHABLE,
        )
    return RemoteRejected(
        f"{what}: Microsoft does not take the address{named}", code="push_refused", hint=_REACHABLE
    )
