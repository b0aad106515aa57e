"""What the scheduler tells about its work, as figures."""

from __future__ import annotations

from bridge.app.memory import trim
from bridge.scheduler.pulls import Pulled
from bridge.web.metrics import Metrics

_MANY = 1000
"""Objects of one pull after which memory is given back."""


class Observed:
    """Implements `bridge.scheduler.scheduler.Observer`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def pulled(self, pulled: Pulled) -> None:
        """Count a pull, its duration and its lateness."""
        self._metrics.pull(pulled.outcome)
        self._metrics.pace(pulled.seconds, pulled.lateness)
        if pulled.report is not None and pulled.report.objects >= _MANY:
            trim()

    def job(self, name: str, problem: str) -> None:
        """Count a run of a regular job."""
        self._metrics.job(name, "failed" if problem else "ok")
