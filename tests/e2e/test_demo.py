"""`make demo`, as somebody types it who has nothing but Python and make."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.oracle import Written
from tests.e2e.served import Login, feed_periods, freebusy_periods, get
from tests.servers.dav import Dav
from tests.servers.ports import usual_ports

_HOUR = timedelta(hours=1)
ROOT = Path(__file__).parents[2]
PARTS = ("bridge", "radicale_plugin", "pyproject.toml", "Makefile", "README.md", "LICENSE")


class Demo:
    """The process group of one `make demo`, and what it has printed."""

    def __init__(self, checkout: Path, home: Path) -> None:
        settings = {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
        tools = Path(shutil.which("make")).parent
        self._home = home
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            ["make", "demo", f"PYTHON={sys._base_executable}"],
            cwd=checkout,
            env={"HOME": str(home), "TMPDIR": str(home / "tmp"), "PATH": f"{tools}:/bin"}
            | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._more:
                self.lines.append(line)
                self._more.notify_all()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def wait_for(self, pattern: str, seconds: float) -> str:
        with self._more:
            found = self._more.wait_for(lambda: re.search(pattern, self.output), seconds)
        assert found, f"{pattern} was not printed:\n{self.output}"
        return found[0]

    def members(self) -> list[int]:
        """Processes that the demo's environment was handed to, zombies excepted."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rsplit(")", 1)[1].split()
                environment = (status.parent / "environ").read_bytes()
            except OSError:
                continue
            if fields[0] != "Z" and str(self._home).encode() in environment:
                found.append(int(status.parent.name))
        return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    checkout.mkdir()
    (home / "tmp").mkdir(parents=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, checkout / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, checkout / part)
    with usual_ports():
        started = Demo(checkout, home)
        yield started
        if started.process.poll() is None:
            os.killpg(started.process.pid, signal.SIGKILL)


@pytest.mark.timeout(400)
def test_make_demo_shows_changes_within_an_interval_and_leaves_nothing(
    demo: Demo, tmp_path: Path
) -> None:
    free_busy = demo.wait_for(r"http://\S+/freebusy/alice\.ifb", 200)
    assert freebusy_periods(get(free_busy).body), "the first busy time"
    assert time.monotonic() - demo.began < 120, "within two minutes of typing the command"
    demo.wait_for(r"Ctrl-C ends", 60)
    source = demo.wait_for(r"http://\S+/demo/alice-family/", 60)
    curl = demo.wait_for(r"curl -u \S+ http://\S+/alice/busy/", 60)
    login = Login(*curl.split()[2].split(":"))
    assert feed_periods(get(curl.split()[3], login.header()).body), "the CalDAV account"

    day = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    night = Written("late@tests", day.replace(hour=2) + timedelta(days=3), _HOUR, "UTC")
    [(start, end)] = night.spans("UTC")

    def is_busy() -> bool:
        found = freebusy_periods(get(free_busy).body)
        return any(first <= start and end <= last for first, last, _ in found)

    assert not is_busy()
    account = Dav(source.split("/demo/")[0] + "/", "/demo/", "demo", "demo")
    account.put("/demo/alice-family/", "late.ics", night.ics())
    deadline = time.monotonic() + 15  # the demo's interval, and a moment to look
    pause = threading.Event()
    while not is_busy():
        assert time.monotonic() < deadline, "the printed URL did not change within one interval"
        pause.wait(0.2)

    os.killpg(demo.process.pid, signal.SIGINT)
    demo.process.wait(60)
    assert demo.members() == []
    assert list((tmp_path / "home" / "tmp").iterdir()) == []
