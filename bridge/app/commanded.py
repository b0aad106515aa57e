"""What other processes can ask a serving one for, through rows of the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.app.bridge import Bridge
    from bridge.scheduler.errands import Handler, Verdict


def handlers(bridge: Bridge) -> Mapping[str, Handler]:
    """Give what does each kind of command."""

    def reload(_: str) -> Verdict:
        return bridge.reload()

    def apply(payload: str) -> Verdict:
        return bridge.reload.apply(json.loads(payload)["confirmed"])

    return {"reload": reload, "apply": apply}
