"""A quick look at events: do their exact bytes say what their columns and personal fields say?

It must not judge: where it does not see at a glance that all fits, the slow check names what is
wrong. The bytes are those of canonical JSON, in which a quote inside a text is escaped: so a key
that is found between quotes was written by the product, never by somebody's text.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from qtcore.engines.ledger.commitment import SALT_SIZE
from qtcore.engines.ledger.contents import PrivateRow
from qtcore.engines.ledger.notices import ERASURE, RESTORE

_PREFIX: Final = b"\x03"  # as in `commitment`
# What these events say must be read.
_READ: Final = frozenset({ERASURE, RESTORE})
_UNFIT: Final = "\n"  # stands in no canonical head


class Listed(NamedTuple):
    """What the columns of some entries say, column by column; `times` are as heads write them.

    `leaves` are the hashes that are stored for the heads. `promised` and `about` are what
    `write_commitments` and `write_names` make of the rows beside each entry.
    """

    heads: Sequence[bytes]
    leaves: Sequence[bytes]
    uids: Sequence[str]
    actions: Sequence[str]
    kinds: Sequence[str]
    things: Sequence[str]
    times: Sequence[str]
    promised: Sequence[str]
    about: Sequence[str]


def write_commitments(rows: Iterable[PrivateRow]) -> dict[int, str]:
    """Write the commitments of personal fields by entry, in the order given, as a head has them.

    An erased or unusable field is written as what no head has.
    """
    names, found = _Names(), dict[int, str]()
    for key, name, salt, value in rows:
        try:
            before, hashed = names[name]
            told = before + sha256(_PREFIX + salt + hashed + value.encode()).hexdigest() + '"'
            if len(salt) != SALT_SIZE:
                told = _UNFIT
        except (TypeError, ValueError, AttributeError):
            told = _UNFIT
        found[key] = f"{found[key]},{told}" if key in found else told
    return found


def write_names(rows: Sequence[tuple[int, str]]) -> dict[int, str]:
    """Write what entries are listed under by entry, as a head names it."""
    found = dict[int, str]()
    is_plain = _is_plain([uid for _, uid in rows])
    for key, uid in rows:
        told = f'"{uid}"' if is_plain or _is_plain((uid,)) else _UNFIT
        found[key] = f"{found[key]},{told}" if key in found else told
    return found


def fit_at_a_glance(listed: Listed) -> list[bool]:
    """Say of each head whether it has its hash, columns and commitments, none of them erased.

    It works on many at once: what is asked for each of them counts a million times.
    """
    found = _fit(listed)
    few = {*listed.actions, *listed.kinds}
    if _READ.isdisjoint(few) and _is_plain([*few], listed.uids, listed.things, listed.times):
        return found
    columns = (listed.uids, listed.actions, listed.kinds, listed.things, listed.times)
    return [
        fits and _is_plain(texts) and _READ.isdisjoint(texts)
        for fits, *texts in zip(found, *columns, strict=True)
    ]


def _fit(listed: Listed) -> list[bool]:
    found = []
    # Heads that follow one another are much alike: what stood at a place is first looked for there.
    when_at = kept_at = what_at = 0
    for head, leaf, uid, action, kind, thing, at, promised, about in zip(*listed, strict=True):
        try:
            is_same = sha256(b"\x00" + head).digest() == leaf
            text = str(head, "utf-8")
        except (ValueError, TypeError):
            found.append(False)
            continue
        when = f'","at":"{at}","changes":['
        if not text.startswith(when, when_at):
            when_at = text.find(when)
        kept = f'],"commitments":{{{promised}}},"details":{{'
        if not text.startswith(kept, kept_at):
            kept_at = text.find(kept)
        what = f'}},"id":"{uid}","object":{{"id":"{thing}","kind":"{kind}"'
        if not text.startswith(what, what_at):
            what_at = text.find(what)
        is_told = is_same and when_at > 0 and kept_at > 0 and what_at > 0
        found.append(is_told and _starts(text, f'],"action":"{action}","actor":', thing, about))
    return found


def _starts(text: str, then: str, thing: str, about: str) -> bool:
    """Say whether the head names exactly these others, and its object among them or not."""
    own = f'"{thing}"'
    if about == own and text.startswith('{"about":[' + then):
        return True
    if not about or _UNFIT in about:
        return False
    names = sorted(f'"{name}"' for name in about[1:-1].split('","'))
    others = [name for name in names if name != own]
    return own in names and any(
        text.startswith('{"about":[' + ",".join(named) + then) for named in (names, others)
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
