from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.store.database import Database
from tests.bookings.hall import PATIENT, Hall
from tests.databases import closing_database


@pytest.fixture
def open_hall(database: Database) -> Iterator[Callable[..., Hall]]:
    """Opens a resource with settings of one's own, on each kind of database."""
    opened: list[Hall] = []

    def open_it(**resource: Any) -> Hall:
        opened.append(Hall(database, **resource))
        return opened[-1]

    yield open_it
    for hall in opened:
        hall.close()


@pytest.fixture(params=["in a file", "on a server"])
def any_hall(request: pytest.FixtureRequest) -> Iterator[Hall]:
    """The same, on both kinds of database in every run: what locks and leases decide."""
    kind = "sqlite" if request.param == "in a file" else "postgresql"
    with closing_database(request.getfixturevalue(f"{kind}_url")) as database:
        hall = Hall(database, bookings=PATIENT)
        yield hall
        hall.close()


@pytest.fixture
def hall(open_hall: Callable[..., Hall]) -> Hall:
    """A resource that can be booked, on each kind of database."""
    return open_hall()
