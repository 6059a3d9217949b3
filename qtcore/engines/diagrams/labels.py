"""The words of a picture.

It must not know where they come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qtcore.definitions.workflows import Transition


@dataclass(frozen=True, slots=True)
class Labels:
    """The words of a picture, by id; what has none is shown by its id.

    `added`, `removed` and `changed` are the words that mark a difference.
    """

    title: str
    states: Mapping[str, str] = field(default_factory=dict)
    transitions: Mapping[str, str] = field(default_factory=dict)
    added: str = "added"
    removed: str = "removed"
    changed: str = "changed"

    def state(self, name: str) -> str:
        """Name a state."""
        return self.states.get(name, name)

    def transition(self, step: Transition) -> str:
        """Name a transition: a pen for a signature, a gear for what happens by itself."""
        mark = " ✎" if step.signature is not None else " ⚙" if step.is_automatic else ""
        return self.transitions.get(step.id, step.id.replace("_", " ")) + mark
