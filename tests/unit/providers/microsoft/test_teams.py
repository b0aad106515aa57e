"""What Outlook adds to bodies, in bodies that somebody made to be slow."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import pytest

from bridge.providers.microsoft import body, teams

LINE = "_" * 80
LINK = "https://teams.microsoft.com/l/meetup-join/1"
HOSTILE: dict[str, Callable[[int], str]] = {
    "open": lambda n: "<div>" * n,
    "closed": lambda n: "</p>" * n + "<div>" * n + "</p>" * n,
    "crossed": lambda n: "<b><i>" * n + "</b></i>" * n,
    "links": lambda n: f'<a href="{LINK}x">' * n,
    "lines": lambda n: f"<p>{LINE}" * (n // 4),
    "comments": lambda n: "<!--" * n,
    "brackets": lambda n: "<" * n,
    "attributes": lambda n: "<a " + "href = " * n + ">",
    "quotes": lambda n: "<a " + "href='" * n,
    "blanks": lambda n: (" " * 50 + "x\n") * (n // 20),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_body_is_read_in_one_pass(case: str) -> None:
    def cost(size: int) -> float:
        text = f'{HOSTILE[case](size)}<p>{LINE}</p><a href="{LINK}">Microsoft Teams</a>{LINE}'
        begin = process_time()
        teams.block(text, LINK)
        teams.without(text)
        body.html(text)
        body.is_same(text, f"{text} ")
        return process_time() - begin

    cost(1_000)
    small, large = (min(cost(size) for _ in range(3)) for size in (10_000, 80_000))
    assert large < 30 * small + 0.5, (
        "eight times as much takes not much more than eight times as long"
    )
