"""Being told of changes: channels at providers from opening to end, and what they post."""

from bridge.channels.hearing import Answer, Hearing
from bridge.channels.keeper import Keeper
from bridge.channels.reach import why_not
from bridge.channels.standing import Standing, Tended, look

__all__ = ["Answer", "Hearing", "Keeper", "Standing", "Tended", "look", "why_not"]
