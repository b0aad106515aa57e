"""Watch channels: who wants to know of changes, and the messages to them."""

from __future__ import annotations

import hashlib
import heapq
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote, urlsplit

import httpx2

from bridge.sandbox.google.calls import Call
from bridge.sandbox.google.errors import ApiError, invalid, not_found
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Calendar, World

_LONGEST = timedelta(days=7)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_RETRIES = 3
_RETRY_AFTER = timedelta(seconds=2)
_PATIENCE = 10.0


@dataclass(slots=True)
class Channel:
    """One subscription; it is never renewed."""

    id: str
    resource_id: str
    resource_uri: str
    address: str
    token: str
    expires: datetime
    account: str
    client: str
    calendar: str
    """Empty for the list of calendars."""
    number: int = 0
    """Of its last message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted to a channel's address: headers alone, no body."""

    address: str
    headers: Mapping[str, str]
    attempt: int = 1


class Push:
    """All channels, and a thread that posts their messages."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._channels: dict[str, Channel] = {}
        self._queue: list[tuple[datetime, int, Message]] = []
        self._changed = threading.Condition()
        self._order = 0
        self._in_flight = 0
        self._ended = False
        self.delivered: list[Message] = []
        """What was taken by its address, in order."""
        self._thread = threading.Thread(target=self._run, name="sandbox-push", daemon=True)
        world.listeners.append(self._calendar_changed)

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def stop(self) -> None:
        """Post no more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def flush(self, timeout: float = 30.0) -> None:
        """Return when everything that is due has been posted.

        Raises:
            TimeoutError: an address takes too long.
        """
        with self._changed:
            self._changed.notify_all()
            if not self._changed.wait_for(self._is_idle, timeout):
                raise TimeoutError("some notifications were not delivered")

    def channels(self, account: str) -> list[Channel]:
        """Return somebody's channels that are alive."""
        now = self._world.now
        every = self._channels.values()
        return [each for each in every if each.account == account and each.expires > now]

    def watch(self, call: Call) -> Json:
        """Open a channel on a calendar's events."""
        calendar = call.calendar()
        path = f"calendars/{quote(calendar.id, safe='@')}/events"
        return self._open(call, calendar.id, path)

    def watch_list(self, call: Call) -> Json:
        """Open a channel on the sender's list of calendars; it gets its `sync` message alone."""
        return self._open(call, "", "users/me/calendarList")

    def close(self, call: Call) -> None:
        """Stop a channel; messages on their way still arrive."""
        channel = self._channels.get(call.body.get("id", ""))
        if (
            channel is None
            or channel.resource_id != call.body.get("resourceId")
            or (channel.account, channel.client) != (call.account.email, call.client)
            or channel.expires <= self._world.now
        ):
            raise not_found()
        del self._channels[channel.id]

    def _open(self, call: Call, calendar: str, path: str) -> Json:
        body, faults = call.body, call.account.faults
        self._check(body)
        if faults.happens("push_refused"):
            raise ApiError(401, "push.webhookUrlUnauthorized")
        life = _LONGEST
        if "ttl" in body.get("params", {}):
            life = min(life, timedelta(seconds=_whole(body["params"]["ttl"])))
        expires = self._world.now + life
        if "expiration" in body:
            asked = datetime.fromtimestamp(_whole(body["expiration"]) / 1000, UTC)
            if asked <= self._world.now:
                raise invalid("Channel expiration is in the past.")
            expires = min(expires, asked)
        if short := faults.happens("push_short"):
            expires = self._world.now + timedelta(seconds=float(short))
        uri = f"https://www.googleapis.com/calendar/v3/{path}?alt=json"
        named = f"{self._world.name} {call.account.email} {path}"
        resource = hashlib.sha256(named.encode()).hexdigest()[:27]
        channel = Channel(
            body["id"],
            resource,
            uri,
            body["address"],
            body.get("token", ""),
            expires,
            call.account.email,
            call.client,
            calendar,
        )
        self._channels[channel.id] = channel
        self._send(channel, "sync")
        document = {
            "kind": "api#channel",
            "id": channel.id,
            "resourceId": resource,
            "resourceUri": uri,
            "expiration": str(int(expires.timestamp() * 1000)),
        }
        return document | ({"token": channel.token} if channel.token else {})

    def _check(self, body: Json) -> None:
        identity = body.get("id", "")
        if not identity or len(identity) > 64:
            raise invalid("A channel needs an id of at most 64 characters.")
        if identity in self._channels:
            raise ApiError(400, "channelIdNotUnique")
        if body.get("type") not in ("web_hook", "webhook"):
            raise invalid("Invalid value for: type")
        if len(body.get("token", "")) > 256:
            raise invalid("Channel token is too long.")
        parts = urlsplit(body.get("address", ""))
        if not parts.hostname or (parts.scheme != "https" and parts.hostname not in _LOOPBACK):
            # Google takes https alone; on loopback nobody has a certificate.
            raise ApiError(400, "push.webhookUrlNotHttps")

    def _calendar_changed(self, calendar: Calendar) -> None:
        for channel in list(self._channels.values()):
            if channel.calendar == calendar.id:
                self._send(channel, "exists")

    def _send(self, channel: Channel, state: str) -> None:
        now = self._world.now
        if channel.expires <= now:
            del self._channels[channel.id]
            return
        faults = self._world.account(channel.account).faults
        channel.number += 1
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Message-Number": str(channel.number),
            "X-Goog-Resource-ID": channel.resource_id,
            "X-Goog-Resource-State": state,
            "X-Goog-Resource-URI": channel.resource_uri,
            "X-Goog-Channel-Expiration": format_datetime(channel.expires, usegmt=True),
        }
        if channel.token:
            headers["X-Goog-Channel-Token"] = channel.token
        if faults.happens("push_lost"):
            return
        due = now + timedelta(seconds=float(faults.happens("push_late") or 0))
        for _ in range(2 if faults.happens("push_duplicate") else 1):
            self._enqueue(due, Message(channel.address, headers))

    def _enqueue(self, due: datetime, message: Message) -> None:
        with self._changed:
            self._order += 1
            heapq.heappush(self._queue, (due, self._order, message))
            self._changed.notify_all()

    def _is_idle(self) -> bool:
        waits = bool(self._queue) and self._queue[0][0] <= self._world.now
        return not waits and not self._in_flight

    def _run(self) -> None:
        message = self._next()
        if message is None:
            return
        with httpx2.Client(timeout=_PATIENCE, trust_env=False) as http:
            while message is not None:
                self._deliver(http, message)
                message = self._next()

    def _next(self) -> Message | None:
        with self._changed:
            while not self._ended:
                if self._queue and self._queue[0][0] <= self._world.now:
                    self._in_flight += 1
                    return heapq.heappop(self._queue)[2]
                wait = (self._queue[0][0] - self._world.now).total_seconds() if self._queue else 60
                self._changed.wait(max(0.01, min(wait, 60.0)))
        return None

    def _deliver(self, http: httpx2.Client, message: Message) -> None:
        try:
            answer = http.post(message.address, headers=dict(message.headers))
            taken, again = answer.is_success, answer.status_code in (500, 502, 503, 504)
        except httpx2.HTTPError:
            taken, again = False, True
        with self._changed:
            if taken:
                self.delivered.append(message)
            elif again and message.attempt < _RETRIES:
                later = self._world.now + _RETRY_AFTER * message.attempt
                tried = Message(message.address, message.headers, message.attempt + 1)
                self._order += 1
                heapq.heappush(self._queue, (later, self._order, tried))
            self._in_flight -= 1
            self._changed.notify_all()


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise invalid(f"Not a whole number: {text}")
    return int(text)
