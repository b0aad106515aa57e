"""The HTTP API, version 1: JSON for programs, with Bearer keys."""

from __future__ import annotations

from bridge.web.api.application import Api

__all__ = ["Api"]
