"""What a typed or scanned text means exactly.

It must not know pages.
"""

from qtcore.context import Context
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo


def find_exact(site: Site, context: Context, text: str) -> NodeInfo:
    """Find the one thing a text names; raises NotFound, or Ambiguous with the candidates."""
    require(site, context, "lot.read")
    with site.store.read() as session:
        return resolve(session, site.store.tenant_id, text)
