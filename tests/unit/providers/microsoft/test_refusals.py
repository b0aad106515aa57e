"""What Graph's refusals mean, and that nothing short of a whole answer is believed."""

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
from bridge.provider import Account, CalendarId, Page, Provider, SyncToken
from bridge.providers.microsoft import MicrosoftConnection, MicrosoftDefaults
from bridge.providers.microsoft.adapter import open_account
from bridge.providers.microsoft.refusals import TooSlow
from bridge.sandbox.server import Sandbox
from tests.contract.canned import Canned
from tests.contract.microsoft_world import ANN, Signed, account, sandbox, signed, transport
from tests.contract.provider_contract import NOW, WINDOW
from tests.flawless import flawless

WHEN = utc(NOW)
RETRY, REJECT = Disposition.RETRY, Disposition.REJECT
REFUSALS: list[tuple[str, type[ProviderError], str, Disposition]] = [
    ("unauthorized", AuthorizationExpired, "token_expired", Disposition.REAUTHORIZE),
    ("forbidden", RemoteRejected, "forbidden", REJECT),
    ("mailbox_gone", RemoteRejected, "no_mailbox", REJECT),
    ("calendar_gone", RemoteNotFound, "not_found", REJECT),
    ("too_many_requests", RateLimited, "rate_limited", RETRY),
    ("concurrency", RateLimited, "rate_limited", RETRY),
    ("server_error", TemporarilyUnavailable, "unavailable", RETRY),
    ("transient_error", TemporarilyUnavailable, "unavailable", RETRY),
    ("unavailable", TemporarilyUnavailable, "unavailable", RETRY),
    ("bad_gateway", TemporarilyUnavailable, "unavailable", RETRY),
    ("gateway_timeout", TooSlow, "unavailable", RETRY),
    ("page_gone", TemporarilyUnavailable, "unavailable", RETRY),
    ("html", UnreadableAnswer, "unreadable_answer", RETRY),
    ("cut", UnreadableAnswer, "unreadable_answer", RETRY),
    ("endless_pages", UnreadableAnswer, "unreadable_answer", RETRY),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with flawless(sandbox()) as started:
        for number in range(6):
            started.microsoft.person(ANN).create(f"Talk {number}", WHEN)
        yield started


@pytest.fixture
def http(running: Sandbox) -> Iterator[Signed]:
    sending = transport()
    yield signed(running, sending)
    sending.close()
    running.microsoft.directory.mailbox(ANN).faults.clear()


@pytest.fixture
def provider(running: Sandbox, http: Signed) -> Provider:
    return open_account(account(running, http), f"{running.url}/v1.0")


@pytest.fixture
def hers(running: Sandbox) -> CalendarId:
    return CalendarId(running.microsoft.directory.mailbox(ANN).default.id)


def pages(provider: Provider, calendar: str, token: SyncToken | None = None) -> list[Page]:
    assert provider.source is not None
    return list(provider.source.changes(CalendarId(calendar), token, WINDOW))


def token_of(provider: Provider, calendar: str) -> SyncToken:
    token = pages(provider, calendar)[-1].token
    assert token is not None
    return token


@pytest.mark.covers("F13", "F14", "F21", "F26")
@pytest.mark.parametrize(("fault", "error", "code", "disposition"), REFUSALS)
def test_each_refusal_of_a_listing_has_its_meaning(
    running: Sandbox,
    http: Signed,
    provider: Provider,
    hers: CalendarId,
    fault: str,
    error: type[ProviderError],
    code: str,
    disposition: Disposition,
) -> None:
    if fault == "page_gone":
        running.microsoft.misbehave(ANN, "short_pages")
    running.microsoft.misbehave(ANN, fault)
    with pytest.raises(error) as refused:
        pages(provider, hers)
    found = refused.value
    assert (type(found), found.code, found.disposition) == (error, code, disposition)
    said = f"{found} {found.hint}"
    assert http.token not in said
    assert "token=" not in said, "nor any link of a listing"


@pytest.mark.covers("A-29")
@pytest.mark.parametrize("fault", ["sync_gone", "resync_required", "bad_token"])
def test_a_link_that_is_refused_asks_for_a_full_listing(
    running: Sandbox, provider: Provider, hers: CalendarId, fault: str
) -> None:
    token = token_of(provider, hers)
    running.microsoft.misbehave(ANN, fault)
    with pytest.raises(SyncTokenExpired):
        pages(provider, hers, token)


def test_a_round_that_ends_half_way_is_asked_for_again(
    running: Sandbox, provider: Provider, hers: CalendarId
) -> None:
    token = token_of(provider, hers)
    for number in range(5):
        running.microsoft.person(ANN).create(f"New {number}", WHEN)
    running.microsoft.misbehave(ANN, "short_pages")
    running.microsoft.misbehave(ANN, "page_gone", times=1)
    with pytest.raises(TemporarilyUnavailable):
        pages(provider, hers, token)
    again = pages(provider, hers, token)
    assert sum(len(page.items) for page in again) == 5


@pytest.mark.parametrize(
    "change",
    [{"v": 1}, {"c": "other"}, {"l": ""}, {"l": 7}, {"w": [WINDOW.start + 1, WINDOW.end]},
     {"w": [WINDOW.start, WINDOW.end - 1]}, {"w": []}, {"u": "x"}, {"k": "%"}, {"k": "YWI="},
     {"o": {"a": "%"}}, {"o": {"a": "YWI="}}, {"o": {"a": 7}}, {"n": "x"},
     {"l": "https://elsewhere.example/v1.0/me/calendarView/delta?$deltatoken=x"}],
)  # fmt: skip
def test_a_token_made_otherwise_asks_for_a_full_listing(
    http: Signed, provider: Provider, hers: CalendarId, change: dict[str, object]
) -> None:
    made = json.dumps(json.loads(token_of(provider, hers)) | change)
    before = len(http.asked)
    with pytest.raises(SyncTokenExpired):
        pages(provider, hers, SyncToken(made))
    assert len(http.asked) == before, "nobody was asked, elsewhere least of all"


@pytest.mark.parametrize("fault", ["too_many_requests", "concurrency"])
def test_the_pause_that_graph_asks_for_is_told(
    running: Sandbox, provider: Provider, fault: str
) -> None:
    running.microsoft.directory.mailbox(ANN).faults.switch(fault, 77)
    assert provider.source is not None
    with pytest.raises(RateLimited) as refused:
        provider.source.list_calendars()
    assert refused.value.retry_after == timedelta(seconds=77)


def test_a_calendar_that_never_was_is_not_found(provider: Provider) -> None:
    assert provider.busy is not None
    with pytest.raises(RemoteNotFound):
        pages(provider, "nobody")
    with pytest.raises(RemoteNotFound):
        provider.busy.busy(CalendarId("nobody"), WINDOW)


def answering(status: int, body: str, **headers: str) -> tuple[Provider, Canned]:
    defaults = MicrosoftDefaults()
    http = Canned(f"{defaults.api_url}/x", status, body, **headers)
    return open_account(
        Account("r.c", MicrosoftConnection(), defaults, http), defaults.api_url
    ), http


DELTA = "https://graph.microsoft.com/v1.0/me/x?$deltatoken=1"
OTHER_FORMS = [
    (403, '{"error":{"code":"Authorization_RequestDenied"}}', {}, RemoteRejected),
    (403, "<html>Forbidden", {"retry_after": "3"}, RateLimited),
    (403, "", {}, RemoteRejected),
    (503, '{"error":{"code":"ApplicationThrottled"}}', {}, RateLimited),
    (503, "<html>", {"retry_after": "3"}, RateLimited),
    (410, '{"error":{"code":"SyncStateNotFound"}}', {}, TemporarilyUnavailable),
    (400, '{"error":{"code":"ErrorInvalidParameter"}}', {}, RemoteRejected),
    (404, '{"error":null}', {}, RemoteNotFound),
    (200, "", {}, UnreadableAnswer),
    (200, "[]", {}, UnreadableAnswer),
    (200, "null", {}, UnreadableAnswer),
    (200, '{"value":{}}', {}, UnreadableAnswer),
    (200, f'{{"@odata.deltaLink":"{DELTA}"}}', {}, UnreadableAnswer),
    (200, f'{{"value":null,"@odata.deltaLink":"{DELTA}"}}', {}, UnreadableAnswer),
    (200, f'{{"value":[null],"@odata.deltaLink":"{DELTA}"}}', {}, UnreadableAnswer),
    (200, '{"value":[]}', {}, UnreadableAnswer),
    (200, f'{{"value":[{{"subject":"no id"}}],"@odata.deltaLink":"{DELTA}"}}', {},
     UnreadableAnswer),
    (200, f'{{"value":[7],"@odata.deltaLink":"{DELTA}"}}', {}, UnreadableAnswer),
    (206, f'{{"value":[],"@odata.deltaLink":"{DELTA}"}}', {}, UnreadableAnswer),
    (204, "", {}, UnreadableAnswer),
]  # fmt: skip


@pytest.mark.covers("F21")
@pytest.mark.parametrize(("status", "body", "headers", "error"), OTHER_FORMS)
def test_answers_of_other_forms_are_understood_or_refused(
    status: int, body: str, headers: dict[str, str], error: type[ProviderError]
) -> None:
    with pytest.raises(error):
        pages(answering(status, body, **headers)[0], "c")


@pytest.mark.parametrize(
    "link",
    ["https://elsewhere.example/v1.0/me/x", "http://graph.microsoft.com/v1.0/me/x",
     "https://graph.microsoft.com:444/v1.0/me/x", "https://graph.microsoft.com@elsewhere.example/",
     "https://graph.microsoft.com.elsewhere.example/v1.0/me/x", "//elsewhere.example/v1.0/", "x",
     "https://graph.microsoft.com/v1.0-elsewhere/me/x", "https://[/v1.0/"],
)  # fmt: skip
def test_no_link_takes_the_access_token_to_another_server(link: str) -> None:
    body = json.dumps({"value": [], "@odata.nextLink": link})
    provider, http = answering(200, body)
    with pytest.raises(UnreadableAnswer):
        pages(provider, "c")
    assert provider.source is not None
    with pytest.raises(UnreadableAnswer):
        provider.source.list_calendars()
    assert all(each.startswith("https://graph.microsoft.com/v1.0/me/") for each in http.asked)


@pytest.mark.parametrize("body", ["{}", '{"value":null}', '{"status":"ok"}'])
def test_an_answer_without_calendars_is_no_empty_list(body: str) -> None:
    provider, _ = answering(200, body)
    assert provider.source is not None
    with pytest.raises(UnreadableAnswer):
        provider.source.list_calendars()


def test_a_list_of_calendars_without_an_end_is_not_believed() -> None:
    link = "https://graph.microsoft.com/v1.0/me/calendars?$skip=1"
    provider, http = answering(200, json.dumps({"value": [], "@odata.nextLink": link}))
    assert provider.source is not None
    with pytest.raises(UnreadableAnswer):
        provider.source.list_calendars()
    assert len(http.asked) < 200
