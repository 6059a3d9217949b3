"""Checking pack folders as they would serve: together with the base and the installed packs.

It must not know the command line.
"""

from collections.abc import Sequence
from pathlib import Path

from qtcore.definitions.folders import base_folders
from qtcore.definitions.read import HEAD_FILE
from qtcore.errors import InputRejected
from qtcore.pack import FolderPack
from qtcore.registry.compile import Compiled
from qtcore.registry.load import list_installed, load_registry


def check_folders(paths: Sequence[Path]) -> Compiled:
    """Compile these folders in place of the installed packs of the same name.

    A path may be a pack folder, a folder that holds packs (``plugins/pharma``), the base's own
    folders, or a site. Raises InputRejected for a path without any ``pack.yaml``.
    """
    folders = [folder for path in paths for folder in _pack_folders(path)]
    packs = [FolderPack(folder) for folder in folders]
    sites = [f for f, p in zip(folders, packs, strict=True) if _layer(p) == "site"]
    if len(sites) > 1:
        named = ", ".join(str(s) for s in sites)
        raise InputRejected(f"{named} are several sites; check one site at a time", code="QT120")
    extra = [p for p in packs if _layer(p) not in ("site", "base")]
    given = {p.name for p in extra}
    installed = [name for name in list_installed() if name not in given]
    return load_registry(
        site_dir=sites[0] if sites else None,
        packs=installed if given else None,
        extra_packs=extra,
    )


def _layer(pack: FolderPack) -> str:
    return pack.content.pack.layer if pack.content.pack else ""


def _pack_folders(path: Path) -> list[Path]:
    if path.resolve() in {folder.resolve() for folder in base_folders()}:
        return []
    if (path / HEAD_FILE).is_file():
        return [path]
    inside = sorted(head.parent for head in path.glob(f"*/{HEAD_FILE}"))
    inside += sorted(head.parent for head in path.glob(f"*/*/{HEAD_FILE}"))
    if not inside:
        raise InputRejected(
            f"{path} holds no pack: there is no {HEAD_FILE} in it or one or two folders below; "
            "give the folder of a pack or site",
            code="QT120",
        )
    return inside
