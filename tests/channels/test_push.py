"""A change in somebody's calendar at Google is told, and shows here without a poll."""

from __future__ import annotations

from tests.channels.house import Pushed


def test_a_change_wakes_a_pull(house: Pushed) -> None:
    house.connect()
    (channel,) = house.there()
    assert channel.address == f"{house.home.url}/hooks/google"
    before = house.pulls()
    assert house.busy() == 0
    house.create(24)
    house.until(lambda: house.busy() == 1, "the event shows")
    house.quiet()
    assert house.pulls() == before + 1
