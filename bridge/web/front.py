"""What a person sees who opens the server's address in a browser.

The address is CalDAV's, too: clients ask it with PROPFIND, or with a login. Nobody but a browser
that has not logged in gets this page.
"""

from __future__ import annotations

from html import escape

from bridge.config.live import Live
from bridge.web.consent.html import page
from bridge.web.exchange import Reply, Request


def is_visit(request: Request) -> bool:
    """Tell whether somebody looks at the address in a browser."""
    return (
        request.path == "/"
        and request.method in ("GET", "HEAD")
        and request.header("Authorization") is None
        and "text/html" in (request.header("Accept") or "")
    )


class Front:
    """Says what this is, and where to go; the same to everybody."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def answer(self, request: Request) -> Reply:
        """Answer a visit."""
        address = escape(self._live.current.server.public_url)
        here = escape(request.prefix)
        body = (
            "<p>This server publishes when people and rooms are busy.</p><ul>"
            f"<li><b>In a calendar program:</b> add a CalDAV account with the address {address}/, "
            "your login and an app password. Whoever runs this server makes both.</li>"
            f'<li><b>For programs:</b> the <a href="{here}/api/v1/docs">HTTP API</a>.</li>'
            f'<li><b>Is it up?</b> <a href="{here}/readyz">readyz</a> says so, and '
            "<code>busybridge status</code> on the server says more.</li></ul>"
        )
        return page(200, "BusyBridge", body, [("Vary", "Accept, Authorization")])
