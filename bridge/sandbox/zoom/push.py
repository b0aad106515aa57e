"""Webhooks: who is told of what, signed; and how an address proves that it wants to be told.

https://developers.zoom.us/docs/api/webhooks/
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2

from bridge.sandbox.posting import Message, Poster
from bridge.sandbox.world import Json, Unknown
from bridge.sandbox.zoom import times
from bridge.sandbox.zoom.directory import Change, Directory, User
from bridge.sandbox.zoom.grants import Client, Grants, Webhook

EVENTS = ("meeting.created", "meeting.updated", "meeting.deleted", "app_deauthorized")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PATIENCE = 3.0
"""Seconds that Zoom waits for an answer."""
_OF_A_NEW_ONE = (
    *("uuid", "id", "host_id", "topic", "type", "start_time", "duration", "timezone"),
    *("join_url", "password", "occurrences", "recurrence"),
)
_SETTINGS_OF_A_NEW_ONE = ("use_pmi", "alternative_hosts", "join_before_host", "jbh_time")
_OF_A_DELETED_ONE = (
    *("uuid", "id", "host_id", "topic", "type", "start_time", "duration", "timezone"),
)


class NotValidated(ValueError):
    """An address does not answer the challenge, or may not be told."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign a notification as `x-zm-signature` has it."""
    message = b"v0:" + timestamp.encode() + b":" + body
    return f"v0={_hmac(secret, message)}"


class Push:
    """Tells programs of what happens to meetings."""

    def __init__(self, directory: Directory, grants: Grants) -> None:
        self._world = directory.world
        self._grants = grants
        self.poster = Poster(directory.world)
        directory.listeners.append(self._changed)

    def validate(self, webhook: Webhook) -> None:
        """Challenge an address, as Zoom does at first and then every 72 hours.

        Call it without the world's lock: whoever is asked may ask the stand-in in turn.

        Raises:
            NotValidated: it may not be told, does not answer in time, or not with the right value.
        """
        parts = urlsplit(webhook.url)
        if not parts.hostname or (parts.scheme != "https" and parts.hostname not in _LOOPBACK):
            # Zoom takes https alone; on loopback nobody has a certificate.
            raise NotValidated("The event notification endpoint URL has to be https.")
        with self._world.lock:
            token = self._world.token(22)
            stamp = times.stamp(self._world.now)
        document = {
            "event": "endpoint.url_validation",
            "event_ts": stamp,
            "payload": {"plainToken": token},
        }
        message = self._message(webhook.url, webhook.secret, document, stamp // 1000)
        wanted = {"plainToken": token, "encryptedToken": _hmac(webhook.secret, token.encode())}
        with httpx2.Client(timeout=_PATIENCE, trust_env=False) as http:
            try:
                answer = http.post(webhook.url, headers=message.headers, content=message.body)
                good = answer.status_code == 200 and answer.json() == wanted
            except (httpx2.HTTPError, ValueError):
                good = False
        if not good:
            raise NotValidated("URL validation failed. Try again later.")

    def deauthorized(self, client: Client, user: User) -> None:
        """Tell a program that a person removed it."""
        if client.webhook is None or "app_deauthorized" not in client.webhook.events:
            return
        now = self._world.now
        payload = {
            "account_id": user.account,
            "user_id": user.id,
            "signature": _hmac(client.webhook.secret, user.id.encode()),
            "deauthorization_time": times.written(now),
            "client_id": client.id,
        }
        self._post(client.webhook, user, "app_deauthorized", payload)

    def _changed(self, user: User, change: Change) -> None:
        name = f"meeting.{change.deed.kind}"
        payload = _PAYLOADS[change.deed.kind](change, times.stamp(self._world.now))
        payload = {
            "account_id": user.account,
            "operator": change.operator.email,
            "operator_id": change.operator.id,
            **payload,
        }
        for client in self._grants.clients.values():
            hook = client.webhook
            if hook and name in hook.events and self._grants.allows(client, user):
                self._post(hook, user, name, payload)

    def _post(self, hook: Webhook, user: User, event: str, payload: Json) -> None:
        faults = user.faults
        if faults.happens("push_lost"):
            return
        due = self._world.now + timedelta(seconds=float(faults.happens("push_late") or 0))
        document = {"event": event, "event_ts": times.stamp(self._world.now), "payload": payload}
        secret = "another secret" if faults.happens("push_forged") else hook.secret
        signed = due - timedelta(seconds=float(faults.happens("push_old") or 0))
        message = self._message(hook.url, secret, document, int(signed.timestamp()))
        for _ in range(2 if faults.happens("push_duplicate") else 1):
            self.poster.enqueue(due, message)

    def _message(self, url: str, secret: str, document: Json, seconds: int) -> Message:
        body = json.dumps(document).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zoom Marketplace/1.0a",
            "x-zm-request-timestamp": str(seconds),
            "x-zm-signature": signature(secret, str(seconds), body),
            "x-zm-trackingid": f"v=2.0;clid=aw1;rid=WEB_{hashlib.sha256(body).hexdigest()[:32]}",
        }
        return Message(url, headers, body)


def _created(change: Change, _stamp: int) -> Json:
    made = _picked(change.after, _OF_A_NEW_ONE)
    made["settings"] = _picked(change.after["settings"], _SETTINGS_OF_A_NEW_ONE)
    return {"object": made, **_operation(change)}


def _updated(change: Change, stamp: int) -> Json:
    new, old = change.after, change.before
    names = [name for name in new if new[name] != old.get(name) and name != "settings"]
    ids = {"id": new["id"]}
    after, before = {**ids, **_picked(new, names)}, {**ids, **_picked(old, names)}
    settings = [each for each, value in new["settings"].items() if old["settings"][each] != value]
    if settings:
        after["settings"] = _picked(new["settings"], settings)
        before["settings"] = _picked(old["settings"], settings)
    scope = "single" if change.deed.occurrence else "all"
    return {"scope": scope, "object": after, "old_object": before, "time_stamp": stamp}


def _deleted(change: Change, _stamp: int) -> Json:
    made = _picked(change.before, _OF_A_DELETED_ONE)
    if change.deed.occurrence:
        [gone] = change.before["occurrences"]
        made["occurrences"] = [_picked(gone, ("occurrence_id", "start_time"))]
    return {"object": made, **_operation(change)}


_PAYLOADS: dict[str, Callable[[Change, int], Json]] = {
    "created": _created,
    "updated": _updated,
    "deleted": _deleted,
}


def _operation(change: Change) -> Json:
    """Say of a series whether all of it is meant."""
    shown = change.after or change.before
    if "recurrence" not in shown:
        return {}
    return {"operation": "single" if change.deed.occurrence else "all"}


def _picked(document: Json, names: Any) -> Json:
    return {name: document[name] for name in names if name in document}


def _hmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def webhook(entry: Json) -> Webhook:
    """Read where events go: `url`, `secret_token`, and `events`, by default all.

    Raises:
        Unknown: there is no such event.
    """
    events = frozenset(entry.get("events", EVENTS))
    if strange := sorted(events - set(EVENTS)):
        raise Unknown(f"no event {strange[0]}: there are {', '.join(EVENTS)}")
    return Webhook(entry["url"], entry["secret_token"], events)
