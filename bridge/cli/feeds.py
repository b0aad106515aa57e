"""URLs under which busy time can be read, and the secret ones of feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from bridge.cli.ground import Ground, Store, command, now, table
from bridge.cli.moments import rfc3339
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.model.resource import ResourceId
    from bridge.store.feeds import FeedRow


def _url(store: Store, row: FeedRow) -> str:
    token = row.token(store.keyfile.identity)
    return f"{store.settings.server.public_url}/feeds/{token}/{row.resource_id}.ics"


def _feeds_of(store: Store, resource_id: ResourceId) -> list[FeedRow]:
    from bridge.store import feeds as stored

    with store.database.read() as conn:
        return stored.feeds_of(conn, resource_id)


@click.command()
@click.argument("resource")
@click.option("--user", metavar="LOGIN", help="Also what this login may see.")
@command
def urls(ground: Ground, resource: str, user: str | None) -> None:
    """Print every URL of RESOURCE; whoever knows a feed's URL can read the feed."""
    with ground.store() as store:
        row = store.resource(resource)
        base = store.settings.server.public_url
        feeds = [
            {"name": feed.name, "detail": feed.feed.detail.value, "url": _url(store, feed)}
            for feed in _feeds_of(store, row.id)
            if feed.revoked_at is None
        ]
        data: dict[str, object] = {
            "free_busy": f"{base}/freebusy/{quote(row.id)}.ifb",
            "json": f"{base}/api/v1/resources/{quote(row.id)}/busy",
            "feeds": feeds,
        }
        if user is not None:
            data["user"] = {"login": user, "access": _access(store, user, row.id)}
    ground.show(data, lambda: _tell(data, feeds))


def _access(store: Store, user: str, resource_id: str) -> str:
    from bridge.access import Principal, PrincipalKind, authorize
    from bridge.model.resource import Access
    from bridge.store import keys

    with store.database.read() as conn:
        row = keys.user(conn, user)
    if row is None:
        raise BridgeError(f"there is no login {user!r}; `busybridge users list` names them")
    principal = Principal(
        kind=PrincipalKind.LOGIN, name=row.name, is_admin=row.role == "admin", grants=row.access
    )
    granted = [level.value for level in Access if authorize(principal, resource_id, level)]
    return granted[-1] if granted else "none"


def _tell(data: dict[str, object], feeds: list[dict[str, str]]) -> None:
    click.echo(f"free-busy  {data['free_busy']}")
    click.echo(f"JSON       {data['json']}  (with an API key)")
    for feed in feeds:
        click.echo(f"feed       {feed['url']}  ({feed['name']}, {feed['detail']})")
        webcal = feed["url"].partition("://")[2]
        click.echo(f"           webcal://{webcal}")
    if isinstance(user := data.get("user"), dict):
        click.echo(f"login      {user['login']}: {user['access']}")


@click.group()
def feeds() -> None:
    """Secret URLs of ICS feeds."""


@feeds.command(name="list")
@click.argument("resource", required=False)
@command
def list_(ground: Ground, resource: str | None) -> None:
    """List the feeds of RESOURCE, or of all; with `urls` for their URLs."""
    from bridge.store import resources

    with ground.store() as store:
        with store.database.read() as conn:
            known = [row.id for row in resources.all_active(conn)]
        wanted = [store.resource(resource).id] if resource else known
        rows = [
            {
                "resource": row.resource_id,
                "name": row.name,
                "detail": row.feed.detail.value,
                "generation": row.generation,
                "revoked_at": rfc3339(row.revoked_at),
            }
            for resource_id in wanted
            for row in _feeds_of(store, resource_id)
        ]
    columns = ("resource", "name", "detail", "generation", "revoked_at")
    ground.show(rows, lambda: table(rows, columns))


@feeds.command()
@click.argument("resource")
@click.argument("name")
@command
def rotate(ground: Ground, resource: str, name: str) -> None:
    """Give the feed NAME of RESOURCE a new URL; the old one is dead at once."""
    from bridge.store import feeds as stored

    with ground.store() as store:
        resource_id = store.resource(resource).id
        with store.database.write() as conn:
            row = stored.rotate_feed(conn, store.keyfile.identity, resource_id, name)
        if row is None:
            raise BridgeError(f"{resource} has no feed {name!r}")
        url = _url(store, row)
    ground.show({"url": url}, lambda: click.echo(url))


@feeds.command()
@click.argument("resource")
@click.argument("name")
@command
def revoke(ground: Ground, resource: str, name: str) -> None:
    """End the URL of the feed NAME of RESOURCE; `rotate` gives it a new one."""
    from bridge.store import feeds as stored

    with ground.store() as store:
        resource_id = store.resource(resource).id
        with store.database.write() as conn:
            if not stored.revoke_feed(conn, resource_id, name, now()):
                raise BridgeError(f"{resource} has no feed {name!r} in force")
    ground.show({"revoked": f"{resource}/{name}"}, lambda: click.echo(f"{name} is revoked"))
