"""The threads that work: at most so many, handed new work the moment one is free."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from threading import Condition, Thread
from time import monotonic
from typing import Generic, Protocol, TypeVar

from bridge.errors import StoreError

Claim = TypeVar("Claim")
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Task(Generic[Claim]):
    """Something that was claimed."""

    claim: Claim
    settled: Claim | None = field(default=None, kw_only=True)
    """The claim under which its end was recorded."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What of; of two with one name only one is worked on."""

    def join(self, other: Task[Claim]) -> None:
        """Go on under another claim of the same: a clock that jumped ended the lease."""
        self.claim = other.claim

    @property
    def is_claimed_anew(self) -> bool:
        """Whether it was claimed once more after its end was recorded."""
        return self.settled is not None and self.claim is not self.settled


Job = TypeVar("Job", bound=Task)  # type: ignore[type-arg]


class Work(Protocol[Job]):
    """What there is to do; `Pulls` is one."""

    def claim(self, limit: int, running: Collection[Job]) -> list[Job]:
        """Take up to `limit` jobs that are due.

        Raises:
            StoreError: nothing is claimed.
        """
        ...

    def run(self, job: Job) -> object:
        """Do it, and record what came of it."""
        ...

    def renew(self, jobs: list[Job]) -> None:
        """Hold on to leases of what is still running."""
        ...

    def give_back(self, jobs: list[Job]) -> None:
        """Let others do at once what this process will not finish."""
        ...


class Workers(Generic[Job]):
    """One thread claims, in batches of as many as can start; each job has a thread of its own.

    Threads are daemons: one that hangs in a provider does not keep the process from ending.
    """

    def __init__(self, work: Work[Job], limit: Callable[[], int], *, name: str = "claims") -> None:
        """Start nothing yet; `limit` is asked before each batch, so that a reload changes it."""
        self._work = work
        self._limit = limit
        self._changed = Condition()
        self._running: dict[str, Job] = {}
        self._stirred = False
        self._claiming = False
        self._stopping = False
        self._claimer = Thread(target=self._claim, name=name, daemon=True)

    @property
    def running(self) -> int:
        """How many jobs run at this moment."""
        return len(self._running)

    @property
    def alive(self) -> bool:
        """Whether work that becomes due is begun."""
        return self._claimer.is_alive()

    def start(self) -> None:
        """Begin to claim."""
        self._claimer.start()

    def stir(self) -> None:
        """Look for due work now, or as soon as a thread is free."""
        with self._changed:
            self._stirred = True
            self._changed.notify_all()

    def renew(self) -> None:
        """Hold on to the leases of everything that runs."""
        with self._changed:
            jobs = list(self._running.values())
        if jobs:
            self._work.renew(jobs)

    def halt(self) -> None:
        """Claim nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def stop(self, timeout: float) -> bool:
        """Claim nothing more and wait for what runs; give back what does not end in time.

        Returns:
            Whether everything ended by itself.
        """
        deadline = monotonic() + timeout
        self.halt()
        if self._claimer.ident is not None:
            self._claimer.join(timeout)
        with self._changed:
            self._changed.wait_for(lambda: not self._running, max(0.0, deadline - monotonic()))
            left = list(self._running.values())
        if left:
            names = ", ".join(job.name for job in left)
            logger.warning("not finished in time, given back: %s", names)
            self._give_back(left)
        return not left

    def _claim(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or (self._stirred and self._free > 0))
                if self._stopping:
                    return
                free, running = self._free, list(self._running.values())
                self._stirred, self._claiming = False, True
            jobs = self._batch(free, running)
            with self._changed:
                self._stirred |= len(jobs) == free  # there may be more
                self._claiming = False
                admitted = self._admit(jobs)
                self._changed.notify_all()
            if admitted is None:
                self._give_back(jobs)
                return
            self._begin(admitted)

    @property
    def _free(self) -> int:
        return self._limit() - len(self._running)

    def _batch(self, free: int, running: list[Job]) -> list[Job]:
        try:
            return self._work.claim(free, running)
        except StoreError as err:
            logger.warning("nothing could be claimed: %s", err)
        except Exception:
            # The thread that claims must outlive a fault of ours; the next tick tries again.
            logger.exception("nothing could be claimed")
        return []

    def _begin(self, jobs: list[Job]) -> None:
        for number, job in enumerate(jobs):
            try:
                Thread(target=self._run, args=(job,), name=job.name, daemon=True).start()
            except RuntimeError as err:  # the system gives no more threads
                logger.error("no thread for %d jobs: %s", len(jobs) - number, err)  # noqa: TRY400
                self._give_back(jobs[number:])
                with self._changed:
                    for left in jobs[number:]:
                        del self._running[left.name]
                    self._stirred = False  # the next tick tries again, not this moment
                    self._changed.notify_all()
                return

    def _give_back(self, jobs: list[Job]) -> None:
        try:
            self._work.give_back(jobs)
        except StoreError as err:
            logger.warning("the leases end by themselves: %s", err)

    def _admit(self, jobs: list[Job]) -> list[Job] | None:
        """Note which jobs run from now on; None when none may, since the end began meanwhile."""
        if self._stopping:
            return None
        admitted = []
        for job in jobs:
            running = self._running.setdefault(job.name, job)
            if running is job:
                admitted.append(job)
            else:
                running.join(job)
        return admitted

    def _run(self, job: Job) -> None:
        try:
            self._work.run(job)
        except Exception:
            logger.exception("%s: its end was not recorded", job.name)
        finally:
            with self._changed:
                del self._running[job.name]
                self._stirred = True  # the next claim happens at once
                self._changed.notify_all()
            # Due again the moment its end was recorded, it was claimed while it still counted as
            # running: nobody works under that claim.
            if job.is_claimed_anew:
                self._give_back([job])
                self.stir()
