"""An `Http` that gives one answer, of forms that no stand-in has."""

from __future__ import annotations

from bridge.model.http import Response


class Canned:
    """Gives it to whoever asks, and remembers what was asked."""

    def __init__(self, url: str, status: int, body: str, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = Response(status, named, body.encode(), url)
        self.asked: list[str] = []

    def request(self, _method: str, url: str, **_: object) -> Response:
        self.asked.append(url)
        return self.answer

    def services(self, _name: str) -> list[object]:
        return []

    def texts(self, _name: str) -> list[object]:
        return []
