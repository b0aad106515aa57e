"""Watch channels: who wants to know of changes, and the messages to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote, urlsplit

from bridge.sandbox.google.calls import Call
from bridge.sandbox.google.errors import ApiError, invalid, not_found
from bridge.sandbox.google.times import Json
from bridge.sandbox.posting import Message, Poster
from bridge.sandbox.world import Calendar, World

_LONGEST = timedelta(days=7)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


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


class Push:
    """All channels."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._channels: dict[str, Channel] = {}
        self._poster = Poster(world)
        world.listeners.append(self._calendar_changed)

    @property
    def delivered(self) -> list[Message]:
        """What was taken by its address, in order."""
        return self._poster.delivered

    def start(self) -> None:
        """Begin to post."""
        self._poster.start()

    def stop(self) -> None:
        """Post no more."""
        self._poster.stop()

    def flush(self) -> None:
        """Return when everything that is due has been posted."""
        self._poster.flush()

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
            self._poster.enqueue(due, Message(channel.address, headers))


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise invalid(f"Not a whole number: {text}")
    return int(text)
