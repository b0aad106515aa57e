"""Tables of mirrors; `bridge.store.schema` has most others."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, SmallInteger, Table

from bridge.store import columns
from bridge.store.text import Text

metadata = columns.metadata
_time, _flag, _count, _text = columns.time, columns.flag, columns.count, columns.text

mirrors = Table(
    "mirrors",
    metadata,
    Column("id", Text, primary_key=True),  # hash(resource, target): the mark of its blocks
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), nullable=False),
    # Of the target: without its account nothing can be written or deleted any more.
    Column("connection_id", ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    _text("target"),  # team/primary, as the file has it
    _text("plan", "{}"),  # bridge.config.plan.MirrorPlan as JSON
    _flag("leaving"),  # it left the file: its blocks are deleted, then it goes
    _text("calendar"),  # remote id of the target where its blocks stand; empty: none was written
    _count("serial"),  # raised by each block that is made: tokens are made of it
    _count("seq"),  # the resource's change_seq that the last round saw
    _text("digest"),  # of what was written by the last round that ended
    _time("due_at", null=False),  # when the target is looked at, whatever the sources do
    _count("rest_until"),  # nothing is tried before
    _text("lease_owner"),
    _count("lease_until"),
    _count("fence"),  # raised by each claim
    _time("written_at"),  # the last round that ended
    _count("waiting"),  # writes that the last round left to the next ones
    _count("held"),  # blocks that stay only because a source was never read
    _text("stays"),  # what could not be deleted from the calendar of before, for people
    _count("failures"),  # in a row
    _text("error_code"),
    _text("error_message"),
    _text("error_hint"),
    _time("error_since"),
    Index(None, "resource_id"),
    Index(None, "connection_id"),
    Index(None, "due_at"),
)

mirrored = Table(
    "mirrored",
    metadata,
    Column("mirror_id", ForeignKey("mirrors.id", ondelete="CASCADE"), primary_key=True),
    Column("token", Text, primary_key=True),
    _text("remote_id"),  # empty: it was asked for, and nobody knows what came of it
    _text("uid"),  # as guests of the calendar, and feeds of it, see it
    _time("start", null=False),
    _time("end", null=False),
    Column("fbtype", SmallInteger, nullable=False),  # FBType
    _text("sources"),  # ids of the connections whose time it is, sorted; empty: not known
    _text("answer"),  # digest of what its provider made of what was asked for
    _count("written_at"),  # when it was last asked for; listings may be older than that
    _count("refused_at"),  # when its provider last refused to make, change or delete it
    _time("gone_at"),  # it was deleted; feeds of the calendar may have it for days
    Index(None, "gone_at"),
)
"""Blocks in the calendars of others. A row is here before its provider is asked."""
