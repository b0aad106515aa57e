"""The ways to the admin, as the settings in force want them."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.app.outlet import Outlet, make_mail_transport
from bridge.config.settings import Outbound, Settings
from bridge.notify import Way, make_ways
from bridge.transport.smtp import MailTransport


class Ways:
    """Makes ways; what mail goes through is made when it is first needed, and after a change."""

    def __init__(self, http: Outlet) -> None:
        self._http = http
        self._made: tuple[Outbound, MailTransport] | None = None

    def __call__(self, settings: Settings) -> Sequence[Way]:
        """Give the ways of settings.

        Raises:
            ConfigError: `outbound.ca_file` cannot be used.
        """
        return make_ways(settings.notify, lambda: self._mail(settings.outbound), self._http)

    def _mail(self, outbound: Outbound) -> MailTransport:
        if self._made is None or self._made[0] != outbound:
            self._made = (outbound, make_mail_transport(outbound))
        return self._made[1]
