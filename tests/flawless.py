"""Stand-ins that say nothing but what the descriptions of their originals allow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bridge.sandbox.server import Sandbox


@contextmanager
def flawless(sandbox: Sandbox) -> Iterator[Sandbox]:
    """Run a stand-in, and hold at its end that each of its answers was one of its original's."""
    with sandbox as running:
        yield running
        assert running.world.defects == []
