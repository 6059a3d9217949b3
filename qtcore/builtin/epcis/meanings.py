"""What the standard asks beyond the shape of an event: keys, declared prefixes, agreement of parts.

It must not know which properties there are; see `qtcore.builtin.epcis.shapes`. It takes events of
any shape, so that all mistakes are told at once.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from qtcore.builtin.epcis.strict_json import pointer
from qtcore.builtin.epcis.xml_prefixes import NO_PREFIXES, STANDARD_PREFIXES
from qtcore.builtin.faults import Faults, shown
from qtcore.builtin.gs1 import GlobalKey, read_key
from qtcore.builtin.gs1.elements import BadCode, check_element
from qtcore.builtin.gs1.keys import plain_start

_NAMES: Final = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_CLASSES: Final = (
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputQuantityList",
)
_TYPED: Final = (
    ("sourceList", "source"),
    ("destinationList", "destination"),
    ("bizTransactionList", "bizTransaction"),
)
_EPC: Final = re.compile(r"urn:epc:([^:]*)(?::([^:]*))?(?::(.*))?", re.DOTALL)
_SCHEMES: Final[Mapping[str, frozenset[str]]] = {
    "id": frozenset(
        """sgtin sscc sgln grai giai gsrn gsrnp gdti cpi sgcn ginc gsin itip upui pgln gid usdod adi
        bic imovn""".split()
    ),
    "class": frozenset(("lgtin",)),
    "idpat": frozenset("sgtin grai gdti sgcn cpi itip upui".split()),
}
ONE_THING, A_CLASS, ANY_NAME = "thing", "class", "name"
"""What a place of an event names: one thing, a class or lot of things, or whatever it likes."""

_WITHOUT_SERIAL: Final[Mapping[str, int]] = {"grai": 14, "gdti": 13, "sgcn": 13}
"""How long these keys are when they name a type."""
_WORDS: Final = frozenset("bizStep disposition set unset reason type exception".split())
"""Properties that hold a word of a vocabulary, bare or as a URI: its prefix must be declared."""
_PLACES: Final = frozenset(("id", "component"))
"""Properties that hold a URI of the sender's own; GS1's examples have prefixes nobody declares."""
_URI_SCHEMES: Final = NO_PREFIXES | frozenset(
    """ark cid coap coaps data did dns doi file ftp ftps geo git gs hdl info ipfs ipns ldap ldaps
    magnet mailto mid mqtt mqtts news ni nih oid opc.tcp s3 sftp sip sips ssh swh tag tel uuid ws
    wss xmpp""".split()
)
"""Schemes that URIs of things, places and words begin with; any other beginning is a prefix."""
_SHORT_SSCC: Final = re.compile(r"urn:epc:id:sscc:([0-9]{6,12})\.([0-9]{1,10})")
_CANONICAL: Final = "https://id.gs1.org/"
_REMOTE_STANDARD: Final = ("ref.gs1.org/", "gs1.org/", "gs1.github.io/")
_OPEN_INSIDE: Final = frozenset(("@context",))


class Keys(dict[tuple[str, bool], GlobalKey]):
    """The keys of one document, each read once."""

    def __missing__(self, name: tuple[str, bool]) -> GlobalKey:
        self[name] = key = read_key(name[0], is_class=name[1])
        return key


def declared_prefixes(context: Any) -> tuple[frozenset[str], bool]:
    """Give the prefixes a context declares, and whether all are known: nothing is fetched."""
    found: set[str] = set()
    is_whole = True
    for entry in context if isinstance(context, list) else [context]:
        if isinstance(entry, Mapping):
            found.update(name for name in entry if not name.startswith("@"))
        elif isinstance(entry, str):
            is_whole = is_whole and any(part in entry for part in _REMOTE_STANDARD)
    return frozenset(found), is_whole


class Meanings:
    """Checks the events of one document; `doubts` are accepted and named."""

    def __init__(self, context: Any, faults: Faults, doubts: Faults) -> None:
        prefixes, is_whole = declared_prefixes(context)
        self._prefixes = prefixes | STANDARD_PREFIXES.keys()
        self._is_whole = is_whole
        self._faults = faults
        self._doubts = doubts
        self._told: set[str] = set()
        self._problems: dict[tuple[str, str], str] = {}
        self.keys = Keys()

    def check(self, event: Any, at: str) -> None:
        """Check one event."""
        if not isinstance(event, dict):
            return
        prefixes, is_whole = declared_prefixes(event.get("@context"))
        known = (self._prefixes | prefixes, self._is_whole and is_whole)
        self._check_prefixes(event, at, known)
        for uri, place, where in _identifiers(event, at):
            self._check_key(uri, place, where)
        for name in _NAMES:
            self._check_repeats(_listed(event.get(name)), pointer(at, name))
        self._check_agreement(event, at)

    def _check_prefixes(self, event: dict[str, Any], at: str, known: tuple[Any, bool]) -> None:
        waiting: list[tuple[Any, str, bool]] = [(event, at, True)]
        while waiting:
            value, where, is_standard = waiting.pop()
            if isinstance(value, list):
                waiting += [
                    (e, pointer(where, n), is_standard) for n, e in enumerate(value) if _is_open(e)
                ]
                continue
            for name, entry in value.items():
                if ":" in name:
                    prefix = name.lstrip("@").partition(":")[0]
                    if prefix not in NO_PREFIXES and prefix not in known[0]:
                        self._undeclared(prefix, pointer(where, name), is_whole=known[1])
                if is_standard and (name in _WORDS or name in _PLACES):
                    self._check_word(name, entry, pointer(where, name), known)
                if _is_open(entry) and name not in _OPEN_INSIDE:
                    inside = is_standard and ":" not in name and name != "ilmd"
                    waiting.append((entry, pointer(where, name), inside))

    def _check_word(self, name: str, value: Any, at: str, known: tuple[Any, bool]) -> None:
        """Check that a value such as ``ex:step`` has a declared prefix, or is a URI itself."""
        if isinstance(value, list):
            for number, each in enumerate(value):
                self._check_word(name, each, pointer(at, number), known)
        elif isinstance(value, str):
            prefix, colon, _ = value.partition(":")
            if colon and prefix not in known[0] and prefix.lower() not in _URI_SCHEMES:
                self._undeclared(prefix, at, is_whole=known[1] and name in _WORDS)

    def _undeclared(self, prefix: str, at: str, *, is_whole: bool) -> None:
        if is_whole:
            text = (
                f"prefix {shown(prefix)} is not declared; give its namespace in @context, such as "
                f'{{"{prefix[:20]}": "https://example.com/"}}, in XML as xmlns:{prefix[:20]}'
            )
            self._faults.add("QT712", text, at)
        elif prefix not in self._told:
            self._told.add(prefix)
            text = f"prefix {shown(prefix)} is not declared here; names with it stay as they are"
            self._doubts.add("QT709", text, at)

    def _check_repeats(self, names: list[Any], at: str) -> None:
        """Name what a list names twice, in other notation: it is one thing, and counts once."""
        first: dict[str, int] = {}
        for number, uri in enumerate(names):
            if isinstance(uri, str):
                earlier = first.setdefault(self.keys[uri, False].value, number)
                if earlier != number:
                    text = f"{shown(uri)} is the thing of entry {earlier} once more; it counts once"
                    self._doubts.add("QT709", text, pointer(at, number))

    def _check_key(self, uri: str, place: str, at: str) -> None:
        problem = self._problems.get((uri, place))
        if problem is None:
            key = self.keys[uri, place == A_CLASS]
            problem = key_problem(uri, key) or level_problem(uri, key, place)
            self._problems[uri, place] = problem
        if not problem:
            return
        text = f"{shown(uri)} breaks its own rules: {problem}"
        if not self.keys[uri, place == A_CLASS].problem or not is_short_sscc(uri):
            self._faults.add("QT713", f"{text}; correct the identifier", at)
        elif uri not in self._told:
            # Systems in the field leave out the zeros. Such a name is no other unit's SSCC.
            self._told.add(uri)
            self._doubts.add("QT709", f"{text}; kept as it stands", at)

    def _check_agreement(self, event: dict[str, Any], at: str) -> None:
        """Check that parts of an event do not contradict each other."""
        parent, children = event.get("parentID"), event.get("childEPCs")
        if parent and isinstance(children, list) and parent in children:
            text = f"{shown(parent)} is its own child"
            self._faults.add("QT707", text, pointer(at, "childEPCs"))
        if event.get("type") == "TransactionEvent" and event.get("bizTransactionList") == []:
            text = "a transaction event names at least one business transaction"
            self._faults.add("QT707", text, pointer(at, "bizTransactionList"))
        declaration = event.get("errorDeclaration")
        if isinstance(declaration, dict):
            ids = declaration.get("correctiveEventIDs")
            if isinstance(ids, list) and event.get("eventID") in ids:
                text = "an event cannot correct itself; the correction has an id of its own"
                self._faults.add("QT707", text, f"{at}/errorDeclaration/correctiveEventIDs")
        for name in _CLASSES:
            for number, entry in enumerate(_listed(event.get(name))):
                if isinstance(entry, dict) and "uom" in entry and "quantity" not in entry:
                    where = f"{at}/{name}/{number}/uom"
                    self._faults.add("QT707", "uom says nothing without a quantity", where)


def is_short_sscc(uri: str) -> bool:
    """Say whether a URN is an SSCC that may have lost its leading zeros; see decision 0038."""
    return _SHORT_SSCC.fullmatch(uri) is not None


def key_problem(uri: str, key: GlobalKey) -> str:
    """Say what is wrong with the form of a GS1 key, its check digit included, or nothing."""
    if key.problem:
        return key.problem
    match = _EPC.fullmatch(plain_start(uri))
    if match is not None:
        problem = _urn_problem(match[1], match[2] or "")
        if problem:
            return problem
    if key.scheme == "uri" or not key.value.startswith(_CANONICAL):
        return ""
    parts = key.value.removeprefix(_CANONICAL).split("/")
    try:
        for ai, value in zip(parts[::2], parts[1::2], strict=True):
            check_element(ai, unquote(value))
    except BadCode as bad:
        return bad.problem.message
    return ""


def _urn_problem(level: str, scheme: str) -> str:
    """Say why an EPC URN is none of the three forms that EPCIS takes (TDS, 6 and 8)."""
    if level in ("tag", "raw"):
        return (
            f"urn:epc:{level} tells what the memory of a tag holds; EPCIS takes the pure identity, "
            "urn:epc:id:..."
        )
    if level not in _SCHEMES:
        hint = " (these words are written in small letters)" if level.lower() in _SCHEMES else ""
        return f"{shown(level)} is none of urn:epc:id, urn:epc:class, urn:epc:idpat{hint}"
    if scheme not in _SCHEMES[level]:
        accepted = ", ".join(sorted(_SCHEMES[level]))
        return f"{shown(scheme)} is no scheme of urn:epc:{level}; accepted: {accepted}"
    return ""


def level_problem(uri: str, key: GlobalKey, place: str) -> str:
    """Say what is wrong when a class stands where one thing is named, or the reverse."""
    if place == ANY_NAME or (key.scheme == "uri" and not plain_start(uri).startswith("urn:epc:")):
        return ""
    is_class = (
        plain_start(uri).startswith(("urn:epc:class:", "urn:epc:idpat:"))
        or key.scheme in ("gtin", "lgtin")
        or (key.scheme == "itip" and key.kind == "lot")
        or len(key.number) == _WITHOUT_SERIAL.get(key.scheme)
    )
    if is_class and place == ONE_THING:
        return "names a class or lot where one thing is named; its list is the quantityList"
    if not is_class and place == A_CLASS:
        return "names one thing where a class or lot is named; its list is the epcList"
    return ""


def _is_open(value: Any) -> bool:
    return isinstance(value, dict | list)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _identifiers(event: Mapping[str, Any], at: str) -> Iterator[tuple[str, str, str]]:
    """Give each name of a thing, place, party or document, what it may name, and its place."""
    for name, names_what in (("parentID", ONE_THING), ("transformationID", ANY_NAME)):
        if isinstance(event.get(name), str):
            yield event[name], names_what, f"{at}/{name}"
    for name in _NAMES:
        for number, uri in enumerate(_listed(event.get(name))):
            if isinstance(uri, str):
                yield uri, ONE_THING, f"{at}/{name}/{number}"
    for name in _CLASSES:
        for number, entry in enumerate(_listed(event.get(name))):
            if isinstance(entry, dict) and isinstance(entry.get("epcClass"), str):
                yield entry["epcClass"], A_CLASS, f"{at}/{name}/{number}/epcClass"
    for name in ("readPoint", "bizLocation"):
        place = event.get(name)
        if isinstance(place, dict) and isinstance(place.get("id"), str):
            yield place["id"], ANY_NAME, f"{at}/{name}/id"
    for name, part in _TYPED:
        for number, entry in enumerate(_listed(event.get(name))):
            if isinstance(entry, dict) and isinstance(entry.get(part), str):
                yield entry[part], ANY_NAME, f"{at}/{name}/{number}/{part}"
