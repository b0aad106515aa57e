"""What is sent goes to whom it was meant for: a body is not sent on to where an answer points."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from bridge.errors import UnreadableAnswer
from bridge.model.http import Http
from bridge.notifier import Watch
from bridge.providers.google.client import Client as GoogleClient
from bridge.providers.google.push import GoogleChannels
from bridge.providers.microsoft.client import Client as MicrosoftClient
from bridge.providers.microsoft.push import MicrosoftSubscriptions
from tests.contract.google_world import transport
from tests.servers.origin import Answer, Origin

WANTED = Watch(
    "id", "calendar", "https://bridge.example/hooks/x", SecretStr("CANARY"), 1_800_000_000
)
PATHS = {
    "google": "/calendars/calendar/events/watch",
    "microsoft": "/subscriptions",
}


@pytest.fixture
def http() -> Iterator[Http]:
    made = transport()
    yield made
    made.close()


@pytest.mark.parametrize("kind", PATHS)
def test_what_notifications_are_known_by_is_not_sent_on(kind: str, http: Http) -> None:
    with Origin() as origin, Origin() as other:
        away = {"Location": other.url("/subscriptions")}
        origin.routes[PATHS[kind]] = Answer(307, away, b"")
        root = origin.url("")
        notifier = (
            GoogleChannels(GoogleClient(http, root))
            if kind == "google"
            else MicrosoftSubscriptions(MicrosoftClient(http, root))
        )
        with pytest.raises(UnreadableAnswer):
            notifier.watch(WANTED)
        assert [each.path for each in origin.requests] == [PATHS[kind]]
        assert other.requests == []
