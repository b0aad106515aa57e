"""The callable that other WSGI servers host."""

import subprocess
import sys

from bridge.app.presence import lock_path
from tests.app.running import Running, configuration, resource

_HOST = """
from wsgiref.util import setup_testing_defaults
from bridge.app.wsgi import application
environ = {"PATH_INFO": "/healthz"}
setup_testing_defaults(environ)
for _ in range(2):
    body = b"".join(application(environ, lambda status, headers: print(status)))
print(body.decode())
"""


def hosted(running: Running, more: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _HOST + more],
        cwd=running.folder,
        env={"HOME": str(running.folder)} | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_callable_opens_the_database_with_its_first_request(origin, run) -> None:
    running = run(configuration(resource("room-a", origin.url("/busy.ics"))))
    done = hosted(running, BUSYBRIDGE_CONFIG=str(running.path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["200 OK", "200 OK", '{"status":"ok"}']
    assert list(running.rows()) == ["room-a.work"]
    assert origin.requests == [], "it answers; pulling is for others"


def test_while_it_cannot_start_it_answers_503_and_says_why_once(origin, run) -> None:
    done = hosted(run(configuration()))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["503 Service Unavailable"] * 2
    assert done.stderr.count("BUSYBRIDGE_CONFIG") == 1, "not anew with each request"


def test_its_database_is_not_replaced_under_it(origin, run) -> None:
    running = run(configuration(resource("room-a", origin.url("/busy.ics"))))
    check = """
from contextlib import suppress
from bridge.app.presence import alone
from bridge.errors import StoreError
from pathlib import Path
with suppress(StoreError), alone(Path("busybridge.sqlite3")):
    print("alone")
"""
    done = hosted(running, check, BUSYBRIDGE_CONFIG=str(running.path))
    assert done.returncode == 0, done.stderr
    assert "alone" not in done.stdout
    assert lock_path(running.folder / "busybridge.sqlite3").exists()
