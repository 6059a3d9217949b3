"""GS1: keys in every notation, element strings, Digital Links, data carriers, RFID tags.

It must not know lots or a database.
"""

from qtcore.builtin.gs1.check_digits import check_digit, has_check_digit
from qtcore.builtin.gs1.keys import (
    ANY_LOT,
    GlobalKey,
    canonical_identifier,
    party_code,
    read_key,
)

__all__ = [
    "ANY_LOT",
    "GlobalKey",
    "canonical_identifier",
    "check_digit",
    "has_check_digit",
    "party_code",
    "read_key",
]
