"""Pages: HTML that is written here, and text of others that is escaped; one runs a script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlsplit

from bridge.web.exchange import Headers, Reply

_STYLE = (
    ":root{color-scheme:light dark;--line:#8884;--quiet:#767676;--own:#0b6b50}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:2rem auto;padding:0 1rem;"
    "overflow-wrap:anywhere}h1{font-size:1.7rem;line-height:1.25;margin:.5rem 0 1rem}"
    "ul{list-style:none;padding:0;border-bottom:1px solid var(--line)}"
    "li{border-top:1px solid var(--line);padding:1rem 0}form{display:inline}p{margin:.3rem 0}"
    "button{font:inherit;padding:.35rem 1.2rem;margin-top:.3rem;border:1px solid var(--line);"
    "border-radius:.4rem;cursor:pointer}"
    ".new{background:var(--own);border-color:var(--own);color:#fff}.note{color:var(--quiet)}"
)
# No form-action: browsers hold the provider's page to it, to which a form of ours leads.
_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src "
_SCRIPT = (
    'const it=document.getElementById("outcome").dataset;'
    "if(window.opener)window.opener.postMessage(JSON.parse(it.message),it.origin);"
    "window.close()"
)
"""Tells the page that opened this one, if it is of that origin, and no other."""


def page(
    status: int,
    title: str,
    body: str,
    headers: Sequence[tuple[str, str]] = (),
    *,
    script: str = "",
) -> Reply:
    """Make an answer around what is HTML already."""
    policy = _POLICY + _hash(_STYLE)
    if script:
        body += f"<script>{script}</script>"
        policy += f"; script-src {_hash(script)}"
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    given: Headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", policy),
        *headers,
    ]
    return Reply(status, given, text.encode())


def said(status: int, title: str, *lines: str, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """Make an answer of plain sentences."""
    return page(status, title, "".join(f"<p>{escape(each)}</p>" for each in lines if each), headers)


def told(
    url: str, outcome: Mapping[str, str], status: int, title: str, lines: Sequence[str]
) -> Reply:
    """Make a page in a window of its own, which tells the one that opened it, and closes itself.

    Args:
        url: of the application's page; only its origin is told.
        outcome: as a redirect would have it.
        status: of the answer.
        title: for people, when the window stays.
        lines: sentences for them.
    """
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    message = dict(outcome) | {"type": "calendar-connected", "success": "success" in outcome}
    text = "".join(f"<p>{escape(each)}</p>" for each in lines if each)
    data = f'data-origin="{escape(origin)}" data-message="{escape(json.dumps(message))}"'
    return page(status, title, f'{text}<div id="outcome" {data}></div>', script=_SCRIPT)


def not_good() -> Reply:
    """Say that a link is not good; the same whatever the reason."""
    return said(
        404,
        "This link is not good",
        "It may have ended, or was used in another browser. Ask for a new one.",
    )


def _hash(text: str) -> str:
    """Name a text for a Content-Security-Policy: it is the only one that is obeyed."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
