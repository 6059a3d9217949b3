"""How much of one lot is in another: bounds, from what was recorded of weights.

It must not know the database.
"""

from qtcore.engines.shares.bounds import Share, find_share, find_shares
from qtcore.engines.shares.flows import Act, Amount, Convert, Flow, Plant

__all__ = ["Act", "Amount", "Convert", "Flow", "Plant", "Share", "find_share", "find_shares"]
