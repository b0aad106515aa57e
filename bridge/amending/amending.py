"""Changing what was set by API, and following what other processes changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import TypeVar

from bridge.amending.draft import Draft
from bridge.config.document import Document
from bridge.config.live import Live
from bridge.config.load import settle
from bridge.config.settings import Settings
from bridge.config.supplements import Origin, Supplement
from bridge.errors import BridgeError, ConfigError
from bridge.inventory import Change, Overtaken, change, lock
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.provider import ProviderKind
from bridge.store import compact, supplements
from bridge.store.database import Database
from bridge.store.vault import Vault
from bridge.store.wake import Wake

logger = logging.getLogger(__name__)

TOPIC = "settings"
"""Of the signals that something was set."""
_TRIES = 10
_T = TypeVar("_T")


@dataclass(kw_only=True)
class Amending:
    """Lays what was set by API over the file; any number of threads may share it."""

    database: Database
    wake: Wake
    vault: Vault
    live: Live
    clock: Callable[[], Instant]
    kinds: Mapping[str, ProviderKind]
    identity: bytes
    try_opening: Callable[[Settings, Collection[ConnectionId]], None]
    """Opens these accounts, off line; raises ConfigError."""
    put_in_force: Callable[[Settings], None]
    """Swaps the settings, and tells who has to know."""
    rebuild: Callable[[], object]
    """Publishes anew what changed."""
    turn: RLock = field(default_factory=RLock)
    """Held by whoever changes the settings of this process, a reload as well."""
    _refused: int | None = None
    """The generation that this process' file cannot go together with."""

    def lay(self, document: Document) -> Settings:
        """Make the settings of a file and of all that was set by API.

        Raises:
            ConfigError: with every problem.
            StoreError: the store cannot be read.
        """
        return settle(document, self.kinds, *self._read())

    def begin(self) -> None:
        """Put in force what was set by API, in a process that has read only the file so far.

        Raises:
            ConfigError: it does not go together with the file.
            StoreError: the store cannot be read.
        """
        self.live.swap(self.lay(_document(self.live.current)))

    def preview(self, resource_id: ResourceId, edit: Callable[[Draft], object]) -> Settings:
        """Make the settings that an edit would come to; nothing is changed.

        Raises:
            ConfigError: they could not be used.
        """
        _, new, _ = self._draft(resource_id, edit)
        return new

    def change(self, resource_id: ResourceId, edit: Callable[[Draft], _T]) -> _T:
        """Change what was set of one resource and its connections; whole or not at all.

        Args:
            resource_id: which.
            edit: makes the change; called again when somebody else was faster.

        Raises:
            ConfigError: the settings could not be used; problems name the keys.
            ManagedByFile: the file has what is to be changed.
            StoreError: nothing is changed.
        """
        with self.turn:
            for _ in range(_TRIES):
                draft, new, result = self._draft(resource_id, edit)
                if not draft.changed and not draft.dropped:
                    return result
                touched = [ConnectionId(each.id) for each in draft.changed if each.name]
                self.try_opening(new, touched)
                try:
                    number = self._write(draft, new)
                except Overtaken:
                    continue
                new.come_from(Origin(_document(new), number))
                self._swap(new)
                break
            else:
                raise Overtaken
        self._publish(draft)
        return result

    def follow(self) -> None:
        """Put in force what another process changed; called now and then, and when told.

        Raises:
            StoreError: the store cannot be read.
        """
        with self.turn:
            origin = self.live.current.origin
            with self.database.read() as conn:
                number = supplements.generation(conn)
            if origin is None or number in (origin.generation, self._refused):
                return
            try:
                self._swap(self.lay(origin.document))
            except ConfigError as err:
                self._refused = number
                logger.error("what was set by API does not go with this file: %s", err)  # noqa: TRY400
                return
        logger.info("follows what was set by API (%d)", number)

    def _read(self) -> tuple[list[Supplement], int]:
        with self.database.read() as conn:
            return supplements.every(conn, self.vault), supplements.generation(conn)

    def _draft(
        self, resource_id: ResourceId, edit: Callable[[Draft], _T]
    ) -> tuple[Draft, Settings, _T]:
        known, generation = self._read()
        document = _document(self.live.current)
        before = self.live.current
        if before.origin is None or before.origin.generation != generation:
            before = settle(document, self.kinds, known, generation)
        draft = Draft(before, known, resource_id)
        result = edit(draft)
        new = settle(document, self.kinds, draft.supplements, generation)
        return draft, new, result

    def _write(self, draft: Draft, new: Settings) -> int:
        now = self.clock()
        with self.database.write() as conn:
            lock(conn, new)
            supplements.remove(conn, draft.dropped)
            supplements.put(conn, draft.changed, now)
            change(
                conn,
                new,
                now,
                Change(resource_id=draft.resource_id, removed=draft.removed),
                identity=self.identity,
                awaiting=[kind.name for kind in self.kinds.values() if kind.authorizer],
            )
            for each in draft.changed:
                supplements.put_secrets(conn, self.vault, each, now)
            return supplements.advance(conn)

    def _swap(self, new: Settings) -> None:
        self._refused = None
        self.put_in_force(new)

    def _publish(self, draft: Draft) -> None:
        try:
            self.rebuild()
            if draft.dropped:
                compact.run(self.database)
        except BridgeError as err:
            logger.warning("published times follow within a minute: %s", err)
        self.wake.notify(TOPIC)
        self.wake.notify("schedule")
        logger.info("set by API: %s", ", ".join([it.id for it in draft.changed] + draft.dropped))


def _document(settings: Settings) -> Document:
    if settings.origin is None:
        raise BridgeError("these settings come from no file")
    return settings.origin.document
