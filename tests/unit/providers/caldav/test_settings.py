"""The keys of caldav and apple connections."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bridge.providers.caldav import AppleConnection, AppleDefaults, CaldavConnection


def connection(**options: str) -> CaldavConnection:
    return CaldavConnection.model_validate({"username": "ann", "password": "canary", **options})


@pytest.mark.parametrize(
    "server",
    ["https://dav.example.com", "http://127.0.0.1:5232/ann/", "example.com", "ann@example.com"],
)
def test_a_server_is_a_url_a_domain_or_a_mail_address(server: str) -> None:
    assert connection(server_url=f" {server} ").server_url == server


@pytest.mark.parametrize(
    "server",
    [
        "ftp://example.com",
        "https://",
        "https://ann:canary@example.com/",
        "exa mple",
        "/ann/",
        "a@b@c",
    ],
)
def test_what_can_be_no_server_is_refused_without_repeating_a_password(server: str) -> None:
    with pytest.raises(ValidationError) as refused:
        connection(server_url=server)
    assert all("canary" not in problem["msg"] for problem in refused.value.errors())


def test_a_mail_address_as_user_name_names_the_server_too() -> None:
    assert connection(username="ann@example.com").server_url == ""
    with pytest.raises(ValidationError, match="needs server_url"):
        connection()


def test_a_password_is_not_shown() -> None:
    assert "canary" not in repr(connection(server_url="example.com"))


def test_apple_needs_a_name_and_a_password_alone() -> None:
    settings = AppleConnection.model_validate({"username": "ann@icloud.com", "password": "canary"})
    assert "canary" not in repr(settings)
    assert AppleDefaults().server_url == "https://caldav.icloud.com"
    with pytest.raises(ValidationError):
        AppleConnection.model_validate({"username": "ann@icloud.com"})
