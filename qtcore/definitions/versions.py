"""The version of the product, and whether it lies in the range a pack asks for.

It must not know packs.
"""

import operator
import re
from collections.abc import Callable, Mapping

CORE_VERSION = "0.1.0"

_BOUND = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d{1,6}(?:\.\d{1,6}){0,3})")
_Version = tuple[int, ...]
_COMPARE: Mapping[str, Callable[[_Version, _Version], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def allows_version(bounds: str, version: str) -> bool | None:
    """Say whether `version` lies in a range such as ``>=0.1,<1``; None for a text that is none."""
    found = [_BOUND.fullmatch(part.strip()) for part in bounds.split(",")]
    matches = [match for match in found if match]
    if len(matches) < len(found):
        return None
    here = _numbers(version)
    return all(_COMPARE[match[1]](here, _numbers(match[2])) for match in matches)


def _numbers(version: str) -> _Version:
    parts = tuple(int(part) for part in version.split("."))
    return parts + (0,) * (4 - len(parts))
