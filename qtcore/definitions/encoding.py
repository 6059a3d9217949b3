"""Bytes as clean text: UTF-8 without byte order mark, without signs that cannot be seen.

It must not know YAML.
"""

import re

from qtcore.definitions.problems import PROBLEMS_PER_FILE, Problem

# Control signs, direction marks (text that reads other than it runs), halves of surrogate pairs.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean_text(text: str | bytes, file: str, problems: list[Problem]) -> str:
    """Give text without byte order mark and without signs that cannot be seen."""
    if isinstance(text, bytes):
        text = _decode(text, file, problems)
    if text.startswith("\ufeff"):
        message = "the file starts with a byte order mark; save it as UTF-8 without BOM"
        problems.append(Problem("QT107", message, file, severity="warning"))
        text = text[1:]
    for found in _FORBIDDEN.finditer(text):
        line, column = _place(text, found.start())
        name = f"U+{ord(found[0]):04X}"
        message = f"found the invisible sign {name}; remove it, or write it as an escape in quotes"
        problems.append(Problem("QT107", message, file, line, column))
        if len(problems) >= PROBLEMS_PER_FILE:
            break
    return _FORBIDDEN.sub("\ufffd", text)


def _decode(raw: bytes, file: str, problems: list[Problem]) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.append(
            Problem("QT107", "the file is UTF-16; only UTF-8 is accepted: save it as UTF-8", file)
        )
        return ""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        before = raw[: exc.start].decode("utf-8")
        line, column = _place(before, len(before))
        message = f"byte 0x{raw[exc.start]:02x} is not UTF-8; save the file as UTF-8"
        problems.append(Problem("QT107", message, file, line, column))
        return raw.decode("utf-8", errors="replace")


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
