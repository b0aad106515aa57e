"""Settings -> plans: defaults and overrides settled, no secret in them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bridge.config.plan import ConnectionPlan, ResourcePlan, plan
from bridge.config.policy import AllDay, Blocks, PrivacyMode
from tests.config.files import read

TEXT = """
    version: 1
    server: {timezone: Europe/Berlin}
    availability: {all_day: free, event_types: {focusTime: free}, buffers: {before: 5m}}
    resources:
      - id: room-a
        email: room-a@example.com
        availability: {tentative: free, buffers: {after: 10m}}
        privacy: {mode: full}
        connections:
          - id: work
            provider: shed
            url: u
            write_calendar: primary
            sync: {interval: 1m}
            availability: {all_day: busy}
            read_calendars:
              - plain
              - calendar: special
                availability: {declined: busy, event_types: {birthday: busy}}
                privacy: {title: Taken}
          - {id: all, provider: shed, url: v, account_email: b@example.com}
          - {id: none, provider: shed, url: w, read_calendars: []}
      - {id: room-b, timezone: America/New_York}
    """


def test_each_level_changes_only_what_it_names(tmp_path: Path) -> None:
    (room, (work, every, none)), (other, ()) = plan(read(tmp_path, TEXT))
    assert (room.name, room.timezone, other.timezone) == (
        "room-a",
        "Europe/Berlin",
        "America/New_York",
    )
    assert room.privacy.mode is PrivacyMode.FULL
    assert (work.interval, every.interval) == (timedelta(minutes=1), timedelta(minutes=5))
    assert (work.account_email, every.account_email) == ("room-a@example.com", "b@example.com")
    assert (work.is_primary, every.is_primary) == (True, False)
    assert every.policy.availability.all_day is AllDay.FREE
    assert every.policy.availability.tentative is Blocks.FREE
    assert every.policy.availability.buffers.before == timedelta(minutes=5)
    assert every.policy.availability.buffers.after == timedelta(minutes=10)
    assert (every.read_calendars, none.read_calendars) == (None, ())
    assert work.read_calendars is not None
    plain, special = work.read_calendars
    assert plain.policy == work.policy
    assert work.policy.availability.all_day is AllDay.BUSY
    assert special.policy.availability.declined is Blocks.BUSY
    assert special.policy.availability.event_types == {
        "focusTime": Blocks.FREE,
        "outOfOffice": Blocks.BUSY_UNAVAILABLE,
        "workingLocation": Blocks.FREE,
        "birthday": Blocks.BUSY,
        "fromGmail": Blocks.BUSY,
    }
    assert (special.policy.privacy.title, special.policy.privacy.mode) == (
        "Taken",
        PrivacyMode.FULL,
    )


def test_a_plan_survives_the_store(tmp_path: Path) -> None:
    for resource, connections in plan(read(tmp_path, TEXT)):
        assert ResourcePlan.model_validate_json(resource.model_dump_json()) == resource
        for connection in connections:
            text = connection.model_dump_json()
            assert ConnectionPlan.model_validate_json(text) == connection


def test_another_account_has_another_fingerprint_and_another_password_has_not(
    tmp_path: Path,
) -> None:
    def fingerprint(keys: str, variable: str = "one") -> str:
        text = f"""
            version: 1
            resources: [{{id: a, connections: [{{id: x, {keys}}}]}}]
            """
        ((_, (connection,)),) = plan(read(tmp_path, text, environ={"PW": variable}))
        return connection.fingerprint

    shed = fingerprint("provider: shed, url: u, password_env: PW")
    assert shed == fingerprint("provider: hut, url: u, password_env: PW", "two")
    assert shed != fingerprint("provider: shed, url: v, password_env: PW")
    feed = fingerprint("provider: ics, url: 'https://h/secret-1.ics'")
    assert feed != fingerprint("provider: ics, url: 'https://h/secret-2.ics'")


def test_one_connection_among_several_receives_the_bookings(tmp_path: Path) -> None:
    text = """
        version: 1
        resources:
          - id: a
            connections:
              - {id: x, provider: shed, url: u, write_calendar: w}
              - {id: y, provider: shed, url: u, write_calendar: w, primary: true}
              - {id: z, provider: shed, url: u}
        """
    ((_, connections),) = plan(read(tmp_path, text))
    assert [each.is_primary for each in connections] == [False, True, False]
