"""`auth`: accounts that their owners connect in a browser, here or with a link."""

from __future__ import annotations

import sys
import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import click

from bridge.cli.ground import Ground, command, not_in_force
from bridge.cli.moments import rfc3339
from bridge.cli.names import Group, complete_connection, complete_resource, unknown
from bridge.cli.printing import say, told
from bridge.errors import BridgeError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.app.bridge import Bridge
    from bridge.connecting import Ended
    from bridge.dispatch.purging import Purged
    from bridge.model.interval import Instant
    from bridge.model.resource import ConnectionId, ResourceId

_HOST = "127.0.0.1"
_ACTOR = "cli"
_LOOK = 1.0
"""Seconds between looks whether the question has become too old."""


@click.group(cls=Group)
def auth() -> None:
    """Connect accounts by their owners' consent, and end it."""


@auth.command()
@click.argument("resource", shell_complete=complete_resource)
@click.argument("provider")
@click.option("--connection", metavar="ID", help="Which one, where RESOURCE has several.")
@click.option("--url", "by_hand", is_flag=True, help="Print the URL, and take the answer pasted.")
@click.option("--device", is_flag=True, help="Print a code, which any browser takes.")
@command
def login(
    ground: Ground,
    resource: str,
    provider: str,
    connection: str | None,
    *,
    by_hand: bool,
    device: bool,
) -> None:
    """Connect the PROVIDER account of RESOURCE in a browser on this machine.

    Without a browser here, --url prints where to go; the browser ends at an address on 127.0.0.1
    that does not open: paste that address. With --device a code is entered on a page of the
    provider's, wherever that is opened, if the provider has one. Works while the server runs.
    """
    if by_hand and device:
        raise click.UsageError("--url and --device exclude each other")
    with ground.bridge() as bridge:
        name = _connection(bridge, resource, provider, connection)
        if device:
            error = _elsewhere(bridge, name)
        else:
            error = (_by_hand(bridge, name) if by_hand else _in_browser(bridge, name)).error
    if error is not None:
        raise BridgeError(f"{name} is not connected: {told(error)}")
    ground.show({"connection": name, "connected": True}, lambda: say(f"{name} is connected"))


@auth.command(name="url")
@click.argument("resource", required=False, shell_complete=complete_resource)
@click.option("--provider", metavar="NAME", help="Straight to this provider, for one account.")
@click.option("--connection", metavar="ID", help="Which one, where RESOURCE has several there.")
@command
def url_(
    ground: Ground, resource: str | None, provider: str | None, connection: str | None
) -> None:
    """Print a link with which the owner of RESOURCE connects its accounts, in one browser.

    With --provider it goes to that provider's own page; RESOURCE may be left out where only one
    has an account there.
    """
    if provider is None and (resource is None or connection):
        raise click.UsageError("name a RESOURCE, or a --provider")
    with ground.bridge() as bridge:
        if provider is None:
            link, ends = bridge.invitations.page(_resource(bridge, resource or ""), _ACTOR)
        else:
            link, ends = _direct(bridge, resource or _only(bridge, provider), provider, connection)
    ground.show({"url": link, "expires_at": rfc3339(ends)}, lambda: click.echo(link))
    if not ground.as_json:
        say(f"good until {rfc3339(ends)}, in the browser that uses it first", err=True)


@auth.command()
@click.argument("connection", shell_complete=complete_connection)
@command
def refresh(ground: Ground, connection: str) -> None:
    """Ask for a new access token of CONNECTION now, to see whether that works."""
    with ground.bridge() as bridge:
        name = find_connection(bridge, connection)
        bridge.connecting.refresh(name)
    ground.show({"connection": name, "refreshed": True}, lambda: say(f"{name} has a new token"))


@auth.command()
@click.argument("connection", shell_complete=complete_connection)
@command
def revoke(ground: Ground, connection: str) -> None:
    """Give back what the owner of CONNECTION permitted, and forget what was read from it.

    It stays in the file, and can be connected again.
    """
    end_connection(ground, connection)


def end_connection(ground: Ground, connection: str, *, purge_written: bool = False) -> None:
    """Disconnect an account, and say what came of it.

    Args:
        ground: how the program was called.
        connection: which.
        purge_written: delete first what was written to its calendars.
    """
    purged: list[Purged] = []
    with ground.bridge() as bridge:
        name = find_connection(bridge, connection)

        def purge(connection_id: ConnectionId) -> None:
            from bridge.app.purging import make_purging

            purged.append(make_purging(bridge).purge_whole(connection_id))

        try:
            trouble = bridge.connecting.disconnect(name, purge=purge if purge_written else None)
        except ProviderError as err:
            raise BridgeError(f"{name} is stopped, and not disconnected yet: {told(err)}") from err
        bridge.rebuild()
    data: dict[str, object] = {"connection": name, "given_back": trouble is None}
    if purged:
        data["purged"] = len(purged[0].deleted)
    ground.show(data, lambda: _tell_ended(name, purged))
    if trouble is not None:
        say(f"warning: its provider did not take it back: {told(trouble)}", err=True)


def _tell_ended(name: str, purged: Sequence[Purged]) -> None:
    from bridge.cli.purge import report

    for each in purged:
        report(name, each)
    say(f"{name} is disconnected")


def _direct(
    bridge: Bridge, resource: str, provider: str, connection: str | None
) -> tuple[str, Instant]:
    """Make a link to the provider's own page, for an account that its owner connects.

    Raises:
        BridgeError: nobody has to agree there.
    """
    name = _connection(bridge, resource, provider, connection)
    bridge.connecting.needed(name)
    resource_id, kind = _resource(bridge, resource), bridge.accounts.describe(name)[0].name
    return bridge.invitations.direct(resource_id, (name, kind), _ACTOR)


def _only(bridge: Bridge, provider: str) -> str:
    """Find the only resource that has an account at a provider.

    Raises:
        BridgeError: there is none, or there are several.
    """
    from bridge.cli.sync import follow_file
    from bridge.store import connections

    name = _provider(provider)
    follow_file(bridge)
    with bridge.database.read() as conn:
        found = {row.resource_id for row in connections.every(conn) if row.provider == name}
    if len(found) > 1:
        raise BridgeError(f"several have {name} connections: {' or '.join(sorted(found))}?")
    for each in found:
        return each
    raise BridgeError(f"no resource has a {name} connection; name one in {bridge.config_path}")


def _provider(given: str) -> str:
    """Give the name of a provider that was given by any of its names.

    Raises:
        click.UsageError: there is no such provider.
    """
    from bridge.registry import kind

    try:
        return kind(given).name
    except KeyError as err:
        raise click.UsageError(str(err.args[0])) from err


def _connection(bridge: Bridge, resource: str, provider: str, wanted: str | None) -> ConnectionId:
    """Find the connection that is meant.

    Raises:
        BridgeError: there is none, or several and no word which.
        click.UsageError: there is no such provider.
    """
    from bridge.store import connections

    name = _provider(provider)
    resource_id = _resource(bridge, resource)
    with bridge.database.read() as conn:
        rows = connections.of_resource(conn, resource_id)
    found = {row.id.partition(".")[2]: row.id for row in rows if row.provider == name}
    if wanted is not None:
        wanted = wanted.removeprefix(f"{resource_id}.")
        if wanted not in found:
            raise unknown(f"{name} connection of {resource_id}", wanted, found)
        return found[wanted]
    if len(found) > 1:
        raise BridgeError(f"{resource_id} has several: --connection {' or '.join(sorted(found))}")
    for each in found.values():
        return each
    raise BridgeError(
        f"{resource_id} has no {name} connection; name one in {bridge.config_path} "
        "and `busybridge reload`"
    )


def _resource(bridge: Bridge, name: str) -> ResourceId:
    from bridge.cli.sync import follow_file
    from bridge.store import resources

    follow_file(bridge)
    with bridge.database.read() as conn:
        known = {row.id: row.id for row in resources.all_active(conn)}
    if name in known:
        return next(each for each in known if each == name)
    if any(name == each.id for each in bridge.settings.resources):
        raise BridgeError(not_in_force([name]))
    raise unknown("resource", name, known)


def find_connection(bridge: Bridge, name: str) -> ConnectionId:
    """Find a connection that is in force, `room-a.work`; without a server the file comes first.

    Raises:
        BridgeError: there is none of this id; the nearest ones are named.
    """
    from bridge.cli.sync import follow_file
    from bridge.store import connections

    follow_file(bridge)
    with bridge.database.read() as conn:
        known = {row.id: row.id for row in connections.every(conn)}
    if name not in known:
        raise unknown("connection", name, known)
    return next(each for each in known if each == name)


def _in_browser(bridge: Bridge, name: ConnectionId) -> Ended:
    """Open a browser, and wait for it to come back to a port of ours."""
    server = _Loopback()
    try:
        url, secret = _begin(bridge, name, server.server_port)
        # On stderr: what is printed is the outcome.
        say(f"opening {url}", err=True)
        # Some browsers are waited for until they are closed.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        life = bridge.settings.auth.oauth.state_ttl.total_seconds()
        answer = server.wait(parse_qs(urlsplit(url).query)["state"][0], life)
        if answer is None:
            raise BridgeError("nobody agreed in time; try again")
        ended = _finish(bridge, secret, answer)
    finally:
        server.server_close()
    return ended


def _by_hand(bridge: Bridge, name: ConnectionId) -> Ended:
    server = _Loopback()  # for a port that nobody else listens on
    port = server.server_port
    server.server_close()
    url, secret = _begin(bridge, name, port)
    say("Open this in any browser:", err=True)
    click.echo(url)
    say("Then paste the address that the browser ends at:", err=True)
    sys.stdout.flush()
    line = sys.stdin.readline().strip()
    if not line:
        raise BridgeError("nothing was pasted")
    return _finish(bridge, secret, line)


def _elsewhere(bridge: Bridge, name: ConnectionId) -> ProviderError | None:
    """Show a code, and ask until somebody entered it; say why the account is not connected."""
    code = bridge.connecting.elsewhere.begin(name)
    say(f"Open {code.verification_uri} in any browser, and enter the code", err=True)
    click.echo(code.user_code)
    sys.stdout.flush()
    ends = monotonic() + code.lifetime.total_seconds()
    while monotonic() + code.interval.total_seconds() < ends:
        threading.Event().wait(code.interval.total_seconds())
        try:
            again = bridge.connecting.elsewhere.finish(name, code)
        except ProviderError as err:
            return err
        if again is None:
            return None
        code = again
    raise BridgeError("nobody agreed in time; try again")


def _begin(bridge: Bridge, name: ConnectionId, port: int) -> tuple[str, tuple[str, str]]:
    """Note the question; give where to ask it, and what only this process knows."""
    from secrets import token_hex

    from bridge.connecting import Asked

    provider = bridge.accounts.describe(name)[0].name
    secret = token_hex(32)
    callback = f"http://{_HOST}:{port}/oauth/{provider}/callback"
    url = bridge.connecting.begin(Asked(name, secret, _ACTOR, callback))
    return url, (provider, secret)


def _finish(bridge: Bridge, known: tuple[str, str], answer: str) -> Ended:
    from bridge.connecting import Response
    from bridge.store.consents import Returned

    provider, secret = known
    given = {key: values[-1] for key, values in parse_qs(urlsplit(answer).query).items()}
    if "state" not in given:
        raise BridgeError("this is not the address that the browser ended at: it has no state")
    returned = Returned(provider, given["state"], secret)
    return bridge.connecting.finish(Response.of(returned, given))


class _Loopback(HTTPServer):
    """Takes the one answer that a browser brings to this machine (RFC 8252 section 7.3)."""

    def __init__(self) -> None:
        super().__init__((_HOST, 0), _Handler)
        self.timeout = _LOOK
        self.answers: list[str] = []

    def wait(self, state: str, seconds: float) -> str | None:
        """Return the address that was asked for with this state; None when nobody did in time."""
        ends = monotonic() + seconds
        while monotonic() < ends:
            self.handle_request()
            # Any page and any program of this machine can ask for something else here.
            for each in self.answers:
                if state in parse_qs(urlsplit(each).query).get("state", ()):
                    return each
        return None


class _Handler(BaseHTTPRequestHandler):
    timeout = 5  # of a connection that sends nothing

    def do_GET(self) -> None:
        """Take what looks like an answer, and send everybody else away."""
        is_answer = "state=" in urlsplit(self.path).query
        if is_answer and isinstance(self.server, _Loopback):
            self.server.answers[:] = [self.path]
        text = "Go back to the terminal." if is_answer else "There is nothing here."
        body = text.encode()
        self.send_response(200 if is_answer else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what was asked for holds a code."""
