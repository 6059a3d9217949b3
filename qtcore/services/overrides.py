"""Exceptions to rules that may be justified: one person signs why, another one releases.

It must not judge. A justification counts for the lot as it was when it was signed, for the rules it
names, and for nobody who acts in the place of the person who gave it.
"""

from collections.abc import Sequence

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import Fault, InputRejected, Refused
from qtcore.services.manifestations import find_fault
from qtcore.services.rights import acting_at, require
from qtcore.services.sight import get_seen, thing_of_lot
from qtcore.services.sign_content import SignedContent, digest_of, lot_part, read_content
from qtcore.services.sign_proofs import Proof
from qtcore.services.signing import prove_signer, write_signature
from qtcore.services.site import Site
from qtcore.services.veils import require_sight
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Lot, Signature

DEMAND = SignatureDemand(meaning="justified", profile="session")


def justify_rules(
    site: Site, context: Context, lot: str, asked: tuple[Sequence[str], str, Proof]
) -> str:
    """Sign why a lot may go out although rules object; returns the public id of the signature.

    `asked`: the rules, the justification, and the proof of who signs. Raises NotFound, Denied,
    InputRejected for rules that nobody may justify or without a justification, Refused when the
    signature cannot be taken.
    """
    rules, justification, proof = asked
    faults = _faults(site, rules, justification)
    if faults:
        raise InputRejected("the exception is not justified", faults)
    with site.store.read() as session:
        info = get_seen(site, context, session, lot)
        thing = thing_of_lot(site, session, info)
    require(site, context, "release.decide", about=info.uid, thing=thing)
    context = acting_at(site, context, thing)
    require_sight(site, context, thing, (info.kind, info.extra, ()))
    proven, refusals = prove_signer(site, context, [DEMAND], proof)
    if proven is None:
        raise Refused(f"the exception is not justified: {refusals[0].message}", refusals)
    with site.store.write(context) as work:
        part = lot_part(site, work.session, info)
        row = work.session.exec(
            select(Lot).where(Lot.tenant_id == work.tenant_id, Lot.node == info.node)
        ).one()
        content = {"rules": sorted(set(rules)), "justification": justification}
        signed = SignedContent("lot", info.uid, row.version, content, part)
        made = write_signature(site, work, DEMAND, signed, proven=proven, reason=justification)
    return made.uid


def justified_rules(
    site: Site, session: Session, info: NodeInfo, context: Context
) -> frozenset[str]:
    """Name the rules that another person than who acts has justified for the lot as it is now."""
    rows = session.exec(
        select(Signature).where(
            Signature.tenant_id == site.store.tenant_id,
            Signature.subject_uid == info.uid,
            Signature.meaning == DEMAND.meaning,
        )
    ).all()
    if not rows:
        return frozenset()
    now = digest_of(lot_part(site, session, info))
    own = {str(context.actor.person_id), *context.actor.stands_for}
    found: set[str] = set()
    for row in rows:
        stands = str(row.person_id) in own or row.subject_sha256 != now
        if not stands and not find_fault(row):
            found |= set(read_content(row.content)["content"].get("rules", ()))
    return frozenset(found)


def _faults(site: Site, rules: Sequence[str], justification: str) -> list[Fault]:
    faults = []
    if not justification.strip() or len(justification) > 2000:
        text = "say why the lot may go out, in at most 2000 characters"
        faults.append(Fault("QT451", text, "justification"))
    open_rules = [r.id for r in site.registry.list("rules") if r.severity == "block_override"]
    known = ", ".join(open_rules) or "none"
    for rule in rules:
        if rule not in open_rules:
            text = f"rule {rule!r} may not be justified; those that may: {known}"
            faults.append(Fault("QT479", text, "rules"))
    if not rules:
        faults.append(Fault("QT479", f"no rule is named; those that may be: {known}", "rules"))
    return faults
