"""Plain pages."""

from __future__ import annotations

from html import escape

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


def table(rows: str) -> str:
    """Write a table around rows of HTML."""
    return f"<table>{rows}</table>" if rows else "<p>none</p>"
