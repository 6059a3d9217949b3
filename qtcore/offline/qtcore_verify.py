#!/usr/bin/env python3
"""Verify a QTCore proof file on any machine: no database, no network, no QTCore.

It needs Python 3.11 or newer and the package `cryptography`, and must not import QTCore: it is a
second implementation, written from RFC 9162 and the C2SP texts, not from the product's code.

    python3 qtcore_verify.py FILE --key NAME+ID+KEY [--size N --root HEX] [--lang zh]
        [--witness NAME+ID+KEY] [--authority CERTIFICATE.pem]

Exit code 0: all holds. 1: something does not hold. 2: the file cannot be judged, or the answer
cannot be written.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stderr.write("this needs the package cryptography: python3 -m pip install cryptography\n")
    raise SystemExit(2) from None

FORMAT = "qtcore-proof/2"
OLDER_FORMAT = "qtcore-proof/1"
NEXT_KEY = "qtcore-next-key "
EMPTY_ROOT = hashlib.sha256().digest()
MOST_BYTES = 1 << 30


class ProofError(ValueError):
    """Raised when a proof does not hold or is malformed."""


class FileError(ValueError):
    """Raised when a file, key or signed note is malformed, so that it cannot be judged."""


# Merkle tree proofs, RFC 6962 and RFC 9162.


def verify_inclusion(
    leaf_index: int, tree_size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise ProofError unless `proof` joins the leaf at `leaf_index` to `root`."""
    _check_numbers(leaf_index, tree_size)
    _check_hashes([leaf_hash, root], proof)
    if leaf_index >= tree_size:
        raise ProofError(f"leaf {leaf_index} is not in a tree of {tree_size} leaves")
    inner = (leaf_index ^ (tree_size - 1)).bit_length()
    _check_length(proof, inner + (leaf_index >> inner).bit_count())
    found = leaf_hash
    for level, each in enumerate(proof):
        is_right = level >= inner or leaf_index >> level & 1
        found = _node(each, found) if is_right else _node(found, each)
    _check_root(found, root)


def verify_consistency(
    size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]
) -> None:
    """Raise ProofError unless the tree of `size2` continues the tree of `size1`.

    Of equal sizes RFC 9162 knows no proof: the two roots are compared, and nothing is calculated.
    """
    _check_numbers(size1, size2)
    if size1 == size2:
        _check_same(size1, (root1, root2), proof)
        return
    _check_hashes([root1, root2], proof)
    if size1 > size2:
        raise ProofError(f"a tree of {size2} leaves does not continue one of {size1}")
    if size1 == 0:  # any tree "continues" the empty one; the public vectors refuse this too
        raise ProofError(f"the empty tree proves nothing about a tree of {size2} leaves")
    level = (size1 & -size1).bit_length() - 1  # of the last complete subtree of the first tree
    place = (size1 - 1) >> level
    inner = (place ^ ((size2 - 1) >> level)).bit_length()
    is_whole = size1 == 1 << level  # then the first root is that subtree, and is not repeated
    _check_length(proof, (not is_whole) + inner + (place >> inner).bit_count())
    old = new = root1 if is_whole else proof[0]
    for at, each in enumerate(proof if is_whole else proof[1:]):
        if at >= inner or place >> at & 1:
            old, new = _node(each, old), _node(each, new)
        else:
            new = _node(new, each)
    _check_root(old, root1)
    _check_root(new, root2)


def hash_leaf(data: bytes) -> bytes:
    """Hash an entry: SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _check_numbers(*numbers: object) -> None:
    for each in numbers:
        if type(each) is not int or not 0 <= each < 2**63:
            # Written out, a number of thousands of digits would be an error of its own.
            said = f"{each:#x}"[:40] if isinstance(each, int) else type(each).__name__
            raise ProofError(f"{said} is no leaf index or tree size; whole numbers from 0 are")


def _check_hashes(hashes: Sequence[object], proof: object) -> None:
    if not isinstance(proof, list | tuple):
        raise ProofError(f"proof is {type(proof).__name__}; a list of hashes is accepted")
    for each in (*hashes, *proof):
        if not isinstance(each, bytes) or len(each) != 32:
            size = f" of length {len(each)}" if isinstance(each, bytes | str) else ""
            raise ProofError(f"{type(each).__name__}{size} is not a hash of 32 bytes")


def _check_same(size: int, roots: tuple[object, object], proof: Sequence[bytes]) -> None:
    """Compare what is said of one size twice; the public vectors write any bytes for a root."""
    _check_hashes([], proof)
    _check_length(proof, 0)
    one, two = roots
    if not isinstance(one, bytes) or not isinstance(two, bytes) or not (one and two):
        raise ProofError("a root of a tree given twice is no bytes, or empty")
    _check_root(one, two)
    if size == 0 and len(one) == 32:
        _check_root(EMPTY_ROOT, one)


def _check_length(proof: Sequence[bytes], expected: int) -> None:
    if len(proof) != expected:
        raise ProofError(f"proof has {len(proof)} hashes, these sizes need {expected}")


def _check_root(calculated: bytes, expected: bytes) -> None:
    if calculated != expected:
        raise ProofError(f"root expected {expected.hex()}, calculated {calculated.hex()}")


# Signed notes and checkpoints, C2SP signed-note and tlog-checkpoint.


@dataclass(frozen=True)
class Key:
    """A public Ed25519 key, the name it signs under and the id a signature line finds it by."""

    name: str
    key_id: bytes
    public: bytes


@dataclass(frozen=True)
class Checkpoint:
    """A signed state of a log: its name, how many events it holds, the root over them."""

    origin: str
    size: int
    root: bytes


def read_key(text: str, kind: bytes = b"\x01") -> Key:
    """Read a verifier key, written name+id+key; raises FileError. Kind 4 is that of a witness."""
    name, key_id, raw = (*text.strip().split("+", 2), "", "")[:3]
    decoded = _bytes(raw, "verifier key")
    if not _is_name(name) or len(decoded) != 33 or decoded[:1] != kind:
        asked = "verifier key of a log" if kind == b"\x01" else "cosignature/v1 key of a witness"
        raise FileError(f"{text[:80]!r} is no Ed25519 {asked}, written name+id+key")
    key = Key(name, hashlib.sha256(name.encode() + b"\n" + decoded).digest()[:4], decoded[1:])
    if key.key_id.hex() != key_id:
        raise FileError(f"verifier key of {name!r} has the id {key_id!r}: it was mistyped")
    return key


def open_checkpoint(note: str, keys: Sequence[Key]) -> Checkpoint:
    """Verify a note: lines of unknown keys are ignored, malformed lines refuse the note.

    Raises FileError for malformed text, ProofError when no known key has signed it.
    """
    body, blank, lines = note.rpartition("\n\n")
    body += "\n"
    if not blank or not lines.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise FileError("checkpoint is no signed note: text, a blank line, signature lines")
    found = lines[:-1].split("\n")
    signed = [key for line in found for key in _signers(line, body, keys)]
    if len(signed) != len(set(signed)):
        raise FileError("a known key has signed the checkpoint more than once")
    if not signed:
        names = ", ".join(sorted(key.name for key in keys))
        raise ProofError(f"no trusted key has signed the checkpoint; trusted: {names}")
    origin, size, root = (*body.split("\n"), "", "")[:3]
    if not origin or not re.fullmatch("0|[1-9][0-9]{0,18}", size) or "\n\n" in body:
        raise FileError("checkpoint is not written origin, size, root, one to a line")
    decoded = _bytes(root, "root of the checkpoint")
    if len(decoded) != 32:
        raise FileError("root of the checkpoint is not a hash of 32 bytes")
    return Checkpoint(origin, int(size), decoded)


def _read_signature(line: str) -> tuple[str, bytes]:
    found = re.fullmatch("\N{EM DASH} ([^ ]+) ([^ ]+)", line)
    raw = _bytes(found.group(2), "signature") if found else b""
    if not found or not _is_name(found.group(1)) or len(raw) < 5:
        raise FileError(f"signature line {line[:80]!r} is malformed")
    return found.group(1), raw


def _signers(line: str, body: str, keys: Sequence[Key]) -> list[Key]:
    name, raw = _read_signature(line)
    known = [k for k in dict.fromkeys(keys) if (k.name, k.key_id) == (name, raw[:4])]
    for key in known:
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], body.encode())
        except (InvalidSignature, ValueError):
            raise ProofError(f"signature of {key.name!r} does not fit the checkpoint") from None
    return known


def witnessed_at(note: str, witness: Key) -> datetime:
    """Give the time at which a witness cosigned a note (cosignature/v1); raises ProofError."""
    body, _, lines = note.rpartition("\n\n")
    for line in lines.splitlines():
        name, raw = _read_signature(line)
        if (name, raw[:4]) != (witness.name, witness.key_id):
            continue
        if len(raw) != 76:
            raise ProofError(f"cosignature of {name!r} has {len(raw)} bytes, 76 are needed")
        at = int.from_bytes(raw[4:12], "big")
        message = f"cosignature/v1\ntime {at}\n{body}\n".encode()
        try:
            Ed25519PublicKey.from_public_bytes(witness.public).verify(raw[12:], message)
            return datetime.fromtimestamp(at, UTC)
        except (InvalidSignature, ValueError, OverflowError, OSError):
            raise ProofError(f"cosignature of {name!r} does not fit the checkpoint") from None
    raise ProofError(f"witness {witness.name!r} has not cosigned the checkpoint")


@dataclass(frozen=True)
class KeyRing:
    """Trusted keys; `ends` says up to which size a key was believed that handed over to another."""

    keys: tuple[Key, ...]
    ends: dict[Key, int]

    def open(self, note: str) -> Checkpoint:
        """Open a checkpoint with the keys that may have signed a state of its size."""
        state = open_checkpoint(note, self.keys)
        may = [key for key in self.keys if state.size <= self.ends.get(key, state.size)]
        return open_checkpoint(note, may)


def follow_keys(keys: Sequence[Key], changes: Sequence[str]) -> KeyRing:
    """Follow the notes in which an older key names the next one, and both have signed."""
    ring = KeyRing(tuple(keys), {})
    for note in changes:
        named = [line for line in note.split("\n") if line.startswith(NEXT_KEY)]
        if len(named) != 1:
            raise FileError("a change of keys does not name one next key")
        new = read_key(named[0].removeprefix(NEXT_KEY))
        # A key hands over once: who steals it afterwards names no other follower.
        older = tuple(key for key in ring.keys if key != new and key not in ring.ends)
        try:
            state = open_checkpoint(note, older)
            open_checkpoint(note, [new])
        except ProofError:
            continue  # made by keys that the reader does not trust: nothing follows from it
        signed = {
            key
            for line in note.rpartition("\n\n")[2].splitlines()
            for key in older
            if (key.name, key.key_id) == (_read_signature(line)[0], _read_signature(line)[1][:4])
        }
        ends = {**ring.ends, **dict.fromkeys(signed, state.size)}
        ring = KeyRing(tuple(dict.fromkeys((*ring.keys, new))), ends)
    return ring


def _is_name(name: str) -> bool:
    if not name or "+" in name or any(sign.isspace() for sign in name):
        return False
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


# Time stamps, RFC 3161, read from their DER.

_HASHES = {
    "608648016503040201": hashes.SHA256(),
    "608648016503040202": hashes.SHA384(),
    "608648016503040203": hashes.SHA512(),
}
_TST_INFO = "2a864886f70d0109100104"
_CONTENT_TYPE, _MESSAGE_DIGEST = "2a864886f70d010903", "2a864886f70d010904"


@dataclass(frozen=True)
class Der:
    """One DER element: its tag, its content, and all its bytes."""

    tag: int
    content: bytes
    whole: bytes

    def children(self) -> list["Der"]:
        """Read the elements inside."""
        found, rest = [], self.content
        while rest:
            found.append(read_der(rest))
            rest = rest[len(found[-1].whole) :]
        return found


def read_der(data: bytes) -> Der:
    """Read the element at the beginning of `data`; raises ProofError."""
    if len(data) < 2:
        raise ProofError("the time stamp ends too early")
    size, at = data[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or len(data) < 2 + count:
            raise ProofError("the time stamp is not DER")
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if len(data) < at + size:
        raise ProofError("the time stamp ends too early")
    return Der(data[0], data[at : at + size], data[: at + size])


def stamped_at(token: bytes, content: bytes, trusted: Sequence[x509.Certificate]) -> datetime:
    """Give the time at which an authority stamped `content`; raises ProofError when it did not."""
    try:
        status, stamp = read_der(token).children()[:2]
        if status.children()[0].content != b"\x00":
            raise ProofError("the authority did not grant the time stamp")
        signed = stamp.children()[1].children()[0].children()
        info = signed[2].children()[1].children()[0].content
        if signed[2].children()[0].content.hex() != _TST_INFO:
            raise ProofError("the time stamp holds something else than a time")
        embedded = [c.whole for part in signed[3:-1] if part.tag == 0xA0 for c in part.children()]
        at = _read_time(info, content)
        _check_signer(signed[-1].children()[0].children(), info, (embedded, trusted, at))
    except (IndexError, ValueError, KeyError, TypeError, UnsupportedAlgorithm) as exc:
        raise (
            exc
            if isinstance(exc, ProofError)
            else ProofError(f"the time stamp cannot be read: {exc!r}")
        ) from exc
    return at


def _digest(oid: Der, data: bytes) -> bytes:
    digest = hashes.Hash(_HASHES[oid.content.hex()])
    digest.update(data)
    return digest.finalize()


def _read_time(info: bytes, content: bytes) -> datetime:
    fields = read_der(info).children()
    algorithm, imprint = fields[2].children()
    if _digest(algorithm.children()[0], content) != imprint.content:
        raise ProofError("the time stamp is of another checkpoint")
    text = fields[4].content.decode("ascii")
    form = "%Y%m%d%H%M%S.%fZ" if "." in text else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _check_signer(
    signer: list[Der],
    info: bytes,
    by: tuple[list[bytes], Sequence[x509.Certificate], datetime],
) -> None:
    embedded, trusted, at = by
    digest_oid, attributes = signer[2].children()[0], signer[3]
    told = {
        a.children()[0].content.hex(): a.children()[1].children() for a in attributes.children()
    }
    if told[_CONTENT_TYPE][0].content.hex() != _TST_INFO:
        raise ProofError("the time stamp signs another kind of content")
    if told[_MESSAGE_DIGEST][0].content != _digest(digest_oid, info):
        raise ProofError("the time stamp was changed after it was signed")
    serial = int.from_bytes(signer[1].children()[1].content, "big")
    message, algorithm = b"\x31" + attributes.whole[1:], _HASHES[digest_oid.content.hex()]
    for each in _signers_of_stamps(embedded, trusted):
        is_open = each.not_valid_before_utc <= at <= each.not_valid_after_utc
        if each.serial_number == serial and is_open and _may_stamp(each):
            _verify(each.public_key(), signer[5].content, (message, algorithm))
            return
    raise ProofError("the time stamp is not by the authority whose certificate you gave")


def _signers_of_stamps(
    embedded: list[bytes], trusted: Sequence[x509.Certificate]
) -> Iterator[x509.Certificate]:
    yield from trusted
    for raw in embedded:
        inside = x509.load_der_x509_certificate(raw)
        for each in trusted:
            try:
                inside.verify_directly_issued_by(each)
            except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
                continue
            yield inside


def _may_stamp(certificate: x509.Certificate) -> bool:
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return x509.oid.ExtendedKeyUsageOID.TIME_STAMPING in uses


def _verify(key: object, signature: bytes, over: tuple[bytes, Any]) -> None:
    message, algorithm = over
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(algorithm))
        elif isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        else:
            raise ProofError("the authority signs with a kind of key that is not known here")
    except InvalidSignature:
        raise ProofError("the signature of the time stamp does not fit") from None


# The file: JSON without duplicate keys, unknown keys, or numbers that are not whole.


@dataclass(frozen=True)
class Event:
    """One event of the file: its place in the log, its exact bytes, what proves and explains it."""

    seq: int
    head: bytes
    inclusion: list[bytes]
    private: dict[str, tuple[bytes, str]]


@dataclass(frozen=True)
class ProofFile:
    """A proof file as read; nothing in it is believed yet."""

    about: dict[str, Any]
    keys: list[Key]
    personal: str
    checkpoint: str
    newest: str
    consistency: list[bytes]
    events: list[Event]
    not_sealed: int
    key_changes: list[str] = field(default_factory=list)
    stamps: list[tuple[int, str, bytes]] = field(default_factory=list)
    instance: tuple[str, int, list[bytes]] | None = None


def read_file(data: bytes) -> ProofFile:
    """Read a proof file strictly; raises FileError."""
    told = read_json(data)
    name = told.get("format") if isinstance(told, dict) else None
    if name not in (FORMAT, OLDER_FORMAT):
        raise FileError(f"format {str(name)[:40]!r} is not known here, {FORMAT!r} is")
    top = _fields(
        told,
        "about:dict vkeys:list personal:str checkpoint:str newest:dict events:list "
        "not_sealed:int format:str made_at:str"
        + (" key_changes:list stamps:list instance:list" if name == FORMAT else ""),
    )
    about = top["about"]
    _fields(about, "lot:str name:str" if "lot" in about else "from:int to:int")
    newest = _fields(top["newest"], "checkpoint:str consistency:list")
    if "lot" not in about and not 0 <= about["from"] <= about["to"] < 2**63:
        raise FileError(f"it tells of events {about['from']} to {about['to']}: that is no range")
    if not top["events"] or top["not_sealed"] < 0:
        raise FileError("it holds no event, or says that fewer than none wait for their seal")
    if top["personal"] not in ("included", "withheld"):
        raise FileError(f"personal {top['personal'][:40]!r} is neither 'included' nor 'withheld'")
    return ProofFile(
        about,
        [read_key(_text(each)) for each in top["vkeys"]],
        top["personal"],
        top["checkpoint"],
        newest["checkpoint"],
        _hashes(newest["consistency"]),
        [_read_event(each) for each in top["events"]],
        top["not_sealed"],
        [_text(each) for each in top.get("key_changes", [])],
        [_read_stamp(each) for each in top.get("stamps", [])],
        _read_instance(top.get("instance", [])),
    )


def _read_stamp(value: object) -> tuple[int, str, bytes]:
    found = _fields(value, "size:int authority:str token:str")
    return found["size"], found["authority"], _bytes(found["token"], "time stamp")


def _read_instance(values: list[object]) -> tuple[str, int, list[bytes]] | None:
    if len(values) > 1:
        raise FileError("the file names more than one log of an instance")
    for each in values:
        found = _fields(each, "checkpoint:str seq:int inclusion:list")
        return found["checkpoint"], found["seq"], _hashes(found["inclusion"])
    return None


def _read_event(value: object) -> Event:
    found = _fields(value, "seq:int head:str inclusion:list private:dict")
    private = {}
    for name, kept in found["private"].items():
        field_ = _fields(kept, "salt:str value:str")
        private[name] = (_bytes(field_["salt"], "salt"), field_["value"])
    return Event(found["seq"], _bytes(found["head"], "head"), _hashes(found["inclusion"]), private)


def read_json(data: bytes) -> Any:
    """Read JSON; refuse duplicate keys, floats, NaN, lone surrogates and what is not UTF-8."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise FileError(f"it is not the JSON that QTCore writes: {exc}") from exc
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FileError(f"a key is there twice among {sorted(name for name, _ in pairs)}"[:200])
    return found


def _no_number(text: str) -> Any:
    raise FileError(f"number {text[:40]!r} is not accepted; whole numbers are")


def _fields(value: object, wanted: str) -> dict[str, Any]:
    """Give an object that has exactly the wanted keys, written name:type."""
    types = {"str": str, "int": int, "list": list, "dict": dict}
    names = dict(each.split(":") for each in wanted.split())
    if not isinstance(value, dict) or value.keys() != names.keys():
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise FileError(f"found {str(found)[:200]}, expected an object with {sorted(names)}")
    for name, kind in names.items():
        if type(value[name]) is not types[kind]:
            raise FileError(f"{name!r} is {type(value[name]).__name__}, expected {kind}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise FileError(f"{str(value)[:40]!r} stands where a text belongs")
    return value


def _bytes(value: object, what: str) -> bytes:
    """Read base64 in its one spelling."""
    try:
        raw = base64.b64decode(_text(value), validate=True)
    except ValueError as exc:
        raise FileError(f"{what} is not base64: {exc}") from exc
    if base64.b64encode(raw).decode() != value:
        raise FileError(f"{what} is not base64 in its usual spelling")
    return raw


def _hashes(values: list[object]) -> list[bytes]:
    return [_bytes(each, "hash") for each in values]


# The verdict.


@dataclass
class Verdict:
    """What was found, as lines for a person; `proven` are places in the file's list of events."""

    lines: list[str] = field(default_factory=list)
    fails: int = 0
    proven: set[int] = field(default_factory=set)

    def passed(self, said: str) -> None:
        self.lines.append(f"PASS  {said}")

    def failed(self, kind: str, said: str) -> None:
        self.fails += 1
        self.lines.append(f"FAIL  {kind}: {said}")


@dataclass(frozen=True)
class Trust:
    """What the inspector brings: keys, the name of the log, a state kept since earlier."""

    keys: Sequence[Key] = ()
    log: str = ""
    kept: tuple[int, bytes] | None = None
    witnesses: Sequence[Key] = ()
    authorities: Sequence[x509.Certificate] = ()


def judge(file: ProofFile, trust: Trust) -> Verdict:
    """Check a file against what the inspector trusts."""
    verdict = Verdict()
    states = _judge_states(file, trust, verdict)
    if states is None:
        return verdict
    for at, event in enumerate(file.events):
        state = states[0] if event.seq < states[0].size else states[1]
        if _judge_event(file, event, state, verdict):
            verdict.proven.add(at)
    _judge_order(file, verdict)
    if not verdict.fails:
        verdict.passed(f"{len(verdict.proven)} events are in the log, word for word")
    return verdict


def _judge_states(
    file: ProofFile, trust: Trust, verdict: Verdict
) -> tuple[Checkpoint, Checkpoint] | None:
    ring = follow_keys(trust.keys or file.keys, file.key_changes)
    try:
        named, newest = ring.open(file.checkpoint), ring.open(file.newest)
    except ProofError as exc:
        verdict.failed("BAD_SIGNATURE", str(exc))
        return None
    logs = {trust.log} if trust.log else {key.name for key in ring.keys}
    for log in dict.fromkeys((named.origin, newest.origin)):
        if not any(log == each or _is_incarnation(log, each) for each in logs):
            said = f"the file is of log {log!r}, expected {sorted(logs)}"
            verdict.failed("ORIGIN_MISMATCH", said)
    try:
        verify_consistency(named.size, newest.size, named.root, newest.root, file.consistency)
    except ProofError as exc:
        verdict.failed("NOT_CONSISTENT", f"the two checkpoints tell different pasts: {exc}")
    if verdict.fails:
        return None
    for each in dict.fromkeys((named, newest)):
        verdict.passed(f"checkpoint of {each.size} events of {each.origin}: {each.root.hex()}")
    if trust.kept:
        _judge_kept(trust.kept, (named, newest), verdict)
    _judge_outside(file, trust, (newest, verdict))
    if file.instance:
        _judge_instance(file.instance, file.newest, (ring, verdict))
    return named, newest


def _is_incarnation(log: str, base: str) -> bool:
    """After a restored backup a log goes on under a name that says so."""
    return bool(re.fullmatch(re.escape(base) + "/incarnation-[1-9][0-9]*", log))


def _judge_outside(file: ProofFile, trust: Trust, found: tuple[Checkpoint, Verdict]) -> None:
    """Check what witnesses and authorities have signed, where their keys are given."""
    newest, verdict = found
    for witness in trust.witnesses:
        try:
            at = witnessed_at(file.newest, witness)
            verdict.passed(f"witness {witness.name} has seen {newest.size} events by {at}")
        except ProofError as exc:
            verdict.failed("NOT_WITNESSED", str(exc))
    if not trust.authorities:
        return
    stamped = 0
    notes = {int(note.split("\n")[1]): note for note in (file.checkpoint, file.newest)}
    for size, authority, token in file.stamps:
        content = (notes.get(size, "").rpartition("\n\n")[0] + "\n").encode()
        try:
            at = stamped_at(token, content, trust.authorities)
            # The name in the file is whatever its maker wrote there; the certificate is yours.
            verdict.passed(f"{size} events existed at {at}, says the authority you named")
            stamped += 1
        except ProofError as exc:
            verdict.failed("BAD_STAMP", f"stamp of {size} events by {authority!r}: {exc}")
    if not stamped:
        verdict.failed("NOT_STAMPED", "no time stamp of the authority holds")


def _judge_instance(
    told: tuple[str, int, list[bytes]], newest: str, by: tuple[KeyRing, Verdict]
) -> None:
    """Check that the newest checkpoint stands in the log of the instance."""
    (note, place, inclusion), (ring, verdict) = told, by
    leaf = hash_leaf((newest.rpartition("\n\n")[0] + "\n").encode())
    size = ring.open(newest).size
    # The state of the instance was signed when the newest checkpoint was, or later.
    keys = [key for key in ring.keys if size <= ring.ends.get(key, size)]
    try:
        state = open_checkpoint(note, keys)
        if state.origin not in {f"{key.name}/instance" for key in keys}:
            raise ProofError(f"{state.origin!r} is the name of another kind of log")
        verify_inclusion(place, state.size, leaf, inclusion, state.root)
        verdict.passed(f"its newest checkpoint is number {place} of {state.origin}")
    except ProofError as exc:
        verdict.failed("NOT_IN_INSTANCE", f"the log of the instance does not hold it: {exc}")


def _judge_kept(kept: tuple[int, bytes], states: Sequence[Checkpoint], verdict: Verdict) -> None:
    same = [each for each in states if each.size == kept[0]]
    if not same:
        sizes = " and ".join(str(each.size) for each in states)
        verdict.failed(
            "NOT_COMPARED",
            f"the file tells of {sizes} events, you kept {kept[0]}; "
            f"ask for a file made with --checkpoint {kept[0]}",
        )
    elif same[0].root != kept[1]:
        verdict.failed("ROOT_FORK", f"the first {kept[0]} events are not those you have kept")
    else:
        verdict.passed(f"the first {kept[0]} events are those you have kept")


def _judge_event(file: ProofFile, event: Event, state: Checkpoint, verdict: Verdict) -> bool:
    before, name = verdict.fails, f"event {event.seq}"
    try:
        leaf = hash_leaf(event.head)
        verify_inclusion(event.seq, state.size, leaf, event.inclusion, state.root)
    except ProofError as exc:
        verdict.failed("NOT_INCLUDED", f"{name}: bytes, place or proof were changed: {exc}")
    try:
        head = read_json(event.head)
        if not _is_canonical(head, event.head) or not isinstance(head["object"]["id"], str):
            raise FileError("bytes are not in canonical form")
        named = {head["object"]["id"], *head["about"]}
        promised = dict(head["commitments"])
    except (FileError, KeyError, TypeError, ValueError, RecursionError) as exc:
        verdict.failed("NOT_CANONICAL", f"{name}: {exc}")
        return False
    for said in _find_forged(event, promised):
        verdict.failed("COMMITMENT_MISMATCH", f"{name}: {said}")
    if file.about.get("lot", head["object"]["id"]) not in named:
        verdict.failed("FOREIGN_EVENT", f"{name} does not name the lot of this file")
    return verdict.fails == before


def _find_forged(event: Event, promised: dict[str, Any]) -> Iterator[str]:
    for name, (salt, value) in event.private.items():
        data = b"\x03" + salt + name.encode() + b"\x00" + value.encode()
        if name not in promised or len(salt) != 16 or not name or "\x00" in name:
            yield f"it never committed to {name!r}"
        elif hashlib.sha256(data).hexdigest() != promised[name]:
            yield f"{name!r} is FORGED: it is not what the event committed to"


def _judge_order(file: ProofFile, verdict: Verdict) -> None:
    found = [event.seq for event in file.events]
    if found != sorted(set(found)):
        verdict.failed("GAP", "events are out of order or there twice")
    elif "lot" not in file.about and (
        (found[0], found[-1]) != (file.about["from"], file.about["to"])
        or found[-1] - found[0] != len(found) - 1
    ):
        verdict.failed(
            "GAP",
            f"events are missing between {file.about['from']} and "
            f"{file.about['to']}: {len(found)} are there",
        )
    elif "lot" not in file.about:
        verdict.passed("the range is complete: no event between its ends is missing")


def _is_canonical(value: Any, data: bytes) -> bool:
    # Beyond ASCII there are texts that are not in NFC, and names that code points order otherwise.
    written = _SORTED.encode(value) if data.isascii() else _canonical(value)
    return written.encode() == data


def _canonical(value: Any) -> str:
    """Write a value as RFC 8785 does, with text in NFC."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_canonical(n)}:{_canonical(value[n])}" for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return _PLAIN.encode(unicodedata.normalize("NFC", value) if isinstance(value, str) else value)


# Made once: `json.dumps` makes one for every value.
_PLAIN = json.JSONEncoder(ensure_ascii=False)
_SORTED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


# What a person reads.


def show_event(file: ProofFile, event: Event, *, is_proven: bool, lang: str = "en") -> list[str]:
    """Write one event for a person; control signs in its texts are shown, never sent."""
    title = f"event {event.seq}  {'proven' if is_proven else 'NOT PROVEN'}"
    if lang == "zh":
        title = f"事件 {event.seq}  {'已证明' if is_proven else '未证明'}"
    names, words = (_CHINESE, _WORDS_ZH) if lang == "zh" else ({}, _WORDS)
    try:
        head = read_json(event.head)
        rows = [*_rows(head, event, words), *_private_rows(file, head, event, words)]
    except (FileError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return [title, f"  {words['unreadable']}", ""]
    lines = (f"  {names.get(name, name):<9}{_plain(text)}" for name, text in rows if text)
    return [title, *lines, ""]


def _rows(head: dict[str, Any], event: Event, words: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "time", f"{head['at']} ({words['clock']} {head['offset']})"
    told = [event.private[name][1] for name in _NAMES if name in event.private]
    roles = ", ".join(head["roles"]) or words["none"]
    who = " / ".join(told) or words["nameless"]
    yield "who", f"{who}; {words['account']} {head['actor']}; {words['roles']} {roles}"
    yield "action", head["action"]
    thing = head["object"]
    version = f", {words['version']} {thing['version']}" if "version" in thing else ""
    yield "object", f"{thing['kind']} {thing['id']}{version}"
    yield "about", ", ".join(each for each in head["about"] if each != thing["id"])
    for name, old, new in head["changes"]:
        yield "change", f"{name}: {_value(old, words)} -> {_value(new, words)}"
    yield "reason", head["reason"]
    for name, value in head["details"].items():
        yield "detail", f"{name}: {_value(value, words)}"
    where = {name: head[name] for name in ("session", "token", "request") if head.get(name)}
    yield "via", ", ".join(f"{words[name]} {value}" for name, value in where.items())


def _private_rows(
    file: ProofFile, head: dict[str, Any], event: Event, words: dict[str, str]
) -> Iterator[tuple[str, str]]:
    gone = words["erased" if file.personal == "included" else "withheld"]
    for name in head["commitments"]:
        if name not in event.private:
            yield "personal", f"{name}: {gone}"
        elif name not in _NAMES:
            yield "personal", f"{name}: {event.private[name][1]}"


def _value(value: object, words: dict[str, str]) -> str:
    if value is None:
        return words["nothing"]
    return repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(text: object) -> str:
    return "".join(
        each if each.isprintable() and each not in _UNSEEN else f"\\u{ord(each):04x}"
        for each in str(text)
    )


# Letters and signs that Python calls printable, and a screen shows as nothing at all.
_UNSEEN = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_NAMES = ("actor_name", "actor_login")
_WORDS = {
    "unreadable": "its bytes cannot be read",
    "clock": "UTC; clock of the site",
    "none": "none",
    "nameless": "name not shown",
    "account": "account",
    "roles": "roles",
    "version": "version",
    "session": "session",
    "token": "token",
    "request": "request",
    "erased": "erased",
    "withheld": "withheld",
    "nothing": "nothing",
}
_WORDS_ZH = {
    "unreadable": "其字节无法读取",
    "clock": "协调世界时；现场时钟",
    "none": "无",
    "nameless": "姓名未显示",
    "account": "账户",
    "roles": "角色",
    "version": "版本",
    "session": "会话",
    "token": "令牌",
    "request": "请求",
    "erased": "已删除",
    "withheld": "未提供",
    "nothing": "无",
}
_CHINESE = {
    "time": "时间",
    "who": "人员",
    "action": "操作",
    "object": "对象",
    "about": "涉及",
    "change": "变更",
    "reason": "原因",
    "detail": "详情",
    "via": "来源",
    "personal": "个人信息",
}
# Each line of a verdict that holds, and how it reads in Chinese; a FAIL is worded by its kind.
_PASSES_ZH = (
    (r"checkpoint of (\d+) events of (.+): ([0-9a-f]{64})", r"检查点：\2 共 \1 个事件，根为 \3"),
    (r"witness (.+) has seen (\d+) events by (.+)", r"见证方 \1 于 \3 前已见 \2 个事件"),
    (r"(\d+) events existed at (.+), says .+", r"您指定的时间戳机构证明：\2 时已有 \1 个事件"),
    (r"its newest checkpoint is number (\d+) of (.+)", r"最新检查点是 \2 中的第 \1 号"),
    (r"the first (\d+) events are those you have kept", r"前 \1 个事件与您保存的一致"),
    (r"(\d+) events are in the log, word for word", r"\1 个事件逐字节存在于台账中"),
    (r"the range is complete: .*", "区间完整：首尾之间没有缺失的事件"),
)
_KINDS_ZH = {
    "BAD_SIGNATURE": "检查点没有可信密钥的有效签名",
    "ORIGIN_MISMATCH": "文件属于另一份台账",
    "NOT_CONSISTENT": "两个检查点讲述了不同的过去",
    "NOT_WITNESSED": "见证方没有会签该检查点",
    "BAD_STAMP": "时间戳不成立",
    "NOT_STAMPED": "没有成立的时间戳",
    "NOT_IN_INSTANCE": "实例台账中没有该检查点",
    "NOT_COMPARED": "文件中没有您所保存的那个检查点",
    "ROOT_FORK": "历史与您保存的检查点不同",
    "NOT_INCLUDED": "事件的字节、位置或证明被改动",
    "NOT_CANONICAL": "事件的字节不是规范形式",
    "COMMITMENT_MISMATCH": "个人信息与事件当时的承诺不符",
    "FOREIGN_EVENT": "事件与本文件的批次无关",
    "GAP": "事件缺失、重复或次序错误",
}
_CLOSING_ZH = {
    "DOES NOT HOLD": "不成立",
    "HOLDS": "成立",
    "HOLDS BY THE FILE'S OWN KEY ONLY": "仅按文件自带的密钥成立",
}
_LIMITS_ZH = """\
本结果说明：标为“已证明”的事件逐字节存在于台账中，且台账当时处于检查点所签名的状态。
它不说明所记录的内容在记录时属实，也不说明文件包含某批的全部事件：为此请索取区间导出。"""
_LIMITS = """\
What this shows: each event marked 'proven' stands in the log with exactly these bytes, and the log
was in the state that the checkpoint signs. It does not show that a statement was true when it was
recorded, nor that the file holds every event of a lot: ask for the export of a range for that."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    if sys.stdout is None:  # closed by the caller: the exit code says it
        sys.stdout = io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    given = _options().parse_args(arguments)
    try:
        trust = _read_trust(given)
        if given.file.stat().st_size > MOST_BYTES:
            raise FileError(f"it is larger than {MOST_BYTES} bytes; ask for smaller ranges")
        file = read_file(given.file.read_bytes())
        verdict = judge(file, trust)
    except (OSError, FileError) as exc:
        sys.stderr.write(f"CANNOT BE JUDGED: {_plain(given.file)}: {_plain(exc)}\n")
        return 2
    lines = [] if given.verdict else list(_event_lines(file, verdict, given.lang))
    word = _in_chinese if given.lang == "zh" else str
    lines += [_plain(word(line)) for line in verdict.lines]
    lines += _closing(file, trust, verdict, given.lang)
    # A screen would break a long line by itself, and let a text begin there as a line of ours.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    lines = [part for line in lines for part in _folded(line, width)]
    return _show("\n".join(lines) + "\n") or (1 if verdict.fails else 0)


def _show(text: str) -> int:
    """Write the answer; 2 when nobody could read it to its end, where the verdict stands."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as exc:  # `| head` closes the pipe, a disk is full
        sys.stderr.write(f"CANNOT BE SHOWN: {exc}: what was written is not the whole answer\n")
        # What is left over would be written again at the end of the process, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return 0


def _folded(text: str, width: int) -> Iterator[str]:
    """Break each line for a screen of some columns; what continues a line begins with a mark."""
    for line in text.split("\n"):
        rest = line
        while width > 20 and _columns(rest[: width + 1]) > width:
            at = width
            while _columns(rest[:at]) > width:
                at -= 1
            yield rest[:at]
            rest = f"    | {rest[at:]}"
        yield rest


def _columns(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def _event_lines(file: ProofFile, verdict: Verdict, lang: str) -> Iterator[str]:
    for at, event in enumerate(file.events):
        yield from show_event(file, event, is_proven=at in verdict.proven, lang=lang)


def _in_chinese(line: str) -> str:
    """Word a line of the verdict in Chinese; what a FAIL found in detail stays as it is."""
    mark, _, said = line.partition("  ")
    kind, colon, detail = said.partition(": ")
    if mark == "FAIL" and kind in _KINDS_ZH:
        return f"不符  {kind}（{_KINDS_ZH[kind]}）{colon}{detail}"
    for pattern, words in _PASSES_ZH:
        found = re.fullmatch(pattern, said)
        if found:
            return f"通过  {found.expand(words)}"
    return line


def _closing(file: ProofFile, trust: Trust, verdict: Verdict, lang: str) -> Iterator[str]:
    notes = _notes_zh if lang == "zh" else _notes
    yield from notes(file, has_keys=bool(trust.keys))
    holds = "HOLDS" if trust.keys else "HOLDS BY THE FILE'S OWN KEY ONLY"
    end = "DOES NOT HOLD" if verdict.fails else holds
    yield _CLOSING_ZH[end] if lang == "zh" else end


def _notes(file: ProofFile, *, has_keys: bool) -> Iterator[str]:
    if "lot" in file.about:
        yield f"NOTE  the file calls this lot {file.about['name']!r}; proven is its id only:"
        yield f"NOTE  {_plain(file.about['lot'])}"
    if file.not_sealed:
        yield f"NOTE  {file.not_sealed} events were not sealed yet, and are not in this file"
    if not has_keys:
        yield "!" * 78
        yield "NOTE  NO KEY WAS GIVEN: only the key inside the file was used, which whoever made"
        yield "NOTE  the file chose. Get the key another way and run again with --key NAME+ID+KEY."
        yield "!" * 78
    yield _LIMITS


def _notes_zh(file: ProofFile, *, has_keys: bool) -> Iterator[str]:
    if "lot" in file.about:
        yield f"说明  文件称该批为 {file.about['name']!r}；所证明的只是其标识："
        yield f"说明  {_plain(file.about['lot'])}"
    if file.not_sealed:
        yield f"说明  另有 {file.not_sealed} 个事件尚未封存，不在本文件中"
    if not has_keys:
        yield "!" * 78
        yield "说明  未提供密钥：只使用了文件自带的密钥，它由制作文件的人选定。"
        yield "说明  请从其他途径取得密钥，并以 --key NAME+ID+KEY 重新运行。"
        yield "!" * 78
    yield _LIMITS_ZH


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Verify a QTCore proof file without QTCore.",
        epilog="exit codes: 0 all holds, 1 something does not hold, 2 it cannot be judged",
    )
    parser.add_argument("file", type=Path, help="the proof file")
    parser.add_argument(
        "--key", action="append", default=[], help="a key you trust: name+id+key (repeatable)"
    )
    parser.add_argument("--log", default="", help="name of the log; default: the key's name")
    parser.add_argument("--size", type=int, help="size of a checkpoint that you have kept")
    parser.add_argument("--root", default="", help="root (hex) of that checkpoint")
    parser.add_argument(
        "--witness", action="append", default=[], help="a witness that must have cosigned it"
    )
    parser.add_argument(
        "--authority", type=Path, help="certificate (PEM) of a time-stamping authority"
    )
    parser.add_argument(
        "--lang", choices=("en", "zh"), default="en", help="language of events and verdict"
    )
    parser.add_argument("--verdict", action="store_true", help="show the verdict only")
    return parser


def _read_trust(given: argparse.Namespace) -> Trust:
    if (given.size is None) != (not given.root):
        raise FileError("--size and --root go together: both come from one checkpoint")
    if given.size is not None and given.size < 0:
        raise FileError(f"--size {given.size} is no size of a log; a whole number from 0 is")
    if given.size is not None and not re.fullmatch("[0-9a-fA-F]{64}", given.root):
        raise FileError(f"--root {given.root[:80]!r} is not a hash of 64 hexadecimal digits")
    kept = None if given.size is None else (given.size, bytes.fromhex(given.root))
    witnesses = [read_key(each, b"\x04") for each in given.witness]
    authorities: list[x509.Certificate] = []
    if given.authority is not None:
        try:
            authorities = x509.load_pem_x509_certificates(given.authority.read_bytes())
        except ValueError as exc:
            raise FileError(f"{given.authority} holds no certificate in PEM: {exc}") from exc
    return Trust([read_key(each) for each in given.key], given.log, kept, witnesses, authorities)


if __name__ == "__main__":
    raise SystemExit(main())
