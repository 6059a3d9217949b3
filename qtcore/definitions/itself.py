"""A thing as a key: by what it is, because comparing all of it would cost more than asking it.

It must not know what is kept under the key; the thing must be one that never changes.
"""

from typing import Generic, TypeVar

T = TypeVar("T")


class Itself(Generic[T]):
    """A key that is equal only to a key of the very same thing, which it keeps alive."""

    __slots__ = ("it",)

    def __init__(self, it: T) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and other.it is self.it

    def __hash__(self) -> int:
        return id(self.it)
