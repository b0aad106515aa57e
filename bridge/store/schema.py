"""Every table. Instants are integers (UTC seconds), settings are JSON text, ids are text.

Order of locks: a transaction that changes a resource's events, blocks or change log first locks
that resource's row (`resources.lock`) and takes its change sequence from it, since the sequences
of a database commit out of order and would hide changes from sync tokens.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
)

from bridge.store import alert_tables, booking_tables, columns, mirror_tables
from bridge.store.text import Text

alerts = alert_tables.alerts
bookings = booking_tables.bookings
mirrors = mirror_tables.mirrors
metadata = columns.metadata
_time, _flag, _count, _text = columns.time, columns.flag, columns.count, columns.text

meta = Table("meta", metadata, Column("key", Text, primary_key=True), _text("value"))
"""`instance`, `tzdata`: what the whole database was made with."""

resources = Table(
    "resources",
    metadata,
    Column("id", Text, primary_key=True),
    _text("plan", "{}"),  # bridge.config.plan.ResourcePlan as JSON
    _text("managed_by", "file"),  # file | api
    _text("state", "active"),  # active | parked
    _count("generation"),  # raised when the plan changes
    _count("rebuilds_wanted"),  # raised by what changes every block, in its own transaction
    _count("rebuilds_done"),  # how many of them the blocks were made with
    _text("epoch"),  # of the sync tokens; a new one makes every token invalid
    _count("change_seq"),  # the last number given out in `changes`
    _count("times_floor"),  # changes of that projection up to here may have been forgotten
    _count("details_floor"),
    _count("bookings_floor"),
    _count("changed_at"),
    _count("horizon_start"),  # occurrences are materialised in [start, end)
    _count("horizon_end"),
    _count("longest_block"),  # seconds; bounds overlap queries on `blocks`
    _count("longest_occurrence"),
)

connections = Table(
    "connections",
    metadata,
    Column("id", Text, primary_key=True),  # room-a.work
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), nullable=False),
    _text("provider"),
    _text("plan", "{}"),  # bridge.config.plan.ConnectionPlan as JSON, without secrets
    _text("managed_by", "file"),
    _count("position"),
    _text("status", "active"),  # ConnectionStatus
    _text("sync_state", "idle"),  # SyncState
    _text("error_code"),
    _text("error_message"),
    _text("error_hint"),
    _time("error_since"),
    _count("failures"),  # in a row
    _time("attempt_at"),
    _time("success_at"),
    _time("limited_until"),
    _count("severed"),  # raised by each disconnecting: what was read before does not count after
    Index(None, "resource_id"),
)

supplements = Table(
    "supplements",
    metadata,
    Column("id", Text, primary_key=True),  # room-a, or room-a.work
    _text("resource_id"),
    _text("keys", "{}"),  # in the file's vocabulary, as JSON; no secrets
    _text("secrets", "[]"),  # names of the keys that stand in `credentials`, as JSON
    _flag("made"),  # by API; else it adds keys to what the file has
    Column("deduplication_key", Text),
    _time("updated_at", null=False),
    Index(None, "deduplication_key", unique=True),
)
"""What was set by API; see bridge.config.supplements."""

credentials = Table(
    "credentials",
    metadata,
    Column("connection_id", ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),  # oauth | settings
    _text("key_id"),  # of the key file's key that opens `ciphertext`
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),  # JSON of the secrets, AES-256-GCM
    _time("expires_at"),  # of the access token
    _text("scopes", "[]"),  # granted, as JSON
    _text("subject"),  # the account's id at the provider
    _text("client_id"),
    _count("version"),  # raised by each new content
    _time("updated_at", null=False),
    _text("lease_owner"),  # who refreshes it at this moment
    _count("lease_until"),
    _time("refused_at"),  # when the provider refused this version
    _text("refused"),  # and what it said
    _text("email"),  # by which people know the account
    Index(None, "key_id"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the state
    Column("connection_id", ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    _text("resource_id"),
    _text("provider"),
    _text("actor"),  # who asked: cli, link:<id>, key:<id>
    _text("browser"),  # SHA-256 of what its cookie holds
    _text("key_id"),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),  # the PKCE verifier
    _text("callback"),  # where the provider sends the browser
    _text("redirect_url"),  # where it goes from there; empty: a page of ours
    _flag("popup"),  # it stays on a page of ours, which tells the one at redirect_url
    _flag("replaces"),  # another account may take the place of the connected one
    _text("link_id"),  # its link becomes the browser's with the answer; empty: it is already
    _time("created_at", null=False),
    _time("expires_at", null=False),
    _time("used_at"),
    Index(None, "connection_id"),
    Index(None, "expires_at"),
)

links = Table(
    "links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), nullable=False),
    _text("connection_id"),  # empty: the page of all of them
    _text("actor"),  # who made it
    _text("redirect_url"),
    _flag("popup"),
    _flag("replaces"),
    _time("created_at", null=False),
    _time("expires_at", null=False),
    _text("browser"),  # the one that has used it
    Index(None, "resource_id"),
    Index(None, "expires_at"),
)

schedule = Table(
    "schedule",
    metadata,
    Column("connection_id", ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    _time("next_due", null=False),
    _time("marked_at"),  # a due mark: something asked for a pull at this instant
    _time("follow_at"),  # by when the pull that runs is followed by another one
    _flag("full"),  # the next pull is a full listing
    _text("lease_owner"),
    _count("lease_until"),
    _count("fence"),  # raised by each claim
    Index(None, "next_due"),
    postgresql_with={"fillfactor": "70"},
)
Index(
    "ix_schedule_marked",
    schedule.c.next_due,
    sqlite_where=schedule.c.marked_at.is_not(None),
    postgresql_where=schedule.c.marked_at.is_not(None),
)

calendars = Table(
    "calendars",
    metadata,
    Column("id", Text, primary_key=True),  # hash(connection, remote id)
    Column("connection_id", ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    _text("remote_id"),
    _text("name"),
    _text("role", "read"),
    _text("time_zone"),
    _flag("is_primary"),
    _flag("reads"),  # blocks time
    _flag("writes"),
    _text("policy", "{}"),  # bridge.config.plan.CalendarPolicy in force for the stored rows
    Column("token", Text),
    _time("window_start"),
    _time("window_end"),
    _time("full_at"),
    _time("success_at"),  # last complete pull: what freshness and staleness count from
    _time("failed_since"),
    _text("error_code"),
    _text("error_message"),
    _flag("stale"),  # older than max_stale; `policy.availability.on_stale` is applied
    Column("shrink", Text),  # JSON of a listing that waits for confirmation
    _text("notes", "[]"),
    Index(None, "connection_id"),
)

channels = Table(
    "channels",
    metadata,
    Column("id", Text, primary_key=True),  # ours; notifications bring it back
    Column("connection_id", ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    # No foreign key: a calendar that nothing wants any more goes before its channel is stopped.
    _text("calendar"),  # remote id
    _text("address"),  # where it posts to
    _text("reference"),  # what the provider calls it, or what it watches
    _text("digest"),  # SHA-256 of a 256-bit token
    _text("state"),  # ChannelState
    _time("made_at", null=False),
    _time("expires_at", null=False),
    _time("due_at", null=False),  # when it is renewed, tried again, or stopped again
    _time("confirmed_at"),  # when it was known that what it posts arrives
    _time("last_at"),  # its last notification that was taken
    _count("last_number"),
    _count("failures"),  # in a row
    _text("error_code"),
    _text("error_message"),
    _text("error_hint"),
    Index(None, "connection_id"),
)

listings = Table(
    "listings",
    metadata,
    Column("connection_id", ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    _text("account"),  # ConnectionPlan.fingerprint
    _text("calendars", "[]"),  # of the whole account, as JSON
)

events = Table(
    "events",
    metadata,
    Column("calendar_id", ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True),
    Column("remote_id", Text, primary_key=True),
    _text("uid"),
    Column("etag", Text),
    _text("text"),  # canonical iCalendar
    _text("digest"),  # of the text: an unchanged object costs nothing
    _text("problem"),  # why the object could not be read or expanded
    _text("notes", "[]"),
    _time("changed_at", null=False),
)

occurrences = Table(
    "occurrences",
    metadata,
    Column("id", Text, primary_key=True),  # hash(connection, calendar, series, original start)
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), nullable=False),
    Column("calendar_id", ForeignKey("calendars.id", ondelete="CASCADE"), nullable=False),
    _text("remote_id"),
    _time("original_start", null=False),
    _time("start", null=False),
    _time("end", null=False),
    Column("fbtype", SmallInteger, nullable=False),  # FBType; 0 = does not block
    _flag("all_day"),
    _text("reason"),  # why it does or does not block, for `explain`
    _text("details", "{}"),  # what the details projection may use, as JSON
    _flag("relayed"),  # a block that another instance published or mirrored: never mirrored on
    Index(None, "resource_id", "start", "end", "fbtype"),
    Index(None, "calendar_id", "remote_id"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("projection", Text, primary_key=True),  # Projection
    Column("uid", Text, primary_key=True),
    _time("start", null=False),
    _time("end", null=False),
    Column("fbtype", SmallInteger, nullable=False),
    _text("etag"),
    _text("details", "{}"),  # JSON; always {} in the projection `times`
    _count("sequence"),
    _time("changed_at", null=False),
    Index(None, "resource_id", "projection", "start", "end", "fbtype"),
)

changes = Table(
    "changes",
    metadata,
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("projection", Text, primary_key=True),
    Column("uid", Text, primary_key=True),  # the last change of each block is all that syncs need
    Column("seq", BigInteger, nullable=False),
    _flag("deleted"),
    _time("changed_at", null=False),
    Index(None, "resource_id", "projection", "seq"),
)

overlays = Table(
    "overlays",
    metadata,
    Column("login", Text, primary_key=True),
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("collection", Text, primary_key=True),  # busy | bookings
    Column("name", Text, primary_key=True),  # {DAV:}displayname
    _text("value"),
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    _text("email"),
    _text("role", "user"),
    _text("password_hash"),
    _text("access", "{}"),  # JSON: resource or glob -> access
    _text("managed_by", "file"),
)

app_passwords = Table(
    "app_passwords",
    metadata,
    Column("id", Text, primary_key=True),
    _text("login"),
    _text("label"),
    _text("digest"),  # SHA-256 of a 160-bit secret
    _time("created_at", null=False),
    _time("last_used_at"),
    _time("revoked_at"),
    Index(None, "login"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    _text("label"),
    _text("digest"),
    _text("scopes", "[]"),
    _text("resources", "[]"),  # globs
    _time("created_at", null=False),
    _time("expires_at"),
    _time("last_used_at"),
    _time("revoked_at"),
)

repeats = Table(
    "repeats",
    metadata,
    Column("id", Text, primary_key=True),  # hash(API key, Idempotency-Key)
    _text("key_id"),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),  # what was asked, and the answer
    _time("created_at", null=False),
    _time("held_until", null=False),  # somebody works on it; 0 when it is answered
    Index(None, "created_at"),
)
"""Requests that are answered once, however often they are sent."""

feeds = Table(
    "feeds",
    metadata,
    Column("resource_id", ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    _text("plan", "{}"),  # bridge.config.settings.Feed as JSON
    _text("managed_by", "file"),
    _count("generation"),  # the token is HMAC(key, resource, name, generation)
    _text("digest"),  # SHA-256 of the token in force: what requests are looked up by
    _time("revoked_at"),
    Index(None, "digest"),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("kind"),  # reload
    _text("payload", "{}"),
    _time("created_at", null=False),
    _time("done_at"),
    _flag("ok"),
    _text("verdict"),
    sqlite_autoincrement=True,  # an id is never given twice, even after its row was forgotten
)
