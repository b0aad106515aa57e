"""One printed line, and what it is measured against."""

from __future__ import annotations

from dataclasses import dataclass

_WIDTHS = (48, 30, 16, 9, 12)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the inputs are."""

    quick: bool = False
    events: tuple[int, ...] = ()
    """Sizes of calendars, where others than those of the target are asked for."""

    def of(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured; `missed` where there is a target and it was not met."""

    operation: str
    peer: str
    ours: str
    ratio: str = "-"
    target: str = "-"
    missed: bool = False

    def __str__(self) -> str:
        line = _line(self.operation, self.peer, self.ours, self.ratio, self.target)
        return f"{line}  below target" if self.missed else line


def header() -> str:
    return _line("operation", "peer", "ours", "ratio", "target")


def faster(operation: str, peer: tuple[str, float], ours: float, target: float) -> Row:
    """Say how many times faster than a named peer; times in seconds."""
    name, theirs = peer
    ratio = theirs / ours
    said = f"{name} {seconds(theirs)}"
    goal = f">= {target:g}x"
    return Row(operation, said, seconds(ours), times(ratio), goal, missed=ratio < target)


def within(operation: str, ours: float, limit: float, peer: str = "-") -> Row:
    """Say whether a time, in seconds, stays within a limit."""
    goal = f"<= {seconds(limit)}"
    return Row(operation, peer, seconds(ours), "-", goal, missed=ours > limit)


def seconds(value: float) -> str:
    """Write a time in the unit that suits it."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} us"


def times(ratio: float) -> str:
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.1f}x"


def _line(*cells: str) -> str:
    return "  ".join(
        f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)
    ).rstrip()
