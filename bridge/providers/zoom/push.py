"""What Zoom posts: signed with the secret token of the app, and of the whole Zoom account.

https://developers.zoom.us/docs/api/webhooks/. An address has to answer `endpoint.url_validation`
when it is entered, and every 72 hours. The answer is an HMAC of what was sent, under the secret
that requests are signed with: only who is Zoom gets one, and only of what can be no message.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

from bridge.model.conference import ConferenceKind
from bridge.model.interval import Instant
from bridge.notifier import Delivery, Farewell, MeetingNews, Notices
from bridge.providers.zoom import wire

_OLDEST = 300
"""Seconds that a request may be away from the present, either way."""
_STAMP = re.compile(r"[0-9]{1,12}")
_PLAIN = re.compile(r"[A-Za-z0-9_.=+/-]{1,128}")
_VALIDATION = "endpoint.url_validation"
_DEAUTHORIZED = "app_deauthorized"
_EVENTS = {"meeting.updated": False, "meeting.deleted": True}
"""Event -> whether the meeting is gone; of a series that may be one occurrence alone."""


def notices(delivery: Delivery, app: tuple[str, str], now: Instant) -> Notices:
    """Read a request; one that is not Zoom's, or too old, claims nothing.

    Args:
        delivery: anybody's.
        app: its client id, and its secret token; without that nothing is believed.
        now: the present.
    """
    client_id, secret = app
    if not secret or not _is_genuine(delivery, secret, now):
        return Notices()
    try:
        said = wire.read(delivery.body, wire.Notification)
    except wire.NotThatShape:
        return Notices()
    if said.event == _VALIDATION:
        return _proof(said.payload.plain_token, secret)
    if said.event == _DEAUTHORIZED and said.payload.user_id and said.payload.client_id == client_id:
        return Notices(taken=True, farewells=[_farewell(said.payload)])
    changed = said.payload.object
    if said.event not in _EVENTS or changed is None or not changed.id:
        return Notices(taken=True)  # genuine, and nothing to us
    news = MeetingNews(ConferenceKind.ZOOM, str(changed.id), gone=_EVENTS[said.event])
    return Notices(taken=True, meetings=[news])


def _is_genuine(delivery: Delivery, secret: str, now: Instant) -> bool:
    stamp = delivery.headers.get("x-zm-request-timestamp", "")
    given = delivery.headers.get("x-zm-signature", "")
    message = b":".join((b"v0", stamp.encode("utf-8", "replace"), delivery.body))
    wanted = f"v0={_hmac(secret, message)}"
    same = hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))
    return same and _STAMP.fullmatch(stamp) is not None and abs(now - int(stamp)) <= _OLDEST


def _farewell(said: wire.Payload) -> Farewell:
    """Read that somebody removed the app: https://developers.zoom.us/docs/api/marketplace/events/.

    What is known of them has to go within ten days, unless they say that it may stay.
    """
    try:
        at = int(datetime.fromisoformat(said.deauthorization_time).timestamp())
    except (ValueError, OverflowError):
        at = 0
    return Farewell(
        subject=said.user_id,
        client_id=said.client_id,
        at=at,
        meetings=ConferenceKind.ZOOM,
        may_keep=str(said.user_data_retention).lower() == "true",
    )


def _proof(plain: str, secret: str) -> Notices:
    if _PLAIN.fullmatch(plain) is None:
        return Notices()
    body = wire.write(wire.Proof(plain, _hmac(secret, plain.encode())))
    return Notices(
        status=200, body=body, media_type="application/json; charset=utf-8", handshake=True
    )


def _hmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
