"""The names of other things in what does not fit: only those that this person sees.

It must not know how anything was found. A name that nothing seen has is withheld.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.services.findings import in_english
from qtcore.services.nodes import infos_named
from qtcore.services.sight import WITHHELD, keep_seen
from qtcore.services.site import Site

_ARROW: Final = " -> "
_NAMING: Final = {
    "cycle": ("way",),
    "packed_twice": ("case", "other"),
    "unpacked_not_inside": ("case",),
}
"""By kind of what does not fit, which parts of it name other things than its lot."""


def withhold_names(
    site: Site, context: Context, session: Session, gaps: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, Any], ...]:
    """Give gaps as the API has them, without the names of what stands at other sites."""
    listed = [dict(gap) for gap in gaps]
    if site.registry.policy.is_open(context.actor, "lot.read"):
        return tuple(listed)
    seen: dict[str, bool] = {}

    def shown(name: str) -> str:
        if name not in seen:
            named = infos_named(session, site.store.tenant_id, name)
            seen[name] = bool(keep_seen(site, context, session, named))
        return name if seen[name] else WITHHELD

    for gap in listed:
        naming = _NAMING.get(gap["kind"], ())
        if naming and not gap["parts"]:
            gap["detail"] = WITHHELD  # an older release kept the names in its sentence only
            continue
        told = {name: _ARROW.join(map(shown, gap["parts"][name].split(_ARROW))) for name in naming}
        if told:
            gap["parts"] = {**gap["parts"], **told}
            gap["detail"] = in_english(gap["kind"], gap["parts"])
    return tuple(listed)
