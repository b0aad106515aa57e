"""Pages almost without script: HTML that is written here, and text of others that is escaped."""

from __future__ import annotations

import base64
import hashlib
from html import escape

_STYLE = (
    ":root{color-scheme:light dark;--line:#8884;--quiet:#767676;--own:#1a73e8}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;"
    "overflow-wrap:anywhere}"
    "h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.15rem;margin:0}p{margin:.4rem 0}"
    "a{color:var(--own)}code,.note{font-size:.85rem;color:var(--quiet)}"
    "fieldset,section{border:1px solid var(--line);border-radius:.6rem;margin:1.2rem 0;"
    "padding:.8rem 1rem}legend{padding:0 .4rem;font-weight:600}"
    "ul{list-style:none;margin:0;padding:0}li{border-top:1px solid var(--line);padding:.5rem 0}"
    "li:target{background:#fbbc0433}"
    "fieldset label{display:block;padding:.3rem 0}fieldset code{display:block;margin-left:1.7rem}"
    "input,select,button{font:inherit;padding:.3rem .5rem;max-width:100%;box-sizing:border-box}"
    "button{padding:.3rem 1.1rem;margin:.2rem .5rem .2rem 0;border:1px solid var(--line);"
    "border-radius:.4rem;cursor:pointer}"
    ".main{background:var(--own);border-color:var(--own);color:#fff}"
    ".event{display:grid;grid-template-columns:repeat(auto-fit,minmax(12rem,1fr));gap:.5rem 1rem;"
    "align-items:end;margin:.6rem 0}.event label{display:block}.wide{grid-column:1/-1}"
    ".event input:not([type=checkbox]),.event select{width:100%}"
    "details details{margin-left:1rem}summary{cursor:pointer;color:var(--own)}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem 1rem .2rem 0;"
    "vertical-align:top}"
    "@media(max-width:30rem){tr,td,th{display:block;padding:0}tr{margin:.5rem 0}}"
    ".wrong{border-left:.3rem solid #d93025;padding-left:.8rem}"
)
SUBMIT = "document.forms[0].submit()"
"""The only script: sends on what an application asked to be posted (response_mode=form_post)."""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    f"style-src {_hash(_STYLE)}; script-src {_hash(SUBMIT)}"
)
"""Content-Security-Policy of every page."""


def page(title: str, body: str) -> str:
    """Write an HTML page around what is HTML already."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )


def table(rows: str) -> str:
    """Write a table around rows of HTML."""
    return f"<table>{rows}</table>" if rows else "<p>none</p>"
