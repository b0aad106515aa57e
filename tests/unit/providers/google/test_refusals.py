"""What Google's refusals mean, and that nothing short of a whole answer is believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bridge.errors import (
    AuthorizationExpired,
    Disposition,
    ProviderError,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    SyncTokenExpired,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.interval import utc
from bridge.provider import AccessRole, Account, CalendarId, Provider, SyncToken
from bridge.providers.google import KIND, GoogleConnection, GoogleDefaults
from bridge.sandbox.google.quotas import Limits
from bridge.sandbox.server import Sandbox
from tests.contract.canned import Canned
from tests.contract.google_world import ANN, BOB, Signed, account, sandbox, transport
from tests.contract.provider_contract import NOW, WINDOW
from tests.flawless import flawless

HER = CalendarId(ANN)
WHEN = utc(NOW)
REFUSALS: list[tuple[str, type[ProviderError], str, Disposition]] = [
    ("rate_limited", RateLimited, "rate_limited", Disposition.RETRY),
    ("user_rate_limited", RateLimited, "rate_limited", Disposition.RETRY),
    ("too_many_requests", RateLimited, "rate_limited", Disposition.RETRY),
    ("insufficient_permissions", AuthorizationExpired, "scope_missing", Disposition.REAUTHORIZE),
    ("unauthorized", AuthorizationExpired, "token_expired", Disposition.REAUTHORIZE),
    ("not_configured", RemoteRejected, "api_not_enabled", Disposition.REJECT),
    ("forbidden", RemoteRejected, "forbidden", Disposition.REJECT),
    ("calendar_gone", RemoteNotFound, "not_found", Disposition.REJECT),
    ("server_error", TemporarilyUnavailable, "unavailable", Disposition.RETRY),
    ("unavailable", TemporarilyUnavailable, "unavailable", Disposition.RETRY),
    ("page_gone", TemporarilyUnavailable, "unavailable", Disposition.RETRY),
    ("html", UnreadableAnswer, "unreadable_answer", Disposition.RETRY),
    ("cut", UnreadableAnswer, "unreadable_answer", Disposition.RETRY),
    ("endless_pages", UnreadableAnswer, "unreadable_answer", Disposition.RETRY),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with flawless(sandbox()) as started:
        for number in range(6):
            started.person(ANN).create(f"Talk {number}", WHEN)
        yield started


@pytest.fixture
def provider(running: Sandbox, signed: Signed) -> Provider:
    return KIND.open(account(running, signed))


def token_of(provider: Provider) -> SyncToken:
    assert provider.source is not None
    token = list(provider.source.changes(HER, None, WINDOW))[-1].token
    assert token is not None
    return token


@pytest.mark.covers("F13", "F14", "F21", "F26")
@pytest.mark.parametrize(("fault", "error", "code", "disposition"), REFUSALS)
def test_each_refusal_of_a_listing_has_its_meaning(
    running: Sandbox,
    signed: Signed,
    provider: Provider,
    fault: str,
    error: type[ProviderError],
    code: str,
    disposition: Disposition,
) -> None:
    assert provider.source is not None
    if fault == "page_gone":
        running.world.account(ANN).faults.switch("short_pages")
    running.world.account(ANN).faults.switch(fault)
    with pytest.raises(error) as refused:
        list(provider.source.changes(HER, None, WINDOW))
    found = refused.value
    assert (type(found), found.code, found.disposition) == (error, code, disposition)
    assert signed.token not in f"{found} {found.hint}"
    assert "Token=" not in f"{found} {found.hint}", "nor any token of a listing"


@pytest.mark.parametrize("fault", ["sync_gone", "page_gone"])
def test_410_of_an_incremental_listing_asks_for_a_full_one(
    running: Sandbox, provider: Provider, fault: str
) -> None:
    token = token_of(provider)
    for number in range(5):
        running.person(ANN).create(f"New {number}", WHEN)
    running.world.account(ANN).faults.switch("short_pages")
    running.world.account(ANN).faults.switch(fault)
    assert provider.source is not None
    with pytest.raises(SyncTokenExpired):
        list(provider.source.changes(HER, token, WINDOW))


def test_a_token_that_google_cannot_read_asks_for_a_full_listing(provider: Provider) -> None:
    """Google says 400 to one that it never gave, or that was made with other parameters."""
    broken = json.loads(token_of(provider))
    broken["t"] = "CPDAlvWDx70CEPDAlvWDx70CGAU="
    assert provider.source is not None
    with pytest.raises(SyncTokenExpired):
        list(provider.source.changes(HER, SyncToken(json.dumps(broken)), WINDOW))


@pytest.mark.parametrize("key", ["p", "c", "v", "s"])
def test_a_token_made_otherwise_asks_for_a_full_listing(provider: Provider, key: str) -> None:
    other = {"p": {"singleEvents": "true"}, "c": BOB, "v": 2, "s": WINDOW.start + 1}
    made = json.dumps(json.loads(token_of(provider)) | {key: other[key]})
    assert provider.source is not None
    with pytest.raises(SyncTokenExpired):
        list(provider.source.changes(HER, SyncToken(made), WINDOW))


def test_the_pause_that_google_asks_for_is_told(running: Sandbox, provider: Provider) -> None:
    running.world.account(ANN).faults.switch("too_many_requests", 77)
    assert provider.source is not None
    with pytest.raises(RateLimited) as refused:
        provider.source.list_calendars()
    assert refused.value.retry_after == timedelta(seconds=77)


def test_a_calendar_that_never_was_is_not_found(provider: Provider) -> None:
    assert provider.source is not None
    assert provider.busy is not None
    nobody = CalendarId("nobody@example.test")
    with pytest.raises(RemoteNotFound):
        list(provider.source.changes(nobody, None, WINDOW))
    with pytest.raises(RemoteNotFound):
        provider.busy.busy(nobody, WINDOW)


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("freeBusyReader", AccessRole.FREE_BUSY),
        ("reader", AccessRole.READ),
        ("writerWithoutPrivateAccess", AccessRole.WRITE),
        ("writer", AccessRole.WRITE),
        ("owner", AccessRole.WRITE),
        ("none", None),
    ],
)
def test_the_list_says_what_the_account_may(
    running: Sandbox, provider: Provider, role: str, seen: AccessRole | None
) -> None:
    running.person(BOB).share(ANN, role)
    assert provider.source is not None
    listed = {info.id: info for info in provider.source.list_calendars()}
    assert listed[HER].is_primary
    assert listed[HER].time_zone == "Europe/Berlin"
    assert (listed[CalendarId(BOB)].role if BOB in listed else None) is seen


@pytest.mark.parametrize("fault", ["short_pages", "duplicate_pages"])
def test_the_list_of_calendars_comes_in_pages(
    running: Sandbox, provider: Provider, fault: str
) -> None:
    names = [f"Team {number} {fault}" for number in range(5)]
    with running.world.lock:
        for name in names:
            running.world.add_calendar(ANN, name)
    running.world.account(ANN).faults.switch("short_pages")
    running.world.account(ANN).faults.switch(fault)
    assert provider.source is not None
    listed = [info.name for info in provider.source.list_calendars()]
    assert set(names) <= set(listed)
    assert len(listed) == len({*listed})


def test_a_list_of_calendars_without_an_end_is_not_believed(
    running: Sandbox, provider: Provider
) -> None:
    running.world.account(ANN).faults.switch("endless_pages")
    assert provider.source is not None
    with pytest.raises(UnreadableAnswer):
        provider.source.list_calendars()


def test_a_quota_that_is_used_up_is_no_refusal_for_good() -> None:
    people = {"accounts": [{"email": ANN}]}
    with Sandbox(people, clock=lambda: WHEN, seed=1, limits=Limits(user=2)) as running:
        http = transport()
        provider = KIND.open(account(running, Signed(http, running.access_token(ANN))))
        assert provider.source is not None
        provider.source.list_calendars()
        provider.source.list_calendars()
        with pytest.raises(RateLimited):
            provider.source.list_calendars()
        http.close()


def answering(status: int, body: str, **headers: str) -> Provider:
    http = Canned("https://www.googleapis.com/calendar/v3/x", status, body, **headers)
    return KIND.open(Account("r.c", GoogleConnection(), GoogleDefaults(), http))


OTHER_FORMS = [
    # https://docs.cloud.google.com/apis/design/errors: `details` beside or instead of `errors`
    (403, '{"error":{"details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}', {},
     AuthorizationExpired),
    (403, '{"error":{"details":[{"reason":"RATE_LIMIT_EXCEEDED"}]}}', {}, RateLimited),
    (403, '{"error":{"details":[{"reason":"SERVICE_DISABLED"}]}}', {}, RemoteRejected),
    (403, "<html>Forbidden", {"www_authenticate": 'Bearer error="insufficient_scope"'},
     AuthorizationExpired),
    (403, "<html>Forbidden", {"retry_after": "3"}, RateLimited),
    (403, '{"error":"forbidden"}', {}, RemoteRejected),
    (403, "", {}, RemoteRejected),
    (403, '{"error":null}', {}, RemoteRejected),
    (200, "", {}, UnreadableAnswer),
    (200, "[]", {}, UnreadableAnswer),
    (200, "null", {}, UnreadableAnswer),
    (200, '{"items":{}}', {}, UnreadableAnswer),
    (200, '{"items":[{"summary":"no id"}],"nextSyncToken":"x"}', {}, UnreadableAnswer),
    (200, '{"items":[7],"nextSyncToken":"x"}', {}, UnreadableAnswer),
    (200, '{"items":[]}', {}, UnreadableAnswer),
    (206, '{"items":[],"nextSyncToken":"x"}', {}, UnreadableAnswer),
    (204, "", {}, UnreadableAnswer),
    (400, '{"error":{"errors":[{"reason":"invalid"}]}}', {}, RemoteRejected),
]  # fmt: skip


@pytest.mark.covers("F21")
@pytest.mark.parametrize(("status", "body", "headers", "error"), OTHER_FORMS)
def test_answers_of_other_forms_are_understood_or_refused(
    status: int, body: str, headers: dict[str, str], error: type[ProviderError]
) -> None:
    source = answering(status, body, **headers).source
    assert source is not None
    with pytest.raises(error):
        list(source.changes(HER, None, WINDOW))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"calendars":{}}', UnreadableAnswer),
        ('{"calendars":{"ann@example.test":{"busy":[{"start":"x","end":"y"}]}}}', UnreadableAnswer),
        ('{"calendars":{"ann@example.test":{"busy":[{"start":"2026-11-20T09:00:00Z"}]}}}',
         UnreadableAnswer),
        ('{"calendars":{"ann@example.test":{"errors":[{"reason":"backendError"}]}}}',
         TemporarilyUnavailable),
        ('{"calendars":{"ann@example.test":{"errors":[{"reason":"notFound"}]}}}', RemoteNotFound),
        ('{"calendars":{"ann@example.test":{"errors":[{}],"busy":[]}}}', TemporarilyUnavailable),
    ],
)  # fmt: skip
def test_a_free_busy_answer_is_never_taken_for_free_time(
    body: str, error: type[ProviderError]
) -> None:
    busy = answering(200, body).busy
    assert busy is not None
    with pytest.raises(error):
        busy.busy(HER, WINDOW)
