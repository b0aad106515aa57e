"""Secret URLs of resources: their tokens can be made again at any time, and are never stored."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from bridge.config.settings import Feed
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.store.database import upsert
from bridge.store.keys import base32, digest
from bridge.store.prepared import Prepared
from bridge.store.resources import Owner, ResourceState
from bridge.store.schema import feeds, resources

_COLUMNS = [feeds.c[name] for name in ("resource_id", "name", "plan", "generation", "revoked_at")]
_IN_FILE = feeds.c.plan != ""
"""A feed that left the configuration keeps its row, without a plan."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A secret URL of one resource."""

    resource_id: ResourceId
    name: str
    feed: Feed
    generation: int
    revoked_at: Instant | None

    def token(self, identity: bytes) -> str:
        """Return the token in force, for whoever may see it; it is not stored."""
        return feed_token(identity, self.resource_id, self.name, self.generation)


def feed_token(identity: bytes, resource_id: str, name: str, generation: int) -> str:
    """Make the token of a feed: 256 bits in lower-case base32, the same for the same key file."""
    message = json.dumps(["feed", resource_id, name, generation]).encode()
    return base32(hmac.digest(identity, message, "sha256"))


def sync_feeds(
    conn: Connection, identity: bytes, resource_id: ResourceId, wanted: Sequence[Feed]
) -> list[str]:
    """Make the feeds of the file those of the resource; return the names of those that left.

    A feed that leaves keeps its row without a plan: when it comes back, a rotated token stays dead
    and the last one works again. A revoked feed stays revoked.
    """
    of_resource = feeds.c.resource_id == resource_id
    query = select(feeds.c.name, feeds.c.generation, feeds.c.plan).where(of_resource)
    known = {row.name: row for row in conn.execute(query.with_for_update())}
    named = {feed.name for feed in wanted}
    rows = []
    for feed in wanted:
        generation = known[feed.name].generation if feed.name in known else 0
        token = feed_token(identity, resource_id, feed.name, generation)
        rows.append(
            {
                "resource_id": resource_id,
                "name": feed.name,
                "plan": feed.model_dump_json(),
                "managed_by": Owner.FILE.value,
                "generation": generation,
                "digest": digest(token),
            }
        )
    upsert(conn, feeds, rows, update=["plan", "managed_by", "digest"])
    left = sorted(name for name, row in known.items() if row.plan and name not in named)
    if left:
        conn.execute(update(feeds).where(of_resource, feeds.c.name.in_(left)).values(plan=""))
    return left


_FIND = Prepared(
    select(*_COLUMNS)
    .join(resources, resources.c.id == feeds.c.resource_id)
    .where(
        feeds.c.digest == bindparam("digest"),
        _IN_FILE,
        feeds.c.revoked_at.is_(None),
        resources.c.state == ResourceState.ACTIVE.value,
    )
)


def find_feed(conn: Connection, token: str) -> FeedRow | None:
    """Find the feed of a token, if it is in force and its resource is, too."""
    row = _FIND.first(conn, digest=digest(token))
    return _feed(row) if row else None


def feeds_of(conn: Connection, resource_id: ResourceId) -> list[FeedRow]:
    """List the feeds of a resource by name, revoked ones included."""
    query = (
        select(*_COLUMNS).where(feeds.c.resource_id == resource_id, _IN_FILE).order_by(feeds.c.name)
    )
    return [_feed(row) for row in conn.execute(query)]


def rotate_feed(
    conn: Connection, identity: bytes, resource_id: ResourceId, name: str
) -> FeedRow | None:
    """Give a feed a new token and end a revocation; None when there is no such feed."""
    named = (feeds.c.resource_id == resource_id, feeds.c.name == name)
    query = select(*_COLUMNS).where(*named, _IN_FILE)
    row = conn.execute(query.with_for_update()).first()
    if row is None:
        return None
    old = _feed(row)
    new = FeedRow(old.resource_id, old.name, old.feed, old.generation + 1, None)
    conn.execute(
        update(feeds)
        .where(*named)
        .values(generation=new.generation, digest=digest(new.token(identity)), revoked_at=None)
    )
    return new


def revoke_feed(conn: Connection, resource_id: ResourceId, name: str, now: Instant) -> bool:
    """End the token of a feed until it is rotated; False when there is none in force."""
    statement = (
        update(feeds)
        .where(
            feeds.c.resource_id == resource_id,
            feeds.c.name == name,
            _IN_FILE,
            feeds.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    return conn.execute(statement).rowcount == 1


def _feed(row: Sequence[Any]) -> FeedRow:
    resource_id, name, plan, generation, revoked_at = row
    return FeedRow(ResourceId(resource_id), name, _plan(plan), generation, revoked_at)


@lru_cache(maxsize=1024)
def _plan(text: str) -> Feed:
    """Read settings of a feed, which are frozen; every request for the feed brings the same."""
    return Feed.model_validate_json(text)
