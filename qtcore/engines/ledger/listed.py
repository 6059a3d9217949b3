"""A quick look at events: do their exact bytes say what their columns and personal fields say?

It must not judge: where it does not see at a glance that all fits, the slow check names what is
wrong. The bytes are those of canonical JSON, in which a quote inside a text is escaped: so a key
that is found between quotes was written by the product, never by somebody's text.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from qtcore.engines.ledger.commitment import SALT_SIZE
from qtcore.engines.ledger.contents import PrivateRow
from qtcore.engines.ledger.notices import ERASURE, RESTORE

_PREFIX: Final = b"\x03"  # as in `commitment`
# What these events say must be read.
_READ: Final = frozenset({ERASURE, RESTORE})


class Listed(NamedTuple):
    """What the columns of some entries say, column by column; `times` are as heads write them.

    `about` is what each entry is listed under; `private` its personal fields, as a head orders
    them.
    """

    heads: Sequence[bytes]
    uids: Sequence[str]
    actions: Sequence[str]
    kinds: Sequence[str]
    things: Sequence[str]
    times: Sequence[str]
    about: Sequence[Sequence[str]]
    private: Sequence[Sequence[PrivateRow]]


def fit_at_a_glance(listed: Listed) -> list[bool]:
    """Say of each head whether it has exactly its columns and commitments, none of them erased.

    It works on many at once: what is asked for each of them counts a million times.
    """
    few = {*listed.actions, *listed.kinds}
    is_plain = _is_plain(listed.uids, [*few], listed.things, listed.times, *listed.about)
    names = _Names()
    found = []
    for head, uid, action, kind, thing, at, about, private in zip(*listed, strict=True):
        try:
            text = str(head, "utf-8")
            promised = [
                names[name][0]
                + sha256(_PREFIX + salt + names[name][1] + value.encode()).hexdigest()
                for _, name, salt, value in private
                if len(salt) == SALT_SIZE
            ]
            found.append(
                len(promised) == len(private)
                and (is_plain or _is_plain((uid, action, kind, thing, at), about))
                and f'","at":"{at}","changes":[' in text
                and f'],"commitments":{{{_closed(promised)}}},"details":{{' in text
                and f'}},"id":"{uid}","object":{{"id":"{thing}","kind":"{kind}"' in text
                and action not in _READ
                and _starts(text, action, thing, about)
            )
        except (TypeError, ValueError, AttributeError):
            found.append(False)
    return found


def _closed(promised: list[str]) -> str:
    return '",'.join(promised) + '"' if promised else ""


def _starts(text: str, action: str, thing: str, about: Sequence[str]) -> bool:
    """Say whether the head names exactly these others, and its object among them or not."""
    then = f'],"action":"{action}","actor":'
    if len(about) == 1 and about[0] == thing and text.startswith(f'{{"about":[{then}'):
        return True
    names = sorted(about)
    others = [name for name in names if name != thing]
    return thing in names and any(
        text.startswith('{"about":[' + ",".join(f'"{name}"' for name in named) + then)
        for named in (names, others)
    )


def _is_plain(*texts: Sequence[str]) -> bool:
    """Say whether texts stand in JSON as they are; some are no text once somebody changed them."""
    try:
        joined = "".join(["".join(each) for each in texts])
    except TypeError:
        return False
    return joined.isascii() and '"' not in joined and "\\" not in joined


class _Names(dict[Any, tuple[str, bytes]]):
    """The few names of many heads: how each stands before its commitment, how it is hashed."""

    def __missing__(self, name: str) -> tuple[str, bytes]:
        if not _is_plain((name,)) or "\x00" in name:
            raise ValueError(f"{name!r} is not written as it is named")
        found = self[name] = (f'"{name}":"', name.encode() + b"\x00")
        return found
