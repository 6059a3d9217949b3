"""Definitions of a plant over the shipped ones, for tests that need other rules than those.

It must not open sites: each pack is compiled once in a process.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from qtcore.definitions.problems import render_problems
from qtcore.registry.load import load_registry
from qtcore.registry.registry import Registry

_PACK = (
    "pack: plant\nversion: 1.0.0\nrequires_qtcore: '>=0.1,<1'\nlayer: site\n"
    "languages: [en, zh-CN]\ntitle: {en: Plant, zh-CN: 厂}\n"
)


@cache
def site_registry(definitions: str, *packs: str, template: str = "") -> Registry:
    """Compile packs with the definitions of a plant over them; `template` is its sheet.html."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "pack.yaml").write_text(_PACK, "utf-8")
        (folder / "plant.yaml").write_text(definitions, "utf-8")
        (folder / "templates").mkdir()
        (folder / "templates" / "sheet.html").write_text(template, "utf-8")
        loaded = load_registry(site_dir=folder, packs=list(packs))
        registry = loaded.get_registry()
        # A broken pack is left out; the test would look at the shipped definitions.
        names = {pack.name for pack in registry.packs}
        assert "plant" in names, render_problems(loaded.problems, loaded.sources)
        return registry


def strict_registry(**policy: object) -> Registry:
    """Compile the food pack with a policy for signatures over the shipped one."""
    asked = "".join(f"    {name}: {str(value).lower()}\n" for name, value in policy.items())
    extended = "policies:\n  - id: signatures\n    extends: {reason: part 11}\n"
    return site_registry(extended + asked, "food")
