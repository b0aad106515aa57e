"""The consent page: who are you, and what do you allow?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from bridge.sandbox.world import Account

SCOPES: Mapping[str, str] = {
    "openid": "Associate you with your personal info on Google",
    "email": "See your primary Google Account email address",
    "profile": "See your personal info",
    "https://www.googleapis.com/auth/userinfo.email": "See your email address",
    "https://www.googleapis.com/auth/userinfo.profile": "See your personal info",
}
"""Scopes beside those of the calendar."""
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:3em auto;padding:0 1em}"
    "fieldset{border:1px solid #ccc;border-radius:8px;margin:1em 0}label{display:block}"
    "button{font:inherit;padding:.4em 1.5em;margin-right:1em}code{background:#eee}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2em .8em;"
    "border-bottom:1px solid #ddd;vertical-align:top}"
)


def page(title: str, body: str) -> str:
    """Write an HTML page around what is HTML already."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )


def form(client: str, accounts: Iterable[Account], hint: str, scopes: Iterable[str]) -> str:
    """Write the form; it is sent to its own address."""
    people = list(accounts)
    chosen = hint if any(each.email == hint for each in people) else ""
    chosen = chosen or (people[0].email if people else "")
    radios = "".join(
        f'<label><input type="radio" name="account" value="{escape(each.email)}"'
        f"{' checked' if each.email == chosen else ''}> {escape(each.name)} "
        f"&lt;{escape(each.email)}&gt;</label>"
        for each in people
    )
    boxes = "".join(
        f'<label><input type="checkbox" name="scope" value="{escape(scope)}" checked> '
        f"{escape(SCOPES.get(scope, 'Calendar'))} <code>{escape(scope)}</code></label>"
        for scope in scopes
    )
    return page(
        "Sign in with the sandbox",
        f"<p>This is a stand-in for Google. Nothing here is real.</p>"
        f"<p><b>{escape(client)}</b> wants to access your account.</p>"
        f'<form method="post"><fieldset><legend>Choose an account</legend>{radios}</fieldset>'
        f"<fieldset><legend>Select what it can access</legend>{boxes}</fieldset>"
        f'<button name="decision" value="allow">Allow</button>'
        f'<button name="decision" value="deny">Deny</button></form>',
    )


def refusal(error: str, text: str) -> str:
    """Write the page for a request that no client may have answered."""
    return page("Access blocked", f"<p>{escape(text)}</p><p>Error 400: {escape(error)}</p>")
