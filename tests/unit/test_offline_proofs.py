"""The verifier that is handed out: its proofs against public vectors, a naive tree, the product's.

It must not know files, signatures or databases.
"""

import ast
import base64
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qtcore.engines import ledger
from qtcore.offline import qtcore_verify
from qtcore.offline.qtcore_verify import ProofError, hash_leaf, verify_consistency, verify_inclusion

SIZE = 70
EMPTY = hashlib.sha256().digest()
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")
LEAF, OTHER = hash_leaf(b"a"), hash_leaf(b"b")


@cache
def naive_root(start: int, end: int) -> bytes:
    if start == end:
        return EMPTY
    if end - start == 1:
        return hashlib.sha256(b"\x00" + bytes([start])).digest()
    middle = start + split(end - start)
    return hashlib.sha256(b"\x01" + naive_root(start, middle) + naive_root(middle, end)).digest()


def split(count: int) -> int:
    at = 1
    while at * 2 < count:
        at *= 2
    return at


def naive_path(index: int, start: int, end: int) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1, as it is written there."""
    if end - start == 1:
        return []
    middle = start + split(end - start)
    if index < middle:
        return [*naive_path(index, start, middle), naive_root(middle, end)]
    return [*naive_path(index, middle, end), naive_root(start, middle)]


def naive_subproof(size: int, start: int, end: int, *, is_known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2, as it is written there."""
    if size == end - start:
        return [] if is_known else [naive_root(start, end)]
    left = split(end - start)
    middle = start + left
    if size <= left:
        rest = naive_subproof(size, start, middle, is_known=is_known)
        return [*rest, naive_root(middle, end)]
    rest = naive_subproof(size - left, middle, end, is_known=False)
    return [*rest, naive_root(start, middle)]


def included(index: int, size: int) -> tuple[int, int, bytes, list[bytes], bytes]:
    leaf = naive_root(index, index + 1)
    return index, size, leaf, naive_path(index, 0, size), naive_root(0, size)


def continued(size1: int, size2: int) -> tuple[int, int, bytes, bytes, list[bytes]]:
    proof = naive_subproof(size1, 0, size2, is_known=True) if size1 else []
    return size1, size2, naive_root(0, size1), naive_root(0, size2), proof


def bent_proofs(proof: Sequence[bytes], *roots: bytes) -> Iterator[list[bytes]]:
    """Every way in which the public sets bend a proof."""
    whole = list(proof)
    for extra in (b"", b"x" * 31, b"x" * 33, *roots, *proof[:1]):
        yield [*whole, extra]
        yield [extra, *whole]
    for at, each in enumerate(whole):
        for bit in (0, 3, 7):
            yield [*whole[:at], bytes([each[0] ^ 1 << bit, *each[1:]]), *whole[at + 1 :]]
        yield [*whole[:at], *whole[at + 1 :]]
        yield [*whole[:at], SOME, *whole[at:]]
    for at in range(len(whole) - 1):
        yield [*whole[:at], whole[at + 1], whole[at], *whole[at + 2 :]]


def holds(verify: Callable[..., None], *arguments: object) -> bool:
    try:
        verify(*arguments)
    except ProofError:
        return False
    return True


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(
        (shared_data / "tlog/rfc6962_reference_tree.json").read_text()
    )
    return found


def test_the_public_inclusion_vectors_hold_and_no_mutation_of_them(vectors) -> None:
    leaves = [hash_leaf(bytes.fromhex(each)) for each in vectors["leaves_hex"]]
    roots = [EMPTY, *map(bytes.fromhex, vectors["roots_by_size"])]
    for case in vectors["inclusion"]:
        index, size = case["leaf_index"], case["size"]
        proof = [bytes.fromhex(each) for each in case["path"]]
        verify_inclusion(index, size, leaves[index], proof, roots[size])
        wrong = [*wrong_inclusions(index, size, leaves[index], proof, roots[size])]
        assert [each for each in wrong if holds(verify_inclusion, *each)] == []


def test_the_public_consistency_vectors_hold_and_no_mutation_of_them(vectors) -> None:
    roots = [EMPTY, *map(bytes.fromhex, vectors["roots_by_size"])]
    for case in vectors["consistency"]:
        size1, size2 = case["size1"], case["size2"]
        proof = [bytes.fromhex(each) for each in case["proof"]]
        verify_consistency(size1, size2, roots[size1], roots[size2], proof)
        wrong = [*wrong_consistencies(size1, size2, roots[size1], roots[size2], proof)]
        assert [each for each in wrong if holds(verify_consistency, *each)] == []


def wrong_inclusions(
    index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes
) -> Iterator[tuple[object, ...]]:
    for place in {index - 1, index + 1, index ^ 2} - {index}:
        yield place, size, leaf, proof, root
    if proof:  # in a tree of one leaf, the leaf is the root
        yield index, size, root, proof, leaf
        yield index, size, leaf, [], root
    for count in {size * 2, size // 2} - {size}:
        yield index, count, leaf, proof, root
    for bad in (b"", b"WrongLeaf", EMPTY, SOME, root + b"\x00"):
        yield index, size, bad, proof, root
        yield index, size, leaf, proof, bad
    for bent in bent_proofs(proof, root, leaf):
        yield index, size, leaf, bent, root


def wrong_consistencies(
    size1: int, size2: int, root1: bytes, root2: bytes, proof: list[bytes]
) -> Iterator[tuple[object, ...]]:
    for older in {size1 - 1, size1 + 1, size1 ^ 2} - {size1}:
        yield older, size2, root1, root2, proof
    for newer in {size2 * 2, size2 // 2} - {size2}:
        yield size1, newer, root1, root2, proof
    for bad in (b"", b"WrongRoot", EMPTY, SOME):
        yield size1, size2, bad, root2, proof
        yield size1, size2, root1, bad, proof
    yield size1, size2, root2, root1, proof
    yield size1, size2, root1, root2, []
    for bent in bent_proofs(proof, root1, root2):
        yield size1, size2, root1, root2, bent


def test_every_proof_of_every_tree_up_to_70_holds() -> None:
    for size in range(1, SIZE + 1):
        for index in range(size):
            verify_inclusion(*included(index, size))
        for older in range(1, size + 1):
            verify_consistency(*continued(older, size))


def test_no_mutation_of_an_inclusion_proof_holds() -> None:
    for size in (1, 2, 3, 5, 8, 13, 21, 33, 64, 70):
        for index in {0, 1, 2, size // 2, size - 2, size - 1} & set(range(size)):
            wrong = [*wrong_inclusions(*included(index, size))]
            assert [each for each in wrong if holds(verify_inclusion, *each)] == []


def test_no_mutation_of_a_consistency_proof_holds() -> None:
    for size2 in (2, 3, 5, 8, 13, 21, 33, 64, 70):
        for size1 in {1, 2, 3, size2 // 2, size2 - 2, size2 - 1} & set(range(1, size2)):
            wrong = [*wrong_consistencies(*continued(size1, size2))]
            assert [each for each in wrong if holds(verify_consistency, *each)] == []


def test_an_inclusion_proof_holds_in_one_place_of_one_tree() -> None:
    index, size, leaf, proof, root = included(11, 21)
    places = [(i, n) for n in range(70) for i in range(n)]
    assert [place for place in places if holds(verify_inclusion, *place, leaf, proof, root)] == [
        (i, n) for i, n in places if (i, n) == (index, size) or _same_path(i, n, index, size)
    ]


def _same_path(index: int, size: int, index2: int, size2: int) -> bool:
    """Two places with the same turns on the way up cannot be told apart by a path alone."""
    return _turns(index, size) == _turns(index2, size2)


def _turns(index: int, size: int) -> list[bool]:
    found, start, end = [], 0, size
    while end - start > 1:
        middle = start + split(end - start)
        found.append(index < middle)
        start, end = (start, middle) if index < middle else (middle, end)
    return found


def test_both_implementations_agree_on_each_case_and_its_mutations() -> None:
    def product_included(*case: object) -> bool:
        index, size, leaf, proof, root = case
        return _accepts(
            lambda: ledger.verify_inclusion(index, size, leaf, proof=proof, root=root)  # type: ignore[arg-type]
        )

    def product_continued(*case: object) -> bool:
        size1, size2, root1, root2, proof = case
        return _accepts(
            lambda: ledger.verify_consistency(size1, size2, root1=root1, root2=root2, proof=proof)  # type: ignore[arg-type]
        )

    for size in range(1, 20):
        for index in range(size):
            cases = [included(index, size), *wrong_inclusions(*included(index, size))]
            for case in cases:
                assert holds(verify_inclusion, *case) == product_included(*case)
        for older in range(size + 1):
            cases = [continued(older, size), *wrong_consistencies(*continued(older, size))]
            for case in cases:
                assert holds(verify_consistency, *case) == product_continued(*case)


def _accepts(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except ledger.ProofError:
        return False
    return True


@pytest.mark.parametrize(
    ("index", "size", "leaf", "proof", "root", "said"),
    [
        (0, 0, LEAF, [], EMPTY, "not in a tree"),
        (0, 0, b"", [], EMPTY, "32 bytes"),
        (1, 1, LEAF, [], LEAF, "not in a tree"),
        (2, 1, LEAF, [], LEAF, "not in a tree"),
        (0, 1, b"", [], b"", "32 bytes"),
        (0, 1, LEAF, [LEAF], LEAF, "has 1 hashes"),
        (0, 2, LEAF, [], LEAF, "has 0 hashes"),
        (0, 1, LEAF, [], OTHER, "expected"),
        (-1, 1, LEAF, [], LEAF, "no leaf index"),
        (0, -1, LEAF, [], LEAF, "no leaf index"),
        (0, 2**63, LEAF, [], LEAF, "no leaf index"),
        (False, True, LEAF, [], LEAF, "no leaf index"),
        (0, 1.0, LEAF, [], LEAF, "no leaf index"),
        ("0", 1, LEAF, [], LEAF, "no leaf index"),
        (0, 1, LEAF.hex(), [], LEAF, "32 bytes"),
        (0, 1, bytearray(LEAF), [], LEAF, "32 bytes"),
        (0, 2, LEAF, [OTHER.hex()], LEAF, "32 bytes"),
        (0, 2, LEAF, b"x" * 32, LEAF, "proof is bytes"),
        (0, 1, LEAF, None, LEAF, "proof is NoneType"),
    ],
)
def test_a_malformed_inclusion_proof_is_refused(
    *, index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes, said: str
) -> None:
    with pytest.raises(ProofError, match=said):
        verify_inclusion(index, size, leaf, proof, root)


@pytest.mark.parametrize(
    ("size1", "size2", "root1", "root2", "proof", "said"),
    [
        (1, 0, LEAF, EMPTY, [], "does not continue"),
        (2, 1, LEAF, LEAF, [], "does not continue"),
        (1, 1, LEAF, LEAF, [LEAF], "has 1 hashes"),
        (1, 1, LEAF, OTHER, [], "expected"),
        (0, 1, LEAF, LEAF, [], "proves nothing"),
        (0, 1, EMPTY, LEAF, [LEAF], "proves nothing"),
        (0, 1, EMPTY, LEAF, [], "proves nothing"),
        (0, 0, EMPTY, LEAF, [], "expected"),
        (0, 0, LEAF, LEAF, [], "expected"),
        (0, 0, b"", b"", [], "no bytes, or empty"),
        (1, 1, b"", b"", [], "no bytes, or empty"),
        (1, 1, LEAF.hex(), LEAF.hex(), [], "no bytes, or empty"),
        (1, 1, LEAF, LEAF, [b""], "32 bytes"),
        (2, 2, LEAF, LEAF, "", "proof is str"),
        (1, 2, LEAF, LEAF, [], "has 0 hashes"),
        (-1, 2, LEAF, LEAF, [], "no leaf index"),
        (1, True, LEAF, LEAF, [], "no leaf index"),
        (0, 1, b"", LEAF, [], "32 bytes"),
        (1, 2, LEAF, LEAF, "x" * 32, "proof is str"),
    ],
)
def test_a_malformed_consistency_proof_is_refused(
    *, size1: int, size2: int, root1: bytes, root2: bytes, proof: list[bytes], said: str
) -> None:
    with pytest.raises(ProofError, match=said):
        verify_consistency(size1, size2, root1, root2, proof)


# testdata/consistency/additional of transparency-dev/merkle: sizes, roots, proof, whether it holds.
ONE_WORD, ANOTHER = b"don't care 1", b"don't care 2"
PUBLISHED = [
    (0, 0, ONE_WORD, ONE_WORD, [], True),
    (1, 1, ANOTHER, ANOTHER, [], True),
    (0, 0, ONE_WORD, ANOTHER, [], False),
    (1, 1, ONE_WORD, ANOTHER, [], False),
    (0, 1, EMPTY, ANOTHER, [], False),
    (0, 1, EMPTY, EMPTY, [EMPTY], False),
    (1, 0, ONE_WORD, ANOTHER, [], False),
    (2, 1, ONE_WORD, ANOTHER, [], False),
    (1, 2, ONE_WORD, ANOTHER, [], False),
    (0, 0, EMPTY, ANOTHER, [], False),
    (1, 1, EMPTY, ANOTHER, [], False),
    (0, 0, EMPTY, EMPTY, [EMPTY], False),
    (1, 1, EMPTY, EMPTY, [EMPTY], False),
]


@pytest.mark.parametrize(("size1", "size2", "root1", "root2", "proof", "is_good"), PUBLISHED)
def test_both_judge_the_published_corner_cases_as_published(
    *, size1: int, size2: int, root1: bytes, root2: bytes, proof: list[bytes], is_good: bool
) -> None:
    assert holds(verify_consistency, size1, size2, root1, root2, proof) is is_good
    assert is_good is _accepts(
        lambda: ledger.verify_consistency(size1, size2, root1=root1, root2=root2, proof=proof)
    )


def test_the_empty_tree_and_a_tree_twice_are_consistent() -> None:
    verify_consistency(0, 0, EMPTY, EMPTY, [])
    verify_consistency(1, 1, LEAF, LEAF, [])
    verify_inclusion(0, 1, LEAF, [], LEAF)
    verify_inclusion(0, 1, LEAF, (), LEAF)


def test_the_verifier_needs_the_standard_library_and_cryptography_only() -> None:
    tree = ast.parse(Path(str(qtcore_verify.__file__)).read_text(encoding="utf-8"))
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names - sys.stdlib_module_names == {"cryptography"}


def test_notes_of_the_product_open_and_bent_ones_do_not(a_note: tuple[str, str]) -> None:
    note, vkey = a_note
    key = qtcore_verify.read_key(vkey)
    assert qtcore_verify.open_checkpoint(note, [key]).size == 7
    stranger = "\N{EM DASH} somebody/else " + base64.b64encode(b"1234" + bytes(64)).decode()
    assert qtcore_verify.open_checkpoint(f"{note}{stranger}\n", [key]).size == 7
    with pytest.raises(ProofError, match="does not fit"):
        qtcore_verify.open_checkpoint(note.replace("\n7\n", "\n8\n"), [key])
    with pytest.raises(ProofError, match="no trusted key"):
        qtcore_verify.open_checkpoint(note, [])
    own = note.splitlines()[-1]
    for bent in (
        "- x y",
        "\N{EM DASH} x",
        "\N{EM DASH} x AAAA",
        "\N{EM DASH} a b c",
        "",
        own + "=",
    ):
        with pytest.raises(qtcore_verify.FileError):
            qtcore_verify.open_checkpoint(f"{note}{bent}\n", [key])


@pytest.fixture
def a_note() -> tuple[str, str]:

    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    body = ledger.Checkpoint("plant.example/audit", 7, SOME).body
    note = ledger.sign_note(body, "plant.example/audit", key)
    return note, ledger.key_of("plant.example/audit", key).vkey


def test_without_its_check_of_lengths_the_verifier_would_be_fooled(monkeypatch) -> None:
    monkeypatch.setattr(qtcore_verify, "_check_hashes", lambda *_: None)
    verify_inclusion(0, 1, b"", [], b"")
