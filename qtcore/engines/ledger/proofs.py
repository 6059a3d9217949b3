"""Merkle proofs of RFC 9162: building them from stored subtrees, and verifying them strictly.

It must not know where subtrees are stored, nor what the leaves are.
"""

from collections.abc import Callable, Sequence
from typing import NoReturn, TypeAlias

from qtcore.engines.ledger.tree import EMPTY_ROOT, fold, is_hash, node_hash

Place: TypeAlias = tuple[int, int]  # level and index of a subtree
Range: TypeAlias = tuple[int, int]  # the first leaf, and the one after the last
HashOf: TypeAlias = Callable[[int, int], bytes]


class ProofError(ValueError):
    """Raised when a proof does not hold; `expected` and `calculated` are the two roots, if any."""

    def __init__(
        self, message: str, *, expected: bytes | None = None, calculated: bytes | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.calculated = calculated


def inclusion_path(index: int, size: int, hash_of: HashOf) -> tuple[bytes, ...]:
    """Give the hashes that join leaf `index` to the root of the tree of `size`, from below.

    `hash_of(level, index)` gives the hash of a complete subtree.
    """
    return tuple(range_root(each, hash_of) for each in inclusion_ranges(index, size))


def consistency_path(size1: int, size2: int, hash_of: HashOf) -> tuple[bytes, ...]:
    """Give the hashes that show the tree of `size2` to continue the tree of `size1`."""
    return tuple(range_root(each, hash_of) for each in consistency_ranges(size1, size2))


def inclusion_ranges(index: int, size: int) -> tuple[Range, ...]:
    """Give the ranges of leaves whose roots are the inclusion path, from below."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_ranges(size1: int, size2: int) -> tuple[Range, ...]:
    """Give the ranges of leaves whose roots are the consistency path, from below."""
    if not 0 <= size1 <= size2 or (size1 == 0 and size2 > 0):
        raise ValueError(f"nothing shows that a tree of {size2} leaves continues one of {size1}")
    if size1 == size2:
        return ()
    path: list[Range] = []
    start, end = 0, size2
    while end != size1:
        middle = start + _split(end - start)
        if size1 <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:
        path.append((start, end))
    return tuple(reversed(path))


def range_root(leaves: Range, hash_of: HashOf) -> bytes:
    """Give the root over a range of leaves that stands in a path."""
    return fold([hash_of(*place) for place in range_places(leaves)])


def range_places(leaves: Range) -> list[Place]:
    """Give the complete subtrees that such a range consists of, largest first."""
    start, end = leaves
    places: list[Place] = []
    while start < end:
        level = (end - start).bit_length() - 1
        places.append((level, start >> level))
        start += 1 << level
    return places


def verify_inclusion(
    leaf_index: int, tree_size: int, leaf_hash: bytes, *, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise ProofError unless `proof` joins the leaf to `root` (RFC 9162, 2.1.3.2)."""
    _check_size("leaf index", leaf_index)
    _check_size("tree size", tree_size)
    _check_hashes({"leaf hash": leaf_hash, "root": root}, proof)
    if leaf_index >= tree_size:
        raise ProofError(f"leaf {leaf_index} is not in a tree of {tree_size} leaves")
    node, last, found = leaf_index, tree_size - 1, leaf_hash
    for each in proof:
        if last == 0:
            _refuse_length(proof)
        if node & 1 or node == last:
            found = node_hash(each, found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, each)
        node, last = node >> 1, last >> 1
    if last != 0:
        _refuse_length(proof)
    _check_root(f"leaf {leaf_index} in the tree of {tree_size}", root, found)


def verify_consistency(
    size1: int, size2: int, *, root1: bytes, root2: bytes, proof: Sequence[bytes]
) -> None:
    """Raise ProofError unless the second tree continues the first (RFC 9162, 2.1.4.2).

    Of equal sizes the RFC knows no proof: the two roots are compared, and nothing is calculated.
    """
    _check_size("first size", size1)
    _check_size("second size", size2)
    if size1 == size2:
        _check_same(size1, root1, root2, proof)
        return
    _check_hashes({"first root": root1, "second root": root2}, proof)
    if size1 > size2:
        raise ProofError(f"a tree of {size2} leaves does not continue one of {size1}")
    if size1 == 0:
        # RFC 9162 defines no proof from size 0, and the public vectors refuse one: any tree at all
        # "continues" the empty one, so that accepting would confirm a root nobody has shown.
        raise ProofError(f"the empty tree proves nothing about a tree of {size2} leaves")
    if not proof:
        _refuse_length(proof)
    old, new = _rebuild_roots(size1, size2, root1, proof)
    _check_root(f"the tree of {size1}", root1, old)
    _check_root(f"the tree of {size2}", root2, new)


def _check_same(size: int, root1: object, root2: object, proof: Sequence[bytes]) -> None:
    """Compare what is said of one size twice; the public vectors write any bytes for a root."""
    _check_hashes({}, proof)
    if proof:
        _refuse_length(proof)
    if not isinstance(root1, bytes) or not isinstance(root2, bytes) or not (root1 and root2):
        raise ProofError("a root of a tree given twice is no bytes, or empty")
    _check_root(f"the tree of {size}, given twice", root1, root2)
    if size == 0 and is_hash(root1):
        _check_root("the empty tree", root1, EMPTY_ROOT)


def _rebuild_roots(
    size1: int, size2: int, root1: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    # A first tree that is complete is not repeated in the proof.
    steps = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = steps[0]
    for each in steps[1:]:
        if last == 0:
            _refuse_length(proof)
        if node & 1 or node == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, each)
        node, last = node >> 1, last >> 1
    if last != 0:
        _refuse_length(proof)
    return old, new


def _split(count: int) -> int:
    """Give the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _check_size(what: str, value: object) -> None:
    if type(value) is not int or not 0 <= value < 2**63:
        said = f"{value:#x}"[:40] if isinstance(value, int) else type(value).__name__
        raise ProofError(f"{what} is {said}; a whole number from 0 is accepted")


def _check_hashes(named: dict[str, bytes], proof: Sequence[bytes]) -> None:
    if not isinstance(proof, list | tuple):
        raise ProofError(f"proof is {type(proof).__name__}; a list of hashes is accepted")
    steps = {f"proof step {at}": each for at, each in enumerate(proof)}
    for what, value in (named | steps).items():
        if not is_hash(value):
            raise ProofError(f"{what} is not a hash of 32 bytes")


def _refuse_length(proof: Sequence[bytes]) -> NoReturn:
    raise ProofError(f"proof has {len(proof)} hashes, which is not the number for these sizes")


def _check_root(what: str, expected: bytes, calculated: bytes) -> None:
    if expected != calculated:
        raise ProofError(
            f"root of {what}: expected {expected.hex()}, calculated {calculated.hex()}",
            expected=expected,
            calculated=calculated,
        )
