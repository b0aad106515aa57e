"""Access tokens: kept encrypted, refreshed once for all who need them, given to adapters."""

from __future__ import annotations

from bridge.tokens.assumed import Assumed
from bridge.tokens.authorized import Authorized
from bridge.tokens.tokens import OAUTH, Tokens

__all__ = ["OAUTH", "Assumed", "Authorized", "Tokens"]
