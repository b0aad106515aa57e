"""Plain pages to look at: who is there, what is in the calendars, what was allowed and sent."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from bridge.sandbox.google.consent import page
from bridge.sandbox.google.server import Google
from bridge.sandbox.google.times import Json
from bridge.sandbox.world import Account, Calendar


def index(google: Google, url: str) -> str:
    """List the accounts, and say how to use them."""
    people = "".join(
        f'<li><a href="/accounts/{quote(each.email, safe="@")}">{escape(each.name)} '
        f"&lt;{escape(each.email)}&gt;</a></li>"
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
        f"<p>A stand-in for Google Calendar. Everything is in memory and nothing is real.</p>"
        f"<h2>Accounts</h2><ul>{people}</ul>"
        f"<h2>Clients</h2><table><tr><th>client_id<th>client_secret<th>redirect URIs</tr>"
        f"{clients}</table>"
        f"<h2>Endpoints</h2><table>"
        f"<tr><td>API<td><code>{url}/calendar/v3/</code></tr>"
        f"<tr><td>authorise<td><code>{url}/o/oauth2/v2/auth</code></tr>"
        f"<tr><td>token<td><code>{url}/token</code></tr>"
        f"<tr><td>revoke<td><code>{url}/revoke</code></tr></table>"
        f'<p>It misbehaves on command: <a href="/sandbox/faults">this is how</a>.</p>',
    )


def account(google: Google, person: Account) -> str:
    """Show one account."""
    world = google.world
    seen = [world.calendars[each.calendar] for each in person.entries.values() if not each.deleted]
    calendars = "".join(_calendar(each, each.role(person.email)) for each in seen)
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
    return page(
        f"{person.name} <{person.email}>",
        f'<p><a href="/">all accounts</a></p>{calendars}'
        f"<h2>Apps with access</h2>{_table(granted)}"
        f"<h2>Outgoing mail</h2>{_table(sent)}"
        f"<h2>Misbehaviour</h2><p>{escape(faults) or 'none'}</p>",
    )


def _calendar(calendar: Calendar, role: str) -> str:
    events = [each.event for each in calendar.records.values() if not each.is_cancelled]
    rows = "".join(_row(each) for each in sorted(events, key=_start))
    return (
        f"<h2>{escape(calendar.summary)}</h2><p><code>{escape(calendar.id)}</code>, "
        f"{escape(calendar.timezone)}, {role}</p>{_table(rows)}"
    )


def _row(event: Json) -> str:
    more: Iterable[str] = (
        *event.get("recurrence", []),
        *(f"{each['email']}: {each['responseStatus']}" for each in event.get("attendees", [])),
        *([event["hangoutLink"]] if "hangoutLink" in event else []),
    )
    title = escape(event.get("summary", "(No title)"))
    return (
        f"<tr><td>{escape(_start(event))}<td>{title}<td>{'<br>'.join(map(escape, more))}"
        f"<td><code>{escape(event['id'])}</code></tr>"
    )


def _start(event: Json) -> str:
    return str(event["start"].get("dateTime") or event["start"]["date"])


def _table(rows: str) -> str:
    return f"<table>{rows}</table>" if rows else "<p>none</p>"
