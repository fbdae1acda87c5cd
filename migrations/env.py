"""Runs the migrations on the connection that the caller brings (`collector.store.database.upgrade`).

The connection begins its transactions explicitly, so that on SQLite too a migration that fails leaves nothing behind.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
    transaction_per_migration=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
