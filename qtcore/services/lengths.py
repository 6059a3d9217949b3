"""Texts that are longer than the place they are kept in: refused with both numbers, never cut.

It must not know what a text is about.
"""

from typing import Final

from qtcore.errors import Fault, InputRejected

MOST_REASON: Final = 2000
MOST_TITLE: Final = 300
MOST_EVIDENCE: Final = 400
MOST_METHOD: Final = 200
MOST_TOPIC: Final = 80
MOST_VALUE: Final = 400


def long_faults(most: int, **texts: str) -> list[Fault]:
    """List the texts that have more signs than can be kept, each under its name."""
    return [
        Fault("QT411", f"{name} has {len(text):,} signs; at most {most:,} are kept", name)
        for name, text in texts.items()
        if len(text) > most
    ]


def refuse_long(what: str, most: int, **texts: str) -> None:
    """Raise InputRejected, saying `what` is not done, when a text has more signs than `most`."""
    faults = long_faults(most, **texts)
    if faults:
        raise InputRejected(what, faults)
