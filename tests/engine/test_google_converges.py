"""Whatever people do and whatever goes wrong, the mirror becomes the calendar.

What is busy is worked out by `tests.engine.reckoning`, which knows neither our expansion nor the
stand-in's. A seed repeats its run: pass Phase.shrink as well to have a failure made short.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from bridge.config.keyfile import KeyFile
from bridge.model.http import Http
from tests.contract.google_world import transport
from tests.databases import PostgresqlServer, SqliteDatabases
from tests.engine.owner import Owner, Place
from tests.long import seeds

STEPS = 250
"""Of each seed: 2,000 of eight seeds, 100,000 of four hundred."""
_RUN = 50


@pytest.fixture
def http() -> Iterator[Http]:
    way = transport()
    yield way
    way.close()


@pytest.mark.timeout(900)  # it works all the time, on a machine that may be busy
@pytest.mark.covers("F23")
@pytest.mark.parametrize("seed", seeds(8, 400))
def test_the_mirror_becomes_the_calendar(
    seed: int,
    request: pytest.FixtureRequest,
    sqlite_databases: SqliteDatabases,
    tmp_path: Path,
    http: Http,
) -> None:
    server: PostgresqlServer | None = None
    if seed % 4 == 3:
        server = request.getfixturevalue("postgresql_server")
    folder = tmp_path / "data"
    KeyFile.create(tmp_path / "busybridge.key")
    machines: list[Owner] = []
    made: list[str] = []

    def run() -> Owner:
        for url in made:  # the run before is over
            assert server is not None
            server.drop(url)
        made.clear()
        if server is None:
            url = sqlite_databases.url(folder)
        else:
            url = server.create()
            made.append(url)
        machines.append(Owner(Place(url, tmp_path, http)))
        return machines[-1]

    tries = 0
    while (left := STEPS - sum(each.steps for each in machines)) > 0:
        run._hypothesis_internal_use_seed = seed + 1000 * tries  # type: ignore[attr-defined]
        run_state_machine_as_test(
            run,
            settings=settings(
                max_examples=ceil(left / _RUN),
                stateful_step_count=_RUN + 1,  # the first begins
                deadline=None,
                database=None,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
        tries += 1
    assert sum(each.told for each in machines), "nothing was read because it was told"
    for url in made:
        assert server is not None
        server.drop(url)
