"""The published busy time of a resource: written in one place, read by every output.

`Publisher` is the sole writer of busy blocks and of their change log; `Outlook` is one look at
what stands, and `rendering` puts blocks and periods into iCalendar.
"""

from bridge.publish.publisher import Freshness, Publisher, State, is_block

__all__ = ["Freshness", "Publisher", "State", "is_block"]
