"""Routes that are compiled once: in one process there may be many stand-ins."""

from __future__ import annotations

import threading

from werkzeug.routing import Map, Rule, RuleFactory


class Routes(Map):
    """The routes of every stand-in; each application has its own functions behind the endpoints."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._known: set[tuple[str, object, frozenset[str]]] = set()

    def add(self, rulefactory: RuleFactory) -> None:
        """Add what is not there yet: compiling a route takes longer than answering a request."""
        with self._lock:
            for rule in rulefactory.get_rules(self):
                if self._is_new(rule):
                    super().add(rule)

    def _is_new(self, rule: Rule) -> bool:
        key = (rule.rule, rule.endpoint, frozenset(rule.methods or ()))
        is_new = key not in self._known
        self._known.add(key)
        return is_new


ROUTES = Routes()
"""Of all stand-ins in this process."""
