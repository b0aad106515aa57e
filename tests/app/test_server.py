"""The server's end, whoever is faster."""

from __future__ import annotations

from pathlib import Path

from bridge.app.bridge import Bridge
from bridge.app.server import Server
from bridge.config.init import write_example
from tests.e2e.served import free_port


def test_an_end_that_comes_after_the_end_is_none(tmp_path: Path) -> None:
    """The loop may have closed everything before whoever ends it comes to wake it."""
    path, _ = write_example(tmp_path)
    path.write_text(f"version: 1\nserver: {{bind: '127.0.0.1:{free_port()}'}}\n")
    bridge = Bridge(path, environ={})
    server = Server(lambda _environ, _start: [], bridge.settings)
    server.start()
    server.begin_stop(10)
    assert server.wait(10)
    server.begin_stop(10)
    assert server.wait(10)
    bridge.close()
