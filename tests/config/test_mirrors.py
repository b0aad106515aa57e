"""What is wrong with a mirror is said where it stands, with what would be right."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.config.load import load
from bridge.config.plan import plan
from bridge.errors import ConfigError
from bridge.registry import KINDS
from tests.builders import make_settings

HEAD = """
version: 1
allow_inline_secrets: true
resources:
  - id: room-a
    name: Room A
    connections:
      - {id: work, provider: caldav, server_url: "https://a.example", username: a, password: b}
      - {id: team, provider: caldav, server_url: "https://b.example", username: a, password: b}
      - {id: holidays, provider: ics, url: "https://c.example/h.ics"}
      - {id: read, provider: caldav, server_url: "https://d.example", username: a, password: b,
         direction: inbound}
      - {id: calls, provider: zoom}
    mirror:
      - """


@pytest.mark.parametrize(
    ("mirror", "problem"),
    [
        ("{to: team}", "to: names no calendar (write connection/calendar, as in team/primary)"),
        ("{to: tem/x}", 'to: no connection "tem" in this resource (did you mean "team"?)'),
        ("{to: team/x, from: [wrk]}", 'from[0]: no connection "wrk" in this resource (did you'),
        ("{to: team/x, from: [team]}", "from[0]: mirror cycle: team would be mirrored into itself"),
        ("{to: team/x, from: []}", "mirrors nothing: there is no connection to mirror from"),
        ("{to: holidays/x}", "to: holidays is a feed, which can only be read (mirror into another"),
        ("{to: calls/x}", "to: calls has meetings and no calendars (mirror into another one)"),
        ("{to: read/x}", "to: read is never written to: inbound (mirror into another one)"),
        ("{to: team/x, title: '{{event_name}}'}", "title: {{event_name}} is not known here (there"),
        ("{to: team/x, title: ' '}", "title: must not be empty"),
        ("{to: team/x, privacy: {mode: full}}", "privacy.mode: 'full' is not one of busy_only"),
        ("{to: team/x, ahead: 1h}", "ahead: must be at least 1 day"),
        ("{to: team/x}\n      - {to: team/x}", 'mirror[1].to: "team/x" is taken (first on line'),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_remedy(
    tmp_path: Path, mirror: str, problem: str
) -> None:
    (tmp_path / "busybridge.yaml").write_text(HEAD + mirror)
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "busybridge.yaml", KINDS)
    (found,) = refused.value.problems
    assert problem in str(found)
    assert found.line >= 15
    assert found.key.startswith("resources[0].mirror[")


def made(*mirror: dict[str, Any]) -> Any:
    accounts = [{"id": name, "provider": "memory"} for name in ("work", "team", "apple")]
    room = {"id": "room-a", "name": "Room A", "connections": accounts, "mirror": list(mirror)}
    return plan(make_settings(resources=[room]))[0][0].mirror


def test_all_but_the_target_is_mirrored_unless_it_is_said() -> None:
    first, second = made({"to": "team/a/b"}, {"to": "work/primary", "from": ["apple"]})
    assert first.sources == ("room-a.work", "room-a.apple")
    assert (first.connection_id, first.calendar) == ("room-a.team", "a/b")
    assert (first.title, first.ahead) == ("Busy", timedelta(days=90))
    assert second.sources == ("room-a.apple",)


def test_two_accounts_may_be_mirrored_into_each_other() -> None:
    assert len(made({"to": "team/x", "from": ["work"]}, {"to": "work/x", "from": ["team"]})) == 2


def test_a_title_names_the_resource() -> None:
    assert made({"to": "team/x", "title": "Busy ({{resource}})"})[0].title == "Busy (Room A)"
