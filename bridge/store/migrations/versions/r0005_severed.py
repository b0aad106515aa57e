"""How often a connection was disconnected; and which link a consent was asked for with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "connections",
        sa.Column("severed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "consents",
        sa.Column("link_id", sa.Text(), server_default=sa.text("('')"), nullable=False),
    )
