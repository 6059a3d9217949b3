"""A quick look at one event: do its exact bytes say what its columns and personal fields say?

It must not judge: where it does not see at a glance that all fits, the slow check names what is
wrong. The bytes are those of canonical JSON, in which a quote inside a text is escaped: so a key
that is found between quotes was written by the product, never by somebody's text.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Final, NamedTuple

from qtcore.engines.ledger.commitment import SALT_SIZE
from qtcore.engines.ledger.notices import ERASURE, RESTORE

_BETWEEN: Final = '","'
# What these events say must be read.
_READ: Final = frozenset({ERASURE, RESTORE})

PrivateRow = tuple[str, object, object]  # field, salt, value


class Listed(NamedTuple):
    """What the columns of an entry say; `at` is its time as the head writes it."""

    uid: str
    action: str
    kind: str
    object_uid: str
    at: str
    about: Iterable[str]


def fits_at_a_glance(head: bytes, listed: Listed, private: Sequence[PrivateRow]) -> bool:
    """Say whether the head has exactly these columns and these commitments, none of them erased."""
    uid, action, kind, object_uid, at, about = listed
    names = sorted(about)
    try:
        texts = "".join((uid, action, kind, object_uid, at, *names))
    except TypeError:
        return False
    if action in _READ or not texts.isascii() or '"' in texts or "\\" in texts:
        return False
    commitments = _commitments(private)
    if commitments is None:
        return False
    then = f'],"action":"{action}","actor":'
    whole = '","'.join(names)
    if not head.startswith(f'{{"about":["{whole}"{then}'.encode()):
        # The object itself is listed as well, whether the event named it among the others or not.
        if object_uid not in names:
            return False
        names.remove(object_uid)
        others = f'"{_BETWEEN.join(names)}"' if names else ""
        if not head.startswith(f'{{"about":[{others}{then}'.encode()):
            return False
    return (
        f'","at":"{at}","changes":['.encode() in head
        and f'],"commitments":{{{commitments}}},"details":{{'.encode() in head
        and f'}},"id":"{uid}","object":{{"id":"{object_uid}","kind":"{kind}"'.encode() in head
    )


def _commitments(private: Sequence[PrivateRow]) -> str | None:
    found = []
    for name, salt, value in sorted(private, key=itemgetter(0)):
        if not isinstance(salt, bytes) or not isinstance(value, str) or len(salt) != SALT_SIZE:
            return None
        if not name.isascii() or '"' in name or "\\" in name:
            return None
        try:
            data = b"\x03" + salt + name.encode() + b"\x00" + value.encode()
        except UnicodeEncodeError:
            return None
        found.append(f'"{name}":"{sha256(data).hexdigest()}"')
    return ",".join(found)
