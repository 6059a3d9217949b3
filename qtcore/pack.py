"""The door: everything a pack may import, and nothing else.

It must not know how packs are found, called or stored.

A pack is a folder of YAML with a ``pack.yaml``. Nothing more is needed. A pack that also brings
Python marks functions of its ``hooks.py`` (or methods of an object) with `hookimpl`::

    from qtcore.pack import LotFacts, Refusal, hookimpl

    @hookimpl
    def judge_release(lot: LotFacts) -> list[Refusal]:
        if lot.holds:
            return [Refusal("PH-90", "the cold chain of this lot was broken", fix="...")]
        return []
"""

from pathlib import Path

import pluggy

from qtcore.definitions.problems import Problem
from qtcore.definitions.read import PackFolder, read_pack
from qtcore.definitions.recalls import RecallDefinition, RecallNode
from qtcore.errors import Fault, Refusal
from qtcore.hookspecs import (
    PROJECT,
    Channel,
    EventFacts,
    ExchangeFormat,
    FactValue,
    GiveFact,
    LotFacts,
    LotQuantity,
    RecallFacts,
    ShipmentFacts,
    TransitionFacts,
)

__all__ = [
    "Channel",
    "EventFacts",
    "ExchangeFormat",
    "FactValue",
    "Fault",
    "FolderPack",
    "GiveFact",
    "LotFacts",
    "LotQuantity",
    "PackFolder",
    "Problem",
    "RecallDefinition",
    "RecallFacts",
    "RecallNode",
    "Refusal",
    "ShipmentFacts",
    "TransitionFacts",
    "hookimpl",
]

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function or method of a pack as its answer to the hook of the same name."""


class FolderPack:
    """A folder of YAML (or several that form one pack) as a pack like any other.

    The folder is read once, here; mistakes in it are problems of `content`, never exceptions.
    """

    def __init__(self, *folders: Path | str, label: str | None = None) -> None:
        self.folders = tuple(Path(folder) for folder in folders)
        self.content: PackFolder = read_pack(self.folders, label=label)

    @classmethod
    def of(cls, content: PackFolder) -> "FolderPack":
        """Make a pack of what was read already."""
        pack = cls.__new__(cls)
        pack.folders, pack.content = (), content
        return pack

    @property
    def name(self) -> str:
        """The name in ``pack.yaml``, or that of the folder when there is none."""
        return self.content.name

    @hookimpl
    def contribute_definitions(self) -> PackFolder:
        """Give what the folder says."""
        return self.content
