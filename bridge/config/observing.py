"""What a running BusyBridge tells of itself: log and figures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bridge.config.section import Section
from bridge.config.values import Cidr


class Logging(Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least weight of what is logged"
    )
    format: Literal["console", "json"] = Field(default="console", description="form of a line")


class Metrics(Section):
    """Figures for Prometheus."""

    enabled: bool = Field(default=True, description="serve /metrics")
    allow_networks: tuple[Cidr, ...] = Field(
        default=("127.0.0.0/8", "::1/128"),
        validate_default=True,
        description="networks that may read /metrics",
    )
