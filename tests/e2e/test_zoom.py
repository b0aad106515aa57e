"""A booking and its meeting at Zoom, whoever changes it: its client, its host at Zoom, nobody."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.model.interval import utc
from bridge.sandbox.zoom.person import Person
from bridge.sandbox.zoom.push import webhook
from bridge.sandbox.zoom.scenario import SERVER_ID
from tests.e2e.bookable import HOST, WEBHOOK_SECRET, Bookable, Client, bookable, path, text

DAY = (int(time.time()) // 86400 + 2) * 86400
NINE, TWO = DAY + 9 * 3600, DAY + 14 * 3600
TALK = path("zoom", "talk")


@pytest.fixture
def booked(tmp_path: Path) -> Iterator[Bookable]:
    with bookable(tmp_path, rooms=("zoom",)) as made:
        zoom = made.sandbox.zoom
        hook = {"url": f"{made.served.url}/hooks/zoom", "secret_token": WEBHOOK_SECRET}
        zoom.subscribe(SERVER_ID, webhook(hook))
        yield made
        assert made.sandbox.world.defects == []


def link_in(client: Client) -> str:
    """The link that the client reads back; empty while there is none."""
    told = client.ask("GET", TALK).body.decode().replace("\r\n ", "")
    found = re.search(r"^LOCATION:(https://\S+zoom\.us/j/\S+?)\r?$", told, re.MULTILINE)
    return found[1] if found else ""


@pytest.mark.covers("A-17", "S0-29")
def test_a_meeting_lives_with_its_booking_whatever_its_host_does(booked: Bookable) -> None:
    client, host = booked.client(), booked.sandbox.zoom.person(HOST)
    wait = booked.served.wait
    assert client.ask("PUT", TALK, text("zoom", "talk", NINE)).status == 201
    wait(lambda: link_in(client), "the link comes back")
    link, first = link_in(client), id_of(host)
    assert f"/j/{first}?" in link
    assert booked.events("zoom") == {"talk": [(NINE, link)]}

    host.change(first, topic="Mine", start_time=f"{utc(TWO):%Y-%m-%dT%H:%M:%SZ}")
    wait(lambda: booked.meetings() == [("talk", NINE)], "it is put back")
    assert (id_of(host), link_in(client)) == (first, link)

    host.delete(first)
    wait(lambda: link_in(client) not in ("", link), "another link comes")
    second = id_of(host)
    assert booked.events("zoom") == {"talk": [(NINE, link_in(client))]}
    assert f"/j/{second}?" in link_in(client)

    assert client.ask("PUT", TALK, text("zoom", "talk", TWO)).status == 204
    wait(lambda: booked.meetings() == [("talk", TWO)], "it moves")
    assert id_of(host) == second
    assert client.ask("DELETE", TALK).status == 204
    wait(lambda: booked.meetings() == [] and booked.events("zoom") == {}, "it goes")
    deeds = [each.kind for each in host.deeds(meeting=second)]
    assert deeds == ["created", "updated", "deleted"], "told of its own doings it does no more"


def id_of(host: Person) -> int:
    [meeting] = host.meetings
    return meeting.id
