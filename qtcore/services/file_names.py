"""What a file may be called: a name that can break neither a header nor a folder.

It must not know what the file holds.
"""

import re
import unicodedata
from typing import Final

MOST_NAME: Final = 120
UNNAMED: Final = "file"
_LONGEST_ENDING: Final = 10
# Windows takes these for devices, with any ending.
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{kind}{n}" for kind in ("com", "lpt") for n in "123456789¹²³"}
)
_UNFIT: Final = re.compile(r'[\\/:*?"<>|%;`$]')
_HIDDEN_KINDS: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe_name(name: str) -> str:
    """Give a name without folders, hidden signs, devices and signs that a shell or header reads.

    Only the last part of a path is kept, at most 120 signs, the ending among them.
    """
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in _HIDDEN_KINDS)
    plain = _UNFIT.sub("_", kept).strip(" .") or UNNAMED
    stem, dot, ending = plain.rpartition(".")
    if dot and len(ending) <= _LONGEST_ENDING:
        plain = f"{stem[: MOST_NAME - len(ending) - 1]}.{ending}"
    plain = plain[:MOST_NAME]
    return f"_{plain}" if plain.split(".")[0].strip().lower() in _DEVICES else plain
