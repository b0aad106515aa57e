"""What was set by API and what the file says, together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bridge.config.document import read
from bridge.config.load import settle
from bridge.config.plan import plan
from bridge.config.settings import Settings
from bridge.config.supplements import Supplement
from bridge.errors import ConfigError
from bridge.model.resource import Direction
from bridge.registry import KINDS

FILE = """version: 1
resources:
  - id: room-a
    name: Room A
    connections:
      - {id: work, provider: caldav, server_url: https://a.example, username: ann, password_env: P}
      - id: blank
        provider: caldav
        username: ann@example.com
        password_env: P
        write_calendar:
"""


def laid(tmp_path: Path, *supplements: Supplement, text: str = FILE) -> Settings:
    path = tmp_path / "busybridge.yaml"
    path.write_text(text)
    return settle(read(path, {"P": "secret"}), KINDS, supplements, 7)


def problems(tmp_path: Path, *supplements: Supplement, text: str = FILE) -> list[str]:
    with pytest.raises(ConfigError) as found:
        laid(tmp_path, *supplements, text=text)
    return [str(each) for each in found.value.problems]


def caldav(**keys: Any) -> dict[str, Any]:
    return {"provider": "caldav", "server_url": "https://b.example", "username": "ben"} | keys


def test_keys_that_the_file_leaves_open_are_filled_and_no_others(tmp_path: Path) -> None:
    settings = laid(
        tmp_path,
        Supplement("room-a", {"name": "Other", "type": "room", "direction": "inbound"}),
        Supplement("room-a.work", {"server_url": "https://b.example", "paused": True}),
    )
    (room,) = settings.resources
    assert (room.name, room.type.value, room.direction) == ("Room A", "room", Direction.INBOUND)
    work = room.connections[0]
    assert work.paused
    assert work.options is not None
    assert work.options.model_dump()["server_url"] == "https://a.example"
    assert settings.made_by_api == frozenset()
    assert settings.origin is not None
    assert settings.origin.generation == 7


def test_a_key_without_a_value_is_left_open(tmp_path: Path) -> None:
    settings = laid(tmp_path, Supplement("room-a.blank", {"write_calendar": "primary"}))
    assert settings.resources[0].connections[1].write_calendar == "primary"


def test_a_secret_of_the_file_counts_however_it_is_spelled(tmp_path: Path) -> None:
    given = {"password": SecretStr("by api")}
    settings = laid(tmp_path, Supplement("room-a.work", secrets=given))
    options = settings.resources[0].connections[0].options
    assert getattr(options, "password") == SecretStr("secret")  # noqa: B009 - of the kind's model


def test_what_the_file_does_not_have_is_made(tmp_path: Path) -> None:
    settings = laid(
        tmp_path,
        # In no order: a resource comes before its connections whatever it is called.
        Supplement("room-b.own", caldav(), made=True, secrets={"password": SecretStr("canary")}),
        Supplement("room-b", {"type": "room"}, made=True),
        Supplement(
            "room-a.feed",
            {"provider": "ics"},
            made=True,
            secrets={"url": SecretStr("https://a.example/canary.ics")},
        ),
    )
    plans = {resource.id: [each.id for each in own] for resource, own in plan(settings)}
    assert plans == {
        "room-a": ["room-a.work", "room-a.blank", "room-a.feed"],
        "room-b": ["room-b.own"],
    }
    assert settings.made_by_api == {"room-b", "room-b.own", "room-a.feed"}
    assert "canary" not in repr(settings)


def test_what_belongs_to_a_resource_that_left_the_file_waits_for_it(tmp_path: Path) -> None:
    settings = laid(
        tmp_path,
        Supplement("room-z", {"type": "room"}),
        Supplement("room-z.own", caldav(), made=True),
        Supplement("room-a.gone", {"paused": True}),
    )
    assert [each.id for each in settings.resources] == ["room-a"]
    assert settings.made_by_api == frozenset()


def test_what_is_wrong_with_it_is_no_line_of_the_file(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        Supplement("room-a", {"timezone": "Mars/Base"}),
        Supplement("room-a.work", {"sync": {"intervall": "5m"}}),
        Supplement("room-b", {"type": "planet"}, made=True),
        Supplement("room-b.own", caldav(colour="red"), made=True),
    )
    assert all(each.startswith("set by API: room-") for each in told), told
    assert [each.split(": ")[1] for each in told] == [
        "room-b.own.colour",
        "room-b.own.password",
        "room-a.timezone",
        "room-a.work.sync.intervall",
        "room-b.type",
    ]


def test_what_does_not_go_together_is_told_where_it_was_said_last(tmp_path: Path) -> None:
    (told,) = problems(
        tmp_path,
        Supplement("room-b", {"email": "A@x.example"}, made=True),
        text=FILE.replace("name: Room A", "email: a@x.example"),
    )
    assert told.startswith("set by API: room-b.email: ")
    assert "first on line 4" in told


def test_an_id_that_was_made_by_api_is_taken_over_only_when_the_file_says_so(
    tmp_path: Path,
) -> None:
    made = Supplement("room-a", {"type": "room", "name": "Old"}, made=True)
    own = Supplement("room-a.work", caldav(paused=True), made=True)
    told = problems(tmp_path, made, own)
    assert ["room-a was made by API" in each for each in told] == [True, False]
    assert [":3:" in told[0], ":6:" in told[1]] == [True, True], "these are lines of the file"
    adopted = FILE.replace("- id: room-a", "- id: room-a\n    adopt: true")
    adopted = adopted.replace("{id: work", "{id: work, adopt: true")
    settings = laid(tmp_path, made, own, text=adopted)
    (room,) = settings.resources
    assert (room.name, room.type.value, room.connections[0].paused) == ("Room A", "room", True)
    assert settings.made_by_api == frozenset()


def test_a_secret_that_cannot_be_read_harms_nothing_but_its_connection(tmp_path: Path) -> None:
    nothing = SecretStr("")
    settings = laid(
        tmp_path,
        Supplement("room-a.own", caldav(), made=True, secrets={"password": nothing}),
        Supplement("room-a.feed", {"provider": "ics"}, made=True, secrets={"url": nothing}),
    )
    assert len(settings.resources[0].connections) == 4


def test_the_document_stays_as_it_was_read(tmp_path: Path) -> None:
    first = laid(tmp_path, Supplement("room-b", {"availability": {"tentative": "free"}}, made=True))
    assert first.origin is not None
    again = settle(first.origin.document, KINDS)
    assert [each.id for each in again.resources] == ["room-a"]
    assert again.model_dump() == laid(tmp_path).model_dump()
