"""Whether a provider can tell us anything is known from the configuration, and said once."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.channels.reach import silent, why_not
from bridge.config.settings import Settings
from bridge.registry import KINDS
from tests.builders import make_settings

GOOGLE, MICROSOFT = KINDS["google"], KINDS["microsoft"]
UNREACHABLE = "server.base_url is no https URL of a host that the provider can reach"


def settings(base_url: str = "", api_url: str = "", **sync: Any) -> Settings:
    own = {"api_url": api_url} if api_url else {}
    return make_settings(
        server={"base_url": base_url},
        sync=sync,
        providers={"google": GOOGLE.provider_settings.model_validate(own)},
        resources=[
            {
                "id": "room-a",
                "connections": [
                    {"id": "work", "provider": "google"},
                    {"id": "home", "provider": "caldav"},
                ],
            }
        ],
    )


@pytest.mark.parametrize(
    "base_url",
    ["https://cal.example.com", "https://cal.example.com:8443/cal", "https://8.8.8.8"],
)
def test_google_reaches_an_https_url_of_the_internet(base_url: str) -> None:
    assert why_not(settings(base_url), GOOGLE) == ""


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "http://cal.example.com",
        "https://localhost",
        "https://calendar",
        "https://calendar.local",
        "https://cal.corp.internal",
        "https://127.0.0.1",
        "https://192.168.1.10",
        "https://[fd00::1]",
    ],
)
def test_google_does_not_reach_what_is_private_or_in_clear(base_url: str) -> None:
    assert why_not(settings(base_url), GOOGLE) == UNREACHABLE


@pytest.mark.parametrize("host", ["127.0.0.1:8085", "localhost:8085", "[::1]:8085"])
def test_a_stand_in_on_this_machine_reaches_whatever_is_here(host: str) -> None:
    assert why_not(settings(api_url=f"http://{host}/calendar/v3"), GOOGLE) == ""


def test_microsoft_reaches_what_google_does_and_its_stand_in_whatever_is_here() -> None:
    assert why_not(settings("https://cal.example.com"), MICROSOFT) == ""
    assert why_not(settings("http://cal.example.com"), MICROSOFT) == UNREACHABLE
    there = settings()
    there.providers["microsoft"] = MICROSOFT.provider_settings.model_validate(
        {"sandbox_url": "http://127.0.0.1:8080"}
    )
    assert why_not(there, MICROSOFT) == ""


def test_push_can_be_switched_off() -> None:
    assert why_not(settings("https://cal.example.com", push="off"), GOOGLE) == "sync.push is off"


def test_only_kinds_that_could_tell_are_named() -> None:
    assert silent(settings(), KINDS) == {"Google Calendar": UNREACHABLE}
    assert silent(settings("https://cal.example.com"), KINDS) == {}
