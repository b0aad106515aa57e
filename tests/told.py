"""What tests have to tell at the end of a run: seeds, shares, figures.

A test hands over a line with `record_property("told", line)`; it is shown however the run is split
over processes, and whether the test passed or not.
"""

from __future__ import annotations

import pytest

_lines: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        _lines.extend(str(value) for name, value in report.user_properties if name == "told")


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or not _lines:
        return
    terminalreporter.section("what was tried")
    for line in _lines:
        terminalreporter.write_line(line)
