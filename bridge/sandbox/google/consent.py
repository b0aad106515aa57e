"""The consent page: who are you, and what do you allow?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from bridge.sandbox.html import page
from bridge.sandbox.world import Account

_AUTH = "https://www.googleapis.com/auth"

SCOPES: Mapping[str, str] = {
    "openid": "Associate you with your personal info on Google",
    "email": "See your primary Google Account email address",
    "profile": "See your personal info",
    "https://www.googleapis.com/auth/userinfo.email": "See your email address",
    "https://www.googleapis.com/auth/userinfo.profile": "See your personal info",
}
"""Scopes beside those of the calendar."""
_CALENDAR: Mapping[str, str] = {
    "calendar": "See, edit, share, and permanently delete all your calendars",
    "calendar.readonly": "See and download any calendar you can access",
    "calendar.events": "View and edit events on all your calendars",
    "calendar.events.readonly": "View events on all your calendars",
    "calendar.calendarlist": "See, add, and remove calendars you are subscribed to",
    "calendar.calendarlist.readonly": "See the list of calendars you are subscribed to",
    "calendar.freebusy": "View your availability in your calendars",
}


def form(client: str, accounts: Iterable[Account], hint: str, scopes: Iterable[str]) -> str:
    """Write the form; it is sent to its own address."""
    people = list(accounts)
    chosen = hint if any(each.email == hint for each in people) else ""
    chosen = chosen or (people[0].email if people else "")
    radios = "".join(
        f'<label><input type="radio" name="account" value="{escape(each.email)}"'
        f"{' checked' if each.email == chosen else ''}> {escape(each.name)} "
        f"<code>{escape(each.email)}</code></label>"
        for each in people
    )
    boxes = "".join(
        f'<label><input type="checkbox" name="scope" value="{escape(scope)}" checked> '
        f"{escape(_meaning(scope))} <code>{escape(scope)}</code></label>"
        for scope in scopes
    )
    return page(
        "Sign in with the sandbox",
        f"<p>This is a stand-in for Google. Nothing here is real.</p>"
        f"<p><b>{escape(client)}</b> wants to access your account.</p>"
        f'<form method="post"><fieldset><legend>Choose an account</legend>{radios}</fieldset>'
        f"<fieldset><legend>Select what it can access</legend>{boxes}</fieldset>"
        f'<button class="main" name="decision" value="allow">Allow</button>'
        f'<button name="decision" value="deny">Deny</button></form>',
    )


def _meaning(scope: str) -> str:
    return SCOPES.get(scope) or _CALENDAR.get(scope.removeprefix(f"{_AUTH}/"), "Calendar")


def refusal(error: str, text: str) -> str:
    """Write the page for a request that no client may have answered."""
    return page("Access blocked", f"<p>{escape(text)}</p><p>Error 400: {escape(error)}</p>")
