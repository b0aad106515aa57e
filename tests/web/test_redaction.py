"""Logs: which secrets are starred out, and how a text stays on its line."""

from __future__ import annotations

import logging
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.web.redaction import clean, escaped, target
from tests.web.site import Site

TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst"
APP_PASSWORD = "bb_abcdefgh_" + "d" * 32
API_KEY = "bbk_abcdefgh_" + "e" * 32
SECRETS = (TOKEN, "d" * 32, "e" * 32)


def encoded(text: str) -> str:
    return "".join(f"%{ord(each):02x}" for each in text)


@pytest.mark.covers("T35")
@pytest.mark.parametrize(
    ("path", "query", "shown"),
    [
        ("/feeds/s3cret/room-a.ics", "", "/feeds/***/room-a.ics"),
        ("/connect/s3cret", "", "/connect/***"),
        ("/freebusy/room-a", "token=s3cret&start=0d", "/freebusy/room-a?token=***&start=0d"),
        ("/freebusy/room-a", "a=1&TOKEN=s3cret", "/freebusy/room-a?a=1&TOKEN=***"),
        ("/freebusy/room-a", "%74oken=s3cret", "/freebusy/room-a?%74oken=***"),
        ("/freebusy/room-a", "a=1;tok%65n=s3cret;b", "/freebusy/room-a?a=1;tok%65n=***;b"),
        (
            "/oauth/google/callback",
            "code=s3cret&state=s3cret",
            "/oauth/google/callback?code=***&state=***",
        ),
    ],
)
def test_secrets_in_urls_are_starred_out(path: str, query: str, shown: str) -> None:
    assert target(path, query) == shown


@pytest.mark.covers("T35")
@pytest.mark.parametrize("secret", [TOKEN, TOKEN.upper(), APP_PASSWORD, API_KEY])
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/feeds//{}/room-a.ics", ""),
        ("/Feeds/{}/room-a.ics", ""),
        ("/FEEDS/{}", ""),
        ("/./feeds/{}/room-a.ics", ""),
        ("/x{}x", ""),
        ("/wrong/{}.ics", ""),
        ("/", "{}"),
        ("/", "x={}&start=0d"),
        ("/", "%74oken={}"),
        ("/", "url=https%3A%2F%2Fcal.example.com%2Ffeeds%2F{}%2Froom-a.ics"),
        ("/ https://cal.example.com/feeds/{}/room-a.ics", ""),
    ],
)
def test_a_secret_of_ours_is_known_by_its_form_wherever_it_stands(
    path: str, query: str, secret: str
) -> None:
    for written in (secret, encoded(secret[:30]) + secret[30:], encoded(encoded(secret))):
        assert written not in target(path.format(secret), query.format(written))
        assert secret[:30] not in target(path.format(secret), query.format(written))
        shown = target(path.format(written), query.format(written))
        assert not any(each.lower() in shown.lower() for each in (written, *SECRETS))


@pytest.mark.covers("T35")
@pytest.mark.parametrize(
    "form",
    [
        "/freebusy/room-a.ifb?%74oken={}",
        "/feeds//{}/room-a.ics",
        "/Feeds/{}/room-a.ics",
        "/%66eeds/{}/room-a.ics",
        "/feeds/{}%2Froom-a.ics",
    ],
)
def test_a_live_token_never_reaches_the_access_log(
    site: Site, caplog: pytest.LogCaptureFixture, form: str
) -> None:
    token = site.token("room-a", "public")
    with caplog.at_level(logging.INFO):
        site.get(form.format(token))
    lines = [record for record in caplog.records if record.name == "bridge.web.access"]
    assert lines
    assert token not in str([(record.getMessage(), vars(record)) for record in lines])


def test_a_letter_beyond_ascii_hides_no_secret() -> None:
    assert clean("ba\u017fic czNjcmV0OnMzY3JldA==") == "ba\u017fic ***"


def test_what_is_no_secret_stays() -> None:
    text = f"GET /freebusy/{quote('Büro 3')}.ifb?start=0d&end=60d 200 100% {'0123456789abcdef' * 4}"
    assert clean(text) == text


@pytest.mark.covers("P9")
@pytest.mark.parametrize(
    "unit",
    [
        "http://",
        "https://a?",
        "a://",
        "%",
        "%25",
        "%61",
        "basic ",
        "&token=",
        "/feeds/",
        "a2",
        "bb_",
    ],
)
def test_whatever_strangers_write_is_cleaned_quickly(unit: str) -> None:
    text = (unit * 64_000)[:64_000]
    started = time.thread_time()
    target(text, text)
    assert time.thread_time() - started < 0.6


@pytest.mark.covers("T31")
@given(st.text())
def test_whatever_is_logged_stays_on_its_line(text: str) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    assert escaped(shown) == shown
