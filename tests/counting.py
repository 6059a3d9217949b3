"""Counts rows, to show that something was stored, or that nothing was."""

from sqlalchemy import func
from sqlmodel import SQLModel, select

from qtcore.services.site import Site


def counts(site: Site, *tables: type[SQLModel]) -> dict[str, int]:
    """Count the rows of tables."""
    with site.store.read() as session:
        return {
            str(table.__tablename__): session.exec(select(func.count()).select_from(table)).one()
            for table in tables
        }
