"""What views with details reveal of an event: what the resource's privacy allows, and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.served import Served, get
from tests.e2e.sources import vevent
from tests.e2e.town import END, START, TOMORROW, Town, busy, resource, serving

KINDS = ("radicale", "ics")
TITLE, DESCRIPTION, PLACE, LINK = "Zwiebelkuchen", "quarrel", "attic-room-9", "meet.example/j/4711"
GUEST = "eve@spy.example"
SECRETS = (TITLE, DESCRIPTION, PLACE, LINK, GUEST, "canary-category", "canary-note")
FEEDS = [
    {"name": "all", "window": {"past": "1d", "future": "390d"}},
    {"name": "open", "detail": "full"},
]
RULES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "busy-only": ({"mode": "busy_only", "show_title": True}, set()),
    "nothing": ({"mode": "private"}, set()),
    "title": ({"mode": "private", "show_title": True}, {TITLE}),
    "description": ({"mode": "private", "show_description": True}, {DESCRIPTION}),
    "location": ({"mode": "private", "show_location": True}, {PLACE, LINK}),
    "full": ({"mode": "full"}, {TITLE, DESCRIPTION, PLACE, LINK, "canary-category"}),
}
"""Privacy of a resource, and what its feed of full detail shows then."""


class Bridge:
    """A served bridge and the URLs of its feeds of full detail."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.open: dict[str, str] = {}
        for each in served.config["resources"]:
            name = each["id"]
            told = json.loads(served.cli("urls", name, "--json"))["feeds"]
            urls = {feed["name"]: feed["url"] for feed in told}
            served.feeds[name], self.open[name] = urls["all"], urls["open"]

    def tells(self, name: str) -> set[str]:
        """Which secrets the feed of full detail tells; every other output tells times alone."""
        served = self.served
        nine = busy(TOMORROW, "9:00", "10:00", "UTC")
        assert served.periods(name, START, END) == [nine]
        others = [
            served.freebusy(name, START, END),
            served.busy(name, START, END),
            get(served.feeds[name]),
            get(f"{served.url}/metrics"),
        ]
        said = b"".join(each.body + str(each.headers).encode() for each in others)
        said += served.log.encode()
        assert [secret for secret in SECRETS if secret.encode() in said] == []
        body = get(self.open[name]).body.decode().replace("\r\n ", "")
        assert body.count("BEGIN:VEVENT") == 1
        return {secret for secret in SECRETS if secret in body}


@pytest.fixture(scope="module")
def bridge(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    day = f"{TOMORROW:%Y%m%d}"
    text = vevent(
        "secret",
        f"DTSTART:{day}T090000Z",
        f"DTEND:{day}T100000Z",
        f"DESCRIPTION:{DESCRIPTION}",
        f"LOCATION:{PLACE}",
        f"CONFERENCE;VALUE=URI:https://{LINK}",
        f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{GUEST}",
        "CATEGORIES:canary-category",
        "X-NOTE:canary-note",
    ).replace("secret of secret", TITLE)
    resources = []
    for kind in KINDS:
        source = town.calendar(kind, "private")
        source.put_text("secret", text)
        for name, (privacy, _) in RULES.items():
            made = resource(f"{name}-{kind}", {**source.connection(), "id": "source"})
            resources.append(made | {"privacy": privacy, "feeds": FEEDS})
    served = serving(tmp_path_factory.mktemp("privacy"), resources)
    yield Bridge(served)
    served.__exit__()


@pytest.mark.covers("A-36", "P6", "T50", "S0-18", "S0-43", "S0-44", "S0-46")
@pytest.mark.parametrize("kind", KINDS)
def test_a_feed_of_full_detail_shows_what_the_resource_allows_and_nothing_else_does(
    bridge: Bridge, kind: str
) -> None:
    shown = {name: bridge.tells(f"{name}-{kind}") for name in RULES}
    assert shown == {name: expected for name, (_, expected) in RULES.items()}


@pytest.mark.covers("A-36")
def test_what_privacy_forbids_by_now_is_gone_with_the_reload(bridge: Bridge) -> None:
    served = bridge.served
    before = served.config_path.read_text()
    closed = [it | {"privacy": {"mode": "busy_only"}} for it in served.config["resources"]]
    served.config_path.write_text(yaml.safe_dump(served.config | {"resources": closed}))
    served.cli("reload")
    assert {it["id"]: bridge.tells(it["id"]) for it in closed} == {it["id"]: set() for it in closed}
    served.config_path.write_text(before)
    served.cli("reload")
