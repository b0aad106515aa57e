"""The pages of Entra: who are you, what do you allow, and why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from bridge.sandbox.html import SUBMIT, page
from bridge.sandbox.microsoft.mailbox import Mailbox

SCOPES: Mapping[str, str] = {
    "openid": "Sign you in",
    "profile": "View your basic profile",
    "email": "View your email address",
    "offline_access": "Maintain access to data you have given it access to",
    "user.read": "Sign you in and read your profile",
    "user.readbasic.all": "Read all users' basic profiles",
    "user.read.all": "Read all users' full profiles",
    "calendars.read": "Read your calendars",
    "calendars.readbasic": "Read basic details of your calendars",
    "calendars.readwrite": "Have full access to your calendars",
    "calendars.read.shared": "Read calendars you can access",
    "calendars.readwrite.shared": "Read and write to your and shared calendars",
    "mailboxsettings.read": "Read your mailbox settings",
    "onlinemeetings.readwrite": "Read and create your online meetings",
}
"""What can be asked for, in lower case."""


def form(client: str, people: Iterable[Mailbox], hint: str, scopes: Iterable[str]) -> str:
    """Write the form; it is sent to its own address."""
    everybody = list(people)
    chosen = hint.lower() if any(each.email.lower() == hint.lower() for each in everybody) else ""
    chosen = chosen or (everybody[0].email.lower() if everybody else "")
    radios = "".join(
        f'<label><input type="radio" name="account" value="{escape(each.email)}"'
        f"{' checked' if each.email.lower() == chosen else ''}> {escape(each.name)} "
        f"&lt;{escape(each.email)}&gt;</label>"
        for each in everybody
    )
    wanted = "".join(
        f"<li>{escape(SCOPES.get(each.lower(), each))} <code>{escape(each)}</code></li>"
        for each in scopes
    )
    return page(
        "Sign in with the sandbox",
        f"<p>This is a stand-in for Microsoft. Nothing here is real.</p>"
        f'<form method="post"><fieldset><legend>Pick an account</legend>{radios}</fieldset>'
        f"<p><b>{escape(client)}</b> would like to:</p><ul>{wanted}</ul>"
        f'<button name="decision" value="allow">Accept</button>'
        f'<button name="decision" value="deny">Cancel</button></form>',
    )


def approval(client: str, account: str, back: str) -> str:
    """Write the page for users who may not let programs in themselves."""
    return page(
        "Need admin approval",
        f"<p><b>{escape(client)}</b> needs permission to access resources in your organization "
        f"that only an admin can grant.</p>"
        f'<form method="post"><input type="hidden" name="account" value="{escape(account)}">'
        f'<button name="decision" value="admin">Approve as the administrator</button></form>'
        f'<p><a href="{escape(back)}">Return to the application without granting consent</a></p>',
    )


def device(client: str, code: str, people: Iterable[Mailbox]) -> str:
    """Write the page where a code from another device is entered."""
    radios = "".join(
        f'<label><input type="radio" name="account" value="{escape(each.email)}"> '
        f"{escape(each.name)} &lt;{escape(each.email)}&gt;</label>"
        for each in people
    )
    who = f"<p><b>{escape(client)}</b> wants you to sign in.</p>" if client else ""
    return page(
        "Enter code",
        f'{who}<form method="post"><label>Code <input name="user_code" value="{escape(code)}">'
        f"</label><fieldset><legend>Pick an account</legend>{radios}</fieldset>"
        f'<button name="decision" value="allow">Continue</button>'
        f'<button name="decision" value="deny">Cancel</button></form>',
    )


def consent(client: str, tenant: str, scopes: Iterable[str]) -> str:
    """Write the page where an administrator lets a program in for everybody."""
    wanted = "".join(f"<li><code>{escape(each)}</code></li>" for each in scopes)
    return page(
        "Permissions requested: review for your organization",
        f"<p><b>{escape(client)}</b> in {escape(tenant)}:</p><ul>{wanted}</ul>"
        f'<form method="post"><button name="decision" value="allow">Accept</button>'
        f'<button name="decision" value="deny">Cancel</button></form>',
    )


def refused(title: str, number: int, text: str) -> str:
    """Write the page of an error that no program gets to see."""
    return page(title, f"<p>AADSTS{number}: {escape(text)}</p>")


def posting(target: str, fields: Mapping[str, str]) -> str:
    """Write the page that sends an answer by POST: response_mode=form_post."""
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return page(
        "Working…",
        f'<form method="post" action="{escape(target)}">{inputs}'
        f"<button>Continue</button></form><script>{SUBMIT}</script>",
    )
