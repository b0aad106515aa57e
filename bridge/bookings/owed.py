"""A meeting that is still to follow what became of its booking, as `proposals.progress` has it."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.model.conference import ConferenceKind
from bridge.store.bookings import BookingRow


@dataclass(frozen=True, slots=True)
class Owed:
    """A meeting, made by itself, that is to follow what became of its booking."""

    kind: ConferenceKind
    reference: str
    """Empty: whatever is found under the booking's token."""
    maker: str = ""
    """The connection whose account made it: no other knows it. Empty where that is not said."""

    @classmethod
    def read(cls, text: str) -> Owed:
        """Read back what `str` wrote, or wrote when makers were not said."""
        # A maker that serves many resources has a space in its name.
        kind, reference, maker = [*text.split(" ", 2), "", ""][:3]
        return cls(ConferenceKind(kind), reference, maker)

    @classmethod
    def of(cls, booking: BookingRow) -> Owed | None:
        """Give the meeting of a booking; None where it has none that was made by itself."""
        if not (booking.meeting_kind and booking.meeting_reference):
            return None
        kind = ConferenceKind(booking.meeting_kind)
        return cls(kind, booking.meeting_reference, booking.meeting_maker)

    def __str__(self) -> str:
        """Write it as words; no reference has a space in it."""
        return " ".join([self.kind.value, self.reference, *filter(None, [self.maker])])
