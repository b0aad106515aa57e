"""Commands know what was made by API as they know what stands in the file."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.cli.folder import CALENDAR, PATIENCE, ROOM, Folder, Serving
from tests.servers.origin import Answer, Origin

COMMANDS_INSIDE = True

SCOPES = ("resources:write", "connections:write")


def send(served: Serving, key: str, target: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310
        f"{served.url}/api/v1{target}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        found: dict[str, Any] = json.loads(answer.read())
        return found


def test_commands_work_with_what_was_made_by_api(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with Origin() as origin:
        origin.routes["/pool.ics"] = Answer(
            200, {"Content-Type": "text/calendar"}, CALENDAR.encode()
        )
        folder.prepare(outbound={"allow_networks": ["127.0.0.1/32"]}, resources=[ROOM])
        options = [each for scope in SCOPES for each in ("--scope", scope)]
        with folder.serve() as served:
            key = folder.json("keys", "create", "portal", *options)["key"]
            send(served, key, "/resources", {"id": "pool"})
            feed = {"provider": "ics", "url": origin.url("/pool.ics"), "id": "own"}
            made = send(served, key, "/resources/pool/connections", feed)
            assert made["id"] == "pool.own"
            beside = folder.json("sync", "pool")
            assert [(it["connection"], it["outcome"]) for it in beside] == [("pool.own", "ok")]
            shown = folder.json("connections", "show", "pool.own")
            assert (shown["provider"], shown["status"]) == ("ics", "active")
            assert folder.run("reload").ok()
        alone = folder.json("sync", "pool")
        assert [it["outcome"] for it in alone] == ["ok"], "the next process knows it, too"
        assert folder.json("connections", "show", "pool.own")["status"] == "active"
