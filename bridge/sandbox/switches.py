"""Control URLs that switch misbehaviour, the same for every provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from bridge.sandbox.faults import Faults, UnknownFault
from bridge.sandbox.http import body, refused
from bridge.sandbox.world import Unknown, World


def add(
    routes: Blueprint, world: World, known: Mapping[str, str], find: Callable[[str], Faults]
) -> None:
    """Add the routes.

    Args:
        routes: where.
        world: whose lock guards the accounts.
        known: every misbehaviour there is.
        find: gives what an account does wrong, by its address; raises `Unknown`.
    """

    @routes.get("/faults")
    def known_faults() -> ResponseReturnValue:
        """Every misbehaviour there is."""
        return jsonify(dict(known))

    @routes.route("/accounts/<email>/faults", methods=["GET", "POST", "DELETE"])
    def faults(email: str) -> ResponseReturnValue:
        """Show them, switch some, or switch all off."""
        with world.lock:
            mine = find(email)
            if request.method == "DELETE":
                mine.clear()
            elif request.method == "POST":
                mine.apply(body())
            return jsonify(dict(mine.shown()))

    for kind in (Unknown, UnknownFault, KeyError, TypeError, ValueError):
        routes.register_error_handler(kind, refused)
