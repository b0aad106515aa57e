"""`sandbox`: what it prints is what there is, and Ctrl-C ends it."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bridge.registry import KINDS


def begin(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bridge", "sandbox", "--port", "0", *options],
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def printed() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Everything up to its last line, which says how to end it."""
    process = begin()
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    yield process, "".join(lines)
    process.kill()
    process.communicate()


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310
        return str(answer.read().decode())


def asked_for_token(section: dict[str, str], query: str) -> str:
    """Sign in as the program of a section of the YAML does."""
    told = f"{section['client_id']}:{section['client_secret']}".encode()
    head = {"Authorization": f"Basic {base64.b64encode(told).decode()}"}
    request = urllib.request.Request(section["token_url"], query.encode(), head)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return str(answer.read().decode())


def test_everything_it_prints_is_there(printed) -> None:
    _, text = printed
    urls = [word for word in text.split() if "/accounts/" in word and "sandbox/" not in word]
    assert len(urls) == 9
    assert "Planning" in fetched(urls[0])
    assert "One on one" in fetched(next(url for url in urls if "/microsoft/accounts/anna" in url))
    assert "Product circle" in fetched(next(url for url in urls if "/zoom/accounts/anna" in url))
    shown = text.partition("For the YAML:\n")[2].partition("\n\n")[0]
    assert yaml.safe_load(shown)["allow_inline_secrets"] is True
    google, microsoft, at_zoom = yaml.safe_load(shown)["providers"].values()
    KINDS["microsoft"].provider_settings.model_validate(microsoft)
    KINDS["zoom"].provider_settings.model_validate(at_zoom)
    assert at_zoom["host"] == "anna@sandbox.example"
    granted = urllib.parse.urlencode(
        {"grant_type": "account_credentials", "account_id": at_zoom["account_id"]}
    )
    assert "access_token" in asked_for_token(at_zoom, granted)
    index = fetched(urls[0].partition("/accounts/")[0])
    graph = yaml.safe_load(text.partition("Microsoft Graph:\n")[2].partition("\n\n")[0])
    assert graph.keys() == {"client_id", "client_secret", "graph_url", "authority_url"}
    zoom = yaml.safe_load(text.partition("users who let it in:\n")[2].partition("\n\n")[0])
    for value in (*google.values(), *microsoft.values(), *graph.values(), *zoom.values()):
        assert value in index
    configuration = f"{graph['authority_url']}/v2.0/.well-known/openid-configuration"
    assert "token_endpoint" in fetched(configuration)


def test_ctrl_c_ends_it(printed) -> None:
    process, _ = printed
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_programs_get_json() -> None:
    process = begin("--json")
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        told = json.loads(text)
        assert told["api_url"].startswith(told["url"])
        assert "anna@sandbox.example" in told["microsoft"]["accounts"]
        assert told["microsoft"]["graph_url"] == f"{told['url']}/v1.0"
        assert "anna@sandbox.example" in told["zoom"]["accounts"]
        assert told["zoom"]["api_url"] == f"{told['url']}/v2"
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("world", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        ('{"accounts": [{}]}', "'email' is missing"),
        ('{"accounts": [{"email": "a@b.c", "faults": {"no_such": true}}]}', "no_such"),
        ('{"accounts": [{"email": "a@b.c", "events": [{"summary": "x"}]}]}', "Missing start"),
        ('{"accounts": [{"email": "a@b.c", "share": {"x@y.z": "reader"}}]}', "no account x@y.z"),
        ('{"microsoft": {"accounts": [{}]}}', "'email' is missing"),
        ('{"microsoft": {"accounts": [{"email": "a@b.c", "events": [{}]}]}}', "start is required"),
        ('{"microsoft": {"accounts": [{"email": "a@b.c", "faults": {"none": 1}}]}}', "'none'"),
        ('{"zoom": {"accounts": [{}]}}', "'email' is missing"),
        ('{"zoom": {"accounts": [{"email": "a@b.c", "meetings": [{"type": 8}]}]}}', "recurrence"),
        ('{"zoom": {"accounts": [{"email": "a@b.c", "settings": {"loud": true}}]}}', "loud"),
    ],
)
def test_a_world_that_makes_no_sense_is_told(tmp_path: Path, world: str, said: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(world)
    process = begin("--world", str(path))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.startswith(f"{path}: ")
    assert said in err
