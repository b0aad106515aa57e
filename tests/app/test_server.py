"""The server's end, whoever is faster."""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic, sleep

from bridge.app.bridge import Bridge
from bridge.app.server import Server
from bridge.config.init import write_example
from tests.builders import make_settings


def test_an_end_that_comes_after_the_end_is_none(tmp_path: Path) -> None:
    """The loop may have closed everything before whoever ends it comes to wake it."""
    path, _ = write_example(tmp_path)
    path.write_text("version: 1\nserver: {bind: '127.0.0.1:0'}\n")
    bridge = Bridge(path, environ={})
    server = Server(lambda _environ, _start: [], bridge.settings)
    server.start()
    server.begin_stop(10)
    assert server.wait(10)
    server.begin_stop(10)
    assert server.wait(10)
    bridge.close()


def test_a_server_that_never_began_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    server = Server(lambda _environ, _start: [], make_settings(server={"bind": "127.0.0.1:0"}))
    server.begin_stop(10)
    deadline = monotonic() + 60
    while set(threading.enumerate()) - before and monotonic() < deadline:
        sleep(0.01)
    assert set(threading.enumerate()) <= before
