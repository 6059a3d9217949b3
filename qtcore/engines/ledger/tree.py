"""The RFC 9162 Merkle tree as it grows: leaf and node hashes, the frontier, the nodes to store.

It must not know events, storage or signatures.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = sha256().digest()


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A complete subtree: it covers leaves index * 2**level up to (index + 1) * 2**level."""

    level: int
    index: int
    hash: bytes


def leaf_hash(data: bytes) -> bytes:
    """Hash an entry: SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def is_hash(value: object) -> bool:
    """Say whether `value` has the form of a hash."""
    return isinstance(value, bytes) and len(value) == HASH_SIZE


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that is needed to go on appending: the complete subtrees of a tree, largest first."""

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(
                f"frontier of size {self.size} holds {len(self.hashes)} hashes, "
                "expected one for each bit of the size"
            )
        if not all(is_hash(each) for each in self.hashes):
            raise ValueError(f"frontier of size {self.size} holds a hash that is not 32 bytes")

    @property
    def root(self) -> bytes:
        """The root of the tree of this size."""
        return fold(self.hashes) if self.hashes else EMPTY_ROOT

    def append(self, leaf: bytes) -> "Frontier":
        """Give the frontier with one more leaf hash."""
        return new_nodes(self, (leaf,))[0]

    def as_json(self) -> dict[str, int | list[str]]:
        """Give the form that is stored."""
        return {"size": self.size, "hashes": [each.hex() for each in self.hashes]}

    @staticmethod
    def from_json(stored: Mapping[str, object]) -> "Frontier":
        """Read the stored form; raises ValueError when it is not one."""
        size, hashes = stored.get("size"), stored.get("hashes")
        if type(size) is not int or not isinstance(hashes, list):
            raise ValueError("stored frontier needs 'size', a number, and 'hashes', a list")
        return Frontier(size, tuple(bytes.fromhex(str(each)) for each in hashes))


EMPTY_TREE: Final = Frontier(0, ())


class Growing:
    """A tree that only grows, for a long pass over leaves: no object is made for each of them."""

    __slots__ = ("_open", "size")

    def __init__(self, start: Frontier) -> None:
        self.size = start.size
        self._open = list(start.hashes)

    def append(self, leaf: bytes) -> None:
        """Take the next leaf hash."""
        self.extend([leaf])

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Take the next leaf hashes, level by level: a call for each node would cost the most."""
        hashes, kept, rest = list(leaves), [], self.size
        self.size += len(hashes)
        while hashes or rest:
            if rest & 1:
                hashes.insert(0, self._open.pop())
            if len(hashes) & 1:
                kept.append(hashes.pop())
            pairs = iter(hashes)
            hashes = [sha256(b"\x01" + one + two).digest() for one, two in zip(pairs, pairs)]  # noqa: B905
            rest >>= 1
        self._open = kept[::-1]

    @property
    def root(self) -> bytes:
        """The root of the tree of this size."""
        return fold(self._open) if self._open else EMPTY_ROOT


def new_nodes(
    frontier: Frontier, leaf_hashes: Iterable[bytes]
) -> tuple[Frontier, tuple[TreeNode, ...]]:
    """Append leaves; give the new frontier and every subtree that became complete, to be stored.

    The frontier is needed, not only its size: a new node may join an older subtree.
    """
    size, open_hashes = frontier.size, list(frontier.hashes)
    nodes: list[TreeNode] = []
    for leaf in leaf_hashes:
        if not is_hash(leaf):
            raise ValueError(f"leaf {size} is not a hash of {HASH_SIZE} bytes")
        nodes.append(TreeNode(0, size, leaf))
        grown, level = leaf, 0
        while size >> level & 1:
            grown = node_hash(open_hashes.pop(), grown)
            level += 1
            nodes.append(TreeNode(level, size >> level, grown))
        open_hashes.append(grown)
        size += 1
    return Frontier(size, tuple(open_hashes)), tuple(nodes)


def fold(hashes: Iterable[bytes]) -> bytes:
    """Join the complete subtrees of a range, largest first, into its root."""
    *rest, root = hashes
    for each in reversed(rest):
        root = node_hash(each, root)
    return root
