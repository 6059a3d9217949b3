"""Texts checked for completeness: every key in every language of the pack that needs it.

It must not know which screens show them.
"""

from collections.abc import Iterator

from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.packs import KINDS
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.read import PackFolder
from qtcore.definitions.source import Path
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


def find_missing(merged: Merged, pack: PackFolder) -> dict[str, tuple[str, ...]]:
    """Give the texts that a pack's definitions need and nobody wrote, by language."""
    found: dict[str, list[str]] = {}
    for _, key, _, languages in _gaps(merged, pack):
        for language in languages:
            found.setdefault(language, []).append(key)
    return {language: tuple(dict.fromkeys(keys)) for language, keys in found.items()}


def _missing(merged: Merged, pack: PackFolder, needed: set[str]) -> Iterator[PackProblem]:
    suggestions = _MOST_SUGGESTIONS
    unused = {
        language: [key for key in places if key not in needed]
        for language, places in pack.text_places.items()
    }
    for entry, key, path, languages in _gaps(merged, pack):
        names = [name for language in languages for name in unused.get(language, ())]
        hint = suggest(key, names) if suggestions > 0 else ""
        suggestions -= 1
        files = " and ".join(f"i18n/{language}.yaml" for language in languages)
        message = f"the text {key!r} is missing in {' and '.join(languages)}; add it to {files}"
        yield PackProblem(*entry.problem(Mistake("QT125", message, path or ("id",), hint)))


def _gaps(merged: Merged, pack: PackFolder) -> Iterator[tuple[Entry, str, Path, list[str]]]:
    """Give each text that lacks in any language of the pack, with the part that needs it."""
    languages = pack.pack.languages if pack.pack else ()
    for kind in KINDS:
        for entry in merged.all(kind):
            if entry.pack != pack.name:
                continue
            for key, path in find_text_keys(kind, entry.definition):
                lacking = [one for one in languages if key not in merged.texts.get(one, {})]
                if lacking:
                    yield entry, key, path, lacking


def _unused(pack: PackFolder, needed: set[str]) -> Iterator[PackProblem]:
    for language, texts in pack.text_places.items():
        for key, text in texts.items():
            if key not in needed and not key.startswith(FREE_TEXTS):
                message = f"no definition needs the text {key!r} ({language}); remove or rename it"
                place = Problem(
                    "QT125", message, text.file, text.at.line, text.at.column, severity="warning"
                )
                yield PackProblem(pack.name, place)
