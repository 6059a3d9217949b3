"""Writes a proposed mapping as a file a person reads and corrects; doubts stand in front.

It must not know how the proposal came about.
"""

import textwrap

import yaml

from qtcore.builtin.tabular.guess_mapping import MappingGuess


def write_guess(guess: MappingGuess) -> str:
    """Write the mapping as YAML; each doubt is a comment above it."""
    lines = ["# A proposal: read each doubt, correct the mapping, then remove these lines."]
    for doubt in guess.doubts:
        text = f"{doubt.where}: {doubt.message}" if doubt.where else doubt.message
        lines += textwrap.wrap(text, 110, initial_indent="# - ", subsequent_indent="#   ")
    body = yaml.safe_dump(
        guess.mapping, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    )
    return "\n".join(lines) + "\n" + body
