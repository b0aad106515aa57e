"""What the pages about bookings show is right: settings, requests, and every field."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.config.load import load
from bridge.config.plan import plan
from bridge.registry import KINDS
from bridge.store.database import Database
from bridge.web.api.booking_models import NewBooking
from tests.web.front import Front
from tests.web.site import Response

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "bookings-api.md").read_text()


@pytest.fixture
def front(sqlite_database: Database) -> Iterator[Front]:
    with Front(sqlite_database) as opened:
        yield opened


def commands() -> list[str]:
    blocks = re.findall(r"```\n(curl .*?)```", PAGE, re.DOTALL)
    return [line for block in blocks for line in re.split(r"\n(?=curl )", block)]


def curl(front: Front, command: str, **variables: str) -> Response:
    """Send what curl would."""
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    words = iter(shlex.split(command)[1:])
    method, body, target, headers = "", None, "", {}
    for word in words:
        if word == "-H":
            name, value = next(words).split(": ", 1)
            headers[name] = value
        elif word == "-X":
            method = next(words)
        elif word == "--json":
            body = next(words)
            headers["Content-Type"] = "application/json"
        else:
            target = word
    method = method or ("POST" if body else "GET")
    return front.get(target, method, body.encode() if body else None, **headers)


def test_the_requests_on_the_page_do_what_it_says(front: Front) -> None:
    (create,) = re.findall(r"^busybridge keys create .*$", PAGE, re.MULTILINE)
    scopes = tuple(re.findall(r"--scope (\S+)", create))
    told = {"KEY": front.key(scopes=scopes), "URL": "", "ID": ""}
    answers: list[tuple[int, Any]] = []
    for command in commands():
        answer = curl(front, command, **told)
        answers.append((answer.status, json.loads(answer.body)))
        told["ID"] = told["ID"] or answers[0][1].get("id", "")
    assert [status for status, _ in answers] == [201, 200, 200, 200, 200, 200, 200], answers
    booked, in_the_way, changed, cancelled, listed, failed, _ = (body for _, body in answers)
    assert (booked["title"], booked["state"]) == ("Talk", "confirmed")
    assert [it["source"] for it in in_the_way["conflicts"]] == ["booking"]
    assert (changed["id"], changed["location"]) == (booked["id"], "Room 2")
    assert cancelled["state"] == "removed"
    assert listed["items"] == failed["items"] == []


def test_the_settings_for_the_first_booking_are_right(tmp_path: Path) -> None:
    """`tests/e2e/test_booking_programs.py` makes that booking."""
    text = (DOCS / "bookings.md").read_text()
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    app = "providers: {google: {client_id: one, client_secret_env: GOOGLE_SECRET}}\n"
    (tmp_path / "shown.yaml").write_text(f"version: 1\n{app}{shown}")
    settings = load(tmp_path / "shown.yaml", KINDS, {"GOOGLE_SECRET": "secret"})
    ((_, (work,)),) = plan(settings)
    assert work.is_primary


def test_every_field_that_can_be_set_is_on_the_page() -> None:
    for name in NewBooking.model_fields:
        assert f"`{name}`" in PAGE or f'"{name}"' in PAGE, name
