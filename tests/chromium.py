"""A real browser, driven as W3C WebDriver says: Debian's chromium by its chromedriver."""

from __future__ import annotations

import base64
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2

from tests.connecting.owner import plain_client

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""What the specification calls a reference to an element."""
_ANSWERED = "the server responded with a status of"
_READY = "return document.readyState"
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-color-profile=srgb",
    # Whatever a page names that is not on loopback does not exist.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Chromium:
    """One browser with one window."""

    def __init__(self, http: httpx2.Client, driver: str, session: str) -> None:
        self._http = http
        self._url = f"{driver}/session/{session}"

    def send(self, method: str, path: str, **body: Any) -> Any:
        """Give a command of WebDriver; its error is ours."""
        content = body if method == "POST" else None
        answer = self._http.request(method, f"{self._url}{path}", json=content)
        value = answer.json()["value"]
        assert answer.is_success, value
        return value

    def open(self, url: str) -> None:
        self.send("POST", "/url", url=url)

    @property
    def url(self) -> str:
        return str(self.send("GET", "/url"))

    @property
    def heading(self) -> str:
        return self.text("h1")

    @property
    def page(self) -> str:
        """What a person reads."""
        return self.text("body")

    def all(self, css: str, inside: str = "") -> list[str]:
        """Find elements, in the order of the page."""
        place = f"/element/{inside}/elements" if inside else "/elements"
        found = self.send("POST", place, using="css selector", value=css)
        return [each[_ELEMENT] for each in found]

    def one(self, css: str, text: str = "") -> str:
        """Find the first element with that text in it."""
        for each in self.all(css):
            if text in self.send("GET", f"/element/{each}/text"):
                return each
        raise AssertionError(f"no {css} with {text!r}:\n{self.page}")

    def text(self, css: str) -> str:
        return str(self.send("GET", f"/element/{self.one(css)}/text"))

    def click(self, css: str, text: str = "") -> None:
        self.press(self.one(css, text))

    def press(self, element: str) -> None:
        self.send("POST", f"/element/{element}/click")

    def leave(self, css: str, text: str = "") -> None:
        """Click what leads to another page, and wait for that."""
        self.leave_by(self.one(css, text))

    def leave_by(self, element: str) -> None:
        document = self.one("html")
        self.press(element)
        until(lambda: self._is_gone(document), "the next page")

    def _is_gone(self, element: str) -> bool:
        answer = self._http.get(f"{self._url}/element/{element}/name")
        ready = self.send("POST", "/execute/sync", script=_READY, args=[])
        return not answer.is_success and ready == "complete"

    def write(self, css: str, text: str) -> None:
        """Type into a field in the place of what is there."""
        field = self.one(css)
        self.send("POST", f"/element/{field}/clear")
        self.send("POST", f"/element/{field}/value", text=text)

    def pick(self, css: str, value: str) -> None:
        """Choose in a date field, whose keys depend on the language of the machine."""
        script = "arguments[0].value = arguments[1]"
        arguments = [{_ELEMENT: self.one(css)}, value]
        self.send("POST", "/execute/sync", script=script, args=arguments)

    def resize(self, width: int, height: int) -> None:
        self.send("POST", "/window/rect", width=width, height=height)

    def width(self) -> tuple[int, int]:
        """Width of the window and of what is in it: a larger one has to be scrolled sideways."""
        script = "const d = document.documentElement; return [d.clientWidth, d.scrollWidth]"
        shown, needed = self.send("POST", "/execute/sync", script=script, args=[])
        return shown, needed

    def complaints(self) -> list[str]:
        """What the browser wrote on its console, such as what a policy forbids.

        That a page was answered with an error is not said: the page says it.
        """
        found = self.send("POST", "/se/log", type="browser")
        return [each["message"] for each in found if _ANSWERED not in each["message"]]

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("GET", "/screenshot")))


@contextmanager
def chromium(folder: Path) -> Iterator[Chromium]:
    """Start a browser whose profile is in a folder; without history and cookies."""
    driver = subprocess.Popen(
        [shutil.which("chromedriver") or "chromedriver", "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
        },
        start_new_session=True,
    )
    try:
        with plain_client(timeout=120) as http:
            url = f"http://127.0.0.1:{_port(driver)}"
            options = {"args": [*_ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]}
            wanted = {"alwaysMatch": {"goog:chromeOptions": options}}
            answer = http.post(f"{url}/session", json={"capabilities": wanted}).json()["value"]
            assert "sessionId" in answer, answer
            browser = Chromium(http, url, answer["sessionId"])
            try:
                yield browser
            finally:
                browser.send("DELETE", "")
    finally:
        driver.send_signal(signal.SIGTERM)
        driver.wait(30)


def _port(driver: subprocess.Popen[str]) -> str:
    assert driver.stdout is not None
    for line in driver.stdout:
        if match := re.search(r"successfully on port (\d+)", line):
            # Else it would wait for somebody to read what it says.
            threading.Thread(target=driver.stdout.read, daemon=True).start()
            return match[1]
    raise AssertionError("chromedriver ended")


def until(condition: Any, what: str, seconds: float = 150) -> None:
    """Look until something is so; patiently, since machines are slow at times."""
    ends, pause = monotonic() + seconds, threading.Event()
    while not condition():
        assert monotonic() < ends, f"never: {what}"
        pause.wait(0.1)
