"""One process answers, another one pulls; what Google tells the one wakes the other."""

from __future__ import annotations

from pathlib import Path

import yaml

from bridge.app.bridge import Bridge
from tests.app.running import in_file
from tests.channels.house import Pushed
from tests.connecting.home import opened


def test_a_web_process_takes_the_notification_and_a_worker_pulls(
    tmp_path: Path, postgresql_url: str
) -> None:
    storage = {"database": in_file(postgresql_url)}
    with opened(tmp_path, server={"role": "web"}, storage=storage) as home:
        house = Pushed(home)
        document = yaml.safe_load(home.bridge.config_path.read_text())
        document["server"]["role"] = "worker"
        path = tmp_path / "worker.yaml"
        path.write_text(yaml.safe_dump(document))
        worker = Bridge(path, environ={}, clock=lambda: home.now, kinds=home.bridge.kinds)
        worker.open()
        worker.scheduler.start()
        try:
            house.connect()
            house.create(24)
            house.until(lambda: house.busy() == 1, "the worker has pulled")
        finally:
            assert worker.scheduler.stop(60)
            worker.close()
