"""What a person chooses for themselves: the language of the pages.

It must not know roles or passwords.
"""

from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import NotFound
from qtcore.services.site import Site
from qtcore.store.tables import UserAccount


def set_language(site: Site, context: Context, language: str) -> None:
    """Remember a person's language; raises NotFound for an account that is gone."""
    with site.store.write(context) as work:
        row = work.session.exec(
            select(UserAccount).where(
                UserAccount.tenant_id == work.tenant_id, UserAccount.id == context.actor.user_id
            )
        ).first()
        if row is None:
            raise NotFound("your account does not exist any more")
        if row.language != language:
            changes = work.change(row, language=language)
            work.log("user.language", "user", row.uid, changes=changes)
