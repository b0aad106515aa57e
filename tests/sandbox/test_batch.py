"""Batches: each part is judged alone, and answers come in any order."""

from __future__ import annotations

import json
from email.parser import BytesParser

import httpx2

from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, Program, at

MIXED = "multipart/mixed; boundary=b"
PATH = "/calendar/v3/calendars/primary/events"


def part(number: int, line: str, body: str = "") -> str:
    head = f"{line}\r\n"
    if body:
        head += "Content-Type: application/json\r\n"
    return (
        f"--b\r\nContent-Type: application/http\r\nContent-ID: <item-{number}>\r\n\r\n"
        f"{head}\r\n{body}\r\n"
    )


def send(program: Program, *parts: str, kind: str = MIXED) -> httpx2.Response:
    return program.http.post(
        f"{program.sandbox.url}/batch/calendar/v3",
        content="".join(parts) + "--b--\r\n",
        headers={"Content-Type": kind},
    )


def read(answer: httpx2.Response) -> dict[str, tuple[int, str]]:
    """Return status and body of each part by its Content-ID."""
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    whole = BytesParser().parsebytes(head + answer.content)
    found = {}
    for each in whole.get_payload():
        text = each.get_payload(decode=True).decode()
        status, _, rest = text.partition("\r\n")
        found[each["Content-ID"]] = (int(status.split()[1]), rest.partition("\r\n\r\n")[2])
    return found


def test_each_part_has_its_own_answer(ann: Program) -> None:
    answers = read(
        send(
            ann,
            part(1, f"POST {PATH}", json.dumps({**at(10), "summary": "One"})),
            part(2, f"GET {PATH}/nothing HTTP/1.1"),
            part(3, f"GET {PATH}?maxResults=0 HTTP/1.1"),
        )
    )
    assert {name: status for name, (status, _) in answers.items()} == {
        "<response-item-1>": 200,
        "<response-item-2>": 404,
        "<response-item-3>": 400,
    }
    assert json.loads(answers["<response-item-1>"][1])["summary"] == "One"
    assert [each["summary"] for each in ann.listed()] == ["One"]


def test_a_limit_is_hidden_inside_of_a_200(sandbox: Sandbox, ann: Program) -> None:
    sandbox.misbehave(ANN, "user_rate_limited", times=1)
    answers = read(send(ann, *(part(number, f"GET {PATH} HTTP/1.1") for number in range(3))))
    assert sorted(status for status, _ in answers.values()) == [200, 200, 403]


def test_a_batch_has_fifty_parts_at_most(ann: Program) -> None:
    parts = [part(number, f"GET {PATH} HTTP/1.1") for number in range(51)]
    assert len(read(send(ann, *parts[:50]))) == 50
    assert send(ann, *parts).status_code == 400


def test_what_is_no_batch_is_refused(ann: Program) -> None:
    assert send(ann, "{}", kind="application/json").status_code == 400
    assert send(ann, "--b\r\nContent-Type: text/plain\r\n\r\nGET /\r\n").status_code == 400
    assert send(ann).status_code == 400
