"""The allow list: what of an event may show in `details`, by mode, flags and CLASS."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from bridge.config.policy import Privacy, PrivacyMode
from bridge.model.event import Attendee, Class, Event, PartStat
from bridge.privacy import details, narrowed, title

EVENT = Event(
    uid="UID-CANARY",
    start=datetime(2026, 11, 23, 9, tzinfo=UTC),
    end=datetime(2026, 11, 23, 10, tzinfo=UTC),
    summary="TITLE-CANARY",
    description="DESCRIPTION-CANARY https://teams.example.com/LINK-CANARY?x",
    location="PLACE-CANARY",
    url="https://example.com/URL-CANARY",
    conference_url="https://zoom.example.com/LINK-CANARY",
    categories=("CATEGORY-CANARY",),
    organizer=Attendee("mailto:boss-canary@example.com", PartStat.ACCEPTED, "BOSS-CANARY"),
    attendees=(Attendee("mailto:guest-canary@example.com", PartStat.DECLINED, "GUEST-CANARY"),),
    origin="ORIGIN-CANARY",
)
SECRET_OF = {
    "show_title": "TITLE-CANARY",
    "show_description": "DESCRIPTION-CANARY",
    "show_attendees": "GUEST-CANARY",
    "show_location": "PLACE-CANARY",
}


def shown(privacy: Privacy, **changes: Any) -> str:
    event = Event(**{name: getattr(EVENT, name) for name in EVENT.__slots__} | changes)
    return json.dumps(details(event, "Work", privacy))


@pytest.mark.parametrize("flags", list(product([False, True], repeat=4)))
def test_mode_private_shows_exactly_what_its_flags_allow(flags: tuple[bool, ...]) -> None:
    chosen = dict(zip(SECRET_OF, flags, strict=True))
    text = shown(Privacy(mode=PrivacyMode.PRIVATE, **chosen))
    for flag, canary in SECRET_OF.items():
        assert (canary in text) == chosen[flag]
    assert ("LINK-CANARY" in text) == chosen["show_location"], "a meeting link counts as place"
    assert "CATEGORY-CANARY" not in text


@pytest.mark.covers("T52")
@pytest.mark.parametrize("mode", PrivacyMode)
@pytest.mark.parametrize("classification", [Class.PRIVATE, Class.CONFIDENTIAL])
def test_private_and_confidential_events_show_times_only(
    mode: PrivacyMode, classification: Class
) -> None:
    everything = Privacy(mode=mode, title="{{event_name}}", **dict.fromkeys(SECRET_OF, True))
    assert json.loads(shown(everything, classification=classification)) == {"title": "Busy"}


def test_mode_busy_only_ignores_the_flags() -> None:
    privacy = Privacy(title="{{event_name}}", **dict.fromkeys(SECRET_OF, True))
    assert json.loads(shown(privacy)) == {"title": "Busy"}


def test_mode_full_shows_every_listed_field_and_no_other() -> None:
    fields = details(EVENT, "Work", Privacy(mode=PrivacyMode.FULL))
    assert fields == {
        "title": "TITLE-CANARY",
        "description": EVENT.description,
        "location": "PLACE-CANARY",
        "url": EVENT.url,
        "conference_url": EVENT.conference_url,
        "organizer": {
            "address": "mailto:boss-canary@example.com",
            "name": "BOSS-CANARY",
            "partstat": "ACCEPTED",
        },
        "attendees": [
            {
                "address": "mailto:guest-canary@example.com",
                "name": "GUEST-CANARY",
                "partstat": "DECLINED",
            }
        ],
        "categories": ["CATEGORY-CANARY"],
    }


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Busy", "Lunch"),
        ("{{event_name}}", "Lunch"),
        ("{{calendar_name}}: {{event_name}}", "Work: Lunch"),
        ("{{ calendar_name }} ({{event_name}})", "Work (Lunch)"),
        ("{{unknown}}{{event_name}}", "Lunch"),
    ],
)
def test_title_templates(template: str, expected: str) -> None:
    privacy = Privacy(title=template)
    assert title(privacy, calendar_name="Work", event_name="Lunch") == expected


def test_a_template_without_its_event_leaves_no_debris() -> None:
    assert title(Privacy(title="{{calendar_name}}: {{event_name}}"), calendar_name="Work") == "Work"
    assert title(Privacy(title="{{event_name}}")) == "Busy"
    assert title(Privacy(title="Reserved")) == "Reserved"


def test_placeholders_in_an_event_title_are_not_filled() -> None:
    privacy = Privacy(title="{{event_name}}")
    assert title(privacy, calendar_name="Work", event_name="{{calendar_name}}") == (
        "{{calendar_name}}"
    )


@pytest.mark.parametrize("flags", list(product([False, True], repeat=4)))
def test_a_narrower_view_shows_no_more_than_the_flags_allow(flags: tuple[bool, ...]) -> None:
    chosen = dict(zip(SECRET_OF, flags, strict=True))
    fields = details(EVENT, "Work", Privacy(mode=PrivacyMode.FULL))
    view = json.dumps(narrowed(fields, PrivacyMode.PRIVATE, Privacy(**chosen)))
    for flag, canary in SECRET_OF.items():
        assert (canary in view) == chosen[flag]
    assert ("LINK-CANARY" in view) == chosen["show_location"]
    assert narrowed(fields, PrivacyMode.BUSY_ONLY, Privacy(**chosen)) == {"title": "Busy"}
    assert narrowed(fields, PrivacyMode.FULL, Privacy()) == fields


@pytest.mark.covers("P9")
@pytest.mark.parametrize("unit", ["a", "a+", "a.", "1a:/", "http:/", "www. ", "a:// ", "://"])
def test_links_are_sought_in_time_that_grows_with_the_text_alone(unit: str) -> None:
    text = (unit * 64_000)[:64_000]
    started = time.thread_time()
    narrowed({"description": text}, PrivacyMode.PRIVATE, Privacy(show_description=True))
    assert time.thread_time() - started < 0.25


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com/x",
        "HTTPS://example.com/x",
        "(https://example.com/x",
        "1.https://example.com/x",
        "-https://example.com/x",
        "Linkhttps://example.com/x",
        "s" * 40 + "://example.com/x",
        "\u00e9https://example.com/x",
        "see:https://example.com/x",
        "www.example.com/x",
    ],
)
def test_a_link_is_taken_out_whatever_stands_before_it(link: str) -> None:
    fields = {"description": f"agenda {link} and more"}
    shown = narrowed(fields, PrivacyMode.PRIVATE, Privacy(show_description=True))
    assert "example.com" not in str(shown["description"])
    assert "agenda" in str(shown["description"])
    assert "and more" in str(shown["description"])
