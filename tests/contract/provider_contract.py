"""What every provider keeps: one suite, run for each kind by a file of some fifteen lines.

A kind's test file derives a class from `ProviderContract` and gives it a fixture `world`: a place
where calendars can be edited from outside, as their owners do it, and where faults can be ordered.
Every pull opens the provider anew, as after a restart: what an adapter only remembers, it forgets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge.errors import ProviderError, SyncTokenExpired
from bridge.ingest.fold import Zones, assemble
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Window, instant, utc
from bridge.provider import (
    CalendarId,
    OccurrenceRemoved,
    Override,
    Page,
    Provider,
    RemoteId,
    Series,
    SeriesRemoved,
    SyncToken,
    Unchanged,
    Unreadable,
)

HOUR = 3600
DAY = 24 * HOUR
NOW = instant(datetime(2026, 11, 20, 9, tzinfo=UTC))
WINDOW = Window(NOW - 7 * DAY, NOW + 400 * DAY)
ODD_UIDS = (
    "ann@example.com", "two words", "Grüße-日本", "x%2Fy", "100%", "a+b&c", "semi;colon,comma",
    "hash#mark", "what?", "quote'\"s", "040000008200E00074C5B7101A82E008-{X}",
)  # fmt: skip
GARBAGE = ("", "garbage", "{}", "[]", "null", "0", '{"v": 99}', "[99]", '"\\ud800"', "[1,2", "é")


@dataclass(frozen=True)
class Planned:
    """An event as a calendar's owner plans it; instants."""

    start: int = NOW
    end: int = NOW + HOUR
    summary: str = "Meeting"
    rrule: str = ""
    moved: tuple[tuple[int, int, int], ...] = ()
    """Changed occurrences: original start, new start, new end."""

    def is_over(self, when: int) -> bool:
        """Tell whether the last of its occurrences was over by then."""
        if "COUNT=" not in self.rrule:
            return not self.rrule and self.end <= when
        assert self.rrule.startswith("FREQ=DAILY;COUNT=")
        return self.end + (int(self.rrule.rpartition("=")[2]) - 1) * DAY <= when

    def series(self, uid: str) -> EventSeries:
        master = Event(
            uid=uid,
            start=utc(self.start),
            end=utc(self.end),
            summary=self.summary,
            rrules=(self.rrule,) if self.rrule else (),
        )
        overrides = tuple(
            replace(master, start=utc(a), end=utc(b), rrules=(), recurrence_id=utc(original))
            for original, a, b in self.moved
        )
        return EventSeries(uid=uid, master=master, overrides=overrides)

    def ics(self, uid: str) -> str:
        """One calendar object."""
        head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//contract//EN"]
        return "\r\n".join([*head, *self.lines(uid), "END:VCALENDAR", ""])

    def lines(self, uid: str) -> list[str]:
        """The VEVENTs alone."""
        lines = self._vevent(uid, self.start, self.end)
        if self.rrule:
            lines.insert(-1, f"RRULE:{self.rrule}")
        for original, start, end in self.moved:
            lines += self._vevent(uid, start, end)
            lines.insert(-1, f"RECURRENCE-ID:{stamp(original)}")
        return lines

    def _vevent(self, uid: str, start: int, end: int) -> list[str]:
        return [
            "BEGIN:VEVENT",
            f"UID:{escaped(uid)}",
            f"DTSTAMP:{stamp(NOW)}",
            f"DTSTART:{stamp(start)}",
            f"DTEND:{stamp(end)}",
            f"SUMMARY:{escaped(self.summary)}",
            "END:VEVENT",
        ]


def stamp(when: int) -> str:
    return f"{utc(when):%Y%m%dT%H%M%SZ}"


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def planned(series: EventSeries) -> Planned:
    """What the owner must have planned, read back from what an adapter returned.

    An occurrence that was moved back to where the series has it is one like any other.
    """
    master = series.master
    assert master is not None
    assert not master.exdates, "nobody took an occurrence away"
    length = _instant(master.end) - _instant(master.start)
    moved = sorted(
        (original, _instant(event.start), _instant(event.end))
        for event in series.overrides
        if (original := _instant(event.recurrence_id)) != _instant(event.start)
        or _instant(event.end) - original != length
    )
    return Planned(
        _instant(master.start),
        _instant(master.end),
        master.summary,
        ";".join(master.rrules),
        tuple(moved),
    )


def _instant(when: object) -> int:
    assert isinstance(when, datetime)
    return instant(when)


class World(Protocol):
    """Where the owners of calendars live."""

    def open(self, calendar: CalendarId) -> Provider:
        """Open the account that has the calendar, as after a restart."""
        ...

    def new_calendar(self) -> CalendarId: ...
    def put(self, calendar: CalendarId, uid: str, plan: Planned) -> None: ...
    def delete(self, calendar: CalendarId, uid: str) -> None: ...
    def spoil(self, calendar: CalendarId, uid: str) -> None:
        """Turn the event, which is there, into something that no one can read."""
        ...

    def expire(self, calendar: CalendarId) -> None:
        """Forget the sync tokens given so far, where the provider has any."""
        ...

    def refusing_tokens(self) -> AbstractContextManager[None]:
        """Refuse every token, new ones too, where the provider has any."""
        ...

    def cutting(self) -> AbstractContextManager[None]:
        """Break every listing off after its beginning."""
        ...

    @property
    def listings(self) -> int:
        """How many listings the provider was asked for so far."""
        ...


@dataclass
class Mirror:
    """A copy of a calendar, kept as ingest keeps it."""

    world: World
    calendar: CalendarId
    token: SyncToken | None = None
    objects: dict[RemoteId, EventSeries] = field(default_factory=dict)
    unknown: set[RemoteId] = field(default_factory=set)
    restarts: int = 0

    def pull(self, window: Window = WINDOW) -> list[Page]:
        try:
            pages = self.pages(self.token, window)
        except SyncTokenExpired:
            assert self.token is not None, "a full listing has no token that could expire"
            self.restarts += 1
            pages = self.pages(None, window)
        self._keep(pages)
        return pages

    def pages(self, token: SyncToken | None, window: Window = WINDOW) -> list[Page]:
        provider = self.world.open(self.calendar)
        assert provider.source is not None
        try:
            pages = list(provider.source.changes(self.calendar, token, window))
        finally:
            provider.close()
        assert pages, "a listing has at least one page"
        assert all(page.token is None for page in pages[:-1]), "a token before the last page"
        assert pages[-1].token is not None, "no token on the last page"
        assert len({page.full for page in pages}) == 1, "a listing is full or it is not"
        assert token is not None or pages[0].full, "without a token everything is listed"
        return pages

    def _keep(self, pages: list[Page]) -> None:
        named: set[RemoteId] = set()
        parts: dict[RemoteId, list[Override | OccurrenceRemoved]] = defaultdict(list)
        for item in (item for page in pages for item in page.items):
            match item:
                case Override(series_id) | OccurrenceRemoved(series_id):
                    parts[series_id].append(item)
                    named.add(series_id)
                    continue
                case Series(remote_id, series):
                    self.objects[remote_id] = series
                    self.unknown.discard(remote_id)
                case SeriesRemoved(remote_id):
                    self.objects.pop(remote_id, None)
                    self.unknown.discard(remote_id)
                    parts.pop(remote_id, None)
                case Unreadable(remote_id, reason):
                    assert reason, "an unreadable object says why"
                    self.unknown.add(remote_id)
                case Unchanged(remote_id):
                    assert pages[0].full, "only a full listing names what did not change"
                case _:
                    raise AssertionError(f"unexpected {item}")
            named.add(item.remote_id)
        for series_id, changed in parts.items():
            whole = assemble(series_id, self.objects.get(series_id), changed, Zones(UTC, UTC))
            self.objects.pop(series_id, None)
            if whole is not None:
                self.objects[series_id] = whole
        if pages[0].full:
            self.objects = {key: value for key, value in self.objects.items() if key in named}
            self.unknown &= named
        self.token = pages[-1].token

    @property
    def plans(self) -> Mapping[str, Planned]:
        found = {series.uid: planned(series) for series in self.objects.values()}
        assert len(found) == len(self.objects), "one event, two remote ids"
        return found


def mirrored(world: World, calendar: CalendarId) -> Mirror:
    """Make a mirror; a world whose provider hides something brings one that knows it."""
    make: Callable[[CalendarId], Mirror] | None = getattr(world, "mirror", None)
    return Mirror(world, calendar) if make is None else make(calendar)


@pytest.fixture
def mirror(world: World) -> Mirror:
    return mirrored(world, world.new_calendar())


class ProviderContract:
    """The suite; a kind's class adds nothing but its `world`."""

    many = 500
    machine_examples = 8
    machine_steps = 16
    machine_phases = tuple(Phase)

    def fill(self, mirror: Mirror, **plans: Planned) -> dict[str, Planned]:
        for uid, plan in plans.items():
            mirror.world.put(mirror.calendar, uid, plan)
        return plans

    def fill_at_once(self, mirror: Mirror, plans: Mapping[str, Planned]) -> None:
        """Fill a calendar with many events; a kind may know a quick way."""
        self.fill(mirror, **plans)

    def test_a_calendar_is_listed_with_a_name(self, mirror: Mirror) -> None:
        source = mirror.world.open(mirror.calendar).source
        assert source is not None
        listed = {info.id: info for info in source.list_calendars()}
        assert listed[mirror.calendar].name

    def test_an_empty_calendar_gives_an_empty_full_listing_with_a_token(
        self, mirror: Mirror
    ) -> None:
        assert [item for page in mirror.pull() for item in page.items] == []

    def test_a_listing_without_a_token_names_everything(self, mirror: Mirror) -> None:
        plans = self.fill(
            mirror,
            one=Planned(),
            two=Planned(NOW + DAY, NOW + DAY + HOUR, "Another"),
            far=Planned(NOW + 399 * DAY, NOW + 399 * DAY + HOUR),
            beyond=Planned(NOW + 900 * DAY, NOW + 900 * DAY + HOUR),
            long=Planned(NOW - 90 * DAY, NOW + DAY),
        )
        mirror.pull()
        beyond = plans.pop("beyond")
        assert mirror.plans in (plans, {**plans, "beyond": beyond})

    def test_nothing_changed_is_nothing_reported(self, mirror: Mirror) -> None:
        plans = self.fill(mirror, one=Planned(), two=Planned(summary="Another"))
        mirror.pull()
        for _ in range(2):
            assert [item for page in mirror.pull() for item in page.items] == []
        assert mirror.plans == plans
        assert mirror.restarts == 0

    def test_what_is_created_moved_renamed_or_deleted_is_noticed(self, mirror: Mirror) -> None:
        self.fill(mirror, stays=Planned(), moves=Planned(), renamed=Planned(), goes=Planned())
        mirror.pull()
        changed = self.fill(
            mirror,
            moves=Planned(NOW + 5 * HOUR, NOW + 6 * HOUR),
            renamed=Planned(summary="A new name"),
            created=Planned(NOW + DAY, NOW + DAY + HOUR),
        )
        mirror.world.delete(mirror.calendar, "goes")
        mirror.pull()
        assert mirror.plans == {"stays": Planned(), **changed}

    def test_an_event_deleted_and_created_again_is_there(self, mirror: Mirror) -> None:
        self.fill(mirror, one=Planned(), other=Planned())
        mirror.pull()
        mirror.world.delete(mirror.calendar, "one")
        again = self.fill(mirror, one=Planned(NOW + DAY, NOW + DAY + HOUR, "Again"))
        mirror.pull()
        assert mirror.plans == {"other": Planned(), **again}

    def test_a_calendar_that_is_emptied_says_so(self, mirror: Mirror) -> None:
        self.fill(mirror, one=Planned(), two=Planned())
        mirror.pull()
        mirror.world.delete(mirror.calendar, "one")
        mirror.world.delete(mirror.calendar, "two")
        mirror.pull()
        assert mirror.plans == {}

    def test_a_series_is_never_cut_by_the_window(self, mirror: Mirror) -> None:
        start = NOW - 2000 * DAY
        weekly = Planned(start, start + HOUR, "Weekly since long ago", "FREQ=WEEKLY")
        mirror.world.put(mirror.calendar, "weekly", weekly)
        mirror.pull(Window(NOW, NOW + DAY))
        assert mirror.plans == {"weekly": weekly}

    def test_a_series_comes_whole_with_its_changed_occurrences(self, mirror: Mirror) -> None:
        daily = Planned(rrule="FREQ=DAILY;COUNT=10")
        moved = ((NOW + DAY, NOW + DAY + 3 * HOUR, NOW + DAY + 4 * HOUR),)
        plans = self.fill(mirror, daily=replace(daily, moved=moved))
        mirror.pull()
        assert mirror.plans == plans
        plans = self.fill(mirror, daily=daily)
        mirror.pull()
        assert mirror.plans == plans

    def test_a_series_that_is_renamed_keeps_its_changed_occurrences(self, mirror: Mirror) -> None:
        moved = ((NOW + DAY, NOW + DAY + 3 * HOUR, NOW + DAY + 4 * HOUR),)
        daily = Planned(rrule="FREQ=DAILY;COUNT=10", moved=moved)
        self.fill(mirror, daily=daily)
        mirror.pull()
        plans = self.fill(mirror, daily=replace(daily, summary="Renamed"))
        mirror.pull()
        assert mirror.plans == plans

    def test_a_series_that_is_deleted_takes_its_changed_occurrences_along(
        self, mirror: Mirror
    ) -> None:
        moved = ((NOW + DAY, NOW + DAY + 3 * HOUR, NOW + DAY + 4 * HOUR),)
        daily = Planned(rrule="FREQ=DAILY;COUNT=10", moved=moved)
        self.fill(mirror, stays=Planned(), goes=daily)
        mirror.pull()
        mirror.world.delete(mirror.calendar, "goes")
        mirror.pull()
        assert mirror.plans == {"stays": Planned()}

    @pytest.mark.parametrize("garbage", GARBAGE)
    def test_a_garbage_token_asks_for_a_full_listing(self, mirror: Mirror, garbage: str) -> None:
        with pytest.raises(SyncTokenExpired):
            mirror.pages(SyncToken(garbage))

    def test_the_token_of_another_calendar_asks_for_a_full_listing(self, mirror: Mirror) -> None:
        other = Mirror(mirror.world, mirror.world.new_calendar())
        other.pull()
        with pytest.raises(SyncTokenExpired):
            mirror.pages(other.token)

    @pytest.mark.covers("F16")
    def test_an_expired_token_costs_one_restart_and_no_event(self, mirror: Mirror) -> None:
        self.fill(mirror, one=Planned(), two=Planned())
        mirror.pull()
        mirror.world.delete(mirror.calendar, "one")
        mirror.world.expire(mirror.calendar)
        plans = self.fill(mirror, three=Planned(NOW + DAY, NOW + DAY + HOUR))
        mirror.pull()
        assert mirror.plans == {"two": Planned(), **plans}
        assert mirror.restarts <= 1

    @pytest.mark.covers("F16")
    def test_a_provider_that_refuses_every_token_never_makes_a_loop(self, mirror: Mirror) -> None:
        plans = self.fill(mirror, one=Planned(), two=Planned())
        mirror.pull()
        with mirror.world.refusing_tokens():
            for _ in range(3):
                before = mirror.world.listings
                mirror.pull()
                assert mirror.world.listings - before <= 2, "one attempt, one restart"
        assert mirror.plans == plans

    def test_a_window_that_grows_or_moves_finds_what_is_in_it_now(self, mirror: Mirror) -> None:
        past = Planned(NOW - 60 * DAY, NOW - 60 * DAY + HOUR, "Past")
        future = Planned(NOW + 90 * DAY, NOW + 90 * DAY + HOUR, "Future")
        plans = self.fill(mirror, past=past, now=Planned(), future=future)
        mirror.pull(Window(NOW - DAY, NOW + DAY))
        mirror.pull(Window(NOW - DAY, NOW + 100 * DAY))
        assert mirror.plans.get("future") == future
        mirror.pull(Window(NOW - 90 * DAY, NOW + 100 * DAY))
        assert mirror.plans == plans

    @pytest.mark.covers("F21")
    def test_a_listing_cut_short_raises_and_the_old_token_still_works(self, mirror: Mirror) -> None:
        plans = self.fill(mirror, one=Planned(), two=Planned(summary="Another"))
        with mirror.world.cutting(), pytest.raises(ProviderError):
            mirror.pull()
        mirror.pull()
        assert mirror.plans == plans
        plans |= self.fill(mirror, three=Planned(NOW + DAY, NOW + DAY + HOUR))
        with mirror.world.cutting(), pytest.raises(ProviderError):
            mirror.pages(mirror.token)
        mirror.pull()
        assert mirror.plans == plans

    def test_an_unreadable_object_is_unknown_and_not_gone(self, mirror: Mirror) -> None:
        plans = self.fill(mirror, good=Planned(), bad=Planned(NOW + DAY, NOW + DAY + HOUR))
        mirror.pull()
        mirror.world.spoil(mirror.calendar, "bad")
        plans |= self.fill(mirror, good=Planned(summary="Still read"))
        mirror.pull()
        assert mirror.plans == plans
        assert len(mirror.unknown) == 1
        mirror.token = None
        mirror.pull()
        assert mirror.plans == plans
        assert mirror.unknown <= mirror.objects.keys()

    def test_an_unreadable_object_that_is_mended_is_read_again(self, mirror: Mirror) -> None:
        self.fill(mirror, good=Planned(), bad=Planned())
        mirror.world.spoil(mirror.calendar, "bad")
        mirror.pull()
        assert mirror.plans == {"good": Planned()}
        plans = self.fill(mirror, bad=Planned(NOW + DAY, NOW + DAY + HOUR, "Mended"))
        mirror.pull()
        assert mirror.plans == {"good": Planned(), **plans}
        assert mirror.unknown == set()

    def test_odd_names_are_names_like_any_other(self, mirror: Mirror) -> None:
        plans = self.fill(mirror, **dict.fromkeys(ODD_UIDS, Planned()))
        mirror.pull()
        assert mirror.plans == plans
        plans |= self.fill(mirror, **dict.fromkeys(ODD_UIDS[::2], Planned(summary="Changed")))
        mirror.pull()
        assert mirror.plans == plans
        for uid in ODD_UIDS:
            mirror.world.delete(mirror.calendar, uid)
        mirror.pull()
        assert mirror.plans == {}

    def test_hundreds_of_objects_come_in_pages_and_three_changes_stay_three(
        self, mirror: Mirror
    ) -> None:
        starts = range(NOW, NOW + self.many * HOUR, HOUR)
        plans = {f"event-{n}": Planned(at, at + 60) for n, at in enumerate(starts)}
        self.fill_at_once(mirror, plans)
        pages = mirror.pull()
        assert mirror.plans == plans
        named = [item.remote_id for page in pages for item in page.items]  # single events all
        assert len(named) == len(set(named)) == self.many
        some = (0, self.many // 2, self.many - 1)
        plans |= self.fill(mirror, **{f"event-{n}": Planned(summary="Changed") for n in some})
        pages = mirror.pull()
        assert mirror.plans == plans
        assert pages[0].full or sum(len(page.items) for page in pages) == 3

    @pytest.mark.covers("F25")
    def test_any_edits_between_pulls_end_in_the_same_calendar(self, world: World) -> None:
        self.run_machine(world)

    @pytest.mark.soak
    def test_fifty_times_as_many_edits_end_in_the_same_calendar(self, world: World) -> None:
        self.run_machine(world, times=50)

    def run_machine(self, world: World, times: int = 1) -> None:
        run_state_machine_as_test(
            lambda: _Edits(world),
            settings=settings(
                max_examples=self.machine_examples * times,
                stateful_step_count=self.machine_steps,
                deadline=None,
                phases=self.machine_phases,
                report_multiple_bugs=False,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


_UIDS = st.sampled_from(["a", "b", "ann@example.com", "two words", "Grüße"])
_HOURS = st.integers(min_value=-24, max_value=2000)
_PLANS = st.builds(
    lambda start, length, summary, rrule: Planned(
        NOW + start * HOUR, NOW + (start + length) * HOUR, summary, rrule
    ),
    _HOURS,
    st.integers(min_value=1, max_value=100),
    st.sampled_from(["Standup", "Lunch; with Zoë, Max", "a & <b>"]),
    st.sampled_from(["", "", "FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;INTERVAL=2"]),
)


class _Edits(RuleBasedStateMachine):
    """Edits, expiries and cut listings in any order: after a pull the mirror is the calendar."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @initialize()
    def begin(self) -> None:
        self.calendar = self.world.new_calendar()
        self.mirror = mirrored(self.world, self.calendar)
        self.plans: dict[str, Planned] = {}
        self.window = WINDOW

    @rule(uid=_UIDS, plan=_PLANS, pull=st.booleans())
    def put(self, uid: str, plan: Planned, pull: bool) -> None:
        self.world.put(self.calendar, uid, plan)
        self.plans[uid] = plan
        if pull:
            self.pull()

    @precondition(lambda self: self.plans)
    @rule(data=st.data(), pull=st.booleans())
    def delete(self, data: st.DataObject, pull: bool) -> None:
        uid = data.draw(st.sampled_from(sorted(self.plans)))
        self.world.delete(self.calendar, uid)
        del self.plans[uid]
        if pull:
            self.pull()

    @rule(fault=st.sampled_from(["expired", "cut", "later"]), later=st.integers(1, 4 * DAY))
    def disturb(self, fault: str, later: int) -> None:
        if fault == "expired":
            self.world.expire(self.calendar)
        elif fault == "cut":
            with self.world.cutting(), pytest.raises(ProviderError):
                self.mirror.pull(self.window)
        else:
            self.window = Window(self.window.start + later, self.window.end + later)

    @rule()
    def pull(self) -> None:
        self.mirror.pull(self.window)
        future = {
            uid: plan for uid, plan in self.plans.items() if not plan.is_over(self.window.start)
        }
        assert future.items() <= self.mirror.plans.items() <= self.plans.items()

    def teardown(self) -> None:
        if hasattr(self, "mirror"):
            self.pull()
