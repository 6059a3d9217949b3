"""Wrong proofs by the thousand: both verifiers refuse exactly what a third, slow one refuses.

The slow one is RFC 9162, 2.1.3.2 and 2.1.4.2, line by line, with the strictness of decision 0035.
"""

import hashlib
from collections.abc import Callable, Iterator
from random import Random

import pytest
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


def root_of(leaves: list[bytes]) -> bytes:
    """The tree hash of RFC 9162, 2.1.1, cut anew at each step."""
    if len(leaves) == 1:
        return leaves[0]
    cut = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root_of(leaves[:cut]), root_of(leaves[cut:]))


def way_to(index: int, leaves: list[bytes]) -> tuple[list[bytes], str]:
    """The inclusion proof of a leaf, and on which side each hash of it stands."""
    if len(leaves) == 1:
        return [], ""
    cut = 1 << (len(leaves) - 1).bit_length() - 1
    if index < cut:
        proof, sides = way_to(index, leaves[:cut])
        return [*proof, root_of(leaves[cut:])], sides + "R"
    proof, sides = way_to(index - cut, leaves[cut:])
    return [*proof, root_of(leaves[:cut])], sides + "L"


def way_on(size: int, leaves: list[bytes], *, is_whole: bool = True) -> tuple[list[bytes], str]:
    """The consistency proof from a size, and how its hashes are joined."""
    if size == len(leaves):
        return ([], "") if is_whole else ([root_of(leaves)], "=")
    cut = 1 << (len(leaves) - 1).bit_length() - 1
    if size <= cut:
        proof, sides = way_on(size, leaves[:cut], is_whole=is_whole)
        return [*proof, root_of(leaves[cut:])], sides + "R"
    proof, sides = way_on(size - cut, leaves[cut:], is_whole=False)
    return [*proof, root_of(leaves[:cut])], sides + "L"


LEAVES = [hashlib.sha256(b"\x00" + bytes([at])).digest() for at in range(140)]
ANY = [bytes(32)] * 256  # leaves of trees of which only the shape is asked
CHANGES = [*(1 << at for at in range(8)), 1 << 40, 1 << 62, 1 << 63, 1 << 64, 1 << 200]


def altered(given: bytes, chance: Random) -> Iterator[bytes]:
    """Alter each byte of a hash, and its length."""
    for at in range(len(given)):
        changed = given[at] ^ chance.randrange(1, 256)
        yield given[:at] + bytes([changed]) + given[at + 1 :]
    yield from (given[1:], given[:-1], given + b"\x00", b"")


def altered_hashes(hashes: list[bytes], chance: Random) -> Iterator[list[bytes]]:
    for at, each in enumerate(hashes):
        for changed in altered(each, chance):
            yield [*hashes[:at], changed, *hashes[at + 1 :]]


def assert_refused(verify: Callable[[], None]) -> None:
    with pytest.raises(handed_out.ProofError):
        verify()


@pytest.mark.parametrize("seed", range(12))
def test_no_altered_byte_of_an_inclusion_proof_passes_or_breaks(seed: int) -> None:
    chance, verify = Random(seed), handed_out.verify_inclusion
    size = chance.randrange(2, len(LEAVES)) if seed else 1
    index = chance.randrange(size)
    (proof, sides), root = way_to(index, LEAVES[:size]), root_of(LEAVES[:size])
    verify(index, size, LEAVES[index], proof, root)
    for leaf, *path in altered_hashes([LEAVES[index], *proof], chance):
        assert_refused(lambda: verify(index, size, leaf, path, root))  # noqa: B023
    for bad in altered(root, chance):
        assert_refused(lambda: verify(index, size, LEAVES[index], proof, bad))  # noqa: B023
    for change in CHANGES:
        for place, count in ((index ^ change, size), (index, size ^ change), (-index - 1, size)):
            # The proof does not know the size, only its own shape: the checkpoint binds the size.
            is_alike = place < count <= 256 and way_to(place, ANY[:count])[1] == sides
            if not is_alike or place < 0:
                assert_refused(lambda: verify(place, count, LEAVES[index], proof, root))  # noqa: B023


@pytest.mark.parametrize("seed", range(12))
def test_no_altered_byte_of_a_consistency_proof_passes_or_breaks(seed: int) -> None:
    chance, verify = Random(seed), handed_out.verify_consistency
    size2 = chance.randrange(2, len(LEAVES))
    size1 = chance.randrange(1, size2)
    (proof, sides), roots = (
        way_on(size1, LEAVES[:size2]),
        (root_of(LEAVES[:size1]), root_of(LEAVES[:size2])),
    )
    verify(size1, size2, *roots, proof)
    for one, two, *path in altered_hashes([*roots, *proof], chance):
        assert_refused(lambda: verify(size1, size2, one, two, path))  # noqa: B023
    for change in CHANGES:
        for old, new in ((size1 ^ change, size2), (size1, size2 ^ change), (-size1, size2)):
            is_alike = 0 < old < new <= 256 and way_on(old, ANY[:new])[1] == sides
            if not is_alike:
                assert_refused(lambda: verify(old, new, *roots, proof))  # noqa: B023
