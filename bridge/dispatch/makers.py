"""Who makes meetings that belong to no calendar, for the bookings of a resource."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from bridge.errors import (
    BridgeError,
    ProviderError,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
)
from bridge.model.conference import Conference, ConferenceKind
from bridge.model.event import EventSeries
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.provider import Opener
from bridge.sink import ConferenceMaker
from bridge.store import connections
from bridge.store.database import Database

_RESTING = frozenset({ConnectionStatus.PAUSED, ConnectionStatus.PENDING})
_STOPPED = _RESTING | {ConnectionStatus.DISCONNECTED}
_T = TypeVar("_T")
logger = logging.getLogger(__name__)


class Accounts(Opener, Protocol):
    """Opens accounts, also such as make meetings; `bridge.accounts.Accounts` is one."""

    def serving(self, resource_id: ResourceId, /) -> Sequence[ConnectionId]:
        """Name the accounts that make meetings for a resource without being its connections."""
        ...


class Keeper(Protocol):
    """Has meetings that were made before; a `ConferenceMaker` is one."""

    def update(self, reference: str, series: EventSeries) -> Conference:
        """See `ConferenceMaker`; so with the others."""
        ...

    def is_in_line(self, reference: str, series: EventSeries) -> bool: ...

    def cancel(self, reference: str) -> bool: ...


class Makers:
    """Finds the account at which meetings of a kind are made, or were."""

    def __init__(self, database: Database, accounts: Accounts) -> None:
        self._database = database
        self._accounts = accounts

    def find(self, resource_id: ResourceId, kind: ConferenceKind) -> ConferenceMaker | None:
        """Find who makes such meetings for a resource.

        It is the first of its own connections that does, else an account that serves all.

        Raises:
            BridgeError: it cannot be opened now.
        """
        looked = self._look(resource_id, kind)
        if not looked.found and looked.problems:
            raise next(reversed(looked.problems.values()))  # it might have been the one
        return looked.found[0] if looked.found else None

    def every(self, resource_id: ResourceId, kind: ConferenceKind) -> Sequence[ConferenceMaker]:
        """Give all that make such meetings for a resource, as far as they can be opened now."""
        return self._look(resource_id, kind).found

    def of(self, resource_id: ResourceId, kind: ConferenceKind, name: str) -> Keeper | None:
        """Find the account at which a meeting was made.

        That others do not know it says nothing: a meeting is gone where its own account says so. An
        account that is none of the resource's any more, whose meetings another may have (an
        application acts for all hosts of its organisation), is stood in for by the others together.

        Args:
            resource_id: whose meeting it is.
            kind: of the meeting.
            name: its maker; empty where that is not known: the first is asked then.

        Raises:
            BridgeError: it cannot be opened now.
        """
        if not name:
            return self.find(resource_id, kind)
        looked = self._look(resource_id, kind)
        for each in looked.found:
            if each.name == name:
                return each
        if name in looked.problems:
            raise looked.problems[ConnectionId(name)]
        if name in looked.resting:
            raise TemporarilyUnavailable(
                f"the meeting was made at {name}, which is paused or not connected yet"
            )
        return _Left(name, looked.found)

    def _look(self, resource_id: ResourceId, kind: ConferenceKind) -> _Looked:
        with self._database.read() as conn:
            rows = connections.of_resource(conn, resource_id)
        looked = _Looked([], {}, frozenset(row.id for row in rows if row.status in _RESTING))
        own = [row.id for row in rows if row.status not in _STOPPED]
        for name in (*own, *self._accounts.serving(resource_id)):
            try:
                maker = self._accounts.open(name).conferences
            except BridgeError as err:
                logger.debug("%s makes no meetings now: %s", name, err)
                looked.problems[name] = err
                continue
            if maker is not None and maker.kind is kind:
                looked.found.append(_Named(kind, maker, name))
        return looked


@dataclass(frozen=True, slots=True)
class _Looked:
    """The accounts of a resource, the first of them first."""

    found: list[_Named]
    problems: dict[ConnectionId, BridgeError]
    resting: frozenset[ConnectionId]


@dataclass(frozen=True, slots=True)
class _Left:
    """What has the meetings of an account that is gone: perhaps one of the others, or nobody."""

    name: str
    others: Sequence[_Named]

    def update(self, reference: str, series: EventSeries) -> Conference:
        return self._ask(lambda it: it.update(reference, series))

    def is_in_line(self, reference: str, series: EventSeries) -> bool:
        return self._ask(lambda it: it.is_in_line(reference, series))

    def cancel(self, reference: str) -> bool:
        def cancelled(it: _Named) -> bool:
            if not it.cancel(reference):
                raise RemoteNotFound("the meeting is not there")
            return True

        return self._ask(cancelled)

    def _ask(self, what: Callable[[_Named], _T]) -> _T:
        down: ProviderError | None = None
        for each in self.others:
            try:
                return what(each)
            except TemporarilyUnavailable as err:
                down = down or err
            except ProviderError as err:
                logger.debug("%s has nothing of %s: %s", each.name, self.name, err)
        if down is not None:
            raise down  # it may be the one
        raise RemoteRejected(
            f"the meeting was made at {self.name}, which is not connected any more: its link is as"
            " it was; connect that account again, or see to the meeting there",
            code="not_connected",
        )


@dataclass(slots=True)
class _Named:
    """A maker whose meetings say at which account they were made."""

    kind: ConferenceKind
    maker: ConferenceMaker
    name: ConnectionId

    def find(self, token: str) -> Conference | None:
        found = self.maker.find(token)
        return None if found is None else replace(found, maker=self.name)

    def create(self, token: str, series: EventSeries) -> Conference:
        return replace(self.maker.create(token, series), maker=self.name)

    def update(self, reference: str, series: EventSeries) -> Conference:
        return replace(self.maker.update(reference, series), maker=self.name)

    def is_in_line(self, reference: str, series: EventSeries) -> bool:
        return self.maker.is_in_line(reference, series)

    def cancel(self, reference: str) -> bool:
        return self.maker.cancel(reference)
