"""YAML that lies in no pack, read as a draft of one.

It must not know other packs.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

from qtcore.definitions.pack_files import read_files
from qtcore.definitions.packs import PackDefinition
from qtcore.definitions.problems import Problem, sort_problems
from qtcore.definitions.read import PackFolder, PackReader


def read_loose(path: Path) -> PackFolder | None:
    """Read YAML that lies in no pack: one file, or those below a folder; None when there is none.

    It is checked as an industry pack without texts would be. A folder without ``pack.yaml`` is a
    mistake all the same; a single file is taken for a draft.
    """
    is_file = path.is_file() and path.suffix in {".yaml", ".yml"}
    if not is_file and not path.is_dir():
        return None
    label = f"{path.parent.as_posix()}/" if path.parent != Path() else ""
    folder = path.parent if is_file else path
    files, problems = read_files([folder], label if is_file else f"{path.as_posix()}/")
    chosen = [file for file in files if not is_file or file.name == path.name]
    if not chosen:
        return None
    name = re.sub(r"[^a-z0-9_]", "_", path.stem.lower()).strip("_0123456789") or "draft"
    reader = PackReader(label if is_file else f"{path.as_posix()}/", fallback=name)
    reader.problems.extend(p for p in problems if not is_file or p.file.endswith(path.name))
    for file in chosen:
        reader.take(file)
    missing = "no pack.yaml lies beside or above it"
    severity: Literal["error", "warning"] = "warning" if is_file else "error"
    said = f"{missing}; it is checked without texts"
    problem = Problem("QT120", said, path.as_posix(), severity=severity)
    head = PackDefinition(
        pack=name, version="0", requires_qtcore=">=0", title={"en": name}, languages=()
    )
    found = reader.finish()
    kept = [p for p in found.problems if p.code != "QT120"]
    return replace(found, name=name, pack=head, problems=sort_problems([*kept, problem]))
