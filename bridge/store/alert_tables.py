"""Tables of what admins are told; `bridge.store.schema` has all the others."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from bridge.store import columns
from bridge.store.text import Text

metadata = columns.metadata
_time, _flag, _count, _text = columns.time, columns.flag, columns.count, columns.text

alerts = Table(
    "alerts",
    metadata,
    Column("connection_id", ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("trouble", Text, primary_key=True),  # bridge.notify.troubles.Trouble
    _text("alert_id"),  # of all that is told from the first trouble until all is well
    _time("since", null=False),
    _time("told_at", null=False),  # the last time
    _count("times"),  # how often it came back within a day
    _time("cleared_at"),  # when it was seen to be gone
    _time("over_at"),  # when that was told
)

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # their order
    _text("way"),  # log | smtp | webhook
    _text("connection_id"),  # no key: what is told outlives the connection
    _text("message_id"),  # the same in each way and each try
    _text("body"),  # JSON
    _time("created_at", null=False),
    _time("next_due", null=False),
    _count("lease_until"),  # somebody delivers it until then
    _count("attempts"),
    _time("done_at"),  # delivered or given up
    _flag("delivered"),
    Index(None, "way", "done_at"),
    sqlite_autoincrement=True,
)

alert_ways = Table(
    "alert_ways",
    metadata,
    Column("way", Text, primary_key=True),
    _count("failures"),  # in a row
    _time("failing_since"),
    _count("next_try"),
    _text("error"),
    _time("success_at"),
)
