"""The clock: APScheduler, in memory, with the few jobs of one process.

What is due when is in the store; these jobs only look. A job that takes longer than its interval
is not started a second time, and ticks that were missed are made up for by one. APScheduler goes
by the wall clock and would stand still for as long as that is set back: a jump makes all jobs due.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Condition, Event, Thread
from typing import NamedTuple

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bridge.errors import BridgeError

logger = logging.getLogger(__name__)
# It would tell of every tick.
logging.getLogger("apscheduler").setLevel(logging.WARNING)

_LOOK = 1.0
"""Seconds between two looks whether the wall clock jumped."""
_JUMP = 2.0
"""Seconds by which it may differ from what passed; a clock that is slewed stays far below."""


class Job(NamedTuple):
    """Something that one process does regularly."""

    name: str
    run: Callable[[], object]
    every: int
    """Seconds."""
    topic: str = ""
    """Signals of this topic make it run at once as well."""


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
        self._running: set[str] = set()
        self._clock = BackgroundScheduler(
            # The clock's own thread only launches: its pools' threads would keep a process alive.
            executors={"default": DebugExecutor()},
            job_defaults={"coalesce": True, "misfire_grace_time": None},
            timezone=UTC,
            daemon=True,
        )
        self._stopped = Event()
        self._watcher = Thread(target=self._watch, name="clock", daemon=True)
        for job in jobs:
            self._clock.add_job(
                self._launch, IntervalTrigger(seconds=job.every), args=(job.name,), id=job.name
            )

    def start(self) -> None:
        """Let the clock run."""
        self._clock.start()
        self._watcher.start()

    @property
    def alive(self) -> bool:
        """Whether the clock runs."""
        return self._clock.running and self._watcher.is_alive()

    def stop(self) -> None:
        """Start no more jobs."""
        self._stopped.set()
        if self._clock.running:
            self._clock.shutdown(wait=False)

    def wait(self, timeout: float) -> bool:
        """Wait for the jobs that run; False at the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)

    def run(self, name: str) -> None:
        """Run a job once, now, unless it is running already.

        Its failure is logged and told to `observe`, never raised.
        """
        if not self._begin(name):
            return
        problem = ""
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
                self._running.discard(name)
                self._changed.notify_all()
        self._observe(name, problem)

    def _watch(self) -> None:
        before = _offset()
        while not self._stopped.wait(_LOOK):
            after = _offset()
            if abs(after - before) > _JUMP:
                logger.warning("the clock was set by %+d seconds", round(after - before))
                for name in self._jobs:
                    self._clock.modify_job(name, next_run_time=datetime.now(UTC))  # noqa: TID251 - APScheduler's own clock
            before = after

    def _launch(self, name: str) -> None:
        Thread(target=self.run, args=(name,), name=f"job-{name}", daemon=True).start()

    def _begin(self, name: str) -> bool:
        with self._changed:
            if name in self._running:
                return False
            self._running.add(name)
            return True


def _offset() -> float:
    return time.time() - time.monotonic()  # noqa: TID251 - what is looked at is the clock itself
