"""Which elements belong together: repeated, excluded, required, signed.

It must not know how they were written.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from qtcore.builtin.gs1.elements import CodeProblem, Element
from qtcore.builtin.gs1.table import IDENTIFIERS, KEY_QUALIFIERS, matches

_UNSIGNED_LENGTH: Final[Mapping[str, int]] = {"253": 13, "255": 13, "8003": 14}
"""The keys whose serial is part of the value, and their length without one."""

_SIGNATURE: Final = "8030"
_TOLD_APART: Final = (
    "10", "11", "13", "15", "16", "17", "20", "240", "241", "242", "30", "31nn", "32nn", "33nn",
    "34nn", "35nn", "36nn",
)  # fmt: skip
"""What describes goods whose key stands elsewhere: on another label, or known to the reader."""


def check_associations(elements: Sequence[Element]) -> tuple[CodeProblem, ...]:
    """List everything in which elements contradict or lack each other."""
    checks = (check_repeats, check_exclusions, check_requirements, check_signature)
    return tuple(problem for check in checks for problem in check(elements))


def check_repeats(elements: Sequence[Element]) -> Iterator[CodeProblem]:
    """Name an identifier that stands twice with different values."""
    first: dict[str, str] = {}
    for element in elements:
        if first.setdefault(element.ai, element.value) != element.value:
            message = (
                f"({element.ai}) stands twice, as {first[element.ai]!r} and {element.value!r}; "
                "accepted: once, or again with the same value"
            )
            yield CodeProblem("QT735", message, element.ai, element.value)


def check_exclusions(elements: Sequence[Element]) -> Iterator[CodeProblem]:
    """Name pairs that may not describe one thing."""
    present = _present(elements)
    for ai in present:
        for other in present:
            if other != ai and any(matches(p, other) for p in IDENTIFIERS[ai].excludes):
                message = f"({ai}) and ({other}) contradict each other; accepted: one of them"
                yield CodeProblem("QT734", message, ai, other)


def check_requirements(elements: Sequence[Element]) -> Iterator[CodeProblem]:
    """Name identifiers that lack another one.

    It is only a doubt where no key stands at all and a value describes goods: a lot number or a
    weight is also printed on a label of its own.
    """
    present = _present(elements)
    has_key = any(ai in KEY_QUALIFIERS or ai in ("02", "03") for ai in present)
    for ai in present:
        for need in IDENTIFIERS[ai].needs:
            if any(all(_has(present, code) for code in group) for group in need):
                continue
            accepted = ", ".join(" with ".join(f"({code})" for code in group) for group in need)
            is_apart = not has_key and any(matches(pattern, ai) for pattern in _TOLD_APART)
            message = f"{IDENTIFIERS[ai].name} stands without what it belongs to"
            yield CodeProblem(
                "QT733", f"{message}; accepted beside it: {accepted}", ai, is_fatal=not is_apart
            )


def check_signature(elements: Sequence[Element]) -> Iterator[CodeProblem]:
    """Name a signed key without a serial: a signature is about one piece."""
    if _SIGNATURE not in _present(elements):
        return
    for element in elements:
        if len(element.value) == _UNSIGNED_LENGTH.get(element.ai):
            message = f"({element.ai}) is signed by ({_SIGNATURE}) and has no serial; add it"
            yield CodeProblem("QT733", message, element.ai, element.value)


def _present(elements: Sequence[Element]) -> list[str]:
    return list(dict.fromkeys(element.ai for element in elements))


def _has(present: Sequence[str], pattern: str) -> bool:
    return any(matches(pattern, ai) for ai in present)
