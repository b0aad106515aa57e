"""What the engine and owners do to a connection becomes an alert."""

from __future__ import annotations

import json

from bridge.config.live import Live
from bridge.notify import Notifier
from bridge.store.database import Database
from tests.builders import make_settings
from tests.connecting.home import WORK, Home, opened
from tests.engine.house import House
from tests.engine.test_shrink import fill, lose
from tests.notify.desk import logged


class Listener:
    """A way of a test's own."""

    name, most = "log", 100

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.texts: list[str] = []

    def deliver(self, messages, _now) -> None:
        for _, body in messages:
            told = json.loads(body)
            troubles = " ".join(told["data"]["troubles"])
            self.heard.append(f"{told['type']} {troubles}")
            self.texts.append(told["data"]["text"])

    def check(self) -> None:
        pass


def test_a_listing_that_waits_for_confirmation_and_its_end(database: Database) -> None:
    house, listener = House(database), Listener()
    notifier = Notifier(database, Live(make_settings()), lambda _: [listener], lambda: house.now)
    fill(house, 100)
    house.pull()
    notifier.look()
    lose(house, 90)
    for _ in range(2):
        house.pull()
        notifier.look()
        notifier.deliver()
    assert listener.heard == ["alert.opened shrunk", "alert.resolved shrunk"]
    assert "Calendars: Main." in listener.texts[0]
    assert "They stay until the listing of a later pull lacks them, too." in listener.texts[0]
    assert "What a second listing lacked, too, was removed." in listener.texts[1]
    assert "An event" not in "".join(listener.texts), "no title of any event"


def test_an_owner_who_disconnects_is_told_of(tmp_path) -> None:
    def tell(home: Home) -> list[str]:
        with logged() as records:
            home.bridge.notifier.look()
            home.bridge.notifier.deliver()
        return [record.getMessage() for record in records]

    with opened(tmp_path) as home:
        home.connect()
        assert tell(home) == []
        home.bridge.connecting.disconnect(WORK)
        (message,) = tell(home)
        assert message.startswith("room-a.work: disconnected (msg_")
        assert "what was read of it is deleted" in message
        assert tell(home) == []
