"""How owners of Google accounts are asked, and what Google tells of them afterwards.

https://developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.authorizer import Grant, Owner
from bridge.errors import UnreadableAnswer
from bridge.model.http import Http
from bridge.oauth import Consenting, Registration, ask_who
from bridge.providers.google import wire
from bridge.providers.google.settings import GoogleDefaults
from bridge.transport import raise_for_status

_SCOPE = "https://www.googleapis.com/auth"
_PURPOSES = {
    f"{_SCOPE}/calendar.events.readonly": "read events",
    f"{_SCOPE}/calendar.calendarlist.readonly": "read the list of calendars",
    f"{_SCOPE}/calendar.freebusy": "read busy times",
    f"{_SCOPE}/calendar.events.freebusy": "read busy times",
    f"{_SCOPE}/calendar.events": "read and write events",
    f"{_SCOPE}/calendar.events.owned": "read and write events of own calendars",
    f"{_SCOPE}/calendar": "read and write everything",
}
_READ_ALL = frozenset({f"{_SCOPE}/calendar", f"{_SCOPE}/calendar.readonly"})
_COVERED_BY = {
    f"{_SCOPE}/calendar.events.readonly": _READ_ALL | {f"{_SCOPE}/calendar.events"},
    f"{_SCOPE}/calendar.calendarlist.readonly": _READ_ALL | {f"{_SCOPE}/calendar.calendarlist"},
    f"{_SCOPE}/calendar.freebusy": _READ_ALL | {f"{_SCOPE}/calendar.events.freebusy"},
    f"{_SCOPE}/calendar.events.freebusy": _READ_ALL | {f"{_SCOPE}/calendar.events"},
    f"{_SCOPE}/calendar.events": {f"{_SCOPE}/calendar"},
    f"{_SCOPE}/calendar.events.owned": {f"{_SCOPE}/calendar.events", f"{_SCOPE}/calendar"},
}
"""Scope -> others that permit the same and more, by the `scopes` of each method at
https://developers.google.com/workspace/calendar/api/v3/reference"""
_PARAMETERS = {
    "access_type": "offline",  # else there is no refresh token
    "prompt": "consent",  # else there is none the second time
}


@dataclass(frozen=True, slots=True)
class GoogleConsent(Consenting):
    """Implements `bridge.provider.Authorizer`, and refreshes."""

    http: Http
    defaults: GoogleDefaults
    wanted: Sequence[str]
    """Scopes that a consent has to cover."""

    @property
    def scopes(self) -> Mapping[str, str]:
        """See `Authorizer`."""
        return {each: _PURPOSES.get(each, each) for each in self.wanted}

    def lacks(self, granted: Sequence[str]) -> Sequence[str]:
        """See `Authorizer`; an application of somebody else asks with other scopes."""
        has = frozenset(granted)
        missing = [
            purpose
            for scope, purpose in self.scopes.items()
            if scope not in has and has.isdisjoint(_COVERED_BY.get(scope, ()))
        ]
        return list(dict.fromkeys(missing))

    @property
    def is_registered(self) -> bool:
        """See `Authorizer`."""
        return bool(self.defaults.client_id)

    def url(self, redirect_url: str, state: str, verifier: str, hint: str = "") -> str:
        """See `Authorizer`."""
        return self.flow.url(tuple(self.wanted), redirect_url, state, verifier, hint)

    def revoke(self, grant: Grant) -> None:
        """See `Authorizer`; either token ends the whole grant."""
        self.flow.revoke(grant)

    def identify(self, grant: Grant) -> Owner:
        """See `Authorizer`; the id of the primary calendar is the account's address.

        https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/get
        """
        what = "the account"
        response = ask_who(
            self.http, grant, f"{self.defaults.api_url}/users/me/calendarList/primary"
        )
        raise_for_status(response, what=what)
        try:
            address = wire.read(response.body, wire.Calendar).id
        except wire.NotThatShape:
            address = ""
        if not address:
            raise UnreadableAnswer(f"{what}: Google does not say whose it is")
        return Owner(subject=address.lower(), email=address)

    @property
    def registration(self) -> Registration:
        """See `Consenting`."""
        defaults = self.defaults
        return Registration(
            title="Google Calendar",
            section="providers.google",
            authorize_url=defaults.authorize_url,
            token_url=defaults.token_url,
            revoke_url=defaults.revoke_url,
            client_id=defaults.client_id,
            client_secret=defaults.client_secret,
            parameters=_PARAMETERS,
        )
