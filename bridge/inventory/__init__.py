"""The configuration's resources and connections -> rows of the store, whole or not at all.

`apply` brings everything to what a start or a reload found, `change` one resource to what was set
by API, and touches no other; `foresee` tells what `apply` would do.
"""

from __future__ import annotations

from bridge.inventory.difference import InventoryReport
from bridge.inventory.following import Change, Overtaken, apply, change, foresee, lock

__all__ = ["Change", "InventoryReport", "Overtaken", "apply", "change", "foresee", "lock"]
