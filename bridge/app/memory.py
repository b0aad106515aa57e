"""Keeping the process small: glibc holds on to what threads freed, in an arena for each of them.

Without this, a process that read ten calendars of 10,000 events at once and served them went on
holding twice what it uses. Other C libraries are left alone.
"""

from __future__ import annotations

import ctypes
import gc

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
_ARENAS = 2
"""Threads hold Python's own lock while they allocate: more would not be faster."""


def share_arenas() -> None:
    """Let all threads allocate from the same few arenas; call it before there are any."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_ARENA_MAX, _ARENAS)


def trim() -> None:
    """Return freed memory to the system; takes tens of milliseconds."""
    gc.collect()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
