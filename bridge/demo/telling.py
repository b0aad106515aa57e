"""What the demo prints: where everything is, what to try, and the one thing to do next."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click

from bridge.demo.calendars import ZONE
from bridge.demo.configuration import RESOURCES, TO_CONNECT, USER
from bridge.demo.sources import LOGIN
from bridge.demo.stand_ins import StandIn, StandIns


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that the running demo lets one see, and the keys to it."""

    base: str
    """Root of the bridge, without a slash at the end."""
    config: Path
    key: str
    """Reads busy time by the HTTP API."""
    password: str
    """Of the CalDAV account."""
    feeds: dict[str, str]
    """Tokens by resource."""
    sources: list[str]
    """URLs of the calendars at CalDAV servers."""
    link: str
    """Where the owner of the accounts connects them."""
    accounts: StandIns

    def urls(self) -> dict[str, list[str]]:
        """List what can be read, by kind."""
        return {
            "free_busy": [f"{self.base}/freebusy/{name}.ifb" for name in RESOURCES],
            "feeds": [f"{self.base}/feeds/{self.feeds[name]}/{name}.ics" for name in RESOURCES],
            "json": [f"{self.base}/api/v1/resources/{name}/busy" for name in RESOURCES],
            "caldav": [f"{self.base}/"],
            "sources": self.sources,
            "google": _pages(self.accounts.google),
            "microsoft": _pages(self.accounts.microsoft),
            "zoom": _pages(self.accounts.zoom),
        }


def _pages(stand_in: StandIn) -> list[str]:
    return [stand_in.page(account) for account in stand_in.accounts]


def tell_program(opened: Opened) -> None:
    """Print one JSON object."""
    account = {"login": USER, "password": opened.password}
    more = {"key": opened.key, "config": str(opened.config), "connect": opened.link}
    click.echo(json.dumps({**opened.urls(), **account, **more}))
    sys.stdout.flush()


def tell_person(opened: Opened, now: datetime, interval: str) -> None:
    """Print lines; the last ones say what to do next."""
    urls = opened.urls()
    click.echo(
        "Busy time of four resources, merged from five CalDAV calendars and a file. One, Anna,"
    )
    click.echo(
        "has accounts at Google and Microsoft, too, which wait to be connected: see the end.\n"
    )
    for title, name in (
        ("Free-busy", "free_busy"),
        ("ICS feeds to subscribe to", "feeds"),
        (f"CalDAV account (login {USER}, password {opened.password})", "caldav"),
        (f"Source calendars (login {LOGIN.username}, password {LOGIN.password})", "sources"),
    ):
        click.echo(f"{title}:")
        for url in urls[name]:
            click.echo(f"  {url}")
    click.echo("\nTry:")
    for line in _commands(opened, now):
        click.echo(f"  {line}")
    click.echo(f"\nThe last one adds an event: read Alice's URL again {interval} later.")
    click.echo(f"API description: {opened.base}/api/v1/docs")
    _tell_next(opened, now)
    click.echo("\nCtrl-C ends it all.")
    sys.stdout.flush()


def _tell_next(opened: Opened, now: datetime) -> None:
    accounts = opened.accounts
    another = f"{_program()} --config {opened.config} auth url {TO_CONNECT}"
    for line in (
        "",
        "Next, connect Anna's accounts, at stand-ins on this machine; nothing of them is real.",
        "1. Open this in a browser, press Connect beside each of the two, then Allow or Accept:",
        f"  {opened.link}",
        "2. A moment later Anna is busy by all four, here and in her feed and CalDAV calendar:",
        f"  curl {opened.base}/freebusy/{TO_CONNECT}.ifb",
        "3. Add or move an event of hers at Google, or add one at Microsoft, and read that again:",
        f"  {accounts.google.page(accounts.person)}",
        f"  {_outlook(accounts, now + timedelta(days=9 - now.weekday()))}",
        f"  {accounts.microsoft.page(accounts.person)}",
        "4. Book an hour with her: in a calendar program, in the calendar Anna - bookings, or so:",
        f"  {_booking(opened, now + timedelta(days=9 - now.weekday()))}",
        "   Her page at Google has it, and the mail to the guest; a Meet link has come to it:",
        f"  curl -u {USER}:{opened.password} {_booked(opened)}",
        "   Another hour, with a meeting at Zoom, whose page has it by then:",
        f"  {_booking_at_zoom(opened, now + timedelta(days=10 - now.weekday()))}",
        f"  {accounts.zoom.page(accounts.person)}",
        "The link is good in the browser that uses it first; this prints another:",
        f"  {another}",
    ):
        click.echo(line)


def _commands(opened: Opened, today: datetime) -> list[str]:
    """Write what works as it stands when it is pasted."""
    urls, base = opened.urls(), opened.base
    monday = today + timedelta(days=7 - today.weekday())
    window = f"start={today:%Y-%m-%dT00:00:00Z}&end={today + timedelta(weeks=1):%Y-%m-%dT00:00:00Z}"
    program = f"{_program()} --config {opened.config}"
    return [
        f"curl {urls['free_busy'][0]}",
        f"curl '{urls['free_busy'][1]}?start=0d&end=3d'",
        f"curl -H 'Authorization: Bearer {opened.key}' '{urls['json'][0]}?{window}'",
        f"curl -u {USER}:{opened.password} {base}/{USER}/busy/",
        f"{program} busy alice",
        f"{program} explain alice --at {monday:%Y-%m-%d}T09:20",
        f"{program} status",
        _put(next(url for url in urls["sources"] if "family" in url), monday),
    ]


def _put(calendar: str, day: datetime) -> str:
    """Write a command that puts an event at a source."""
    login = f"{LOGIN.username}:{LOGIN.password}"
    return _putting(
        f"{calendar}hello.ics", login, _event("hello", "Hello", (day, "200000", "213000"))
    )


def _booking(opened: Opened, day: datetime) -> str:
    """Write a command that books Anna on a free evening, with a guest."""
    accounts = opened.accounts
    domain = accounts.person.partition("@")[2]
    colleagues = [each for each in accounts.google.accounts if each.endswith(domain)]
    guest = next(each for each in colleagues if each != accounts.person)
    when = (day, "180000", "190000")
    lines = _event("lesson", "Piano lesson", when, f"ATTENDEE:mailto:{guest}")
    return _putting(_booked(opened), f"{USER}:{opened.password}", lines)


def _booking_at_zoom(opened: Opened, day: datetime) -> str:
    """Write a command that books Anna on another free evening, with a meeting at Zoom."""
    when = (day, "180000", "190000")
    lines = _event("duet", "Duet", when, "X-BUSYBRIDGE-CONFERENCE:zoom")
    return _putting(_booked(opened, "duet"), f"{USER}:{opened.password}", lines)


def _booked(opened: Opened, name: str = "lesson") -> str:
    return f"{opened.base}/{USER}/{TO_CONNECT}.bookings/{name}.ics"


def _event(uid: str, title: str, when: tuple[datetime, str, str], *more: str) -> tuple[str, ...]:
    day, start, end = when
    return (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//demo//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{day:%Y%m%d}T000000Z",
        f"DTSTART:{day:%Y%m%d}T{start}Z",
        f"DTEND:{day:%Y%m%d}T{end}Z",
        f"SUMMARY:{title}",
        *more,
        "END:VEVENT",
        "END:VCALENDAR",
    )


def _putting(url: str, login: str, lines: tuple[str, ...]) -> str:
    # `--upload-file -` would send chunks, which Radicale's own server does not take.
    options = f"-X PUT -u {login} -H 'Content-Type: text/calendar'"
    text = "".join(f"{line}\\n" for line in lines)
    return f"printf '{text}' | curl {options} --data-binary @- {url}"


def _outlook(accounts: StandIns, day: datetime) -> str:
    """Write a command by which a person adds an event at Microsoft, on a free evening."""
    times = (
        f'"{name}": {{"dateTime": "{day:%Y-%m-%d}T{clock}:00", "timeZone": "{ZONE}"}}'
        for name, clock in (("start", "22:00"), ("end", "23:00"))
    )
    body = f'{{"subject": "Late call", {", ".join(times)}}}'
    url = f"{accounts.microsoft.url}/sandbox/microsoft/accounts/{accounts.person}/events"
    return f"curl -H 'Content-Type: application/json' -d '{body}' {url}"


def _program() -> str:
    """Name the program as it was called, so that what is printed can be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{sys.executable} -m bridge"
    return shlex.quote(str(called))
