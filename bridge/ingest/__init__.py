"""From providers to the published busy time: pull, judge, expand, write, publish.

Order of work: whatever waits (the provider) or costs time (parsing, expanding, comparing) happens
before a transaction begins. A transaction locks the resource's row, checks that its plan, horizon
and the calendar are still what the work was based on, and then writes rows, token, blocks and
change log at once.
"""

from bridge.ingest.engine import Ingest
from bridge.ingest.explain import Considered, explain
from bridge.ingest.report import CalendarPull, PullReport

__all__ = ["CalendarPull", "Considered", "Ingest", "PullReport", "explain"]
