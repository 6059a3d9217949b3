"""The food pack: from harvest and landing to the shelf, and back in a recall.

It must not know the core beyond `qtcore.pack`, nor any other pack.
"""

from qt_food.hooks import judge_shipment

__all__ = ["judge_shipment"]
