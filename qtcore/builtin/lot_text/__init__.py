"""Free text of lot numbers, as recall notices and letters write it: lots, ranges, or a question.

It must not know lots or a database.
"""

from qtcore.builtin.lot_text.ranges import LotRange, NotARange, make_range
from qtcore.builtin.lot_text.reading import Doubt, LotText, read_lot_text, speaks_of_lots

__all__ = [
    "Doubt",
    "LotRange",
    "LotText",
    "NotARange",
    "make_range",
    "read_lot_text",
    "speaks_of_lots",
]
