"""What needs the overrides of `busybridge serve`, and what stock Radicale does instead.

`docs/operation.md` lists the same differences for admins.
"""

from __future__ import annotations

from bridge.ical.serialize import utc_text
from tests.dav.stock.grounds import SPACES, Ground, responses, sync_token
from tests.dav.stock.test_both_grounds import BUSY, FREE_BUSY_QUERY, TIMES, VIEW
from tests.e2e.served import freebusy_periods
from tests.web.site import DAY, HORIZON, TODAY

TYPES = "/bob/types.busy/"


def test_only_our_application_answers_304(own: Ground, stock: Ground) -> None:
    tag = own.send("GET", TIMES).headers["etag"]
    assert own.send("GET", TIMES, If_None_Match=tag).status == 304
    assert stock.send("GET", TIMES, If_None_Match=tag).status == 200


def test_only_our_application_says_unavailable(own: Ground, stock: Ground) -> None:
    kinds = {
        each.name: {kind for _, _, kind in freebusy_periods(each.send("GET", TYPES + VIEW).body)}
        for each in (own, stock)
    }
    assert kinds == {
        "own": {"BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"},
        "stock": {"BUSY", "BUSY-TENTATIVE"},
    }


def test_only_our_application_shortens_the_window_to_what_is_known(
    own: Ground, stock: Ground
) -> None:
    """Stock Radicale would call the rest free: it refuses the whole instead."""
    view = f"?view=freebusy&start={utc_text(TODAY)}&end={utc_text(HORIZON.end + DAY)}"
    answer = own.send("GET", TIMES + view)
    assert f"DTEND:{utc_text(HORIZON.end)}\r\n".encode() in answer.body
    assert stock.send("GET", TIMES + view).status == 400


def test_only_our_application_says_when_to_come_again(own: Ground, stock: Ground) -> None:
    path = "/bob/unread.busy/"
    assert own.report(path, FREE_BUSY_QUERY).headers["retry-after"]
    answer = stock.report(path, FREE_BUSY_QUERY)
    assert (answer.status, answer.headers.get("retry-after")) == (500, None)


def test_only_our_application_limits_a_sync(own: Ground, stock: Ground) -> None:
    asked = (
        f"<D:sync-collection {SPACES}><D:sync-token/><D:sync-level>1</D:sync-level>"
        "<D:limit><D:nresults>10</D:nresults></D:limit><D:prop><D:getetag/></D:prop>"
        "</D:sync-collection>"
    )
    assert b" 507 " in own.report(BUSY, asked).body
    answer = stock.report(BUSY, asked)
    assert len(responses(answer)) == 60
    assert sync_token(answer)


def test_only_our_application_keeps_a_color(own: Ground, stock: Ground) -> None:
    asked = (
        f"<D:propertyupdate {SPACES}><D:set><D:prop><A:calendar-color>#112233</A:calendar-color>"
        "</D:prop></D:set></D:propertyupdate>"
    )
    assert stock.send("PROPPATCH", TIMES, body=asked).status == 403
    assert own.send("PROPPATCH", TIMES, body=asked).status == 207
    for each in (own, stock):  # what was kept shows on both
        [props] = each.propfind(TIMES, "A:calendar-color").values()
        assert props["calendar-color"].text == "#112233"


def test_only_our_application_gives_the_reason_of_a_refusal(own: Ground, stock: Ground) -> None:
    answer = own.send("DELETE", BUSY)
    assert (answer.status, b"need-privileges" in answer.body) == (403, True)
    answer = stock.send("DELETE", BUSY)
    assert (answer.status, b"need-privileges" in answer.body) == (403, False)


def test_only_our_application_refuses_an_unknown_report(own: Ground, stock: Ground) -> None:
    asked = f"<D:version-tree {SPACES}><D:prop><D:getetag/></D:prop></D:version-tree>"
    assert own.report(TIMES, asked).status == 403
    assert len(responses(stock.report(TIMES, asked))) == 60
