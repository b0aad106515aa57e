"""What every part of the settings tree is made of."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bridge.config.values import parse_duration


class Section(BaseModel):
    """A mapping of the YAML: unknown keys are errors, values never change."""

    # Only the whole tree is ever validated: building a validator for each part costs start-up.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def written(
    default: str, description: str, *, least: str | None = None, most: str | None = None
) -> Any:
    """Declare a key whose default and bounds are spelled as the YAML spells them."""
    return Field(
        default=default,
        validate_default=True,
        description=description,
        ge=parse_duration(least) if least else None,
        le=parse_duration(most) if most else None,
    )


def section(**given: str) -> Any:
    """Declare a section that may be left out; `given` are defaults of its own."""
    return Field(default_factory=lambda: dict(given), validate_default=True)
