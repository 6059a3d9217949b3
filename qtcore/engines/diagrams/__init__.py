"""Life cycles as pictures: Mermaid text for documents, SVG for screen and print.

It must not know texts or languages: the labels are given.
"""

from qtcore.engines.diagrams.changes import Changes, compare_flows
from qtcore.engines.diagrams.labels import Labels
from qtcore.engines.diagrams.mermaid import draw_mermaid
from qtcore.engines.diagrams.svg import draw_svg

__all__ = ["Changes", "Labels", "compare_flows", "draw_mermaid", "draw_svg"]
