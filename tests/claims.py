"""Which requirement rows, scenarios, promises, threats and faults the tests show.

A test claims ids with `@pytest.mark.covers("S0-12", "T13")`; `tests/claims.txt` lists every id.
Only a test that passed counts. The end of a run prints what has no test yet.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

KNOWN = tuple(Path(__file__).with_name("claims.txt").read_text().split())
_shown: set[str] = set()


def family(claim: str) -> str:
    return re.match(r"[A-Z]\d(?=-)|[A-Z]", claim)[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("covers"):
            for claim in mark.args:
                if claim not in KNOWN:
                    raise pytest.UsageError(f"{item.nodeid} claims {claim!r}: no such id")
                item.user_properties.append(("covers", claim))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _shown.update(claim for name, claim in report.user_properties if name == "covers")


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or not _shown:
        return
    missing: dict[str, list[str]] = defaultdict(list)
    total: dict[str, int] = defaultdict(int)
    for claim in KNOWN:
        total[family(claim)] += 1
        if claim not in _shown:
            missing[family(claim)].append(claim)
    terminalreporter.section("requirements, scenarios, promises, threats, faults without a test")
    for name, count in total.items():
        short = " ".join(
            claim.removeprefix(f"{name}-").removeprefix(name) for claim in missing[name]
        )
        shown = count - len(missing[name])
        terminalreporter.write_line(
            f"{name}: {shown} of {count} shown; none yet for {short or '-'}"
        )
