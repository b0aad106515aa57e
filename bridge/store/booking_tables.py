"""Tables of bookings; `bridge.store.schema` has all the others."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, SmallInteger, Table

from bridge.store import columns
from bridge.store.text import Text

metadata = columns.metadata
_time, _flag, _count, _text = columns.time, columns.flag, columns.count, columns.text

bookings = Table(
    "bookings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), nullable=False),
    _text("name"),  # of its object in the collection: abc.ics
    _text("uid"),
    _count("generation"),  # raised when a UID that was deleted is booked again
    _text("login"),  # who made it; empty: an API key
    _flag("private"),  # CLASS is not PUBLIC: other logins see times only
    _text("state"),  # bridge.store.bookings.State
    # The visible revision
    _text("text"),  # the client's own octets, or ours after a change of ours; empty: none yet
    _text("etag"),
    _text("schedule_tag"),  # RFC 6638: replies of guests do not change it
    _count("sequence"),
    _text("reason"),  # why it is tentative or cancelled, for people
    _time("created_at", null=False),
    _time("changed_at", null=False),
    # The event at the provider
    _text("token"),  # names it there for ever: hash(instance, calendar, resource, UID, generation)
    _text("connection_id"),
    _text("calendar"),  # remote id of the calendar
    _text("remote_id"),  # empty: not written yet
    _text("remote_uid"),
    Column("remote_etag", Text),
    _text("written"),  # canonical iCalendar of what stands there, as it was last seen
    # Its meeting
    _text("meeting_kind"),  # ConferenceKind; empty: none is wanted
    _text("meeting_state"),  # ConferenceState
    _text("meeting_reference"),
    _text("meeting_url"),
    _text("meeting_details"),
    _text("meeting_reason"),
    _text("meeting_maker"),  # connection whose account made it, or the last one; empty: not known
    _text("echoed"),  # digest of its event in `events`, as it was last taken into account
    Index(None, "resource_id", "name"),
    Index(None, "resource_id", "uid"),
    Index(None, "connection_id", "calendar", "remote_id"),
    Index(None, "meeting_reference", "meeting_kind"),
)
"""One row for each UID and generation. Which of them are alive, `state` says: a removed one stays
for as long as its event may come back in a pull."""

proposals = Table(
    "proposals",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # their order
    Column("booking_id", ForeignKey("bookings.id", ondelete="CASCADE"), nullable=False),
    _text("kind"),  # bridge.store.outbox.Kind
    _text("state"),  # bridge.store.outbox.State
    _text("actor"),  # login, or key:<id>
    _text("name"),  # of the object once it is settled: a MOVE changes it
    _text("text"),  # what is proposed; empty for a deletion
    _text("digest"),  # of what was asked: an identical retry joins
    _text("base"),  # ETag of the visible revision that it was made from
    _flag("shown"),  # readers see it as tentative
    _text("before"),  # JSON of the visible revision that it stands in for, to be restored
    _time("created_at", null=False),  # when it was asked, or a human had it tried anew
    _time("due_at", null=False),  # when it may be claimed
    _flag("started"),  # it was claimed once: nobody can say that nothing was done
    _count("attempts"),
    _text("progress", "{}"),  # what was done already, as JSON: what a retry goes on from
    _text("lease_owner"),
    _count("lease_until"),
    _count("fence"),  # raised by each claim
    _text("error_code"),
    _text("error_message"),
    _time("settled_at"),
    Index(None, "booking_id", "state"),
    Index(None, "state", "due_at"),
    sqlite_autoincrement=True,
)
"""What was asked and is not visible yet: the outbox. The oldest open one of a booking is worked on;
settled ones are kept for a while, as history."""

booked = Table(
    "booked",
    metadata,
    Column("id", Text, primary_key=True),  # hash(booking, proposal, original start)
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), nullable=False),
    Column("booking_id", ForeignKey("bookings.id", ondelete="CASCADE"), nullable=False),
    # 0: of the visible revision; below: of a proposal that is shown as tentative beside it
    Column("proposal_id", BigInteger, nullable=False),
    _time("original_start", null=False),
    _time("start", null=False),
    _time("end", null=False),
    Column("fbtype", SmallInteger, nullable=False),  # FBType; 0 = does not block
    _flag("all_day"),
    _text("reason"),
    _text("details", "{}"),  # as in `occurrences`
    Index(None, "resource_id", "start", "end", "fbtype"),
    Index(None, "booking_id", "proposal_id"),
)
"""When bookings take place, buffers included. Those of proposals hold their time against other
bookings and are seen by no reader; the others are busy time like any `occurrences`."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("type"),  # booking.created
    _text("resource_id"),  # no key: what is told outlives what it tells of
    _text("connection_id"),
    _text("payload", "{}"),  # JSON
    _time("created_at", null=False),
    Index(None, "created_at"),
    sqlite_autoincrement=True,
)
"""What application developers are told; see INTERFACE section 6."""
