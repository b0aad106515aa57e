"""Whatever people do and however badly pages come, a plain mirror equals the calendar."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.server import Sandbox
from tests.sandbox.people import ANN, BOB, EVE, Program, berlin, events, opened

RULES = [
    "RRULE:FREQ=DAILY;COUNT=6",
    "RRULE:FREQ=WEEKLY;BYDAY=TU,TH;COUNT=5",
    "RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20260316T220000Z",
]
FAULTS = ["short_pages", "duplicate_pages", "bare_tombstones", "lone_masters"]


@dataclass
class Mirror:
    """What the plainest client keeps: whatever came last, by id."""

    program: Program
    calendar: str = ANN
    params: dict = field(default_factory=dict)
    events: dict[str, dict] = field(default_factory=dict)
    token: str = ""

    def sync(self) -> None:
        params = {"maxResults": 3, **self.params}
        if self.token:
            answer = self.program.send(
                "GET", events(self.calendar), params={**params, "syncToken": self.token}
            )
            if answer.status_code == 410:
                self.token = ""
                self.events.clear()
            else:
                assert answer.is_success, answer.text
                params["syncToken"] = self.token
        pages = self.program.pages(self.calendar, **params)
        for page in pages:
            for item in page["items"]:
                self._take(item)
        self.token = pages[-1]["nextSyncToken"]

    def _take(self, item: dict) -> None:
        if item["status"] != "cancelled":
            self.events[item["id"]] = item
            return
        self.events.pop(item["id"], None)
        for name in [
            name for name, each in self.events.items() if each.get("recurringEventId") == item["id"]
        ]:
            del self.events[name]
        if "recurringEventId" in item:
            # An instance that does not take place; its series may come later.
            self.events[item["id"]] = item

    def shown(self) -> dict[str, object]:
        return {name: comparable(each) for name, each in self.events.items() if self._counts(each)}

    def _counts(self, event: dict) -> bool:
        """Leave out cancelled instances of what is no series (any more)."""
        series = self.events.get(event.get("recurringEventId", ""), {})
        return event["status"] != "cancelled" or "recurrence" in series


def comparable(event: dict) -> object:
    """Leave out what bare tombstones leave out."""
    if event["status"] == "cancelled":
        return "cancelled", event.get("recurringEventId")
    return {name: value for name, value in event.items() if name not in ("etag", "updated")}


class Edits:
    """A person who does one thing after another, as far as the calendar lets them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.person = sandbox.person(ANN)
        self.made: list[str] = []

    def do(self, what: str, number: int) -> None:
        try:
            getattr(self, what)(number)
        except ApiError as err:
            assert err.status in (400, 403, 404, 410), err.document()  # noqa: PT017

    def some(self, number: int) -> str:
        return self.made[number % len(self.made)] if self.made else "nothing"

    def instance(self, number: int) -> str:
        """Name an instance of some series, that may be there or not."""
        return f"{self.some(number)}_202603{3 + number % 12:02}T090000Z"

    def create(self, number: int) -> None:
        self.made.append(self.person.create(f"E{number}", berlin(3 + number % 9)))

    def create_series(self, number: int) -> None:
        rule = [RULES[number % len(RULES)]]
        self.made.append(self.person.create(f"S{number}", berlin(3), recurrence=rule))

    def create_days(self, number: int) -> None:
        first, last = berlin(5 + number % 5).date(), berlin(12).date()
        self.made.append(self.person.create("Days", first, last, recurrence=[RULES[0]]))

    def invited(self, number: int) -> None:
        guests = [{"email": ANN}, {"email": EVE}]
        day = berlin(4 + number % 5)
        self.made.append(self.sandbox.person(BOB).create("By Bob", day, attendees=guests))

    def answer(self, number: int) -> None:
        self.person.answer(self.some(number), ["accepted", "declined", "tentative"][number % 3])

    def rename(self, number: int) -> None:
        self.person.change(self.some(number), summary=f"R{number}")

    def move(self, number: int) -> None:
        self.person.move(self.some(number), berlin(3 + number % 9, 8 + number % 8))

    def rename_instance(self, number: int) -> None:
        self.person.change(self.instance(number), summary=f"I{number}")

    def move_instance(self, number: int) -> None:
        day = berlin(3 + number % 12, 15)
        self.person.move(self.instance(number), day)

    def cancel_instance(self, number: int) -> None:
        self.person.delete(self.instance(number))

    def change_rule(self, number: int) -> None:
        self.person.make_recurring(self.some(number), RULES[number % len(RULES)])

    def no_rule(self, number: int) -> None:
        self.person.change(self.some(number), recurrence=None)

    def split(self, number: int) -> None:
        self.made.append(self.person.split(self.some(number), berlin(3 + number % 9)))

    def free(self, number: int) -> None:
        self.person.change(self.some(number), transparency=["transparent", "opaque"][number % 2])

    def delete(self, number: int) -> None:
        self.person.delete(self.some(number))

    def revive(self, number: int) -> None:
        self.person.change(self.some(number), status="confirmed")

    def share(self, number: int) -> None:
        self.person.share(EVE, ["reader", "none"][number % 2])

    def misbehave(self, number: int) -> None:
        for account in (ANN, BOB):
            faults = self.sandbox.world.account(account).faults
            faults.switch(FAULTS[number % len(FAULTS)], bool(number % 3))

    def lose(self, number: int) -> None:
        self.sandbox.misbehave(ANN, "sync_gone", times=1 + number % 2)


WHAT = sorted(
    name
    for name, value in vars(Edits).items()
    if callable(value) and name not in ("__init__", "do", "some", "instance")
)
STEPS = st.lists(
    st.tuples(st.sampled_from([*WHAT, "sync", "sync"]), st.integers(0, 40)), max_size=40
)


@settings(max_examples=30)
@given(STEPS)
def test_a_plain_mirror_equals_the_calendar(steps: list[tuple[str, int]]) -> None:
    run(steps)


def run(steps: list[tuple[str, int]]) -> None:
    with opened() as sandbox:
        ann, bob = Program(sandbox), Program(sandbox, BOB)
        sandbox.person(ANN).share(BOB, "freeBusyReader")
        mirrors = [Mirror(ann), Mirror(ann, params={"singleEvents": "true"}), Mirror(bob)]
        edits = Edits(sandbox)
        for what, number in steps:
            if what == "sync":
                for mirror in mirrors:
                    mirror.sync()
            else:
                edits.do(what, number)
        for mirror in mirrors:
            mirror.sync()
        sandbox.behave()
        for mirror in mirrors:
            fresh = Mirror(mirror.program, params=mirror.params)
            fresh.sync()
            assert mirror.shown() == fresh.shown()
        busy_by_instances(ann, mirrors[1])
        assert sandbox.world.defects == []


def busy_by_instances(ann: Program, singles: Mirror) -> None:
    """Hold the mirror's instances against what a free-busy query says."""
    window = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-05-20T00:00:00Z"}  # some weeks
    body = {**window, "timeZone": "Europe/Berlin", "items": [{"id": ANN}]}
    busy = ann.ok("POST", "freeBusy", json=body)["calendars"][ANN]["busy"]
    for event in singles.events.values():
        if event["status"] == "cancelled":
            continue
        answers = [each["responseStatus"] for each in event.get("attendees", []) if "self" in each]
        blocks = event.get("transparency") != "transparent" and answers != ["declined"]
        start = event["start"].get("dateTime") or f"{event['start']['date']}T00:00:00+01:00"
        within = any(each["start"] <= start < each["end"] for each in busy)
        assert within or not blocks or start > window["timeMax"]
