"""The words of the pages: one catalogue per language with equal keys, and the choice of language.

It must not know the texts of definitions; those belong to the registry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from qtcore.context import LANGUAGES

DEFAULT = "en"
FOLDER = Path(__file__).parent / "texts"
# The loader of plain texts: `on`, `no` and numbers stay what is written. The one in C takes a
# twentieth of the time.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Texts:
    """All catalogues; a key that is missing is a defect of the product and raises KeyError."""

    catalogues: Mapping[str, Mapping[str, str]]

    def get(self, key: str, language: str, **values: object) -> str:
        """Give a text with its values; `count` chooses between ``key.one`` and ``key.other``."""
        catalogue = self.catalogues.get(language, self.catalogues[DEFAULT])
        if "count" in values and key not in catalogue:
            key = f"{key}.one" if values["count"] == 1 else f"{key}.other"
        return catalogue[key].format_map(values) if values else catalogue[key]

    def find(self, key: str, language: str) -> str | None:
        """Give a text or None, for keys made from data such as codes."""
        return self.catalogues.get(language, self.catalogues[DEFAULT]).get(key)


@cache
def load_texts() -> Texts:
    """Read every catalogue, once per process."""
    found = {}
    for language in LANGUAGES:
        text = (FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
        found[language] = dict(_flatten(yaml.load(text, _LOADER)))  # noqa: S506
    return Texts(found)


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            pairs += _flatten(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", str(value)))
    return pairs


def choose_language(*wishes: str) -> str:
    """Take the first wish that names a language we have; a header may list several."""
    for wish in wishes:
        for part in wish.split(","):
            name = part.split(";")[0].strip().lower()
            for language in LANGUAGES:
                if name and (name == language.lower() or name.split("-")[0] == language[:2]):
                    return language
    return DEFAULT
