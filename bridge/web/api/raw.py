"""The calendars of an account before anybody connects it; nothing of it is kept."""

from __future__ import annotations

from flask import Response

from bridge.access import Scope
from bridge.connecting import Crowded, Lent
from bridge.deadline import within
from bridge.errors import (
    AuthorizationExpired,
    BridgeError,
    ConfigError,
    Disposition,
    ProviderError,
)
from bridge.web.api.answers import answer, crowded, provider_problem
from bridge.web.api.calendar_models import RawCalendars, RawRequest
from bridge.web.api.routes import Routes
from bridge.web.context import WebContext
from bridge.web.listed import listed_json
from bridge.web.problem import Problem

_LONGEST = 20.0
"""Seconds in which a provider has to have named all its calendars."""
_SETTINGS = ("server_url", "username", "password")


class RawRoutes:
    """Looking at accounts that no connection has."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add(
            "POST",
            "/calendars/raw",
            self.post_raw_calendars,
            scope=Scope.CONNECTIONS_WRITE,
            answer=RawCalendars,
            reads=True,
        )

    def post_raw_calendars(self, body: RawRequest) -> Response:
        """Calendars of an account before it is connected: what a connection can name.

        By a `refresh_token`, with the `client_id` and `client_secret` that it was given to, or by
        `username` and `password` at a `server_url`. Nothing is stored. What does not work is 422:
        `token_expired` when the provider refuses the token or the login, `invalid_config` when
        something is missing or leads nowhere.
        """
        connecting = self._context.connecting
        if connecting is None:
            raise BridgeError("this process reaches no accounts")
        try:
            with within(_LONGEST):
                found = connecting.raw_calendars(body.provider, _settings(body), _lent(body))
        except Crowded as err:
            raise crowded() from err
        except ConfigError as err:
            raise Problem(422, "invalid_config", f"{err}.") from err
        except ProviderError as err:
            raise _refusal(err) from err
        token = found.refresh_token
        return answer(
            {
                "provider": self._name(body.provider),
                "calendars": [listed_json(info) for info in found.calendars],
                "refresh_token": token.get_secret_value() if token else None,
            }
        )

    def _name(self, provider: str) -> str:
        """Give the name of a kind that was named by it or by a synonym."""
        wanted, listing = provider.strip().lower(), self._context.listing
        kinds = listing.accounts.kinds() if listing else ()
        return next(
            (kind.name for kind, _ in kinds if wanted in (kind.name, *kind.synonyms)), wanted
        )


def _settings(body: RawRequest) -> dict[str, object]:
    given = {name: getattr(body, name) for name in _SETTINGS}
    return {name: value for name, value in given.items() if value is not None}


def _lent(body: RawRequest) -> Lent | None:
    if body.refresh_token is None:
        return None
    return Lent(body.refresh_token, body.client_id or "", body.client_secret)


def _refusal(err: ProviderError) -> Problem:
    """Tell what the caller gave wrong from what is the provider's."""
    if isinstance(err, AuthorizationExpired):
        code = "token_expired"
    elif err.disposition is Disposition.REJECT:
        code = "invalid_config"
    else:
        return provider_problem(err)
    detail = f"{err} ({err.hint})." if err.hint else f"{err}."
    return Problem(422, code, detail, more={"reason": err.code})
