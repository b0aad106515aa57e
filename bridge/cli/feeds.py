"""URLs under which busy time can be read, and the secret ones of feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from bridge.cli.ground import Ground, Store, command, now
from bridge.cli.moments import rfc3339
from bridge.cli.names import Group, complete_login, complete_resource, unknown
from bridge.cli.printing import say, table
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.access import Principal
    from bridge.config.plan import ResourcePlan
    from bridge.model.resource import ResourceId
    from bridge.store.feeds import FeedRow


def _url(store: Store, row: FeedRow) -> str:
    token = row.token(store.keyfile.identity)
    return f"{store.settings.server.public_url}/feeds/{token}/{row.resource_id}.ics"


def _urls(store: Store, row: FeedRow) -> dict[str, str]:
    """Name what a feed's token opens."""
    url, token = _url(store, row), row.token(store.keyfile.identity)
    base = store.settings.server.public_url
    return {
        "name": row.name,
        "detail": row.feed.detail.value,
        "url": url,
        "webcal": f"webcal://{url.partition('://')[2]}",
        "free_busy": f"{base}/freebusy/{row.resource_id}.ifb?token={token}",
    }


def _feeds_of(store: Store, resource_id: ResourceId) -> list[FeedRow]:
    from bridge.store import feeds as stored

    with store.database.read() as conn:
        return stored.feeds_of(conn, resource_id)


@click.command()
@click.argument("resource", shell_complete=complete_resource)
@click.option(
    "--user", metavar="LOGIN", shell_complete=complete_login, help="Also what this login needs."
)
@command
def urls(ground: Ground, resource: str, user: str | None) -> None:
    """Print every URL of RESOURCE; whoever knows a feed's URL can read the feed."""
    from bridge.config.plan import ResourcePlan

    with ground.store() as store:
        row = store.resource(resource)
        plan = ResourcePlan.model_validate_json(row.plan)
        base = store.settings.server.public_url
        feeds = [_urls(store, feed) for feed in _feeds_of(store, row.id) if feed.revoked_at is None]
        data: dict[str, Any] = {
            "name": plan.name,
            "free_busy": f"{base}/freebusy/{quote(row.id)}.ifb",
            "public": plan.freebusy.public,
            "json": f"{base}/api/v1/resources/{quote(row.id)}/busy",
            "caldav": f"{base}/",
            "feeds": feeds,
        }
        if user is not None:
            data["user"] = _card(store, user, plan)
    ground.show(data, lambda: _tell(resource, data))


def _card(store: Store, user: str, resource: ResourcePlan) -> dict[str, Any]:
    """Say what a calendar program needs that logs in."""
    from bridge.access import authorize, calendar_name, listed
    from bridge.model.resource import Access

    principal = _principal(store, user)
    granted = [level.value for level in Access if authorize(principal, resource.id, level)]
    base = store.settings.server.public_url
    card: dict[str, Any] = {
        "server": f"{base}/",
        "login": user,
        "access": granted[-1] if granted else "none",
    }
    for word, level in (("busy", Access.FREE_BUSY), ("bookings", Access.READ)):
        if level.value in granted:
            name = calendar_name(user, resource.id, word)
            card[word] = f"{base}/{quote(user)}/{quote(name)}/"
    if granted:
        card["calendar"] = f"{resource.name} - busy"
        card["listed"] = bool(listed(principal, [resource.id]))
        card["writable"] = Access.WRITE.value in granted
    return card


def _principal(store: Store, user: str) -> Principal:
    from bridge.access import Principal, PrincipalKind
    from bridge.store import keys

    with store.database.read() as conn:
        row = keys.user(conn, user)
        known = [each.name for each in keys.all_users(conn)]
    if row is None:
        raise unknown("login", user, known)
    return Principal(
        kind=PrincipalKind.LOGIN, name=row.name, is_admin=row.role == "admin", grants=row.access
    )


def _tell(resource: str, data: dict[str, Any]) -> None:
    asks = "for anybody" if data["public"] else "with a login"
    click.echo(f"free-busy  {data['free_busy']}  ({asks})")
    click.echo(f"JSON       {data['json']}  (with an API key)")
    click.echo(f"CalDAV     {data['caldav']}  (with a login; --user LOGIN prints what to enter)")
    for feed in data["feeds"]:
        click.echo(f"feed       {feed['url']}  ({feed['name']}, {feed['detail']})")
        click.echo(f"           {feed['webcal']}")
        click.echo(f"           {feed['free_busy']}")
    if "user" in data:
        _tell_login(resource, data)


def _tell_login(resource: str, data: dict[str, Any]) -> None:
    """Print what somebody needs who logs in."""
    user = data["user"]
    name = user["login"]
    click.echo(f"\nserver     {user['server']}")
    click.echo(f"login      {name}")
    if user["access"] == "none":
        click.echo(f"access     none to {resource}; grant it in auth.users")
    else:
        click.echo(f"access     {user['access']}")
        click.echo(f"password   `busybridge users app-password create {name} PROGRAM` makes one")
        found = "found by the program" if user["listed"] else "to be entered by its address"
        for word, is_writable in (("busy", False), ("bookings", user["writable"])):
            if word in user:
                kept = "writable" if is_writable else "read-only"
                say(f"calendar   {user[word]}  ({data['name']} - {word}, {kept}, {found})")


@click.group(cls=Group)
def feeds() -> None:
    """Secret URLs of ICS feeds."""


@feeds.command(name="list")
@click.argument("resource", required=False, shell_complete=complete_resource)
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
    ground.show(rows, lambda: table(rows, columns, empty="no feeds"))


@feeds.command()
@click.argument("resource", shell_complete=complete_resource)
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
            raise _no_feed(store, resource_id, name)
        url = _url(store, row)
    ground.show({"url": url}, lambda: click.echo(url))


@feeds.command()
@click.argument("resource", shell_complete=complete_resource)
@click.argument("name")
@command
def revoke(ground: Ground, resource: str, name: str) -> None:
    """End the URL of the feed NAME of RESOURCE; `rotate` gives it a new one."""
    from bridge.store import feeds as stored

    with ground.store() as store:
        resource_id = store.resource(resource).id
        known = {row.name: row for row in _feeds_of(store, resource_id)}
        with store.database.write() as conn:
            done = stored.revoke_feed(conn, resource_id, name, now())
        if not done and name in known:
            raise BridgeError(f"the feed {name!r} of {resource} is revoked already")
        if not done:
            raise _no_feed(store, resource_id, name)
    ground.show(
        {"revoked": f"{resource}/{name}"}, lambda: click.echo(f"{resource}/{name} is revoked")
    )


def _no_feed(store: Store, resource_id: ResourceId, name: str) -> BridgeError:
    known = [row.name for row in _feeds_of(store, resource_id)]
    return unknown(f"feed of {resource_id}", name, known)
