"""What Graph posts, and what anybody may post in its place: read, or passed over."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.notifier import Delivery, News, Notices
from bridge.providers.microsoft.push import notices

STATE = "c1.t1"
NOTE: dict[str, Any] = {
    "subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07",
    "subscriptionExpirationDateTime": "2026-03-09T08:50:00.0000000Z",
    "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
    "clientState": STATE,
    "changeType": "updated",
    "resource": "Users/1/Events/2",
    "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "id": "2"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*NOTE, "x"]), inner),
)


def heard(*notes: Any) -> Notices:
    return notices(Delivery({}, {}, json.dumps({"value": notes}).encode()))


def claimed(*notes: Any) -> list[tuple[str, str, News, str]]:
    return [
        (each.channel, each.token.get_secret_value(), each.news, each.reference)
        for each in heard(*notes).claims
    ]


def test_a_notification_names_its_channel_and_brings_its_token() -> None:
    found = heard(NOTE)
    assert claimed(NOTE) == [("c1", "t1", News.CHANGED, NOTE["subscriptionId"])]
    assert (found.status, found.body, found.handshake) == (202, b"", False)
    assert found.claims[0].number is None, "Graph does not count"
    assert "t1" not in repr(found)


@pytest.mark.parametrize(
    ("event", "news"),
    [
        (None, News.CHANGED),
        ("missed", News.CHANGED),
        ("somethingNew", News.CHANGED),
        ("subscriptionRemoved", News.ENDED),
        ("reauthorizationRequired", News.ENDED),
    ],
)
def test_what_becomes_of_a_subscription_is_told_beside_the_changes(
    event: str | None, news: News
) -> None:
    assert claimed(NOTE | {"lifecycleEvent": event})[0][2] is news


def test_several_subscriptions_share_a_request_and_each_is_judged_alone() -> None:
    other = NOTE | {"clientState": "c2.t2", "subscriptionId": "s2"}
    assert [each[0] for each in claimed(NOTE, 17, {"clientState": 1}, other, NOTE)] == ["c1", "c2"]


@pytest.mark.parametrize(
    "note",
    [
        None,
        [],
        "text",
        {},
        NOTE | {"clientState": None},
        NOTE | {"clientState": ""},
        NOTE | {"clientState": 5},
        NOTE | {"clientState": "no dot"},
        NOTE | {"clientState": "c1."},
        NOTE | {"clientState": ".t1"},
        NOTE | {"clientState": "c1.t1\n"},
        NOTE | {"clientState": "c1\0.t1"},
        NOTE | {"clientState": "\ud800.t1"},
        NOTE | {"clientState": "ä.t1"},
        NOTE | {"clientState": "c" * 64 + ".t"},
        NOTE | {"clientState": "c." + "t" * 65},
        NOTE | {"subscriptionId": None},
        NOTE | {"subscriptionId": ""},
        NOTE | {"subscriptionId": "s\0"},
        NOTE | {"subscriptionId": "s" * 65},
        NOTE | {"subscriptionId": ["s"]},
        NOTE | {"lifecycleEvent": {}},
    ],
)
def test_what_cannot_be_one_of_ours_claims_nothing(note: Any) -> None:
    assert claimed(note) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"value":null}',
        b'{"value":{}}',
        b'{"value":"x"}',
        b'{"value":[',
        b"\xff\xfe",
        b"validationToken=x",
        b'{"value":' + b"[" * 100_000,
        b'{"value":[' + b'{"value":[' * 50_000 + b"]}" * 50_000 + b"]}",
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"value":[]}',
    ],
)
def test_what_is_no_notification_claims_nothing(body: bytes) -> None:
    assert notices(Delivery({}, {}, body)) == Notices(status=202)


@given(st.one_of(st.binary(), JSON.map(lambda it: json.dumps(it).encode()), st.just(b"")))
def test_whatever_is_posted_is_read_without_a_fault(body: bytes) -> None:
    assert not notices(Delivery({}, {}, body)).handshake


@given(st.lists(st.dictionaries(st.sampled_from(list(NOTE)), JSON)))
def test_whatever_stands_beside_a_notification_it_is_heard(others: list[Any]) -> None:
    assert claimed(*others, NOTE)[-1][0] == "c1"


@pytest.mark.parametrize("item", [b"1", b"{}", b'{"clientState":"c1.t1","subscriptionId":"s"}'])
def test_a_request_full_of_anything_costs_little(item: bytes) -> None:
    body = b'{"value":[' + b",".join([item] * ((512 << 10) // (len(item) + 1))) + b"]}"
    began = time.thread_time()
    assert len(notices(Delivery({}, {}, body)).claims) <= 1
    assert time.thread_time() - began < 0.25


@pytest.mark.covers("T43")
@pytest.mark.parametrize(
    "token",
    [
        "Validation: Testing (100% + 1)",
        "<script>alert(1)</script>",
        "&lt;b&gt;",
        "ä€😀",
        "x" * 1024,
    ],
)
def test_whoever_asks_whether_we_are_there_gets_the_words_back(token: str) -> None:
    found = notices(
        Delivery({}, {"validationToken": token}, json.dumps({"value": [NOTE]}).encode())
    )
    assert (found.status, found.body) == (200, token.encode())
    assert (found.handshake, found.claims) == (True, ()), "and nothing else is believed beside it"


@pytest.mark.covers("T43")
@pytest.mark.parametrize(
    "token", ["x" * 1025, "a\r\nb", "a\0b", "\x1b[2J", "\u202eabc", "\ud800", "a\u2028b"]
)
def test_what_no_question_of_graph_holds_is_not_said_back(token: str) -> None:
    assert notices(Delivery({}, {"validationToken": token})) == Notices()
