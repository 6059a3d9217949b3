"""What tests are built with, in this project and in packs: a site, few-word builders, `check_pack`.

It must not be imported by the product itself, nor import pytest.
"""

from qtcore.testing.builders import (
    PASSWORD,
    a_context,
    a_made_lot,
    a_party,
    a_received_lot,
    a_user,
    an_item,
    an_output,
    line,
    release,
    text_of,
)
from qtcore.testing.packs import PackFindings, check_pack
from qtcore.testing.sites import FrozenClock, a_registry, a_site, seeded_bytes

__all__ = [
    "PASSWORD",
    "FrozenClock",
    "PackFindings",
    "a_context",
    "a_made_lot",
    "a_party",
    "a_received_lot",
    "a_registry",
    "a_site",
    "a_user",
    "an_item",
    "an_output",
    "check_pack",
    "line",
    "release",
    "seeded_bytes",
    "text_of",
]
