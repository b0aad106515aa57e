"""Consents that may put another account in the place of the connected one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("consents", "links"):
        op.add_column(
            name,
            sa.Column("replaces", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        )
