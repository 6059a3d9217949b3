"""Reading only what facts are functions of gives the same facts as reading everything."""

from qtcore.definitions.rules import FactDefinition
from qtcore.services.evidence import PARTS, read_evidence
from qtcore.services.facts import CORE_FACTS, gather_facts
from qtcore.services.holds import place_hold
from qtcore.services.nodes import resolve
from qtcore.testing import a_context, a_made_lot, a_received_lot, a_site, release
from tests.statements import counted


def test_each_fact_is_the_same_when_only_its_own_parts_are_read():
    with a_site() as site:
        raw = a_received_lot(site)
        release(site, raw)
        made = a_made_lot(site, "CHEESE", "C-1", [(raw, "5")])
        place_hold(site, a_context(site), [made.uid], "a smell")
        on, tenant = site.sources.now().date(), site.store.tenant_id
        with site.store.read() as session:
            info = resolve(session, tenant, made.uid)
            known = gather_facts(site, read_evidence(site, session, info, on))
            assert known["inputs_unreleased"] == 0
            assert known["holds_active"] == 1
            for fact in site.registry.list("facts"):
                names = {fact.id}
                evidence = read_evidence(site, session, info, on, names=names)
                alone = gather_facts(site, evidence, names)
                assert alone == {n: v for n, v in known.items() if n in names}, fact.id


def test_facts_of_the_lot_itself_need_no_statement():
    with a_site() as site:
        info, on = a_received_lot(site), site.sources.now().date()
        names = {"item_kind", "days_to_expiry"}
        with site.store.read() as session, counted() as sent:
            facts = gather_facts(site, read_evidence(site, session, info, on, names=names), names)
        assert facts.keys() == names
        assert sent == []


def test_every_fact_of_the_core_says_what_it_is_read_from():
    assert PARTS.keys() == CORE_FACTS.keys()


def test_every_fact_of_the_core_is_declared():
    with a_site() as site:
        declared = {f.id for f in site.registry.list("facts") if isinstance(f, FactDefinition)}
        assert CORE_FACTS.keys() <= declared
