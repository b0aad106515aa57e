"""What owners of accounts see in a browser: the connect page, and what came of it."""

from __future__ import annotations

from bridge.web.consent.oauth import OAuth
from bridge.web.consent.page import ConnectPage

__all__ = ["ConnectPage", "OAuth"]
