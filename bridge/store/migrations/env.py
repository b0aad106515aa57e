"""What alembic runs: revisions on the connection it is given, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from bridge.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
