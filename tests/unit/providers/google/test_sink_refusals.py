"""What Google Calendar cannot say is refused by name, and what its refusals mean to who booked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.conference import ConferenceKind
from bridge.model.event import (
    Alarm,
    Attachment,
    Attendee,
    Class,
    Event,
    EventSeries,
    PartStat,
    Period,
    ShowAs,
    Status,
)
from bridge.model.interval import utc
from bridge.provider import CalendarId
from bridge.sandbox.scenario import CLIENT
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import ANN as OWNER
from tests.contract.google_world import BOB as COLLEAGUE
from tests.contract.google_world import Signed
from tests.contract.provider_contract import NOW
from tests.contract.sink_calendar import (
    BOB,
    EVE,
    MONDAY,
    WEEK,
    Calendar,
    booking,
    changed,
    override,
    wanted,
    weekly,
)

MINUTE = timedelta(minutes=1)
ELSEWHERE = timezone(timedelta(hours=5, minutes=45))


def alarmed(*before: timedelta, action: str = "DISPLAY") -> EventSeries:
    return booking(alarms=tuple(Alarm(each, action) for each in before))


def invited(**fields: object) -> EventSeries:
    guest = Attendee(BOB)
    return booking(attendees=(replace(guest, **fields),))  # type: ignore[arg-type]


def with_override(**fields: object) -> EventSeries:
    series = weekly()
    return changed(series, override(series, MONDAY + WEEK, **fields))


UNSAYABLE: list[tuple[str, EventSeries]] = [
    ("RDATE;VALUE=PERIOD", weekly(rdates=(Period(MONDAY + timedelta(days=1), 30 * MINUTE),))),
    ("RANGE=THISANDFUTURE", with_override(this_and_future=True)),
    ("repeat a single occurrence", with_override(rrules=("FREQ=DAILY;COUNT=2",))),
    ("others than the series (CLASS)", with_override(classification=Class.PRIVATE)),
    ("the series does not have (2026-12-01", with_override(
        recurrence_id=datetime(2026, 12, 1, 9, tzinfo=UTC))),
    ("without the series", EventSeries(uid="x", master=None, overrides=(
        Event(uid="x", start=MONDAY, end=MONDAY + WEEK, recurrence_id=MONDAY),))),
    ("more than once a day", weekly(rrules=("FREQ=HOURLY;COUNT=3",))),
    ("a rule that says nothing", weekly(rrules=("FREQ=SOMETIMES",))),
    ("only your calendar program knows", weekly(
        start=MONDAY.astimezone(ELSEWHERE), end=MONDAY.astimezone(ELSEWHERE) + 30 * MINUTE)),
    ("no time", booking(end=utc(NOW))),
    ("cancelled", booking(status=Status.CANCELLED)),
    ("out of office", booking(show_as=ShowAs.OUT_OF_OFFICE)),
    ("working elsewhere", booking(show_as=ShowAs.WORKING_ELSEWHERE)),
    ("more than 5 times", alarmed(*(n * MINUTE for n in range(6)))),
    ("after it has begun", alarmed(-MINUTE)),
    ("four weeks", alarmed(timedelta(days=28, minutes=1))),
    ("to the second", alarmed(timedelta(seconds=90))),
    ("PROCEDURE", alarmed(MINUTE, action="PROCEDURE")),
    ("no mail address", invited(address="https://example.com/ann")),
    ("no mail address", invited(address="mailto:ann")),
    ("NON-PARTICIPANT", invited(role="NON-PARTICIPANT")),
    ("DELEGATED", invited(partstat=PartStat.DELEGATED)),
    ("SCHEDULE-AGENT=CLIENT", booking(
        attendees=(Attendee(BOB, schedule_agent="CLIENT"), Attendee(EVE)))),
    ("25 attachments", booking(
        attachments=tuple(Attachment(f"https://example.com/{n}") for n in range(26)))),
    ("1024 characters", booking(categories=("x" * 1024,))),
]  # fmt: skip


@pytest.mark.parametrize(("named", "series"), UNSAYABLE, ids=[named for named, _ in UNSAYABLE])
def test_what_cannot_be_said_is_refused_by_name_and_nothing_is_written(
    there: GoogleSinkWorld, agenda: Calendar, named: str, series: EventSeries
) -> None:
    with pytest.raises(RemoteRejected) as refusal:
        agenda.put(wanted(series))
    assert str(refusal.value).startswith("Google Calendar cannot ")
    assert named in str(refusal.value)
    assert not any(each.startswith("POST") for each in there.http.asked)


SAYABLE: list[EventSeries] = [
    alarmed(timedelta(days=28)),
    alarmed(*(n * MINUTE for n in range(5))),
    alarmed(MINUTE, MINUTE),
    weekly(exrules=("FREQ=WEEKLY;INTERVAL=2;COUNT=2;BYDAY=MO",)),
    weekly(rrules=("FREQ=WEEKLY;COUNT=3;BYDAY=MO", "FREQ=MONTHLY;COUNT=2;BYMONTHDAY=27")),
    booking(start=date(2026, 11, 24), end=date(2026, 11, 25)),
]


@pytest.mark.parametrize("series", SAYABLE)
def test_what_can_be_said_is_written(agenda: Calendar, series: EventSeries) -> None:
    written = agenda.put(wanted(series))
    assert agenda.put(wanted(series), written) == written


REFUSALS: list[tuple[str, type[ProviderError], str]] = [
    ("rate_limited", RateLimited, "rate_limited"),
    ("user_rate_limited", RateLimited, "rate_limited"),
    ("too_many_requests", RateLimited, "rate_limited"),
    ("insufficient_permissions", AuthorizationExpired, "scope_missing"),
    ("unauthorized", AuthorizationExpired, "token_expired"),
    ("not_configured", RemoteRejected, "api_not_enabled"),
    ("forbidden", RemoteRejected, "calendar_not_writable"),
    ("calendar_gone", RemoteNotFound, "not_found"),
    ("server_error", TemporarilyUnavailable, "unavailable"),
    ("unavailable", TemporarilyUnavailable, "unavailable"),
]


@pytest.mark.covers("F18")
@pytest.mark.parametrize(("fault", "error", "code"), REFUSALS)
def test_each_refusal_of_a_write_has_its_meaning(
    there: GoogleSinkWorld, agenda: Calendar, fault: str, error: type[ProviderError], code: str
) -> None:
    there.running.misbehave(OWNER, fault)
    for conference in (None, ConferenceKind.GOOGLE_MEET):
        with pytest.raises(error) as refused:
            agenda.put(wanted(booking(), conference=conference))
        assert (type(refused.value), refused.value.code) == (error, code)
        assert there.http.token not in f"{refused.value} {refused.value.hint}"
    there.running.behave()
    assert agenda.holds() == {}


def test_the_pause_that_google_asks_for_is_told(there: GoogleSinkWorld, agenda: Calendar) -> None:
    there.running.misbehave(OWNER, "too_many_requests", 77)
    with pytest.raises(RateLimited) as refused:
        agenda.put(wanted(booking()))
    assert refused.value.retry_after == timedelta(seconds=77)


@pytest.mark.parametrize("role", ["reader", "freeBusyReader"])
def test_a_calendar_that_the_account_may_not_write_to_says_so(
    there: GoogleSinkWorld, agenda: Calendar, role: str
) -> None:
    with there.running.world.lock:
        theirs = there.running.world.add_calendar(COLLEAGUE, "Bob's")
        there.running.world.share(theirs, OWNER, role)
    with pytest.raises(RemoteRejected, match="may not write to this calendar") as refused:
        Calendar(there, CalendarId(theirs.id)).put(wanted(booking()))
    assert refused.value.code == "calendar_not_writable"
    assert "owner" in refused.value.hint


def test_what_google_finds_wrong_is_passed_on(agenda: Calendar) -> None:
    with pytest.raises(RemoteRejected, match="Invalid attendee email"):
        agenda.put(wanted(booking(attendees=(Attendee("mailto:no body@example.com"),))))


def test_a_token_that_may_only_read_asks_for_another_permission(
    there: GoogleSinkWorld, agenda: Calendar
) -> None:
    scope = "https://www.googleapis.com/auth/calendar.readonly"
    reading = there.running.access_token(OWNER, scope)
    there.requests.http = Signed(there.http.http, reading)
    with pytest.raises(AuthorizationExpired) as refused:
        agenda.put(wanted(booking()))
    assert refused.value.code == "scope_missing"


def test_a_program_that_may_not_invite_says_so(there: GoogleSinkWorld, agenda: Calendar) -> None:
    """A service account without domain-wide delegation."""
    scopes = frozenset({"https://www.googleapis.com/auth/calendar"})
    with there.running.world.lock:
        grants = there.running.google.grants
        token = grants.act(OWNER, CLIENT.id, scopes, may_invite=False).access
    there.requests.http = Signed(there.http.http, token)
    with pytest.raises(RemoteRejected, match="may not invite guests"):
        agenda.put(wanted(booking(attendees=(Attendee(BOB),))))
    assert agenda.put(wanted(booking())).remote_id
