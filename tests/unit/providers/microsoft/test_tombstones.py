"""What is named as gone and was never told of."""

from __future__ import annotations

import json
from typing import Any, cast

from bridge.model.http import Http, Response
from bridge.model.interval import Window
from bridge.provider import CalendarId, Item, RemoteId, Series, SeriesRemoved, SyncToken
from bridge.providers.microsoft.adapter import MicrosoftSource
from bridge.providers.microsoft.client import Client
from bridge.providers.microsoft.envelope import Parts
from tests.contract.canned import Canned
from tests.contract.provider_contract import DAY, NOW
from tests.unit.providers.microsoft.test_listing import changed, gone, master, single, starts, stub

ROOT = "https://graph.test/v1.0"


class Round(Canned):
    """Lists what it has in the first round, and in the next ones what is new."""

    def __init__(self, *lines: dict[str, Any]) -> None:
        super().__init__(ROOT, 404, '{"error": {"code": "ErrorItemNotFound"}}')
        self.lines = lines
        self.news: tuple[dict[str, Any], ...] = ()
        self.series: dict[str, Any] | None = None
        self.instances: list[dict[str, Any]] = []

    def request(self, _method: str, url: str, **_: object) -> Response:
        answer = super().request(_method, url)
        if "calendarView" in url:
            lines = self.news if "again" in url else self.lines
            page = {"value": lines, "@odata.deltaLink": f"{ROOT}/calendarView/delta?again"}
        elif self.series is None:
            return answer
        else:
            page = {"value": self.instances} if "instances" in url else self.series
        return Response(200, {}, json.dumps(page).encode(), url)


def pulled(http: Round, since: SyncToken | None = None) -> tuple[list[Item], SyncToken, bool]:
    source = MicrosoftSource(Client(cast("Http", http), ROOT, ""))
    pages = [*source.changes(CalendarId("c"), since, Window(NOW - DAY, NOW + 60 * DAY))]
    assert pages[-1].token is not None
    items = [item for page in pages for item in page.items]
    return items, pages[-1].token, pages[-1].full


def test_what_came_and_went_between_two_rounds_costs_nothing() -> None:
    http = Round(single(), master(), *map(stub, range(4)))
    _, token, _ = pulled(http)
    http.news, before = (gone("nobody"),), len(http.asked)
    items, _, full = pulled(http, token)
    assert not full
    assert items == [SeriesRemoved(RemoteId("nobody"))]
    assert len(http.asked) == before + 1


def test_an_occurrence_that_is_gone_takes_its_series_to_be_read_again() -> None:
    http = Round(single(), master(), *map(stub, range(4)))
    _, token, _ = pulled(http)
    http.news, before = (gone("series.2"),), len(http.asked)
    http.series, http.instances = master(), [stub(0), stub(1), stub(3)]
    items, token, full = pulled(http, token)
    assert not full
    (series,) = (item for item in items if isinstance(item, Series))
    assert starts(series.series) == [0, 1, 3]
    assert len(http.asked) == before + 3
    http.news, http.instances = (gone("series.3"),), [stub(0), stub(1)]
    items, _, full = pulled(http, token)
    assert not full
    (series,) = (item for item in items if isinstance(item, Series))
    assert starts(series.series) == [0, 1]


def test_a_series_that_is_not_found_with_its_occurrences_is_not_taken_for_gone() -> None:
    """Graph may list what it does not find: only a listing tells."""
    http = Round(stub(0), stub(1), changed(2, NOW + 9 * DAY))
    _, token, _ = pulled(http)
    http.news, http.lines = (gone("series.1"),), (stub(0), changed(2, NOW + 9 * DAY))
    _, _, full = pulled(http, token)
    assert full


def test_of_too_many_occurrences_to_keep_each_may_be_the_one() -> None:
    many = Parts().changed({"a": (f"a{n}" for n in range(30_000)), "b": ["b1", "b2"]}, ())
    assert sum(len(each or "") for each in many.write().values()) < 100_000
    assert set(many.holders(["b2"])) == {"a", "b"}
    assert set(many.holders(["x"])) == {"a"}
    assert set(many.changed({}, ["a"]).holders(["x"])) == set()
