"""Plain pages to look at: who is at Microsoft, what is in the calendars, what was allowed."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from bridge.sandbox.html import page, table
from bridge.sandbox.microsoft.mailbox import Calendar, Item, Mailbox
from bridge.sandbox.microsoft.recurrence import DAYS
from bridge.sandbox.microsoft.server import Microsoft
from bridge.sandbox.microsoft.times import Json


def section(microsoft: Microsoft, url: str) -> str:
    """List the accounts, and say how to use them."""
    people = "".join(
        f'<li><a href="/microsoft/accounts/{quote(each.email, safe="@")}">{escape(each.name)} '
        f"&lt;{escape(each.email)}&gt;</a></li>"
        for each in microsoft.directory.mailboxes.values()
    )
    clients = "".join(
        f"<tr><td><code>{escape(each.id)}</code><td><code>{escape(' '.join(each.secrets))}</code>"
        f"<td>{'any loopback' if each.is_loopback else ''} "
        f"{escape(' '.join(each.redirect_uris))}</tr>"
        for each in microsoft.grants.clients.values()
    )
    tenants = "".join(
        f"<tr><td>{escape(each.name)}<td>{escape(each.domain)}<td><code>{each.id}</code></tr>"
        for each in microsoft.directory.tenants.values()
    )
    return (
        f"<h2>Microsoft accounts</h2><ul>{people}</ul>"
        f"<h2>Microsoft tenants</h2>{table(tenants)}"
        f"<h2>Microsoft clients</h2><table><tr><th>client_id<th>client_secret<th>redirect URIs"
        f"</tr>{clients}</table>"
        f"<h2>Microsoft endpoints</h2><table>"
        f"<tr><td>Graph<td><code>{url}/v1.0/</code></tr>"
        f"<tr><td>authority<td><code>{url}/common</code></tr>"
        f"<tr><td>device codes<td><code>{url}/devicelogin</code></tr></table>"
        f'<p>It misbehaves on command: <a href="/sandbox/microsoft/faults">this is how</a>.</p>'
    )


def account(microsoft: Microsoft, box: Mailbox) -> str:
    """Show one account."""
    calendars = "".join(_calendar(each) for each in box.calendars.values())
    grants = microsoft.grants
    granted = "".join(
        f"<tr><td>{escape(grants.clients[client].name)}"
        f"<td><code>{escape(' '.join(sorted(scopes)))}</code></tr>"
        for (user, client), scopes in grants.consents.items()
        if user == box.id
    )
    subscribed = "".join(
        f"<tr><td>{escape(each.resource)}<td>{escape(each.url)}<td>{each.expires:%Y-%m-%d %H:%M}"
        for each in microsoft.push.of(box)
    )
    sent = "".join(
        f"<tr><td>{each.when:%Y-%m-%d %H:%M:%S}<td>{each.method}<td>{escape(each.to)}"
        f"<td>{escape(each.summary)}</tr>"
        for each in microsoft.world.mail
        if each.sender == box.email
    )
    faults = ", ".join(f"{name}={value}" for name, value in box.faults.shown().items())
    return page(
        f"{box.name} <{box.email}>",
        f'<p><a href="/">all accounts</a></p>{calendars}'
        f"<h2>Apps with access</h2>{table(granted)}"
        f"<h2>Subscriptions</h2>{table(subscribed)}"
        f"<h2>Outgoing mail</h2>{table(sent)}"
        f"<h2>Misbehaviour</h2><p>{escape(faults) or 'none'}</p>",
    )


def _calendar(calendar: Calendar) -> str:
    items = sorted(calendar.items.values(), key=lambda each: each.event["start"]["dateTime"])
    rows = "".join(_row(each) for each in items)
    name, identity = escape(calendar.name), escape(calendar.id)
    return f"<h2>{name}</h2><p><code>{identity}</code></p>{table(rows)}"


def _row(item: Item) -> str:
    event = item.event
    guests = (
        f"{each['emailAddress']['address']}: {each['status']['response']}"
        for each in event["attendees"]
    )
    link = (event.get("onlineMeeting") or {}).get("joinUrl")
    more = [*_rule(item), *guests, *([link] if link else [])]
    start = event["start"]["dateTime"][: 10 if event["isAllDay"] else 16]
    return (
        f"<tr><td>{escape(start)} {escape(event['start']['timeZone'])}"
        f"<td>{escape(event['subject'] or '(No title)')}<td>{escape(event['showAs'])}"
        f"<td>{'<br>'.join(map(escape, more))}</tr>"
    )


def _rule(item: Item) -> list[str]:
    rule: Json | None = item.event.get("recurrence")
    if rule is None:
        return []
    pattern = rule["pattern"]
    days = ", ".join(each for each in DAYS if each in pattern.get("daysOfWeek", []))
    exceptions = len(item.overrides) + len(item.cancelled)
    return [f"{pattern['type']}, every {pattern['interval']} {days}".strip(),
            *([f"{exceptions} exceptions"] if exceptions else [])]  # fmt: skip
