"""What is set by API: taken in while everything runs, and followed by every process.

A change is whole or not at all: the settings that come of it are checked first, as those of a file
are; then keys, secrets and rows are written in one transaction, and the settings swapped.
"""

from __future__ import annotations

from bridge.amending.amending import Amending
from bridge.amending.draft import Draft, ManagedByFile, Taken
from bridge.amending.primary import Promotion
from bridge.amending.trial import Trial

__all__ = ["Amending", "Draft", "ManagedByFile", "Promotion", "Taken", "Trial"]
