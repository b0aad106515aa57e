"""Names as people type them: what they may have meant, and what their shell completes."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click
from typing_extensions import override

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.config.settings import Settings

_MOST = 12
"""So many names fit into a message."""


class Group(click.Group):
    """A group of commands that knows what was meant by a name it does not have."""

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, or name the nearest one."""
        names = self.list_commands(ctx)
        if not ctx.resilient_parsing and args[0] not in names:
            near = get_close_matches(args[0], names, n=1)
            ctx.fail(
                f"No such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else "")
            )
        return super().resolve_command(ctx, args)


def unknown(what: str, name: str, known: Iterable[str]) -> BridgeError:
    """Say that there is no such thing, and which one may have been meant, or which there are."""
    names = sorted(known)
    if near := get_close_matches(name, names, n=3):
        hint = f"did you mean {' or '.join(near)}?"
    elif names:
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        hint = f"there are: {', '.join(names[:_MOST])}{more}"
    else:
        hint = "there are none"
    return BridgeError(f"there is no {what} {name!r}; {hint}")


def complete_resource(ctx: click.Context, _: click.Parameter, typed: str) -> list[str]:
    """Offer the resources of the configuration file."""
    settings = _settings(ctx)
    resources = settings.resources if settings else ()
    return [each.id for each in resources if each.id.startswith(typed)]


def complete_connection(ctx: click.Context, _: click.Parameter, typed: str) -> list[str]:
    """Offer the connections of the configuration file, `room-a.work`."""
    settings = _settings(ctx)
    resources = settings.resources if settings else ()
    names = [f"{each.id}.{own.id}" for each in resources for own in each.connections]
    return [name for name in names if name.startswith(typed)]


def complete_either(ctx: click.Context, param: click.Parameter, typed: str) -> list[str]:
    """Offer resources, and connections once a dot was typed."""
    complete = complete_connection if "." in typed else complete_resource
    return complete(ctx, param, typed)


def complete_login(ctx: click.Context, _: click.Parameter, typed: str) -> list[str]:
    """Offer the logins of the configuration file."""
    settings = _settings(ctx)
    users = settings.auth.users if settings else ()
    return [user.name for user in users if user.name.startswith(typed)]


def _settings(ctx: click.Context) -> Settings | None:
    """Read the configuration that the line typed so far names; None when it cannot be used."""
    from bridge.cli.ground import configuration
    from bridge.config.load import load

    named = ctx.params.get("config") or ctx.find_root().params.get("config")
    try:
        return load(configuration(named), whole=False)
    except BridgeError:
        return None
