"""Signed notes, verifier keys and checkpoints, against a public example and bent copies.

It must not know histories.
"""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from qtcore.engines.ledger import (
    Checkpoint,
    NoteError,
    NoteKey,
    key_of,
    open_note,
    read_checkpoint,
    read_vkey,
    sign_note,
)

# The example of golang.org/x/mod/sumdb/note, where the format comes from.
PUBLIC_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLIC_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PUBLIC_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)
PUBLIC_NOTE = f"{PUBLIC_TEXT}\n{PUBLIC_LINE}"

OURS = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
ROOT = bytes(range(32))


def a_checkpoint(*extensions: str) -> Checkpoint:
    return Checkpoint("plant.example/audit/t1", 42, ROOT, extensions)


def test_the_public_example_verifies() -> None:
    key = read_vkey(PUBLIC_KEY)
    assert (key.name, key.vkey) == ("PeterNeumann", PUBLIC_KEY)
    assert open_note(PUBLIC_NOTE, [key]).body == PUBLIC_TEXT


def test_a_signed_checkpoint_comes_back() -> None:
    key = key_of("plant.example/audit/t1", OURS)
    opened = open_note(sign_note(a_checkpoint().body, key.name, OURS), [key])
    assert opened.signed_by == (key,)
    assert read_checkpoint(opened.body) == a_checkpoint()
    assert read_checkpoint(a_checkpoint("a", "b c").body) == a_checkpoint("a", "b c")
    assert read_vkey(key.vkey) == key


def test_lines_of_unknown_keys_are_ignored_but_one_known_key_must_sign() -> None:
    ours, other = key_of("ours", OURS), key_of("other", OTHER)
    both = sign_note("x\n", "ours", OURS) + sign_note("x\n", "other", OTHER).split("\n\n")[1]
    assert open_note(both, [ours]).signed_by == (ours,)
    assert open_note(both, [other, ours]).signed_by == (ours, other)
    unknown = "— w AAAAAAE=\n"  # another algorithm, with a short signature
    assert open_note(both + unknown, [ours]).signed_by == (ours,)
    with pytest.raises(NoteError, match="known: third"):
        open_note(both, [key_of("third", OURS)])
    with pytest.raises(NoteError, match="known: none"):
        open_note(both, [])


def test_a_known_key_with_a_wrong_signature_refuses_the_note() -> None:
    ours, other = key_of("ours", OURS), key_of("other", OTHER)
    forged = sign_note("y\n", "other", OTHER).split("\n\n")[1]
    with pytest.raises(NoteError, match="does not fit"):
        open_note(sign_note("x\n", "ours", OURS) + forged, [ours, other])


@given(st.data())
def test_no_changed_character_verifies(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(PUBLIC_NOTE) - 1))
    sign = data.draw(st.characters().filter(lambda each: each != PUBLIC_NOTE[at]))
    bent = PUBLIC_NOTE[:at] + sign + PUBLIC_NOTE[at + 1 :]
    with pytest.raises(NoteError):
        open_note(bent, [read_vkey(PUBLIC_KEY)])


@pytest.mark.parametrize(
    "bent",
    [
        "",
        PUBLIC_TEXT,
        PUBLIC_LINE,
        f"\n\n{PUBLIC_LINE}",
        PUBLIC_NOTE[:-1],
        PUBLIC_NOTE + "\n",
        PUBLIC_NOTE + "— \n",
        PUBLIC_NOTE + "— x\n",
        PUBLIC_NOTE + "— x AAAA\n",
        PUBLIC_NOTE + "— x AAAAAAE\n",
        PUBLIC_NOTE + "— x AAAAAAF=\n",
        PUBLIC_NOTE + "— x  AAAAAAE=\n",
        PUBLIC_NOTE + "— x+y AAAAAAE=\n",
        PUBLIC_NOTE + "- x AAAAAAE=\n",
        PUBLIC_NOTE + "hello\n",
        PUBLIC_NOTE.replace("\n", "\r\n"),
        PUBLIC_NOTE.replace("you", "you\x00", 1),
        PUBLIC_NOTE.replace("you", "\ud800", 1),
        PUBLIC_TEXT + "\n" + PUBLIC_LINE * 101,
        "x" * 1_000_001,
    ],
)
def test_a_malformed_note_is_refused(bent: str) -> None:
    with pytest.raises(NoteError):
        open_note(bent, [read_vkey(PUBLIC_KEY)])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        PUBLIC_KEY.replace("c74f20a3", "c74f20a4"),
        PUBLIC_KEY.replace("c74f20a3", "C74F20A3"),
        PUBLIC_KEY.replace("Peter", "Pater"),
        PUBLIC_KEY[:-1] + "X",
        PUBLIC_KEY + "=",
        PUBLIC_KEY.replace("ARpc", "AhpC"),
        "x+00000000+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
        "+" + PUBLIC_KEY,
        "a b+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(),
    ],
)
def test_a_bent_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(NoteError):
        read_vkey(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x01"])
def test_a_key_name_that_breaks_a_line_is_refused(name: str) -> None:
    with pytest.raises(NoteError):
        NoteKey(name, bytes(32))


@pytest.mark.parametrize("body", ["", "\n", "x", "x\x00\n"])
def test_only_whole_lines_are_signed(body: str) -> None:
    with pytest.raises(NoteError):
        sign_note(body, "ours", OURS)


ROOT64 = base64.b64encode(ROOT).decode()


@pytest.mark.parametrize(
    "body",
    [
        "",
        f"o\n1\n{ROOT64}",
        "o\n1\n",
        f"\n1\n{ROOT64}\n",
        f"o\n01\n{ROOT64}\n",
        f"o\n-1\n{ROOT64}\n",
        f"o\n１\n{ROOT64}\n",
        f"o\n{10**19}\n{ROOT64}\n",
        f"o\n1\n{ROOT64[:-1]}\n",
        f"o\n1\n{ROOT64[:-2]}9=\n",
        f"o\n1\n{ROOT64[4:]}\n",
        f"o\n1\n{ROOT64}\n\n",
        f"o\n1\n{ROOT64}\n\nx\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(NoteError):
        read_checkpoint(body)


def test_a_checkpoint_without_origin_or_root_cannot_be_made() -> None:
    with pytest.raises(NoteError, match="one line"):
        Checkpoint("", 1, ROOT)
    with pytest.raises(NoteError, match="one line"):
        Checkpoint("o", 1, ROOT, ("a\nb",))
    with pytest.raises(NoteError, match="32 bytes"):
        Checkpoint("o", 1, ROOT[:31])
