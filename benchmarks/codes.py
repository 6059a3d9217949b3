"""GS1 codes read a second, against the library biip, on the same texts.

    python benchmarks/codes.py [--vectors vectors.json] [--rounds 5]

The texts are the element strings and Digital Links of GS1's own test vectors, found beside the
shared data unless they are named; without them a few codes as they stand on goods. biip reads an
element string or link and gives what it could read; QTCore also judges which elements belong
together. Both read all texts in each round; medians are compared.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import biip

from qtcore.builtin.gs1.reading import read_code

SHARED = Path(os.environ.get("QTCORE_SHARED_DATA", "../shared/data"))
VECTORS = SHARED / "gs1/vectors.json"
REPEATED = 50
SOME = (
    "]C10109506000134352",
    "]d2010950600013435210ABC\x1d17260228",
    "]C100095060001343521118",
    "]d201095060001343523103000125\x1d21XYZ",
    "https://id.gs1.org/01/09506000134352/10/ABC/21/12?17=260228",
)


def texts_of(path: Path) -> list[str]:
    """Take what both can read: scanner texts of sound element strings, and sound links."""
    if not path.is_file():
        return list(SOME)
    found = []
    for vector in json.loads(path.read_bytes())["vectors"]:
        if vector["kind"] == "digital_link_parse" and vector["ok"]:
            found.append(vector["input"])
        elif vector["kind"] == "bracketed_to_fnc1" and vector["ok"]:
            found.append("]C1" + vector["expect"][1:].replace("^", "\x1d"))
    return found


def seconds(read: Callable[[str], object], texts: Sequence[str], rounds: int) -> float:
    """Give the median time of reading all texts."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        for text in texts:
            read(text)
        times.append(time.process_time() - started)
    return statistics.median(times)


def reads_with_biip(text: str) -> bool:
    """Say whether biip finds a sound message or link."""
    try:
        found = biip.parse(text)
    except biip.ParseError:
        return False
    return found.gs1_message is not None or found.gs1_digital_link_uri is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, default=VECTORS)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    texts = texts_of(given.vectors)
    many = texts * REPEATED
    ours = seconds(read_code, many, given.rounds)
    peer = seconds(reads_with_biip, many, given.rounds)
    result = {
        "benchmark": "codes",
        "texts": len(texts),
        "cpu_codes_per_second": {
            "qtcore": round(len(many) / ours),
            "biip": round(len(many) / peer),
        },
        "qtcore_to_biip": round(peer / ours, 2),
        "read": {
            "qtcore": sum(read_code(text).is_accepted for text in texts),
            "biip": sum(map(reads_with_biip, texts)),
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
