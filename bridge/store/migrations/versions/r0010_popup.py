"""Consents that are asked for in a window of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("consents", "links"):
        op.add_column(
            name,
            sa.Column("popup", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        )
