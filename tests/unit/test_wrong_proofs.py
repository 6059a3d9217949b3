"""Wrong proofs by the thousand: both verifiers refuse exactly what a third, slow one refuses.

The slow one is RFC 9162, 2.1.3.2 and 2.1.4.2, line by line, with the strictness of decision 0035.
"""

import hashlib
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from qtcore.engines import ledger
from qtcore.offline import qtcore_verify as handed_out
from tests.unit.test_offline_proofs import EMPTY, continued, included

POOL = [hashlib.sha256(bytes([at])).digest() for at in range(3)]
ODD = [b"", b"\x00" * 31, b"\x00" * 33, EMPTY, *POOL]


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes) -> bool:
    if any(len(each) != 32 for each in (leaf, root, *proof)) or not 0 <= index < size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            r = node(p, r)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def is_continued(size1: int, size2: int, root1: bytes, root2: bytes, proof: list[bytes]) -> bool:
    if not 0 <= size1 <= size2:
        return False
    if size1 == size2:  # nothing is calculated: docs/decisions/0059
        is_empty = size1 > 0 or len(root1) != 32 or root1 == EMPTY
        return not proof and root1 == root2 != b"" and is_empty
    if any(len(each) != 32 for each in (root1, root2, *proof)) or size1 == 0 or not proof:
        return False
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else proof
    fn, sn = size1 - 1, size2 - 1
    while fn % 2 == 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == root1 and sr == root2


@st.composite
def bent_lists(draw: st.DrawFn, proof: list[bytes], others: list[bytes]) -> list[bytes]:
    """Bend a proof up to three times: drop, add, repeat, swap, turn a bit."""
    found = list(proof)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(len(found) - 1, 0)))
        deed = draw(st.sampled_from(["drop", "add", "swap", "bit", "replace"]))
        if deed == "add" or not found:
            found.insert(at, draw(st.sampled_from([*ODD, *others, *proof])))
        elif deed == "drop":
            del found[at]
        elif deed == "swap":
            found[0], found[at] = found[at], found[0]
        elif deed == "replace":
            found[at] = draw(st.sampled_from([*ODD, *others]))
        elif found[at]:
            flipped = bytearray(found[at])
            flipped[draw(st.integers(0, len(flipped) - 1))] ^= 1 << draw(st.integers(0, 7))
            found[at] = bytes(flipped)
    return found


def says(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except ValueError:
        return False
    return True


@settings(max_examples=100)
@given(st.data())
def test_no_wrong_inclusion_proof_is_taken_for_a_right_one(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index, _, leaf, proof, root = included(data.draw(st.integers(0, size - 1)), size)
    index += data.draw(st.sampled_from([0, 0, 0, 1, -1, 2, 64]))
    size += data.draw(st.sampled_from([0, 0, 0, 1, -1, size, -size]))
    leaf, root = (data.draw(st.sampled_from([x, x, x, leaf, root, *ODD])) for x in (leaf, root))
    bent = data.draw(bent_lists(proof, [leaf, root]))
    expected = is_included(index, size, leaf, bent, root)
    assert says(lambda: handed_out.verify_inclusion(index, size, leaf, bent, root)) is expected
    own = lambda: ledger.verify_inclusion(index, size, leaf, proof=bent, root=root)  # noqa: E731
    assert says(own) is expected


@settings(max_examples=100)
@given(st.data())
def test_no_wrong_consistency_proof_is_taken_for_a_right_one(data: st.DataObject) -> None:
    size2 = data.draw(st.integers(0, 70))
    size1, _, root1, root2, proof = continued(data.draw(st.integers(0, size2)), size2)
    size1 += data.draw(st.sampled_from([0, 0, 0, 1, -1, size1, -size1]))
    size2 += data.draw(st.sampled_from([0, 0, 0, 1, -1, size2, -size2]))
    one, two = (data.draw(st.sampled_from([x, x, x, root1, root2, *ODD])) for x in (root1, root2))
    bent = data.draw(bent_lists(proof, [root1, root2]))
    expected = is_continued(size1, size2, one, two, bent)
    assert says(lambda: handed_out.verify_consistency(size1, size2, one, two, bent)) is expected
    own = lambda: ledger.verify_consistency(  # noqa: E731
        size1, size2, root1=one, root2=two, proof=bent
    )
    assert says(own) is expected
