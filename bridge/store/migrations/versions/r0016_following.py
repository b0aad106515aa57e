"""A pull that runs is followed by another one in good time, when a booking is written meanwhile."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.add_column(sa.Column("follow_at", sa.BigInteger(), nullable=True))
