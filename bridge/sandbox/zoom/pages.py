"""Plain pages to look at: who is at Zoom, which meetings there are, what was allowed."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from bridge.sandbox.html import page, table
from bridge.sandbox.zoom import times
from bridge.sandbox.zoom.directory import SERIES, TIMELESS, Deed, Meeting, User
from bridge.sandbox.zoom.server import Zoom
from bridge.sandbox.zoom.shown import join_url

_OFTEN = {1: "day", 2: "week", 3: "month"}
_LATEST = 50


def section(zoom: Zoom, url: str) -> str:
    """List the accounts, and say how to use them."""
    people = "".join(
        f'<li><a href="/zoom/accounts/{quote(each.email, safe="@")}">{escape(each.name)}</a> '
        f'<span class="note">{escape(each.email)}</span></li>'
        for each in zoom.directory.users.values()
    )
    clients = "".join(
        f"<tr><td><code>{escape(each.id)}</code><td><code>{escape(each.secret)}</code>"
        f"<td><code>{escape(each.account)}</code>"
        f"<td>{'any loopback' if each.is_loopback else ''} "
        f"{escape(' '.join(each.redirect_uris))}</tr>"
        for each in zoom.grants.clients.values()
    )
    return (
        f"<section><h2>Zoom accounts</h2><ul>{people}</ul></section>"
        f"<section><h2>Zoom clients</h2><table>"
        f"<tr><th>client_id<th>client_secret<th>account_id<th>redirect URIs</tr>"
        f"{clients}</table></section>"
        f"<section><h2>Zoom endpoints</h2><table>"
        f"<tr><td>API<td><code>{url}/v2</code></tr>"
        f"<tr><td>authorise<td><code>{url}/oauth/authorize</code></tr>"
        f"<tr><td>token<td><code>{url}/oauth/token</code></tr>"
        f"<tr><td>revoke<td><code>{url}/oauth/revoke</code></tr></table></section>"
        f'<p>It misbehaves on command: <a href="/sandbox/zoom/faults">this is how</a>.</p>'
    )


def account(zoom: Zoom, user: User) -> str:
    """Show one account."""
    every = sorted(user.meetings.values(), key=lambda each: each.start or each.created)
    meetings = "".join(map(_meeting, every))
    granted = "".join(
        f"<tr><td>{escape(zoom.grants.clients[each.client].name)}"
        f"<td><code>{escape(' '.join(each.scopes))}</code></tr>"
        for each in zoom.grants.of(user)
    )
    deeds = "".join(map(_deed, reversed(user.deeds[-_LATEST:])))
    faults = ", ".join(f"{name}={value}" for name, value in user.faults.shown().items())
    return page(
        user.name,
        f'<p class="note">{escape(user.email)} at the stand-in for Zoom; '
        f'<a href="/">all accounts</a></p>'
        f"<section><h2>Meetings</h2>{f'<ul>{meetings}</ul>' if meetings else '<p>none</p>'}"
        f"</section>"
        f"<section><h2>Apps with access</h2>{table(granted)}</section>"
        f"<section><h2>What was done</h2>{table(deeds)}</section>"
        f"<section><h2>Misbehaviour</h2><p>{escape(faults) or 'none'}</p></section>",
    )


def _meeting(each: Meeting) -> str:
    settings = [name for name in ("join_before_host", "mute_upon_entry", "waiting_room")
                if each.settings[name]]  # fmt: skip
    if each.settings["auto_recording"] != "none":
        settings.append(f"auto_recording: {each.settings['auto_recording']}")
    notes = [
        f"meeting ID {each.id}, passcode {each.password}",
        join_url(each),
        _repeats(each),
        ", ".join(settings),
        each.agenda,
    ]
    lines = "".join(f'<div class="note">{escape(text)}</div>' for text in notes if text)
    return f'<li id="{each.id}"><b>{escape(each.topic)}</b> {escape(_when(each))}{lines}</li>'


def _when(each: Meeting) -> str:
    if each.type == TIMELESS:
        return "at any time"
    start = (each.start or each.created).astimezone(times.zone(each.timezone))
    return f"{start:%a} {start.day} {start:%b %Y, %H:%M} {each.timezone}, {each.duration} min"


def _repeats(each: Meeting) -> str:
    if each.type != SERIES or each.recurrence is None:
        return ""
    interval, often = each.recurrence["repeat_interval"], _OFTEN[each.recurrence["type"]]
    every = f"every {often}" if interval == 1 else f"every {interval} {often}s"
    left = [one for one in each.occurrences if not one.is_deleted]
    return f"{every}, {len(left)} times"


def _deed(each: Deed) -> str:
    return (
        f"<tr><td>{each.when:%Y-%m-%d %H:%M:%S}<td>{each.kind}<td>{each.meeting} "
        f"{escape(each.occurrence)}<td>{escape(each.client or 'by hand')}</tr>"
    )
