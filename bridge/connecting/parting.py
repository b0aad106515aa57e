"""Connections that leave the configuration: what was granted to them is given back.

Their rows go with the configuration's, in one transaction; what they had is looked at before that,
and given back once they are gone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bridge.accounts import Accounts
from bridge.authorizer import Authorizer, Grant
from bridge.errors import NotRevocable, ProviderError, StoreError
from bridge.store import connections, credentials
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.tokens import OAUTH, Tokens

logger = logging.getLogger(__name__)

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Parting:
    """What one connection has, which may be about to leave."""

    row: ConnectionRow
    grant: Grant
    authorizer: Authorizer


def partings(
    accounts: Accounts, tokens: Tokens, rows: Iterable[ConnectionRow]
) -> Sequence[Parting]:
    """Look at what connections were granted.

    Raises:
        StoreError: the store cannot be read.
    """
    authorizers: Mapping[str, Authorizer | None] = {
        kind.name: authorizer for kind, authorizer in accounts.kinds()
    }
    found = []
    for row in rows:
        authorizer = authorizers.get(row.provider)
        if authorizer is None:
            continue
        try:
            grant = tokens.grant(row.id)
        except ProviderError as err:
            logger.warning("%s: what was granted is not given back: %s", row.id, err)
            continue
        if grant is not None:
            found.append(Parting(row, grant, authorizer))
    return found


def give_back(database: Database, found: Sequence[Parting]) -> None:
    """Revoke the grants of those connections that are gone, unless others live on them.

    Each takes at most 10 s; what cannot be given back is logged.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="parting") as pool:
        list(pool.map(lambda each: _give_back(database, each), found))


def _give_back(database: Database, each: Parting) -> None:
    application = (each.grant.client_id, each.grant.subject)
    try:
        with database.read() as conn:
            stays = connections.get(conn, each.row.id) is not None
            if stays or credentials.stands(conn, OAUTH, each.row.provider, application):
                return
        each.authorizer.revoke(each.grant)
    except NotRevocable:
        logger.info("%s left; what was granted to it is its owner's to end", each.row.id)
    except (ProviderError, StoreError) as err:
        logger.warning("%s: what was granted is not given back: %s", each.row.id, err)
    else:
        logger.info("%s left; what was granted to it is given back", each.row.id)
