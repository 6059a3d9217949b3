"""The pharma pack: medicines, from the weighed material to the recall.

It must not know the core beyond `qtcore.pack`, nor any other pack.
"""

from qt_pharma.hooks import judge_recall_closure, judge_shipment

__all__ = ["judge_recall_closure", "judge_shipment"]
