"""Runs of a state machine, so many steps of each seed, each on a database of its own."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engine.owner import Owner

STEPS = 250
"""Of each seed: 2,000 of eight seeds, 100,000 of four hundred."""
_RUN = 50
_MOST_TRIES = 20


def converge(seed: int, begin: Callable[[], Owner]) -> list[Owner]:
    """Let a machine do its steps, in several runs, and more until one was told of a change.

    Returns:
        The machines as they ended.
    """
    machines: list[Owner] = []

    def run() -> Owner:
        machines.append(begin())
        return machines[-1]

    tries = 0
    while (left := STEPS - sum(each.steps for each in machines)) > 0 or (
        not any(each.told for each in machines) and tries < _MOST_TRIES
    ):
        run._hypothesis_internal_use_seed = seed + 1000 * tries  # type: ignore[attr-defined]
        run_state_machine_as_test(
            run,
            settings=settings(
                max_examples=max(1, ceil(left / _RUN)),
                stateful_step_count=_RUN + 1,  # the first begins
                deadline=None,
                database=None,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
        tries += 1
    return machines
