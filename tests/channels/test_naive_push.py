"""Each misbehaviour of Google's notifications catches who does not expect it, and not us."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.channels import naive, telling
from tests.channels.telling import Case, catches
from tests.engine.google_owner import GoogleOwner
from tests.engine.owner import Place

CASES: list[Case] = [
    # It is a 401: who is answered so asks again with another access token.
    *telling.alike(refused="push_refused", times=2, short="push_short"),
    (
        naive.BelievesAtOnce,
        {"push_lost": True},
        telling.changes_show_as_soon_as_without_notifications,
    ),
    (naive.ReplacesTheSilent, {"push_late": 900}, telling.a_channel_is_seldom_asked_for),
]
CAUGHT = telling.faults_of(CASES)


@pytest.mark.parametrize("case", CASES, ids=telling.names(CASES))
def test_it_catches(places: Callable[[], Place], case: Case) -> None:
    catches(GoogleOwner, places, case)
