"""The benchmarks run, compare answers, and print their rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.long import long

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("ingest", "ICS ingest of 300 events"),
        ("expansion", "expansion of 40 rules"),
        ("merge", "merge of 500 intervals"),
        long("changes", "pull of 10 changes in 500 events"),
        ("hostile", "worst of 25 rules"),
        ("bookings", "PUT -> settled, Meet, p95"),
        long("polls", "polls at 200 ms latency"),
        long("push", "change at Microsoft -> every output, p95"),
        long("read_path", "initial sync-collection, 60 events"),
        ("unchanged", "feed GET answered 304"),
        long("memory", "1 resources idle"),
        ("commands", "busybridge --help"),
        long("sick", "a source sends half a body"),
        long("cold", "first feed after a start"),
    ],
)
def test_a_benchmark_prints_its_rows(name: str, operation: str) -> None:
    done = run(name, "--quick")
    assert done.returncode == 0, done.stderr
    assert operation in done.stdout
    assert done.stderr == ""


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    done = run("speed")
    assert done.returncode == 2
    assert "unchanged, read_path, ingest" in done.stderr
