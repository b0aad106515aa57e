"""How alerts to the admin fare: what `status` and `doctor` say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bridge.cli.ground import Store, now
from bridge.cli.moments import rfc3339
from bridge.cli.printing import count, told
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.app.bridge import Bridge

_PATIENCE = 2
"""So many failures in a row are no hiccup."""
_DAY = 86400


def ways(store: Store) -> list[dict[str, Any]]:
    """Describe each way that anything was told in, for people and programs."""
    from bridge.store import alerts

    with store.database.read() as conn:
        rows, waiting = alerts.ways(conn), alerts.backlog(conn)
        lost = alerts.lost(conn, now() - _DAY)
    return [
        {
            "way": row.way,
            "unwell": row.failures >= _PATIENCE or row.way in lost,
            "waiting": waiting.get(row.way, 0),
            "given_up": lost.get(row.way, 0),
            "failing_since": rfc3339(row.failing_since),
            "last_delivery_at": rfc3339(row.success_at),
            "error": row.error or None,
        }
        for row in rows
    ]


def remarks(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say in a line each which way does not work."""
    for each in found:
        if each["error"]:
            waiting = f"; {count(each['waiting'], 'message')} waiting" if each["waiting"] else ""
            since = each["failing_since"]
            yield f"alerts by {each['way']}: {each['error']}, since {since}{waiting}"
        if each["given_up"]:
            lost = count(each["given_up"], "message")
            yield f"alerts by {each['way']}: {lost} given up within the last day"


def examine(bridge: Bridge, *, trial: bool) -> list[dict[str, Any]]:
    """Try each way that is configured: log in and reach, or send a message on trial."""
    from secrets import token_hex

    from bridge.app.alerting import Ways
    from bridge.notify import trial as document

    try:
        configured = Ways(bridge.http)(bridge.settings)
    except BridgeError as err:
        return [{"way": "smtp", "problems": [told(err)]}]
    results = []
    for way in configured:
        result: dict[str, Any] = {"way": way.name, "problems": []}
        try:
            if trial:
                message_id = f"msg_{token_hex(12)}"
                way.deliver([(message_id, document(message_id, now()))], now())
            else:
                way.check()
        except BridgeError as err:
            result["problems"].append(told(err))
        results.append(result)
    return results
