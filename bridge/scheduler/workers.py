"""The threads that pull: at most so many, handed new work the moment one is free."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic

from bridge.errors import StoreError
from bridge.model.resource import ConnectionId
from bridge.scheduler.pulls import Job, Pulls

logger = logging.getLogger(__name__)


class Workers:
    """One thread claims, in batches of as many as can start; each pull has a thread of its own.

    Threads are daemons: one that hangs in a provider does not keep the process from ending.
    """

    def __init__(self, pulls: Pulls, limit: Callable[[], int]) -> None:
        """Start nothing yet; `limit` is asked before each batch, so that a reload changes it."""
        self._pulls = pulls
        self._limit = limit
        self._changed = Condition()
        self._running: dict[ConnectionId, Job] = {}
        self._stirred = False
        self._claiming = False
        self._stopping = False
        self._claimer = Thread(target=self._claim, name="claims", daemon=True)

    @property
    def running(self) -> int:
        """How many pulls run at this moment."""
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
            self._pulls.renew(jobs)

    def stop(self, timeout: float) -> bool:
        """Claim nothing more and wait for what runs; give back what does not end in time.

        Returns:
            Whether everything ended by itself.
        """
        deadline = monotonic() + timeout
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._claimer.ident is not None:
            self._claimer.join(timeout)
        with self._changed:
            self._changed.wait_for(lambda: not self._running, max(0.0, deadline - monotonic()))
            left = list(self._running.values())
        if left:
            names = ", ".join(job.connection_id for job in left)
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
            return self._pulls.claim(free, running)
        except StoreError as err:
            logger.warning("nothing could be claimed: %s", err)
        except Exception:
            # The thread that claims must outlive a fault of ours; the next tick tries again.
            logger.exception("nothing could be claimed")
        return []

    def _begin(self, jobs: list[Job]) -> None:
        for number, job in enumerate(jobs):
            try:
                Thread(target=self._work, args=(job,), name=job.connection_id, daemon=True).start()
            except RuntimeError as err:  # the system gives no more threads
                logger.error("no thread for %d pulls: %s", len(jobs) - number, err)  # noqa: TRY400
                self._give_back(jobs[number:])
                with self._changed:
                    for left in jobs[number:]:
                        del self._running[left.connection_id]
                    self._stirred = False  # the next tick tries again, not this moment
                    self._changed.notify_all()
                return

    def _give_back(self, jobs: list[Job]) -> None:
        try:
            self._pulls.give_back(jobs)
        except StoreError as err:
            logger.warning("the leases end by themselves: %s", err)

    def _admit(self, jobs: list[Job]) -> list[Job] | None:
        """Note which pulls run from now on; None when none may, since the end began meanwhile."""
        if self._stopping:
            return None
        admitted = []
        for job in jobs:
            running = self._running.setdefault(job.connection_id, job)
            if running is job:
                admitted.append(job)
            else:
                # A clock that jumped ended its lease. It goes on, under the claim that counts.
                running.claim = job.claim
        return admitted

    def _work(self, job: Job) -> None:
        try:
            self._pulls.run(job)
        except Exception:
            logger.exception("%s: the end of a pull was not recorded", job.connection_id)
        finally:
            with self._changed:
                del self._running[job.connection_id]
                self._stirred = True  # the next claim happens at once
                self._changed.notify_all()
            # Due again the moment its end was recorded, it was claimed while it still counted as
            # running: nobody works under that claim.
            if job.settled is not None and job.claim is not job.settled:
                self._give_back([job])
                self.stir()
