"""F13, F18, F19: what each status means, and how long a provider may make us wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.errors import (
    AuthorizationExpired,
    Disposition,
    ProviderError,
    RateLimited,
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Response
from bridge.transport import raise_for_status

URL = "https://cal.example.com/private-canary/basic.ics?token=canary"
DATE = "Sat, 21 Nov 2026 08:00:00 GMT"


def error(status: int, headers: dict[str, str] | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        raise_for_status(Response(status, headers or {}, b"canary", URL), what="the feed")
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 204, 207])
def test_success_passes(status: int) -> None:
    raise_for_status(Response(status, {}, b"", URL), what="the feed")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (206, UnreadableAnswer), (302, UnreadableAnswer), (304, UnreadableAnswer),
        (400, RemoteRejected), (401, AuthorizationExpired), (403, RemoteRejected),
        (404, RemoteNotFound), (405, RemoteRejected), (408, TemporarilyUnavailable),
        (410, RemoteNotFound), (412, RemoteChanged), (423, TemporarilyUnavailable),
        (425, TemporarilyUnavailable), (429, RateLimited), (500, TemporarilyUnavailable),
        (501, RemoteRejected), (502, TemporarilyUnavailable), (503, TemporarilyUnavailable),
        (504, TemporarilyUnavailable), (507, TemporarilyUnavailable), (599, TemporarilyUnavailable),
    ],
)  # fmt: skip
@pytest.mark.covers("F19")
def test_each_status_has_its_class_and_no_secret_in_its_text(
    status: int, kind: type[ProviderError]
) -> None:
    found = error(status)
    assert type(found) is kind
    assert str(found).startswith(f"the feed: https://cal.example.com answered {status}")
    assert "canary" not in str(found) + found.hint


def test_a_wrong_password_needs_a_human_and_a_server_fault_does_not() -> None:
    assert error(401).disposition is Disposition.REAUTHORIZE
    assert error(503).disposition is Disposition.RETRY
    assert error(404).disposition is Disposition.REJECT


@pytest.mark.covers("F18")
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "120"}, timedelta(minutes=2)),
        ({"retry-after": "0"}, timedelta()),
        ({"retry-after": "99999999999999999999999999"}, timedelta(days=1)),
        ({"retry-after": "Sat, 21 Nov 2026 08:05:00 GMT", "date": DATE}, timedelta(minutes=5)),
        ({"retry-after": "Saturday, 21-Nov-26 08:05:00 GMT", "date": DATE}, timedelta(minutes=5)),
        ({"retry-after": "Sat, 21 Nov 2026 07:00:00 GMT", "date": DATE}, timedelta()),
        ({"retry-after": "Sat, 21 Nov 2099 08:00:00 GMT", "date": DATE}, timedelta(days=1)),
        ({"retry-after": "Sat, 21 Nov 2026 08:05:00 GMT"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 08:05:00 GMT", "date": "yesterday"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_measured_by_the_servers_own_clock(
    status: int, headers: dict[str, str], wait: timedelta | None
) -> None:
    found = error(status, headers)
    assert isinstance(found, TemporarilyUnavailable)
    assert found.retry_after == wait


@pytest.mark.covers("F13")
def test_a_forbidden_that_asks_to_come_back_is_a_rate_limit() -> None:
    assert isinstance(error(403, {"retry-after": "60"}), RateLimited)
    assert error(403).code == "forbidden"
