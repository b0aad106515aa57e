from __future__ import annotations

from tests.mirror.attic import Attic


def test_busy_time_is_written_as_blocks(attic: Attic) -> None:
    attic.add("talk", "2026-11-23 09:00")
    attic.add("more", "2026-11-23 09:30")
    attic.round()
    assert attic.blocks() == ["11-23 09:00 +90 Busy"]
