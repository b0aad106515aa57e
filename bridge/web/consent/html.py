"""Pages without script: HTML that is written here, and text of others that is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

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
_POLICY = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)


def page(status: int, title: str, body: str, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """Make an answer around what is HTML already."""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    given: Headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", _POLICY),
        *headers,
    ]
    return Reply(status, given, text.encode())


def said(status: int, title: str, *lines: str, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """Make an answer of plain sentences."""
    return page(status, title, "".join(f"<p>{escape(each)}</p>" for each in lines if each), headers)


def not_good() -> Reply:
    """Say that a link is not good; the same whatever the reason."""
    return said(
        404,
        "This link is not good",
        "It may have ended, or was used in another browser. Ask for a new one.",
    )
