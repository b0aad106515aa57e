"""Whatever people do in Outlook and whatever goes wrong, the mirror becomes the calendar.

What is busy is worked out by `tests.engine.microsoft_reckoning`, which knows neither our expansion
nor the stand-in's. A seed repeats its run: pass Phase.shrink as well to have a failure made short.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.converging import converge
from tests.engine.microsoft_owner import MicrosoftOwner
from tests.engine.owner import Place
from tests.long import seeds


@pytest.mark.timeout(900)  # it works all the time, on a machine that may be busy
@pytest.mark.covers("F23")
@pytest.mark.parametrize("seed", seeds(8, 400))
def test_the_mirror_becomes_the_calendar(seed: int, places: Callable[[int], Place]) -> None:
    machines = converge(seed, lambda: MicrosoftOwner(places(seed)))
    assert sum(each.told for each in machines), "nothing was read because it was told"
