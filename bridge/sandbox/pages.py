"""Plain pages to look at and to edit on: who is there, what is in the calendars, what was sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from urllib.parse import quote

from bridge.sandbox import agenda
from bridge.sandbox.agenda import Shown
from bridge.sandbox.google import invitations, times
from bridge.sandbox.google.server import Google
from bridge.sandbox.google.shown import is_busy
from bridge.sandbox.google.times import Json
from bridge.sandbox.html import page, table
from bridge.sandbox.world import Account, Calendar

_EDITORS = ("writer", "owner")
_ANSWERS = {"accepted": "Yes", "tentative": "Maybe", "declined": "No"}


def address(email: str) -> str:
    """Path of an account's page."""
    return f"/accounts/{quote(email, safe='@')}"


def index(google: Google, url: str, more: str = "") -> str:
    """List the accounts, and say how to use them; `more` is HTML about other providers."""
    people = "".join(
        f'<li><a href="{address(each.email)}">{escape(each.name)}</a> '
        f'<span class="note">{escape(each.email)}</span></li>'
        for each in google.world.accounts.values()
    )
    clients = "".join(
        f"<tr><td><code>{escape(each.id)}</code><td><code>{escape(each.secret)}</code>"
        f"<td>{'any loopback' if each.is_installed else ''} "
        f"{escape(' '.join(each.redirect_uris))}</tr>"
        for each in google.grants.clients.values()
    )
    return page(
        "Sandbox",
        f"<p>A stand-in for Google Calendar, Microsoft Graph and Zoom. Everything is in memory "
        f"and nothing is real.</p>"
        f"<section><h2>Google accounts</h2><p>Look at their calendars, add and move events.</p>"
        f"<ul>{people}</ul></section>"
        f"<section><h2>Google clients</h2>"
        f"<table><tr><th>client_id<th>client_secret<th>redirect URIs</tr>"
        f"{clients}</table></section>"
        f"<section><h2>Google endpoints</h2><table>"
        f"<tr><td>API<td><code>{url}/calendar/v3/</code></tr>"
        f"<tr><td>authorise<td><code>{url}/o/oauth2/v2/auth</code></tr>"
        f"<tr><td>token<td><code>{url}/token</code></tr>"
        f"<tr><td>revoke<td><code>{url}/revoke</code></tr></table></section>"
        f'<p>It misbehaves on command: <a href="/sandbox/faults">this is how</a>.</p>{more}',
    )


def account(google: Google, person: Account, wrong: str = "") -> str:
    """Show one account, and what was wrong with the last edit."""
    world = google.world
    seen = [world.calendars[each.calendar] for each in person.entries.values() if not each.deleted]
    calendars = "".join(_calendar(each, person, world.now) for each in seen)
    granted = "".join(
        f"<tr><td>{escape(google.grants.clients[each.client].name)}"
        f"<td><code>{escape(' '.join(sorted(each.scopes)))}</code></tr>"
        for each in google.grants.of(person.email)
    )
    sent = "".join(
        f"<tr><td>{each.when:%Y-%m-%d %H:%M:%S}<td>{each.method}<td>{escape(each.to)}"
        f"<td>{escape(each.summary)}</tr>"
        for each in world.mail
        if each.sender == person.email
    )
    faults = ", ".join(f"{name}={value}" for name, value in person.faults.shown().items())
    trouble = f'<p class="wrong">Nothing was changed: {escape(wrong)}</p>' if wrong else ""
    return page(
        person.name,
        f'<p class="note">{escape(person.email)} at the stand-in for Google Calendar; '
        f'<a href="/">all accounts</a></p>{trouble}{calendars}'
        f"<section><h2>Apps with access</h2>{table(granted)}</section>"
        f"<section><h2>Outgoing mail</h2>{table(sent)}</section>"
        f"<section><h2>Misbehaviour</h2><p>{escape(faults) or 'none'}</p></section>",
    )


def _calendar(calendar: Calendar, person: Account, now: datetime) -> str:
    role = calendar.role(person.email)
    forms = f"{address(person.email)}/calendars/{quote(calendar.id, safe='@')}/events"
    events = [each.event for each in calendar.records.values() if not each.is_cancelled]
    if role == "freeBusyReader":
        events = [each for each in events if is_busy(each, calendar)]
    events.sort(key=lambda each: times.span(each, calendar.timezone))
    items: dict[bool, str] = {True: "", False: ""}
    for each in events:
        is_over = agenda.is_over(each, calendar, now)
        items[is_over] += _item(each, calendar, role, (forms, now))
    past, ahead = items[True], items[False]
    return (
        f"<section><h2>{escape(calendar.summary)}</h2>"
        f'<p class="note">{escape(calendar.id)}, {escape(calendar.timezone)}, {role}</p>'
        f"{_new(calendar, forms, now) if role in _EDITORS else ''}"
        f"{f'<ul>{ahead}</ul>' if ahead else '<p>Nothing ahead.</p>'}"
        f"{f'<details><summary>Earlier</summary><ul>{past}</ul></details>' if past else ''}"
        f"</section>"
    )


def _new(calendar: Calendar, forms: str, now: datetime) -> str:
    """Write the form for another event, tomorrow unless one says otherwise."""
    start = now.astimezone(times.zone(calendar.timezone)).replace(tzinfo=None, hour=10, minute=0)
    start += timedelta(days=1)
    first, last = (
        each.isoformat(timespec="minutes") for each in (start, start + timedelta(hours=1))
    )
    often = "".join(
        f'<option value="{value}">{text}</option>'
        for value, text in (("", "never"), ("DAILY", "every day"), ("WEEKLY", "every week"))
    )
    return (
        f'<details open><summary>Add an event</summary><form method="post" action="{forms}" '
        f'class="event">{_fields("", Shown(first, last, all_day=False))}'
        f'<label>Repeats <select name="repeats">{often}</select></label>'
        f'<div><button class="main">Add</button></div></form></details>'
    )


def _item(event: Json, calendar: Calendar, role: str, around: tuple[str, datetime]) -> str:
    forms, now = around
    title = "busy" if role == "freeBusyReader" else event.get("summary", "(No title)")
    more = [
        agenda.repeats(event),
        "free" if event.get("transparency") == "transparent" else "",
        *(() if role == "freeBusyReader" else (agenda.guests(event), event.get("hangoutLink", ""))),
    ]
    notes = "".join(f'<div class="note">{escape(each)}</div>' for each in more if each)
    buttons = _edits(event, calendar, f"{forms}/{event['id']}") if role in _EDITORS else ""
    return (
        f'<li id="{event["id"]}"><b>{escape(title)}</b> {agenda.when(event, calendar, now)}'
        f"{notes}{buttons}</li>"
    )


def _edits(event: Json, calendar: Calendar, action: str) -> str:
    form = f'<form method="post" action="{action}"'
    if agenda.is_invitation(event, calendar):
        mine = invitations.guest(event, calendar.id) or {}
        buttons = "".join(
            f'<button name="action" value="{value}"{chosen}>{text}</button>'
            for value, text in _ANSWERS.items()
            for chosen in (' class="main"' if mine["responseStatus"] == value else "",)
        )
        return f"{form}>Going? {buttons}</form>"
    fields = _fields(event.get("summary", ""), agenda.shown(event, calendar))
    return (
        f'<details><summary>Change</summary>{form} class="event">{fields}'
        f'<div><button class="main" name="action" value="save">Save</button>'
        f'<button name="action" value="delete">Delete</button></div></form></details>'
    )


def _fields(title: str, shown: Shown) -> str:
    ticked = " checked" if shown.all_day else ""
    return (
        f'<label class="wide">Title <input name="title" value="{escape(title)}" required></label>'
        f'<label>Start <input type="datetime-local" name="start" value="{shown.start}" required>'
        f'</label><label>End <input type="datetime-local" name="end" value="{shown.end}" required>'
        f'</label><label><input type="checkbox" name="all_day"{ticked}> All day</label>'
    )
