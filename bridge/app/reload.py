"""Swapping the configuration inside a running process: whole, or not at all.

Everything that can be wrong is looked for first: the file, the accounts as their kinds understand
them, the certificates, the ids in the store. Only then are the rows written, in one transaction,
and the settings swapped, with one assignment. No part is made anew: the scheduler, above all, stays
the one that it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from bridge.app.foresight import look_ahead
from bridge.app.leaving import end_all, purge_all
from bridge.app.opening import try_opening
from bridge.app.outlet import make_transport
from bridge.config.plan import plan
from bridge.config.settings import Settings
from bridge.errors import BridgeError, ConfigError, ConfigProblem
from bridge.inventory import InventoryReport, Overtaken
from bridge.model.resource import ConnectionId
from bridge.scheduler.errands import Verdict
from bridge.store import compact

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge
    from bridge.transport import Transport

logger = logging.getLogger(__name__)

_FIXED = (
    "server.bind",
    "server.role",
    "storage.database",
    "storage.database_password",
    "storage.encryption_key_file",
)
"""What only a new process can change."""


class Reload:
    """Reads the file again and puts it in force; callable from any thread."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def __call__(self) -> Verdict:
        """Do it, and say what came of it: in the log, and to whoever asked."""
        return self._told(self._reload)

    def apply(self, confirmed: Collection[str]) -> Verdict:
        """Do it, and remove what is parked or left; what was granted is given back before.

        Done again, it does what was left. Several processes may do it at the same time.

        Args:
            confirmed: ids of the resources and connections that may be removed, no others.
        """
        return self._told(partial(self._end_and_reload, confirmed))

    def _told(self, work: Callable[[], str]) -> Verdict:
        with self._bridge.amending.turn:
            before = self._bridge.settings
            try:
                text = work()
            except BridgeError as err:
                logger.error("not reloaded, the old configuration stays: %s", err)  # noqa: TRY400
                return Verdict(
                    ok=False, text=f"not reloaded, the old configuration stays\n{_lines(err)}"
                )
            except Exception as err:
                # A fault of ours in a reload must not end a server that serves.
                stands = "old" if self._bridge.settings is before else "new"
                text = f"a fault of BusyBridge ({type(err).__name__}); see its log"
                logger.exception("the reload failed; the %s configuration is in force", stands)
                return Verdict(ok=False, text=f"{text}\nthe {stands} configuration is in force")
            logger.info("%s", text)
            return Verdict(ok=True, text=text)

    def _end_and_reload(self, confirmed: Collection[str]) -> str:
        """Disconnect what leaves while the old settings can still speak for it."""
        bridge = self._bridge
        new = bridge.read_settings()
        # A refusal must not come when everything is given back already.
        self._refuse_fixed(bridge.settings, new)
        bridge.keyring.refresh()
        try_opening(bridge, new)
        ahead = look_ahead(bridge, new)
        ahead.refuse_more_than(confirmed)
        kept = purge_all(bridge, ahead.leaving) if new.removed_resources == "purge" else []
        left = [*kept, *end_all(bridge, ahead.leaving)]
        for each in left:
            logger.warning("%s", each)
        return "\n".join([self._reload(new, purge=True), *left])

    def _reload(self, new: Settings | None = None, *, purge: bool | None = None) -> str:
        bridge = self._bridge
        old, new = bridge.settings, new or bridge.read_settings()
        self._refuse_fixed(old, new)
        bridge.keyring.refresh()
        transport = None
        if new.outbound != old.outbound:
            transport = make_transport(new.outbound)
        try:
            try_opening(bridge, new)
            kept: list[str] = []
            if purge is None and new.removed_resources == "purge":
                kept = purge_all(bridge, look_ahead(bridge, new).leaving)
            # While what is left of them can still be spoken for.
            bridge.keeper.dismiss(*_gone(old, new))
            new, report = self._apply(new, purge=purge)
        except BaseException:
            if transport is not None:
                transport.close()
            raise
        self._put_in_force(new, transport)
        try:
            left = bridge.rebuild()
        except BridgeError as err:
            logger.warning("published times follow within a minute: %s", err)
        else:
            for resource_id in left:
                logger.info("%s is being pulled: its published times follow", resource_id)
        with suppress(BridgeError):  # else within a minute
            compact.run(bridge.database)
        bridge.wake.notify("schedule")
        return "\n".join([f"reloaded: {_summary(report)}", *new.warnings, *kept])

    def _apply(self, new: Settings, *, purge: bool | None) -> tuple[Settings, InventoryReport]:
        """Write the rows; made anew as often as something is set by API meanwhile."""
        while True:
            try:
                return new, self._bridge.apply(new, purge=purge)
            except Overtaken:
                if new.origin is None:
                    raise
                new = self._bridge.amending.lay(new.origin.document)

    def _refuse_fixed(self, old: Settings, new: Settings) -> None:
        problems = [
            ConfigProblem(
                f"cannot change in a running server, which has {_value(old, key)}",
                file=str(self._bridge.config_path),
                key=key,
                hint="restart it, or put the old value back",
            )
            for key in _FIXED
            if _value(old, key) != _value(new, key)
        ]
        if problems:
            raise ConfigError(problems)

    def _put_in_force(self, new: Settings, transport: Transport | None) -> None:
        bridge = self._bridge
        # First what requests go through: new settings must not use what they forbid by now.
        if transport is not None:
            bridge.http.replace(transport)
        bridge.put_in_force(new)


def _value(settings: Settings, key: str) -> object:
    section, _, name = key.partition(".")
    value: object = getattr(getattr(settings, section), name)
    return value


def _lines(err: BridgeError) -> str:
    hint = getattr(err, "hint", "")
    return f"{err} ({hint})" if hint else str(err)


def _gone(old: Settings, new: Settings) -> list[ConnectionId]:
    """Name the connections that are no more, or other accounts."""
    before, after = (
        {it.id: it.fingerprint for _, own in plan(each) for it in own} for each in (old, new)
    )
    return [name for name, account in before.items() if after.get(name) != account]


def _summary(report: InventoryReport) -> str:
    told = [
        f"{len(names)} {what} ({', '.join(names)})"
        for what, names in (
            ("added", report.added),
            ("changed", report.changed),
            ("back", report.returned),
            ("parked", report.parked),
            ("removed", report.removed),
        )
        if names
    ]
    same = "1 resource" if report.unchanged == 1 else f"{report.unchanged} resources"
    return ", ".join([*told, f"{same} unchanged"])
