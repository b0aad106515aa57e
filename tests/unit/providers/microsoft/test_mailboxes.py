"""Whose calendars are read, how much of each, and that no answer about busy time is made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from bridge.errors import (
    ProviderError,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.event import ShowAs
from bridge.model.interval import Window, instant, utc
from bridge.provider import AccessRole, Account, CalendarId, Provider
from bridge.providers.microsoft import MicrosoftConnection, MicrosoftDefaults
from bridge.providers.microsoft.adapter import open_account
from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from bridge.transport import Transport
from tests.contract.canned import Canned
from tests.contract.microsoft_world import ANN, BOB, Signed, account, transport
from tests.contract.provider_contract import DAY, HOUR, NOW, WINDOW

ONEIL, EVE, PAT = "pat.o'neil@contoso.test", "eve@outlook.test", "new@contoso.test"
WHEN = utc(NOW)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    people = [
        {"email": ANN, "timezone": "Europe/Berlin"},
        {"email": BOB, "share": {ANN: "read"}, "calendars": [{"name": "Boat"}]},
        {"email": ONEIL},
        {"email": EVE, "personal": True},
        {"email": PAT, "licensed": False},
    ]
    with Sandbox({"microsoft": {"accounts": people}}, clock=lambda: WHEN, seed=1) as started:
        started.microsoft.person(ONEIL).create("Talk", WHEN)
        yield started
        assert started.world.defects == []


@pytest.fixture
def http() -> Iterator[Transport]:
    made = transport()
    yield made
    made.close()


def opened(running: Sandbox, http: Transport, email: str = ANN, *scopes: str) -> Provider:
    token = running.microsoft.access_token(email, CLIENT_ID, *scopes)
    return open_account(account(running, Signed(http, token)), f"{running.url}/v1.0")


def alone(running: Sandbox, http: Transport, email: str, *roles: str) -> Provider:
    """Open a mailbox as an application, without its owner."""
    signed = Signed(http, running.microsoft.app_token(CLIENT_ID, "contoso.test", *roles))
    made = replace(account(running, signed), acts_for=email)
    return open_account(made, f"{running.url}/v1.0")


def names(provider: Provider) -> dict[str, AccessRole]:
    assert provider.source is not None
    return {info.name: info.role for info in provider.source.list_calendars()}


@pytest.mark.covers("S4-19")
def test_every_calendar_is_listed_and_not_the_first_alone(
    running: Sandbox, http: Transport
) -> None:
    """Graph gives ten at once where nobody asks for more."""
    microsoft = running.microsoft
    with running.world.lock:
        for number in range(120):
            microsoft.directory.add_calendar(microsoft.directory.mailbox(ONEIL), f"Team {number}")
    provider = opened(running, http, ONEIL)
    assert provider.source is not None
    listed = provider.source.list_calendars()
    assert len({info.id for info in listed}) == 121
    assert [info.name for info in listed if info.is_primary] == ["Calendar"]
    microsoft.misbehave(ONEIL, "short_pages")
    assert len(provider.source.list_calendars()) == 121
    microsoft.behave()


@pytest.mark.parametrize(
    ("role", "seen"),
    [("freeBusyRead", AccessRole.READ), ("limitedRead", AccessRole.READ),
     ("read", AccessRole.READ), ("write", AccessRole.WRITE)],
)  # fmt: skip
def test_what_others_share_is_listed_with_what_one_may(
    running: Sandbox, http: Transport, role: str, seen: AccessRole
) -> None:
    boat = next(
        each.id
        for each in running.microsoft.directory.mailbox(BOB).calendars.values()
        if each.name == "Boat"
    )
    running.microsoft.person(BOB).share(ANN, role, calendar=boat)
    running.microsoft.person(BOB).share(ANN, "read")
    found = names(opened(running, http))
    assert found["Boat (Bob)"] is seen
    assert {"Calendar", "Calendar (Bob)"} < found.keys(), "whose each is can be told"


def test_events_that_may_not_be_read_are_busy_time(running: Sandbox, http: Transport) -> None:
    bob = running.microsoft.person(BOB)
    bob.create("Secret", WHEN, WHEN + timedelta(hours=1))
    bob.create("Maybe", utc(NOW + DAY), showAs="tentative")
    bob.create("Holiday", date(2027, 1, 18), date(2027, 1, 25), showAs="oof")
    bob.create("Elsewhere", utc(NOW + 3 * DAY), showAs="workingElsewhere")
    bob.create("Nothing", utc(NOW + 4 * DAY), showAs="free")
    provider = opened(running, http, ANN, "Calendars.Read", "User.Read")
    assert provider.source is not None
    assert provider.busy is not None
    listed = {info.id: info for info in provider.source.list_calendars()}
    shared = CalendarId(running.microsoft.directory.mailbox(BOB).default.id)
    assert listed[shared].role is AccessRole.FREE_BUSY
    holiday = instant(datetime(2027, 1, 18, tzinfo=utc(0).tzinfo))
    assert provider.busy.busy(shared, WINDOW) == [
        (NOW, NOW + HOUR, ShowAs.BUSY),
        (NOW + DAY, NOW + DAY + HOUR, ShowAs.TENTATIVE),
        (NOW + 3 * DAY, NOW + 3 * DAY + HOUR, ShowAs.WORKING_ELSEWHERE),
        # 62 days end within it, and it is one period all the same
        (holiday, holiday + 7 * DAY, ShowAs.OUT_OF_OFFICE),
    ]


def test_a_personal_account_cannot_be_asked_when_others_are_busy(
    running: Sandbox, http: Transport
) -> None:
    running.microsoft.person(ANN).share(EVE, "read")
    shared = CalendarId(running.microsoft.directory.mailbox(ANN).default.id)
    provider = opened(running, http, EVE, "Calendars.Read", "User.Read")
    assert provider.busy is not None
    with pytest.raises(RemoteRejected) as refused:
        provider.busy.busy(shared, WINDOW)
    assert refused.value.code == "forbidden"


def test_an_application_reads_the_mailbox_that_is_named(running: Sandbox, http: Transport) -> None:
    """Its name may hold an apostrophe, which would break a path."""
    provider = alone(running, http, ONEIL)
    assert provider.source is not None
    calendar = next(info.id for info in provider.source.list_calendars() if info.is_primary)
    pages = list(provider.source.changes(calendar, None, WINDOW))
    assert [len(page.items) for page in pages] == [1, 0]
    token = pages[-1].token
    again = list(alone(running, http, ONEIL).source.changes(calendar, token, WINDOW))  # type: ignore[union-attr]
    assert not any(page.items or page.full for page in again)


def test_an_application_without_a_directory_names_the_user(
    running: Sandbox, http: Transport
) -> None:
    assert "Calendar" in names(alone(running, http, ANN, "Calendars.Read"))
    with pytest.raises(RemoteRejected):
        names(alone(running, http, ONEIL, "Calendars.Read"))


def test_a_user_who_is_not_there_is_not_found(running: Sandbox, http: Transport) -> None:
    with pytest.raises(RemoteNotFound) as refused:
        names(alone(running, http, "nobody@contoso.test"))
    assert "account_email" in refused.value.hint


def test_an_address_that_is_two_users_opens_the_mailbox_of_neither() -> None:
    """The mail address of one may be the name of another."""
    defaults = MicrosoftDefaults()
    users = json.dumps({"value": [{"id": "a", "mail": ANN}, {"id": "b", "mail": "b@x.test"}]})
    http = Canned(f"{defaults.api_url}/users", 200, users)
    made = Account("r.c", MicrosoftConnection(), defaults, http, acts_for=ANN)
    with pytest.raises(RemoteRejected) as refused:
        names(open_account(made, defaults.api_url))
    assert "account_email" in refused.value.hint
    assert len(http.asked) == 1


def test_an_account_without_a_mailbox_says_so(running: Sandbox, http: Transport) -> None:
    with pytest.raises(RemoteRejected) as refused:
        names(opened(running, http, PAT))
    assert refused.value.code == "no_mailbox"
    assert "licence" in refused.value.hint


def answering(body: str) -> Provider:
    defaults = MicrosoftDefaults()
    http = Canned(f"{defaults.api_url}/x", 200, body)
    return open_account(Account("r.c", MicrosoftConnection(), defaults, http), defaults.api_url)


CALENDAR = {"id": "c", "name": "Bob", "owner": {"address": BOB}}
SPAN = Window(NOW, NOW + 2 * HOUR)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ([CALENDAR, CALENDAR], UnreadableAnswer),
        ([CALENDAR], UnreadableAnswer),
        ([CALENDAR | {"availabilityView": "0000000"}], UnreadableAnswer),
        ([CALENDAR | {"scheduleItems": [{"status": "busy"}]}], UnreadableAnswer),
        ([CALENDAR | {"scheduleItems": [{"status": "busy", "start": {"dateTime": "x"}}]}],
         UnreadableAnswer),
        ([CALENDAR | {"error": {"responseCode": "ErrorMailRecipientNotFound"}}], RemoteNotFound),
        ([CALENDAR | {"error": {"responseCode": "ErrorNoFreeBusyAccess"}}], RemoteRejected),
        ([CALENDAR | {"error": {"responseCode": "5006"}}], TemporarilyUnavailable),
        ([CALENDAR | {"error": {}, "availabilityView": "00000000"}], TemporarilyUnavailable),
    ],
)  # fmt: skip
def test_an_answer_about_busy_time_is_never_taken_for_free_time(
    told: list[object], error: type[ProviderError]
) -> None:
    busy = answering(json.dumps({"value": told})).busy
    assert busy is not None
    with pytest.raises(error):
        busy.busy(CalendarId("c"), SPAN)


def test_busy_time_without_items_is_that_of_the_slots() -> None:
    told = json.dumps({"value": [CALENDAR | {"availabilityView": "02210394"}]})
    busy = answering(told).busy
    assert busy is not None
    quarter = HOUR // 4
    assert busy.busy(CalendarId("c"), SPAN) == [
        (NOW + quarter, NOW + 3 * quarter, ShowAs.BUSY),
        (NOW + 3 * quarter, NOW + 4 * quarter, ShowAs.TENTATIVE),
        (NOW + 5 * quarter, NOW + 6 * quarter, ShowAs.OUT_OF_OFFICE),
        (NOW + 6 * quarter, NOW + 7 * quarter, ShowAs.BUSY),
        (NOW + 7 * quarter, NOW + 8 * quarter, ShowAs.WORKING_ELSEWHERE),
    ]
