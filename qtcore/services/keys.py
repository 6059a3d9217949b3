"""Changing the key that signs the log: the new one signs the last state of the old one as well.

It must not know files; see `qtcore.store.signers`.
"""

from dataclasses import dataclass, replace

from sqlalchemy import select

from qtcore.context import Context
from qtcore.engines.ledger import Checkpoint, add_signature, read_checkpoint, sign_note
from qtcore.errors import InputRejected, StoreUnavailable
from qtcore.services.audit import seal
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.key_changes import NEXT_KEY
from qtcore.store.lease import find_holder, release_lease
from qtcore.store.proofs import find_checkpoint, note_body
from qtcore.store.queries.ledger import count_pending
from qtcore.store.signers import Signer, make_next_key, put_next_to_use
from qtcore.store.tables import LedgerKey

_KEY = table_of(LedgerKey)


@dataclass(frozen=True, slots=True)
class ChangedKey:
    """A change that was made: both public keys, and how many events the old one has signed."""

    old_vkey: str
    new_vkey: str
    size: int
    signer: Signer

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API."""
        return {"old_vkey": self.old_vkey, "new_vkey": self.new_vkey, "size": self.size}


def rotate_key(site: Site, context: Context, *, reason: str) -> ChangedKey:
    """Put a new signing key in the place of the old one, whose secret is destroyed.

    Both keys sign the last state of the old one, with a line that names the new key: whoever trusts
    the old key can follow. Another process that serves this database signs with the old key until
    it is restarted; its lease stops the change. Raises Denied without the right, InputRejected
    without a reason, StoreUnavailable while another process seals.
    """
    require(site, context, "ledger.manage", about="ledger key")
    if not reason.strip():
        raise InputRejected("say why the key is changed: a reason is needed")
    old = site.signer
    new = make_next_key(old)
    seal(site)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        newest, waiting = find_checkpoint(session, tenant), count_pending(session, tenant)
        holder = find_holder(session, site.store)
    if waiting or newest is None:
        raise StoreUnavailable(
            f"{waiting} events wait for their seal, and {holder or 'nobody'} seals; stop "
            "`qtcore serve`, or wait a minute, and try again"
        )
    state = read_checkpoint(note_body(newest.note))
    named = Checkpoint(state.origin, state.size, state.root, (f"{NEXT_KEY} {new.key.vkey}",))
    note = sign_note(named.body, old.name, old.private_key)
    note = add_signature(note, new.name, new.private_key)
    with site.store.write(context) as work:
        changed = {"vkey": (old.key.vkey, new.key.vkey)}
        details = {"size": state.size, "root": state.root.hex()}
        uid = site.store.tenant_uid
        work.log("ledger.key", "ledger", uid, changes=changed, reason=reason, details=details)
        number = len(work.session.execute(select(_KEY.c.number)).all()) + 1
        row = {"number": number, "vkey": new.key.vkey, "from_size": state.size, "note": note}
        work.insert(LedgerKey, [{**row, "changed_at": context.at}])
    made = put_next_to_use(old, size=state.size)
    seal(replace(site, signer=made))
    release_lease(site.store)
    return ChangedKey(old.key.vkey, new.key.vkey, state.size, made)
