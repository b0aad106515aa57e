"""Each misbehaviour of Microsoft's subscriptions catches who does not expect it, and not us."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.channels import naive, telling
from tests.channels.telling import Case, catches
from tests.engine.microsoft_owner import MicrosoftOwner
from tests.engine.owner import Place

CASES: list[Case] = [
    *telling.alike(refused="subscription_conflict", times=1, short="subscription_short"),
    (
        naive.TakesConflictForDone,
        {"subscription_conflict": True},
        telling.changes_show_as_soon_as_without_notifications,
    ),
    (
        naive.AsksForTheLongestAlone,
        {"subscription_limit": True},
        telling.changes_are_told_all_week,
    ),
    (
        naive.TakesItsEndForGranted,
        {"subscription_limit": True},
        telling.changes_are_told_all_week,
    ),
]
CAUGHT = telling.faults_of(CASES)


@pytest.mark.parametrize("case", CASES, ids=telling.names(CASES))
def test_it_catches(places: Callable[[], Place], case: Case) -> None:
    catches(MicrosoftOwner, places, case)
