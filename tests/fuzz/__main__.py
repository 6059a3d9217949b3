"""Runs one target under atheris: `python -m tests.fuzz NAME --seconds 60 [--corpus FOLDER]`.

A crash leaves its input in the folder; add it to the seeds of the target when it is mended.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

# Only the readers: each module takes a second to prepare, and services are not what is fed.
READERS = [
    "qtcore.builtin",
    "qtcore.engines.expressions",
    "qtcore.engines.ledger",
    "qtcore.offline",
]

with atheris.instrument_imports(include=READERS):
    from tests.fuzz.targets import TARGETS, seeds


def main() -> None:
    """Feed one target until the time is over; exit code 0 when nothing broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path)
    asked = parser.parse_args()
    folder = asked.corpus or Path(tempfile.mkdtemp(prefix="qtcore-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()[asked.name]):
        (folder / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={asked.seconds}",
        *("-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"),
        *("-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={folder}/", str(folder)),
    ]
    atheris.Setup([sys.argv[0], *options], TARGETS[asked.name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
