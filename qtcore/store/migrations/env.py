"""Alembic's entry: runs the revisions on the connection it is given.

It must not open databases by itself, except for a developer who makes a new revision.
"""

from alembic import context
from sqlalchemy import Connection

from qtcore.store.engines import open_for_migration, read_target
from qtcore.store.migrations.drift import is_compared
from qtcore.store.tables import Tenant


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Tenant.metadata,
        render_as_batch=True,
        compare_type=True,
        include_object=is_compared,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    # alembic -c ... -x url=sqlite:///scratch.db revision --autogenerate
    url = context.get_x_argument(as_dictionary=True)["url"]
    with open_for_migration(read_target(url)).begin() as opened:
        run(opened)
