"""The server ends whenever it is told to, and as often."""

from __future__ import annotations

from bridge.app.server import Server
from tests.builders import make_settings


def test_a_server_that_has_ended_already_can_be_told_again() -> None:
    """Two signals in a row, or one that comes while it looks by itself whether to go on."""
    served = Server(lambda _, __: [], make_settings(server={"bind": "127.0.0.1:0"}))
    served.start()
    served.begin_stop(5)
    assert served.wait(30)
    served.begin_stop(5)
    assert served.wait(30)
