"""YAML that lies in no pack, read as a draft of one.

It must not know other packs.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from qtcore.definitions.located import Located
from qtcore.definitions.mistakes import find_mistakes
from qtcore.definitions.pack_files import read_files
from qtcore.definitions.packs import PackDefinition
from qtcore.definitions.problems import Problem, sort_problems
from qtcore.definitions.read import PackFolder, PackReader
from qtcore.definitions.source import MAX_BYTES, read_yaml
from qtcore.definitions.source import Path as Places
from qtcore.definitions.structure import check_definition
from qtcore.definitions.workflows import WorkflowDefinition


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


def read_flows(path: Path) -> tuple[tuple[Located[WorkflowDefinition], ...], tuple[Problem, ...]]:
    """Read the life cycles of one file: one alone, or a list under ``workflows``; and its problems.

    What is wrong with other definitions in the file is not asked here.
    """
    document = read_yaml(path.read_bytes()[: MAX_BYTES + 1], path.name)
    value = document.value if isinstance(document.value, Mapping) else {}
    entries = value.get("workflows")
    paths: list[Places] = [("workflows", at) for at in range(len(entries or ()))]
    if "id" in value or not isinstance(entries, list):
        paths = [()] if "id" in value else []
    found: list[Located[WorkflowDefinition]] = []
    problems = list(document.problems)
    for at in paths:
        entry = value[at[0]][at[1]] if at else value
        located: Located[Any] = Located("workflows", None, path.name, at, document.positions)
        try:
            flow = WorkflowDefinition.model_validate(entry)
            mistakes = check_definition("workflows", flow)
            found.append(replace(located, definition=flow))
        except ValidationError as exc:
            mistakes = find_mistakes(WorkflowDefinition, entry, exc)
        problems += [located.problem(mistake) for mistake in mistakes]
    return tuple(found), sort_problems(problems)
