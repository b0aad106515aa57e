"""Who asks, and what they may see: logins, app passwords, API keys, feed tokens, and one decision.

Everything that serves asks `Gate` who it is and `authorize` (or `projection`) what may be seen.
"""

from bridge.access.gate import Gate
from bridge.access.principal import (
    Principal,
    PrincipalKind,
    Scope,
    authorize,
    calendar_name,
    feed_principal,
    listed,
    projection,
    public,
)

__all__ = [
    "Gate",
    "Principal",
    "PrincipalKind",
    "Scope",
    "authorize",
    "calendar_name",
    "feed_principal",
    "listed",
    "projection",
    "public",
]
