"""Texts checked for completeness: every key in every language of the pack that needs it.

It must not know which screens show them.
"""

from collections.abc import Container, Iterator

from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.packs import KINDS
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.read import PackFolder
from qtcore.definitions.texts import FREE_TEXTS, find_optional_keys, find_text_keys
from qtcore.registry.merge import Entry, Merged, PackProblem

_MOST_SUGGESTIONS = 10


def check_texts(merged: Merged) -> Iterator[PackProblem]:
    """Find missing texts (QT125), and as warnings texts that nothing needs."""
    needed: set[str] = set()
    missing: list[PackProblem] = []
    for kind in KINDS:
        for entry in merged.all(kind):
            keys = tuple(find_text_keys(kind, entry.definition))
            needed.update(key for key, _ in keys)
            needed.update(key for key, _ in find_optional_keys(kind, entry.definition))
    for pack in merged.packs:
        missing.extend(_missing(merged, pack, needed))
        missing.extend(_unused(pack, needed))
    return iter(missing)


def _missing(merged: Merged, pack: PackFolder, needed: set[str]) -> Iterator[PackProblem]:
    suggestions = _MOST_SUGGESTIONS
    for language in pack.pack.languages if pack.pack else ():
        held = merged.texts.get(language, {})
        unused = [key for key in pack.text_places.get(language, {}) if key not in needed]
        for entry, key, mistake in _gaps(merged, pack.name, language, held):
            hint = suggest(key, unused) if suggestions > 0 else ""
            suggestions -= 1
            placed = Mistake(mistake.code, mistake.message, mistake.path, hint)
            yield PackProblem(*entry.problem(placed))


def _gaps(
    merged: Merged, pack: str, language: str, held: Container[str]
) -> Iterator[tuple[Entry, str, Mistake]]:
    for kind in KINDS:
        for entry in merged.all(kind):
            if entry.pack != pack:
                continue
            for key, path in find_text_keys(kind, entry.definition):
                if key in held:
                    continue
                message = (
                    f"the text {key!r} is missing in {language}; add it to i18n/{language}.yaml"
                )
                yield entry, key, Mistake("QT125", message, path or ("id",))


def _unused(pack: PackFolder, needed: set[str]) -> Iterator[PackProblem]:
    for language, texts in pack.text_places.items():
        for key, text in texts.items():
            if key not in needed and not key.startswith(FREE_TEXTS):
                message = f"no definition needs the text {key!r} ({language}); remove or rename it"
                place = Problem(
                    "QT125", message, text.file, text.at.line, text.at.column, severity="warning"
                )
                yield PackProblem(pack.name, place)
