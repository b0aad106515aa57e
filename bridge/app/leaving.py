"""Connections that leave for good: first everything of them is ended where it stands, then here."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bridge.accounts import Accounts
from bridge.config.live import Live
from bridge.config.plan import ConnectionPlan
from bridge.config.settings import Connection, Resource, Settings
from bridge.dispatch.purging import WrittenLeft
from bridge.errors import (
    ConfigError,
    NotConnected,
    NotRevocable,
    ProviderError,
    TemporarilyUnavailable,
)
from bridge.store import bookings, mirrors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.app.bridge import Bridge
    from bridge.app.foresight import Leaving
    from bridge.provider import ProviderKind

NOT_GIVEN_BACK = "not given back: "
"""Begins a line about what is left at a provider."""
NOT_REVOCABLE = "its owner ends what was permitted: "
"""Begins a line about what no provider takes back from us."""
NOT_PURGED = "not purged: "
"""Begins a line about events that are left in calendars, for good."""
_AT_ONCE = 4


def end_all(bridge: Bridge, leaving: Sequence[Leaving]) -> list[str]:
    """Disconnect connections: their channels are stopped, their grants given back and forgotten.

    Done again, it does what was left. Each may take some 20 s while its provider does not answer.

    Args:
        bridge: whose settings may not have them any more.
        leaving: which.

    Returns:
        What is left at providers, a line each as above; here it is forgotten all the same.

    Raises:
        StoreError: something is left here.
    """
    from bridge.channels.keeper import Keeper
    from bridge.connecting import Connecting

    granted = [each for each in leaving if _has_owner(bridge.kinds, each)]
    if not granted:
        return []
    live = Live(_with(bridge.settings, granted, bridge.kinds))
    accounts = Accounts(live, bridge.http, bridge.kinds, bridge.tokens, bridge.budgets)
    keeper = Keeper(bridge.database, live, accounts, bridge.kinds, clock=bridge.clock)
    connecting = Connecting(
        database=bridge.database,
        wake=bridge.wake,
        live=live,
        accounts=accounts,
        tokens=bridge.tokens,
        vault=bridge.vault,
        clock=bridge.clock,
        before_revoking=keeper.dismiss,
    )
    try:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="leaving") as pool:
            troubles = list(pool.map(lambda each: connecting.disconnect(each.id), granted))
    finally:
        accounts.close()
    return [
        _told(each, trouble)
        for each, trouble in zip(granted, troubles, strict=True)
        if trouble is not None
    ]


def purge_all(bridge: Bridge, leaving: Sequence[Leaving]) -> list[str]:
    """Delete what was written to the calendars of connections, before they go.

    Args:
        bridge: whose settings may not have them any more: then those that need keys of their own
            cannot be opened.
        leaving: which.

    Returns:
        What was deleted, and what is left in calendars, a line each as above.

    Raises:
        ProviderError: something is left, and another try may do it: nothing is to be ended yet.
        StoreError: the store cannot be used.
    """
    from bridge.app.purging import make_purging

    known = {f"{it.id}.{own.id}" for it in bridge.settings.resources for own in it.connections}
    found = [each for each in leaving if each.id in known or _has_owner(bridge.kinds, each)]
    with bridge.database.read() as conn:
        lines = [
            f"{NOT_PURGED}{each.id} ({each.provider}): its keys left the file before; put it back, "
            "and `busybridge purge`"
            for each in leaving
            if each not in found
            and (bookings.stand_in(conn, each.id) or mirrors.stand_in(conn, each.id))
        ]
    if not found:
        return lines
    live = Live(_with(bridge.settings, found, bridge.kinds))
    accounts = Accounts(live, bridge.http, bridge.kinds, bridge.tokens, bridge.budgets)
    purging = make_purging(bridge, accounts)
    try:
        for each in found:
            try:
                purged = purging.purge_whole(each.id)
            except WrittenLeft as err:
                if isinstance(err.__cause__, TemporarilyUnavailable):
                    raise
                lines.append(f"{NOT_PURGED}{each.id} ({each.provider}): {err}")
            except NotConnected:
                continue  # nobody could ever write there, or it was disconnected long ago
            except TemporarilyUnavailable:
                raise
            except (ProviderError, ConfigError) as err:
                lines.append(f"{NOT_PURGED}{each.id} ({each.provider}): {err}")
            else:
                if purged.deleted:
                    lines.append(f"purged {each.id}: {len(purged.deleted)} events were deleted")
                lines += [f"{NOT_PURGED}{each.id}: meeting {it}" for it in purged.meetings]
    finally:
        accounts.close()
    return lines


def _has_owner(kinds: Mapping[str, ProviderKind], each: Leaving) -> bool:
    kind = kinds.get(each.provider)
    return kind is not None and kind.authorizer is not None


def _with(
    settings: Settings, leaving: Sequence[Leaving], kinds: Mapping[str, ProviderKind]
) -> Settings:
    """Add to settings the connections that they lack: kinds with owners need no keys of theirs."""
    known = {f"{it.id}.{own.id}" for it in settings.resources for own in it.connections}
    own: dict[str, list[Connection]] = {}
    for each in leaving:
        if each.id in known:
            continue
        was = ConnectionPlan.model_validate_json(each.row.plan)
        made = Connection(
            id=was.name,
            provider=was.provider,
            account_email=was.account_email,
            direction=was.direction,
            options=kinds[was.provider].connection_settings(),
            acts_for=was.account_email if was.is_delegated else "",
        )
        own.setdefault(each.row.resource_id, []).append(made)
    # Settled after what stands: the first of an id counts nowhere here.
    more = tuple(
        Resource(id=resource_id, connections=tuple(made)) for resource_id, made in own.items()
    )
    return settings.model_copy(update={"resources": (*settings.resources, *more)})


def _told(each: Leaving, trouble: ProviderError) -> str:
    whose = f"{each.provider}, {each.account}" if each.account else each.provider
    hint = f" ({trouble.hint})" if trouble.hint else ""
    beginning = NOT_REVOCABLE if isinstance(trouble, NotRevocable) else NOT_GIVEN_BACK
    return f"{beginning}{each.id} ({whose}): {trouble}{hint}"
