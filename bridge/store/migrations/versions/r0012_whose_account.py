"""By what address a connected account is known, where its id is none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "credentials",
        sa.Column("email", sa.Text(), server_default=sa.text("('')"), nullable=False),
    )
