"""A series that Graph lists and does not find takes its time until it is named as gone."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from bridge.model.http import Http, Response
from bridge.model.interval import Window
from bridge.provider import CalendarId, Item, RemoteId, SeriesRemoved, SyncToken, Unreadable
from bridge.providers.microsoft.adapter import MicrosoftSource
from bridge.providers.microsoft.client import Client
from tests.contract.canned import Canned
from tests.contract.provider_contract import DAY, NOW
from tests.unit.providers.microsoft.test_listing import changed, gone, master, starts, stub

ROOT = "https://graph.test/v1.0"
YEARS = 365 * DAY


class Lost(Canned):
    """Lists the parts of a series, and does not find it, or not its instances."""

    found: dict[str, Any] | None = None

    def __init__(self, *lines: dict[str, Any]) -> None:
        super().__init__(ROOT, 404, '{"error": {"code": "ErrorItemNotFound"}}')
        self.lines = lines

    def request(self, _method: str, url: str, **_: object) -> Response:
        answer = super().request(_method, url)
        if "calendarView" in url:
            page = {"value": self.lines, "@odata.deltaLink": f"{ROOT}/calendarView/delta?again"}
            return Response(200, {}, json.dumps(page).encode(), url)
        if self.found is not None and "instances" not in url:
            return Response(200, {}, json.dumps(self.found).encode(), url)
        return answer


def pulled(
    http: Lost, length: int = 60 * DAY, since: SyncToken | None = None
) -> tuple[list[Item], SyncToken | None]:
    source = MicrosoftSource(Client(cast("Http", http), ROOT, ""))
    pages = [*source.changes(CalendarId("c"), since, Window(NOW - DAY, NOW + length))]
    return [item for page in pages for item in page.items], pages[-1].token


def left(items: list[Item]) -> list[float]:
    (item,) = items
    assert isinstance(item, Unreadable)
    assert item.remains is not None
    return starts(item.remains)


@pytest.mark.parametrize("length", [60 * DAY, 6 * YEARS])
def test_what_is_listed_of_a_series_that_is_not_found_takes_its_time(length: int) -> None:
    assert left(pulled(Lost(stub(1), changed(2, NOW + 9 * DAY)), length)[0]) == [1, 9]


def test_a_later_round_says_what_changed_of_it_and_in_the_end_that_it_is_gone() -> None:
    http = Lost(stub(1))
    _, token = pulled(http)
    http.lines = (changed(2, NOW + 9 * DAY),)
    items, token = pulled(http, since=token)
    assert left(items) == [9]
    http.found = master()
    assert left(pulled(http, since=token)[0]) == [9], "its instances are not found"
    http.lines = (gone("series"),)
    items, _ = pulled(http, since=token)
    assert items == [SeriesRemoved(RemoteId("series"))]
