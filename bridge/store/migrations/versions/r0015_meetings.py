"""A booking is found by its meeting, by what its maker calls it, and knows who that is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("meeting_maker", sa.Text(), server_default=sa.text("('')"), nullable=False)
        )
        batch_op.create_index(
            batch_op.f("ix_bookings_meeting_reference_meeting_kind"),
            ["meeting_reference", "meeting_kind"],
        )
