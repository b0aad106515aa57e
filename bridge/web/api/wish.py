"""A connection that a program wants, on its way into the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bridge.amending import Draft
from bridge.config.plan import ConnectionPlan, plan
from bridge.config.settings import Settings
from bridge.config.supplements import Supplement
from bridge.connecting import Connecting, Crowded
from bridge.errors import AccountMismatch, AlreadyConnected, Disposition, ProviderError
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import CalendarInfo, ProviderKind
from bridge.store.connections import ConnectionRow
from bridge.store.resources import Owner
from bridge.web.api import choosing
from bridge.web.api.answers import crowded, provider_problem
from bridge.web.api.settable import SECRET, ConnectionKeys, ConnectionWish
from bridge.web.problem import Problem

ACCOUNT = ("server_url", "username", "url")
"""Keys that say which account is meant."""


@dataclass(slots=True)
class Wish:
    """A connection that somebody wants; `make` may be called several times."""

    resource_id: ResourceId
    body: ConnectionWish
    kind: ProviderKind | None
    id: str = ""
    """Within the resource."""
    exists: bool = False
    """The deduplication key, or the token, has it already."""
    waiting: ConnectionId | None = None
    """Made by an earlier try with the same token, which is over; what it became waits there."""
    infos: Sequence[CalendarInfo] = ()
    """Calendars of the account, where it was asked for them."""

    @property
    def connection_id(self) -> ConnectionId:
        return ConnectionId(f"{self.resource_id}.{self.id}")

    @property
    def consents(self) -> bool:
        """Whether the account's owner is asked."""
        return self.kind is not None and self.kind.authorizer is not None

    def make(self, draft: Draft) -> None:
        keys, secrets = self._keys(), _given(self.body.secrets())
        if (key := self.body.deduplication_key) is not None:
            found = draft.of_key(key)
            if found is not None:
                self._join(found, keys, secrets)
                return
        waiting = "" if self.waiting is None else self.waiting.partition(".")[2]
        if waiting and key is None and self.body.id in (None, waiting):
            self.id, self.exists = waiting, True
            return
        self.exists = False
        self.id = self.body.id or _free(keys["provider"], draft.connections())
        draft.make(self.connection_id, keys, secrets, key)

    def _keys(self) -> dict[str, Any]:
        keys = {k: v for k, v in self.body.keys().items() if v is not None}
        keys["provider"] = self.kind.name if self.kind else self.body.provider
        return choosing.resolved(keys, self.infos) if self.infos else keys

    def _join(
        self, found: Supplement, keys: Mapping[str, Any], secrets: Mapping[str, SecretStr]
    ) -> None:
        """Be content with what has the key, if it is the same account of the same resource."""
        given = {**keys, **secrets}
        has = {**found.keys, **found.secrets}
        names = ("provider", *ACCOUNT)
        if found.resource_id != self.resource_id or any(
            given.get(name) != has.get(name) for name in names
        ):
            raise Problem(
                409,
                "deduplication_key_in_use",
                "Another account has this deduplication_key.",
            )
        self.id, self.exists = found.name, True


def kind_of(kinds: Mapping[str, ProviderKind], name: str) -> ProviderKind | None:
    """Find a kind by its name or a synonym; the configuration refuses what is none."""
    wanted = name.lower()
    for kind in kinds.values():
        if wanted in (kind.name, *kind.synonyms):
            return kind
    return None


def _free(provider: str, taken: Sequence[str]) -> str:
    """Make an id out of the provider's name."""
    number = 1
    while (name := provider if number == 1 else f"{provider}-{number}") in taken:
        number += 1
    return name


def _given(secrets: Mapping[str, SecretStr | None]) -> dict[str, SecretStr]:
    return {name: value for name, value in secrets.items() if value is not None}


def refuse_of_file(row: ConnectionRow, body: ConnectionKeys) -> None:
    """Leave alone which account a connection of the file is.

    Raises:
        Problem: 409 `managed_by_file`.
    """
    said = sorted(body.model_fields_set & {*ACCOUNT, *SECRET})
    if said and row.managed_by is Owner.FILE:
        raise Problem(
            409,
            "managed_by_file",
            f"{row.id} is an account of the configuration file; set {', '.join(said)} there.",
        )


def guard_password(before: Supplement | None, body: ConnectionKeys) -> None:
    """Let nobody have a password sent elsewhere who does not know it.

    Raises:
        Problem: 422, it has to be given again.
    """
    elsewhere = body.model_fields_set & set(ACCOUNT)
    if elsewhere and before is not None and "password" in before.secrets and not body.password:
        message = "give it together with the account that it opens"
        raise Problem(
            422,
            "invalid_request",
            f"password: {message}.",
            errors=[{"field": "password", "message": message}],
        )


def refuse_twice(settings: Settings, id_: ConnectionId) -> None:
    """Refuse an account that the resource has already."""
    own: dict[ConnectionId, ConnectionPlan] = {
        each.id: each for _, listed in plan(settings) for each in listed
    }
    for each in own.values():
        if (
            each.id != id_
            and each.resource_id == own[id_].resource_id
            and each.fingerprint == own[id_].fingerprint
        ):
            raise Problem(
                409,
                "connection_exists",
                f"{each.id} is this account.",
                more={"connection_id": each.id},
            )


def told(err: ProviderError) -> str:
    return f"{err} ({err.hint})." if err.hint else f"{err}."


def take_consent(connecting: Connecting, wish: Wish) -> None:
    """Connect an account by the refresh token or the code that an application has.

    Raises:
        Problem: it is no good, too little, or another account's.
    """
    body, id_ = wish.body, wish.connection_id
    try:
        if body.refresh_token is not None:
            connecting.adopt(id_, body.refresh_token, body.client_id or "", body.client_secret)
        elif body.code is not None:
            verifier = body.code_verifier.get_secret_value() if body.code_verifier else ""
            code = body.code.get_secret_value()
            connecting.redeem(id_, code, body.redirect_uri or "", verifier)
    except Crowded as err:
        raise crowded() from err
    except AlreadyConnected as err:
        more = {"connection_id": err.connection_id}
        raise Problem(409, err.code, told(err), more=more) from err
    except AccountMismatch as err:
        code = "deduplication_key_in_use" if body.deduplication_key else err.code
        raise Problem(409, code, told(err)) from err
    except ProviderError as err:
        raise refused(err) from err


def refused(err: ProviderError) -> Problem:
    """Say that an account does not open with what was given; nothing is stored of it."""
    more = {"reason": err.code}
    if err.disposition is Disposition.REAUTHORIZE:
        return Problem(422, "access_denied", told(err), more=more)
    if err.code == "invalid_scope":
        return Problem(422, err.code, told(err), more=more)
    if err.disposition is Disposition.REJECT:
        return Problem(422, "provider_error", told(err), more=more)
    return provider_problem(err)
