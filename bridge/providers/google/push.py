"""Google's watch channels: opening and stopping them, and reading what they post.

https://developers.google.com/workspace/calendar/api/guides/push. A channel cannot be renewed: a new
one is opened beside it. What it posts has headers and no body.
"""

from __future__ import annotations

from pydantic import SecretStr

from bridge.errors import UnreadableAnswer
from bridge.notifier import Channel, Delivery, News, Notice, Notices, Watch
from bridge.providers.google import wire
from bridge.providers.google.client import Client

_MOST_DIGITS = 18


class GoogleChannels:
    """Implements `bridge.notifier.Notifier`."""

    def __init__(self, client: Client) -> None:
        """Open without touching the network."""
        self._client = client

    def watch(self, wanted: Watch) -> Channel:
        """Open a channel on a calendar's events; see `Notifier`."""
        asked = wire.Channel(
            id=wanted.id,
            type="web_hook",
            address=wanted.address,
            token=wanted.token.get_secret_value(),
        )
        opened = self._client.watch(wanted.calendar, asked)
        if opened.id != wanted.id or not opened.resource_id or opened.expiration <= 0:
            raise UnreadableAnswer("the answer to a watch is of no channel, or of another")
        return Channel(wanted.id, wanted.calendar, opened.resource_id, opened.expiration // 1000)

    def renew(self, channel: Channel, wanted: Watch) -> Channel:
        """Open another channel; see `Notifier`."""
        return self.watch(wanted)

    def stop(self, channel: Channel) -> None:
        """Stop a channel; see `Notifier`."""
        self._client.stop(wire.Channel(id=channel.id, resource_id=channel.reference))


def notices(delivery: Delivery) -> Notices:
    """Read a notification; a request that is none claims nothing."""
    given = delivery.headers
    channel, token = given.get("x-goog-channel-id", ""), given.get("x-goog-channel-token", "")
    state = given.get("x-goog-resource-state", "")
    if not (channel and token and state):
        return Notices()
    # `exists`, `not_exists`, and what Google may add: a pull finds out.
    news = News.CONFIRMED if state == "sync" else News.CHANGED
    reference = given.get("x-goog-resource-id", "")
    number = given.get("x-goog-message-number", "")
    counted = number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS
    return Notices(
        [Notice(channel, SecretStr(token), news, reference, int(number) if counted else None)]
    )
