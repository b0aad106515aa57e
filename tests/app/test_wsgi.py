"""The callable that other WSGI servers host."""

import subprocess
import sys

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


def hosted(running: Running, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _HOST],
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


def test_without_a_configuration_it_says_which_variable_names_it(origin, run) -> None:
    done = hosted(run(configuration()))
    assert done.returncode != 0
    assert "BUSYBRIDGE_CONFIG" in done.stderr
