"""The clock: APScheduler, in memory, with the few jobs of one process.

What is due when is in the store; these jobs only look. A job that takes longer than its interval
is not started a second time, and ticks that were missed are made up for by one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC
from threading import Condition
from typing import NamedTuple

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bridge.errors import BridgeError

logger = logging.getLogger(__name__)
# It would tell of every tick.
logging.getLogger("apscheduler").setLevel(logging.WARNING)


class Job(NamedTuple):
    """Something that one process does regularly."""

    name: str
    run: Callable[[], object]
    every: int
    """Seconds."""


class Jobs:
    """Runs jobs until it is stopped."""

    def __init__(
        self, jobs: Sequence[Job], *, observe: Callable[[str, str], None] = lambda _, __: None
    ) -> None:
        """Take the jobs; each runs for the first time one interval after `start`.

        Args:
            jobs: with different names.
            observe: told of each run: the job's name, and the problem or an empty text.
        """
        self._jobs = {job.name: job for job in jobs}
        self._observe = observe
        self._changed = Condition()
        self._running = 0
        self._clock = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(jobs))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
            daemon=True,
        )
        for job in jobs:
            self._clock.add_job(
                self.run, IntervalTrigger(seconds=job.every), args=(job.name,), id=job.name
            )

    def start(self) -> None:
        """Let the clock run."""
        self._clock.start()

    def stop(self) -> None:
        """Start no more jobs."""
        if self._clock.running:
            self._clock.shutdown(wait=False)

    def wait(self, timeout: float) -> bool:
        """Wait for the jobs that run; False at the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, timeout)

    def run(self, name: str) -> None:
        """Run a job once, now; its failure is logged and told to `observe`, never raised."""
        problem = ""
        with self._changed:
            self._running += 1
        try:
            self._jobs[name].run()
        except BridgeError as err:
            problem = str(err)
            logger.warning("%s: %s", name, err)
        except Exception as err:
            # A fault of ours in one job must not end the clock.
            problem = f"{type(err).__name__}: see the log"
            logger.exception("the job %s failed by a fault of ours", name)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()
        self._observe(name, problem)
