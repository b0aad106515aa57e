"""The section `auth.oauth`."""

from __future__ import annotations

from pydantic import Field

from bridge.config.section import Section, written
from bridge.config.values import Duration, RedirectUrl


class OAuth(Section):
    """Accounts that their owners connect in a browser."""

    allowed_redirects: tuple[RedirectUrl, ...] = Field(
        default=(),
        description="where applications may have owners sent afterwards; compared letter by letter",
        examples=[["https://app.example.com/calendar/callback"]],
    )
    state_ttl: Duration = written("10m", "time that an owner has to agree", least="1m", most="1h")
    link_ttl: Duration = written(
        "7d", "time for which a link to the connect page is good", least="1m", most="90d"
    )
