"""The registry names the kinds, and what people call them."""

from __future__ import annotations

import pytest

from bridge.registry import KINDS, kind


@pytest.mark.covers("S1-09")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("caldav", "caldav"),
        ("apple", "apple"),
        ("icloud", "apple"),
        (" iCloud ", "apple"),
        ("ics", "ics"),
        ("ical", "ics"),
        ("webcal", "ics"),
        ("outlook", "microsoft"),
        ("Office365", "microsoft"),
        ("m365", "microsoft"),
    ],
)
def test_a_kind_is_found_by_its_name_and_its_synonyms(name: str, expected: str) -> None:
    assert kind(name) is KINDS[expected]


def test_a_misspelt_kind_is_told_the_nearest() -> None:
    with pytest.raises(KeyError, match="caldav"):
        kind("caldaw")


def test_an_unknown_kind_is_told_all() -> None:
    with pytest.raises(KeyError, match="apple, caldav, google, ics, microsoft, zoom"):
        kind("zzz")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_describes_what_it_can_do(name: str) -> None:
    described = KINDS[name]
    assert described.title
    assert described.capabilities.keys() == KINDS["caldav"].capabilities.keys()
