"""What does not fit, said in the language of a page: its kind's sentence, and what fills it.

It must not know how anything was found. The sentences are `found.<kind>` of the catalogues.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from qtcore.http.texts import Texts
from qtcore.http.units import show_quantity
from qtcore.registry.registry import Registry
from qtcore.services.findings import AMOUNTS, MOMENTS


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says what does not fit in one language; times are in UTC, as all times of a page are."""

    registry: Registry
    texts: Texts
    language: str

    def say(self, kind: str, parts: Mapping[str, str]) -> str:
        """Say one finding, and how many there are like it."""
        said = self.texts.get(f"found.{kind}", self.language, **self._filled(parts))
        if "others" not in parts:
            return said
        return self.texts.get("found.and_more", self.language, text=said, others=parts["others"])

    def _filled(self, parts: Mapping[str, str]) -> dict[str, str]:
        registry, texts, language = self.registry, self.texts, self.language
        filled = dict(parts)
        for name in AMOUNTS & parts.keys():
            filled[name] = show_quantity(registry, language, parts[name], parts.get("unit", ""))
        for name in MOMENTS & parts.keys():
            filled[name] = f"{datetime.fromisoformat(parts[name]):%Y-%m-%d %H:%M} UTC"
        if "done" in parts:
            filled["done"] = texts.get(f"found_done.{parts['done']}", language)
        if "event" in parts:
            filled["event"] = registry.text(f"events.{parts['event']}", language)
        if language != "en" and "code" in parts:
            filled["text"] = texts.find(f"codes.{parts['code']}", language) or parts["text"]
        if "why" in parts:
            filled["why"] = texts.get(f"found.{parts['why']}", language, **filled)
        return filled
