"""What a typed or scanned text means exactly.

It must not know pages.
"""

from collections.abc import Sequence

from qtcore.context import Context
from qtcore.services.rights import require
from qtcore.services.sight import get_seen, keep_seen
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo, describe_nodes, find_nodes


def find_exact(site: Site, context: Context, text: str) -> NodeInfo:
    """Find the one thing a text names; raises NotFound, or Ambiguous with the candidates."""
    require(site, context, "lot.read")
    with site.store.read() as session:
        return get_seen(site, context, session, text)


def describe_uids(site: Site, context: Context, uids: Sequence[str]) -> tuple[NodeInfo, ...]:
    """Describe things by their public ids; one that is gone is left out."""
    require(site, context, "lot.read")
    tenant = site.store.tenant_id
    with site.store.read() as session:
        nodes = [node for uid in uids for node in find_nodes(session, tenant, uid)]
        described = describe_nodes(session, tenant, nodes)
        found = [described[node] for node in dict.fromkeys(nodes) if node in described]
        return tuple(keep_seen(site, context, session, found))
