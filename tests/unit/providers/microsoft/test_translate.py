"""What Outlook's words do to somebody's time, and texts that somebody else wrote."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from bridge.availability import verdict
from bridge.config.policy import Availability
from bridge.model.interval import FBType
from bridge.provider import AccessRole
from bridge.providers.microsoft import wire
from bridge.providers.microsoft.body import plain_text
from bridge.providers.microsoft.moments import occurrence
from bridge.providers.microsoft.translate import calendar, read_event

BUSY, TENTATIVE, AWAY = FBType.BUSY, FBType.BUSY_TENTATIVE, FBType.BUSY_UNAVAILABLE


def event(**more: Any) -> wire.Event:
    times = {"dateTime": "2026-03-03T09:00:00.0000000", "timeZone": "UTC"}
    ends = {"dateTime": "2026-03-03T10:00:00.0000000", "timeZone": "UTC"}
    return wire.read(
        msgspec.json.encode({"id": "e", "start": times, "end": ends, **more}), wire.Event
    )


def reply(word: str) -> dict[str, Any]:
    return {"responseStatus": {"response": word}, "showAs": "busy"}


@pytest.mark.parametrize(
    ("said", "blocks"),
    [
        ({"showAs": "free"}, None),
        ({"showAs": "tentative"}, TENTATIVE),
        ({"showAs": "busy"}, BUSY),
        ({"showAs": "oof"}, AWAY),
        ({"showAs": "workingElsewhere"}, None),
        ({"showAs": "unknown"}, BUSY),
        ({"showAs": "somethingNew"}, BUSY),
        ({}, BUSY),
        ({"showAs": "busy", "isCancelled": True}, None),
        (reply("organizer"), BUSY),
        (reply("none"), BUSY),
        (reply("accepted"), BUSY),
        (reply("tentativelyAccepted"), TENTATIVE),
        (reply("declined"), None),
    ],
)
def test_an_event_blocks_as_outlook_shows_it(said: dict[str, Any], blocks: FBType | None) -> None:
    found = read_event(event(**said)).event
    assert verdict(found, all_day=False, policy=Availability()).fbtype is blocks


def test_an_invitation_without_a_reply_blocks_as_the_owner_says() -> None:
    """Outlook shows it as tentative: what is set for tentative events does not count for it."""
    said = reply("notResponded") | {"showAs": "tentative"}
    found = read_event(event(**said)).event
    for word in ("free", "busy", "busy_tentative"):
        policy = Availability.model_validate({"unanswered": word, "tentative": "busy_unavailable"})
        named = verdict(found, all_day=False, policy=policy)
        assert (named.fbtype.name.lower() if named.fbtype else "free") == word


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<BR/>three", "one\ntwo\nthree"),
        ("<ul><li>a</li><li>b</li></ul>", "a\n\nb"),
        ("a&nbsp;&amp;&nbsp;b &lt;i&gt;", "a & b <i>"),
        ("<style>p {}</style>a<script>alert('<p>')</script>b", "ab"),
        ("<!--[if gte mso 9]><xml><o:x>1</o:x></xml><![endif]-->a", "a"),
        ("a<!-- never closed", "a"),
        ("a<script>never closed", "a"),
        ("a < b <> c", "a < b <> c"),
        ("<img src=x onerror=alert(1)>a", "a"),
        ("<a href='https://example.com'>link</a>", "link"),
    ],
)
def test_a_body_is_read_as_its_text(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize("part", ["<", "<!--", "<a ", "</", "&", "<script>", "<br>", "<!", "a\n"])
def test_no_body_takes_long_to_read(part: str) -> None:
    """Whoever can invite somebody can send it."""
    began = time.process_time()
    plain_text(part * (2_000_000 // len(part)))
    plain_text(part + "a" * 2_000_000)
    assert time.process_time() - began < 3


def test_calendars_are_named_with_what_may_be_done_in_them() -> None:
    mine = calendar(
        wire.Calendar(
            id="c1", name="Calendar", can_edit=True, is_default_calendar=True, hex_color="#0078D4"
        )
    )
    assert mine is not None
    assert (mine.name, mine.role, mine.is_primary) == ("Calendar", AccessRole.WRITE, True)
    assert (mine.color, mine.time_zone) == ("#0078d4", "")
    theirs = calendar(wire.Calendar(id="c2", hex_color="auto"))
    assert theirs is not None
    assert (theirs.name, theirs.role, theirs.is_primary) == ("c2", AccessRole.READ, False)
    assert theirs.color == ""
    assert calendar(wire.Calendar(name="without an id")) is None


@pytest.mark.parametrize("name", ["", "AAMk", "OID.AAMk", "OID.AAMk.2026-13-03", "OID..2026"])
def test_an_id_that_names_no_day_is_that_of_no_occurrence(name: str) -> None:
    assert occurrence(name) is None
