"""What a container asks: of a process that serves, and of a worker, which does not."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from sqlalchemy import update

from bridge.app import healthcheck
from bridge.app.healthcheck import main
from bridge.store.schema import schedule
from tests.app.running import PATIENCE, Running, configuration, in_file, resource


def ask(served: Running) -> int:
    return main({"BUSYBRIDGE_CONFIG": str(served.path)})


def test_a_process_that_serves_is_well_while_it_answers(origin, run, monkeypatch) -> None:
    monkeypatch.setattr(healthcheck, "_TIMEOUT", PATIENCE)
    config = configuration(resource("room-a", origin.url("/busy.ics")))
    served = run(config).start()
    config["server"]["bind"] = served.address
    served.write()
    assert ask(served) == 0
    served.stop()
    assert ask(served) == 1


@pytest.mark.covers("P12")
def test_a_worker_is_well_while_nothing_stays_due(origin, run, postgresql_url) -> None:
    config = configuration(
        resource("room-a", origin.url("/busy.ics")),
        storage={"database": in_file(postgresql_url)},
    )
    served = run(config).start()
    served.until(served.pulled, "a pull")
    served.stop()
    config["server"]["role"] = "worker"
    served.write()
    assert ask(served) == 0
    with closing(served.database()) as database, database.write() as conn:
        conn.execute(update(schedule).values(next_due=int(time.time()) - 3600))
    assert ask(served) == 1


def test_a_configuration_that_cannot_be_used_is_not_well(
    tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main({"BUSYBRIDGE_CONFIG": str(tmp_path / "none.yaml")}) == 1
    assert "none.yaml" in capsys.readouterr().err
