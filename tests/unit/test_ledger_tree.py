"""The Merkle tree and its proofs, against public vectors and a naive second implementation.

It must not know events or signatures.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qtcore.engines.ledger import (
    EMPTY_ROOT,
    EMPTY_TREE,
    Frontier,
    ProofError,
    consistency_path,
    inclusion_path,
    leaf_hash,
    new_nodes,
    verify_consistency,
    verify_inclusion,
)


def naive_root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    joined = naive_root(leaves[:split]) + naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + joined).digest()


def some_leaves(count: int) -> list[bytes]:
    return [at.to_bytes(2, "big") for at in range(count)]


def grown(leaves: Sequence[bytes]) -> tuple[Frontier, Callable[[int, int], bytes]]:
    frontier, nodes = new_nodes(EMPTY_TREE, [leaf_hash(leaf) for leaf in leaves])
    stored = {(node.level, node.index): node.hash for node in nodes}
    return frontier, lambda level, index: stored[level, index]


def test_roots_and_proofs_agree_with_the_reference_tree(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "tlog/rfc6962_reference_tree.json").read_text())
    leaves = [bytes.fromhex(leaf) for leaf in vectors["leaves_hex"]]
    roots = [EMPTY_ROOT.hex(), *vectors["roots_by_size"]]
    _, hash_of = grown(leaves)
    assert EMPTY_ROOT.hex() == vectors["empty_root"]
    assert [grown(leaves[:size])[0].root.hex() for size in range(len(leaves) + 1)] == roots
    for case in vectors["inclusion"]:
        path = inclusion_path(case["leaf_index"], case["size"], hash_of)
        assert [step.hex() for step in path] == case["path"]
        leaf, root = leaf_hash(leaves[case["leaf_index"]]), bytes.fromhex(roots[case["size"]])
        verify_inclusion(case["leaf_index"], case["size"], leaf, proof=path, root=root)
    for case in vectors["consistency"]:
        path = consistency_path(case["size1"], case["size2"], hash_of)
        assert [step.hex() for step in path] == case["proof"]
        old, new = (bytes.fromhex(roots[case[each]]) for each in ("size1", "size2"))
        verify_consistency(case["size1"], case["size2"], root1=old, root2=new, proof=path)


def test_the_root_is_that_of_the_naive_tree_at_every_size() -> None:
    leaves = some_leaves(70)
    frontier = EMPTY_TREE
    for size, leaf in enumerate(leaves):
        assert frontier.root == naive_root(leaves[:size])
        frontier = frontier.append(leaf_hash(leaf))


@given(st.lists(st.binary(max_size=4), max_size=40), st.data())
def test_growing_in_parts_gives_the_same_tree(leaves: list[bytes], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(leaves)))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    first, nodes1 = new_nodes(EMPTY_TREE, hashes[:cut])
    again = Frontier.from_json(json.loads(json.dumps(first.as_json())))
    second, nodes2 = new_nodes(again, hashes[cut:])
    whole, nodes = new_nodes(EMPTY_TREE, hashes)
    assert (second, nodes1 + nodes2) == (whole, nodes)
    assert second.root == naive_root(leaves)


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=64))
def test_each_node_to_store_is_the_root_of_its_range_once(leaves: list[bytes]) -> None:
    _, nodes = new_nodes(EMPTY_TREE, [leaf_hash(leaf) for leaf in leaves])
    assert len({(node.level, node.index) for node in nodes}) == len(nodes)
    assert len(nodes) == sum(len(leaves) >> level for level in range(8))
    for node in nodes:
        start = node.index << node.level
        assert node.hash == naive_root(leaves[start : start + (1 << node.level)])


def test_every_proof_of_every_small_tree_verifies() -> None:
    leaves = some_leaves(34)
    roots = [naive_root(leaves[:size]) for size in range(35)]
    _, hash_of = grown(leaves)
    for size in range(1, 35):
        for index in range(size):
            path = inclusion_path(index, size, hash_of)
            verify_inclusion(index, size, leaf_hash(leaves[index]), proof=path, root=roots[size])
        for older in range(1, size + 1):
            proof = consistency_path(older, size, hash_of)
            verify_consistency(older, size, root1=roots[older], root2=roots[size], proof=proof)


@settings(max_examples=300)
@given(st.integers(2, 40), st.data())
def test_a_changed_byte_never_verifies(size: int, data: st.DataObject) -> None:
    leaves = some_leaves(size)
    frontier, hash_of = grown(leaves)
    index = data.draw(st.integers(0, size - 1))
    parts = [leaf_hash(leaves[index]), frontier.root, *inclusion_path(index, size, hash_of)]
    _flip(parts, data)
    with pytest.raises(ProofError):
        verify_inclusion(index, size, parts[0], proof=parts[2:], root=parts[1])
    older = data.draw(st.integers(1, size - 1))
    parts = [naive_root(leaves[:older]), frontier.root, *consistency_path(older, size, hash_of)]
    _flip(parts, data)
    with pytest.raises(ProofError):
        verify_consistency(older, size, root1=parts[0], root2=parts[1], proof=parts[2:])


def _flip(parts: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(parts) - 1))
    byte = data.draw(st.integers(0, 31))
    changed = bytearray(parts[at])
    changed[byte] ^= data.draw(st.integers(1, 255))
    parts[at] = bytes(changed)


def test_a_proof_fits_only_its_own_place_and_length() -> None:
    leaves = some_leaves(21)
    frontier, hash_of = grown(leaves)
    for index in range(21):
        path = list(inclusion_path(index, 21, hash_of))
        leaf = leaf_hash(leaves[index])
        for bent in (path[:-1], path[1:], [*path, path[0]], [path[0], *path], []):
            with pytest.raises(ProofError):
                verify_inclusion(index, 21, leaf, proof=bent, root=frontier.root)
        for other in set(range(24)) - {index}:
            with pytest.raises(ProofError):
                verify_inclusion(other, 21, leaf, proof=path, root=frontier.root)
    for older in range(1, 21):
        proof = list(consistency_path(older, 21, hash_of))
        root = naive_root(leaves[:older])
        for bent in (proof[:-1], proof[1:], [*proof, proof[0]], [proof[0], *proof], []):
            with pytest.raises(ProofError):
                verify_consistency(older, 21, root1=root, root2=frontier.root, proof=bent)


LEAF, ONE = leaf_hash(b"a"), leaf_hash(b"b")


@pytest.mark.parametrize(
    ("index", "size", "leaf", "proof", "root", "said"),
    [
        (0, 0, LEAF, [], EMPTY_ROOT, "not in a tree"),
        (1, 1, LEAF, [], LEAF, "not in a tree"),
        (0, 1, LEAF, [LEAF], LEAF, "has 1 hashes"),
        (0, 2, LEAF, [], LEAF, "has 0 hashes"),
        (0, 1, LEAF, [], ONE, "expected"),
        (-1, 1, LEAF, [], LEAF, "leaf index"),
        (0, 2**63, LEAF, [], LEAF, "tree size"),
        (False, 1, LEAF, [], LEAF, "leaf index"),
        (0, 1.0, LEAF, [], LEAF, "tree size"),
        (0, 1, b"", [], LEAF, "leaf hash"),
        (0, 1, LEAF, [], LEAF[:31], "root"),
        (0, 1, LEAF.hex(), [], LEAF, "leaf hash"),
        (0, 2, LEAF, [b""], LEAF, "step 0"),
        (0, 2, LEAF, b"x" * 32, LEAF, "proof is bytes"),
    ],
)
def test_a_malformed_inclusion_proof_is_refused(
    *, index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes, said: str
) -> None:
    with pytest.raises(ProofError, match=said):
        verify_inclusion(index, size, leaf, proof=proof, root=root)


@pytest.mark.parametrize(
    ("size1", "size2", "root1", "root2", "proof", "said"),
    [
        (2, 1, LEAF, LEAF, [], "does not continue"),
        (1, 1, LEAF, LEAF, [LEAF], "has 1 hashes"),
        (1, 1, LEAF, ONE, [], "given twice"),
        (0, 1, LEAF, LEAF, [], "proves nothing"),
        (0, 1, EMPTY_ROOT, LEAF, [LEAF], "proves nothing"),
        (0, 5, EMPTY_ROOT, LEAF, [], "proves nothing"),
        (0, 0, EMPTY_ROOT, LEAF, [], "given twice"),
        (0, 0, LEAF, LEAF, [], "empty tree"),
        (1, 2, LEAF, LEAF, [], "has 0 hashes"),
        (-1, 2, LEAF, LEAF, [], "first size"),
        (1, True, LEAF, LEAF, [], "second size"),
        (0, 1, b"", LEAF, [], "first root"),
        (0, 0, b"", b"", [], "no bytes, or empty"),
        (1, 1, LEAF, "", [], "no bytes, or empty"),
        (1, 2, LEAF, LEAF, [LEAF[1:]], "step 0"),
    ],
)
def test_a_malformed_consistency_proof_is_refused(
    *, size1: int, size2: int, root1: bytes, root2: bytes, proof: list[bytes], said: str
) -> None:
    with pytest.raises(ProofError, match=said):
        verify_consistency(size1, size2, root1=root1, root2=root2, proof=proof)


def test_the_empty_and_the_same_tree_need_no_proof() -> None:
    verify_consistency(0, 0, root1=EMPTY_ROOT, root2=EMPTY_ROOT, proof=[])
    verify_consistency(5, 5, root1=LEAF, root2=LEAF, proof=[])
    verify_inclusion(0, 1, LEAF, proof=[], root=LEAF)


def test_a_failed_proof_holds_both_roots() -> None:
    with pytest.raises(ProofError, match="calculated") as caught:
        verify_inclusion(0, 1, LEAF, proof=[], root=ONE)
    assert (caught.value.expected, caught.value.calculated) == (ONE, LEAF)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"size": 1, "hashes": []},
        {"size": True, "hashes": [LEAF.hex()]},
        {"size": -1, "hashes": [LEAF.hex()]},
        {"size": 1, "hashes": ["00"]},
        {"size": 1, "hashes": ["zz"]},
    ],
)
def test_a_bent_frontier_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"frontier|hexadecimal"):
        Frontier.from_json(stored)


def test_paths_outside_the_tree_are_refused() -> None:
    _, hash_of = grown(some_leaves(3))
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_path(3, 3, hash_of)
    with pytest.raises(ValueError, match="continues one of 4"):
        consistency_path(4, 3, hash_of)
    with pytest.raises(ValueError, match="continues one of 0"):
        consistency_path(0, 3, hash_of)
    with pytest.raises(ValueError, match="leaf 0"):
        new_nodes(EMPTY_TREE, [b"short"])
