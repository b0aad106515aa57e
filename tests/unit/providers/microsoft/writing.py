"""What the tests of writing to Outlook share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bridge.model.event import Event, EventSeries
from bridge.model.http import Response
from bridge.sink import EventSink
from tests.contract.microsoft_sink_world import MicrosoftSinkWorld
from tests.contract.sink_calendar import MONDAY, WEEK, override


def master(series: EventSeries) -> Event:
    assert series.master is not None
    return series.master


def sink_of(world: MicrosoftSinkWorld, http: Any, **fields: Any) -> EventSink:
    sink = world.through(http, **fields).sink
    assert sink is not None
    return sink


def body_of(world: MicrosoftSinkWorld, remote_id: str) -> str:
    return str(world.event(remote_id)["body"]["content"])


def moved_to(series: EventSeries, number: int, by: timedelta) -> Event:
    """One occurrence, so much later."""
    at = MONDAY + number * WEEK + by
    return override(series, MONDAY + number * WEEK, start=at, end=at + timedelta(hours=1))


@dataclass
class Blind:
    """An `Http` that finds nothing until something was written."""

    http: Any
    wrote: bool = False

    def request(self, method: str, url: str, **options: Any) -> Response:
        self.wrote = self.wrote or method != "GET"
        answer: Response = self.http.request(method, url, **options)
        if "filter=single" in url and not self.wrote:
            return replace(answer, body=b'{"value": []}')
        return answer

    def services(self, name: str) -> Any:
        return self.http.services(name)

    def texts(self, name: str) -> Any:
        return self.http.texts(name)
