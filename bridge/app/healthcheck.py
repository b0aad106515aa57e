"""Whether a process is well: `python -m bridge.app.healthcheck`, exit code 0 or 1.

For containers. A process that serves is asked; a worker, which serves nothing, shows by its work:
what is due is claimed at once, so that nothing stays due for minutes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from bridge.app.bridge import Bridge
from bridge.errors import BridgeError
from bridge.store import schedule

_TIMEOUT = 4.0
_LATEST = 600
"""Seconds that a pull may be late: every thread may be busy with slow sources."""


def trouble(bridge: Bridge) -> str:
    """Say what is wrong; nothing, if all is well."""
    server = bridge.settings.server
    try:
        return _late(bridge) if server.role == "worker" else _unanswered(server.bind)
    except (BridgeError, OSError, HTTPException) as err:
        return str(err) or type(err).__name__


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Check, and say on standard error what is wrong."""
    try:
        with closing(Bridge(environ.get("BUSYBRIDGE_CONFIG", "busybridge.yaml"))) as bridge:
            found = trouble(bridge)
    except BridgeError as err:
        found = str(err)
    if found:
        sys.stderr.write(f"{found}\n")
    return 1 if found else 0


def _unanswered(bind: str) -> str:
    host, _, port = bind.rpartition(":")
    # Every address of a machine is also the loopback one.
    local = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104 - compared
    with closing(HTTPConnection(local, int(port), timeout=_TIMEOUT)) as connection:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    return "" if status == 200 else f"/healthz answers {status}"


def _late(bridge: Bridge) -> str:
    with bridge.database.read() as conn:
        due = schedule.next_due(conn)
    late = 0 if due is None else bridge.clock() - due
    return f"a pull is due for {late} s" if late > _LATEST else ""


if __name__ == "__main__":
    sys.exit(main())
