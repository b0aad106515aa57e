"""Ann's calendars at Google, Microsoft, an Apple-style CalDAV server and behind an ICS URL.

Each scenario has days of its own, and what it comes to stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bridge.sandbox.google.person import Person as GooglePerson
from bridge.sandbox.microsoft.person import Person as OutlookPerson
from bridge.sandbox.server import Sandbox
from tests.e2e.served import Periods
from tests.e2e.sources import CalDavCalendar, IcsUrl, vevent
from tests.e2e.town import TODAY, Town, busy, days, weekly

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
BERLIN, LOS_ANGELES = "Europe/Berlin", "America/Los_Angeles"
KINDS = ("google", "microsoft", "apple", "ics")
TENTATIVE, UNAVAILABLE = "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"
ZONES = {"west": "America/Los_Angeles", "east": "Pacific/Tongatapu"}
"""Of two rooms, where all-day events are shown."""

MONDAYS, WEDNESDAYS = weekly(0), weekly(2)
TABLE_DAY, ZONES_DAY, MERGED_DAY = weekly(3)[1], weekly(4)[1], weekly(4)[2]
FREE_DAY = weekly(5)[1]
BUSY_DAY = FREE_DAY + timedelta(days=1)
CUSTOM = "tzone://Microsoft/Custom"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

WHOLE_DAYS = {kind: TODAY + timedelta(days=2 + 2 * number) for number, kind in enumerate(KINDS)}
"""The day of each kind's all-day event; the days between are free."""


def _weekly(day: date) -> dict[str, Any]:
    return {"type": "weekly", "interval": 1, "daysOfWeek": [_DAYS[day.weekday()]]}


def _local(name: str, day: date, clock: time, zone: str) -> str:
    return f"{name};TZID={zone}:{day:%Y%m%d}T{clock:%H%M%S}"


def _guest(address: str) -> dict[str, Any]:
    return {"emailAddress": {"address": address}, "type": "required"}


def _fixed(tzid: str, offset: str) -> str:
    """A VTIMEZONE that is always so far from UTC."""
    lines = (
        "BEGIN:VTIMEZONE",
        f"TZID:{tzid}",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        f"TZOFFSETFROM:{offset}",
        f"TZOFFSETTO:{offset}",
        "END:STANDARD",
        "END:VTIMEZONE",
        "",
    )
    return "\r\n".join(lines)


@dataclass
class Quartet:
    """The four, as their owner edits them."""

    sandbox: Sandbox
    apple: CalDavCalendar
    ics: IcsUrl
    apple_days: CalDavCalendar
    ics_days: IcsUrl
    expected: dict[str, Periods] = field(default_factory=dict)
    """Scenario -> the busy time that it makes."""

    @property
    def google(self) -> GooglePerson:
        return self.sandbox.person(ANN)

    @property
    def microsoft(self) -> OutlookPerson:
        return self.sandbox.microsoft.person(ANN)

    def plain(self, kind: str, uid: str, day: date, clocks: tuple[time, time]) -> None:
        """Write a meeting of that day; clocks are UTC."""
        start, end = (datetime.combine(day, clock, UTC) for clock in clocks)
        if kind == "google":
            self.google.create(uid, start, end)
        elif kind == "microsoft":
            self.microsoft.create(uid, start, end)
        else:
            times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}", f"DTEND:{end:%Y%m%dT%H%M%SZ}"
            self.put(kind, uid, vevent(uid, *times))

    def put(self, kind: str, uid: str, text: str) -> None:
        (self.apple if kind == "apple" else self.ics).put_text(uid, text)

    def write(self) -> None:
        self.merge()
        for number, kind in enumerate(KINDS):
            self.since_2019(kind, time(8 + 2 * number), time(8 + 2 * number, 45))
            self.by_windows_name(kind, time(9 + 2 * number), time(9 + 2 * number, 30))
        self.odd_zones()
        self.whole_days()
        self.days_by_status()
        self.table()

    #

    def merge(self) -> None:
        for kind, start, end in (
            ("google", time(9), time(10)),
            ("microsoft", time(9, 30), time(11)),
            ("apple", time(13), time(14)),
            ("ics", time(13, 15), time(13, 45)),
        ):
            self.plain(kind, f"merged-{kind}", MERGED_DAY, (start, end))
        self.expected["A-03"] = [
            busy(MERGED_DAY, "9:00", "11:00", "UTC"),
            busy(MERGED_DAY, "13:00", "14:00", "UTC"),
        ]

    #

    def since_2019(self, kind: str, start: time, end: time) -> None:
        """Weekly since 2019: the second coming one moved, the third deleted, the fourth free."""
        first, (moved, deleted, free) = date(2019, 1, 7), MONDAYS[1:4]
        tuesday, later = moved + timedelta(days=1), time(start.hour, 15)

        def at(day: date, clock: time) -> datetime:
            return datetime.combine(day, clock, ZoneInfo(BERLIN))

        if kind == "google":
            rule = ["RRULE:FREQ=WEEKLY;BYDAY=MO"]
            series = self.google.create("s", at(first, start), at(first, end), recurrence=rule)
            self.google.move(
                self.google.instance(series, at(moved, start)), at(tuesday, later), at(tuesday, end)
            )
            self.google.delete(self.google.instance(series, at(deleted, start)))
            self.google.change(
                self.google.instance(series, at(free, start)), transparency="transparent"
            )
        elif kind == "microsoft":
            series = self.microsoft.create("s", at(first, start), at(first, end))
            self.microsoft.make_recurring(series, _weekly(first))
            self.microsoft.move(
                self.microsoft.instance(series, moved), at(tuesday, later), at(tuesday, end)
            )
            self.microsoft.delete(self.microsoft.instance(series, deleted))
            self.microsoft.change(self.microsoft.instance(series, free), showAs="free")
        else:
            text = vevent(
                "weekly",
                _local("DTSTART", first, start, BERLIN),
                _local("DTEND", first, end, BERLIN),
                "RRULE:FREQ=WEEKLY;BYDAY=MO",
                _local("EXDATE", deleted, start, BERLIN),
            )
            text += vevent(
                "weekly",
                _local("RECURRENCE-ID", moved, start, BERLIN),
                _local("DTSTART", tuesday, later, BERLIN),
                _local("DTEND", tuesday, end, BERLIN),
            )
            text += vevent(
                "weekly",
                _local("RECURRENCE-ID", free, start, BERLIN),
                _local("DTSTART", free, start, BERLIN),
                _local("DTEND", free, end, BERLIN),
                "TRANSP:TRANSPARENT",
            )
            self.put(kind, f"weekly-{kind}", text)
        kept = (MONDAYS[0], *MONDAYS[4:])
        self.expected.setdefault("A-05", []).extend(
            [
                *(busy(day, f"{start:%H:%M}", f"{end:%H:%M}", BERLIN) for day in kept),
                busy(tuesday, f"{later:%H:%M}", f"{end:%H:%M}", BERLIN),
            ]
        )

    #

    def by_windows_name(self, kind: str, start: time, end: time) -> None:
        """Every Wednesday in Pacific time, as Windows calls it; Google takes IANA names alone."""
        first, name = date(2024, 1, 3), "Pacific Standard Time"
        begins, ends = (datetime.combine(first, clock) for clock in (start, end))
        if kind == "google":
            rule = ["RRULE:FREQ=WEEKLY"]
            self.google.create("w", begins, ends, zone=LOS_ANGELES, recurrence=rule)
        elif kind == "microsoft":
            series = self.microsoft.create("w", begins, ends, zone=name)
            self.microsoft.make_recurring(series, _weekly(first))
        else:
            times = (_local("DTSTART", first, start, name), _local("DTEND", first, end, name))
            text = vevent("windows", *times, "RRULE:FREQ=WEEKLY")
            self.put(kind, f"windows-{kind}", text)
        self.expected.setdefault("A-06", []).extend(
            busy(day, f"{start:%H:%M}", f"{end:%H:%M}", LOS_ANGELES) for day in WEDNESDAYS
        )

    #

    def odd_zones(self) -> None:
        """Zones that no list has, and times in none."""
        day = f"{ZONES_DAY:%Y%m%d}"

        def event(uid: str, clock: str, end: str, tzid: str = "") -> str:
            parameter = f";TZID={tzid}" if tzid else ""
            return vevent(uid, f"DTSTART{parameter}:{day}T{clock}", f"DTEND{parameter}:{day}T{end}")

        self.apple.put_text("floating", event("floating", "080000", "083000"))
        works = _fixed("River Works", "+0500")
        self.apple.put_text("river", works + event("river", "140000", "143000", "River Works"))
        quoted = _fixed(CUSTOM, "-0300") + event("custom", "083000", "090000", f'"{CUSTOM}"')
        self.apple.put_text("custom", quoted)
        # Its X-WR-TIMEZONE is Tokyo, which has always been nine hours ahead.
        self.ics.put_text("floating-ics", event("floating-ics", "213000", "220000"))
        unknown = event("unknown", "230000", "233000", "Customized Time Zone")
        self.ics.put_text("unknown", unknown)
        river = _fixed("River Works", "+0500") + event(
            "river-ics", "200000", "203000", "River Works"
        )
        self.ics.put_text("river-ics", river)
        bob = self.sandbox.microsoft.person(BOB)
        first, name = date(2024, 1, 5), "W. Europe Standard Time"
        start, end = (datetime.combine(first, clock) for clock in (time(6), time(6, 30)))
        bob.make_recurring(bob.create("Somewhere", start, end, zone=name), _weekly(first))
        self.sandbox.microsoft.misbehave(BOB, "custom_zones")
        self.expected["A-07"] = [
            busy(ZONES_DAY, "8:00", "8:30", BERLIN),
            *(
                busy(ZONES_DAY, *clocks, "UTC")
                for clocks in (
                    ("9:00", "9:30"),
                    ("11:30", "12:00"),
                    ("12:30", "13:00"),
                    ("14:00", "14:30"),
                    ("15:00", "15:30"),
                )
            ),
            *(busy(day, "6:00", "6:30", BERLIN) for day in weekly(4)),
        ]

    #

    def whole_days(self) -> None:
        world, microsoft = self.sandbox.world, self.sandbox.microsoft
        with world.lock:
            there = world.add_calendar(ANN, "Days").id
            box = microsoft.directory.mailbox(ANN)
            at_microsoft = microsoft.directory.add_calendar(box, "Days").id
        self.google.create("Fair", WHOLE_DAYS["google"], calendar=there)
        self.microsoft.create("Fair", WHOLE_DAYS["microsoft"], calendar=at_microsoft)
        for calendar, kind in ((self.apple_days, "apple"), (self.ics_days, "ics")):
            calendar.put_text(kind, vevent(kind, f"DTSTART;VALUE=DATE:{WHOLE_DAYS[kind]:%Y%m%d}"))

    #

    def days_by_status(self) -> None:
        """All day, one free in Outlook, one busy at Google."""
        self.microsoft.create("At home", FREE_DAY, showAs="free")
        self.google.create("Off-site", BUSY_DAY)
        self.expected["A-09"] = [days(BUSY_DAY, 1, BERLIN)]

    #

    def table(self) -> None:
        """Each row has twenty minutes of its own, in UTC from midnight on."""
        begin = datetime.combine(TABLE_DAY, time(), UTC)
        self.expected["A-10"] = []
        for number, (kind, row, fbtype) in enumerate(ROWS):
            start = begin + timedelta(minutes=30 * number)
            end = start + timedelta(minutes=20)
            if kind == "google":
                self._google(row, start, end)
            elif kind == "microsoft":
                self._outlook(row, start, end)
            else:
                times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}", f"DTEND:{end:%Y%m%dT%H%M%SZ}"
                self.put(kind, f"row-{number}", vevent(f"row-{number}", *times, *row.splitlines()))
            if fbtype:
                found = int(start.timestamp()), int(end.timestamp()), fbtype
                self.expected["A-10"].append(found)
        # They last all day, so that only their kind says that they leave it free.
        self.google.create("Office", TABLE_DAY, eventType="workingLocation")
        self.google.create("Dan", TABLE_DAY, eventType="birthday")

    def _google(self, row: str, start: datetime, end: datetime) -> None:
        if row.startswith("invited"):
            _, _, answer = row.partition(" ")
            organizer = self.sandbox.person(CID)
            made = organizer.create(row, start, end, attendees=[{"email": ANN}])
            if answer == "cancelled":
                organizer.delete(made)
            elif answer:
                self.google.answer(made, answer)
            return
        word = {"transparent": "transparency", "tentative": "status"}.get(row, "eventType")
        self.google.create(row, start, end, **({word: row} if row else {}))

    def _outlook(self, row: str, start: datetime, end: datetime) -> None:
        if row.startswith("invited"):
            _, _, answer = row.partition(" ")
            organizer = self.sandbox.microsoft.person(CID)
            made = organizer.create(row, start, end, attendees=[_guest(ANN)])
            if answer == "cancelled":
                organizer.delete(made)
            elif answer:
                self.microsoft.answer(self.microsoft.invited(row), answer)
            return
        self.microsoft.create(row, start, end, showAs=row)


def _reply(partstat: str) -> str:
    return f"ORGANIZER:mailto:{CID}\r\nATTENDEE;PARTSTAT={partstat}:mailto:{ANN}"


IN_ICALENDAR = (
    ("", "BUSY"),
    ("STATUS:TENTATIVE", TENTATIVE),
    ("TRANSP:TRANSPARENT", ""),
    ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", UNAVAILABLE),
    ("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", ""),
    (_reply("NEEDS-ACTION"), TENTATIVE),
    (_reply("DECLINED"), ""),
    ("STATUS:CANCELLED", ""),
)
ROWS = (
    ("google", "", "BUSY"),
    ("google", "tentative", TENTATIVE),
    ("google", "transparent", ""),
    ("google", "focusTime", "BUSY"),
    ("google", "outOfOffice", UNAVAILABLE),
    ("google", "workingLocation", ""),
    ("google", "invited", TENTATIVE),
    ("google", "invited accepted", "BUSY"),
    ("google", "invited tentative", TENTATIVE),
    ("google", "invited declined", ""),
    ("google", "invited cancelled", ""),
    ("microsoft", "busy", "BUSY"),
    ("microsoft", "tentative", TENTATIVE),
    ("microsoft", "free", ""),
    ("microsoft", "oof", UNAVAILABLE),
    ("microsoft", "workingElsewhere", ""),
    ("microsoft", "invited", TENTATIVE),
    ("microsoft", "invited accepted", "BUSY"),
    ("microsoft", "invited tentativelyAccepted", TENTATIVE),
    ("microsoft", "invited declined", ""),
    ("microsoft", "invited cancelled", ""),
    *((kind, *row) for kind in ("apple", "ics") for row in IN_ICALENDAR),
)
"""Kind, what is written there, and the FBTYPE of its time by the defaults; empty: free."""


def written(town: Town, sandbox: Sandbox) -> Quartet:
    """Fill the four."""
    apple, apple_days = (town.calendar("radicale", name) for name in ("quartet", "days"))
    ics, ics_days = (town.calendar("ics", name) for name in ("quartet", "days"))
    assert isinstance(apple, CalDavCalendar)
    assert isinstance(apple_days, CalDavCalendar)
    assert isinstance(ics, IcsUrl)
    assert isinstance(ics_days, IcsUrl)
    quartet = Quartet(sandbox, apple, ics, apple_days, ics_days)
    quartet.ics.set_zone("Asia/Tokyo")
    quartet.write()
    return quartet
