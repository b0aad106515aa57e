"""The page on which the owner of calendars connects accounts: `/connect/{token}`."""

from __future__ import annotations

import re
from html import escape

from bridge.config.live import Live
from bridge.config.plan import ConnectionPlan, plan
from bridge.connecting import Connecting, Invitations
from bridge.errors import ConfigError
from bridge.model.resource import ConnectionStatus
from bridge.store.connections import ConnectionRow
from bridge.web.consent.browser import Browser
from bridge.web.consent.html import not_good, page
from bridge.web.exchange import Reply, Request

_PATH = re.compile(r"/connect/([a-z2-7]{1,100})")
_STATES = {
    ConnectionStatus.PENDING: "not connected yet",
    ConnectionStatus.ACTIVE: "connected",
    ConnectionStatus.ERROR: "does not work",
    ConnectionStatus.TOKEN_EXPIRED: "the permission has ended",
    ConnectionStatus.PAUSED: "paused",
    ConnectionStatus.DISCONNECTED: "disconnected",
}
_NEW = (ConnectionStatus.PENDING, ConnectionStatus.DISCONNECTED)


class ConnectPage:
    """Answers GET and HEAD below `/connect`; to look at a link does not use it up."""

    def __init__(self, connecting: Connecting, invitations: Invitations, live: Live) -> None:
        self._connecting = connecting
        self._invitations = invitations
        self._live = live

    def answer(self, request: Request) -> Reply:
        """Show the accounts of the link's resource, each with its state and a button."""
        match = _PATH.fullmatch(request.path)
        browser = Browser.of(request, self._live.current).known()
        found = self._invitations.look(match[1], browser.secret) if match else None
        if match is None or found is None:
            return not_good()
        link, rows = found
        names = {each.id: each.name for each, _ in plan(self._live.current)}
        items = "".join(self._item(request.prefix, match[1], row) for row in rows)
        body = (
            "<p>Connect the accounts whose events count as busy. BusyBridge sees what you permit "
            f"on the next page, and nothing else.</p><ul>{items}</ul>"
            if items
            else "<p>There is no account to connect.</p>"
        )
        name = names.get(link.resource_id, link.resource_id)
        return page(200, f"Accounts of {name}", body, [browser.cookie()])

    def _item(self, prefix: str, token: str, row: ConnectionRow) -> str:
        try:
            title, is_asked = self._connecting.offer(row.id)
        except ConfigError:  # a reload is taking it away
            return ""
        wanted = ConnectionPlan.model_validate_json(row.plan)
        address = f" ({wanted.account_email})" if wanted.account_email else ""
        state = _STATES[row.status]
        hint = f'<p class="note">{escape(row.error_hint)}</p>' if row.error_hint else ""
        button = ""
        if is_asked:
            is_new = row.status in _NEW
            label = '<button class="new">Connect' if is_new else "<button>Connect again"
            button = (
                f'<form method="post" action="{escape(prefix)}/oauth/{row.provider}/start">'
                f'<input type="hidden" name="token" value="{escape(token)}">'
                f'<input type="hidden" name="connection" value="{escape(row.id)}">'
                f"{label}</button></form>"
            )
        return (
            f"<li><p><b>{escape(wanted.name)}</b>: {escape(title + address)}, {state}</p>"
            f"{hint}{button}</li>"
        )
