"""Every attack of the attack tables: the test that shows it fails, and the defence that stops it.

`python -m tests.defences [WORD ...]` switches each defence off in a copy of the product, one after
the other, and runs its test there: a test that still passes protects nothing. It must not hold
expectations; those are the tests'.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parent.parent
LIST: Final = Path(__file__).with_name("attacks.yaml")
TOO_LONG: Final = 300.0
COPIED: Final = ("qtcore", "tests", "forms", "workflows", "plugins", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Edit:
    """A text of a file of the product, and what stands there when the defence is off."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Attack:
    """A row: who attacks and how, the test (`file::name`), and the defence switched off."""

    table: str
    words: str
    test: str
    off: tuple[Edit, ...]


def read_attacks() -> tuple[Attack, ...]:
    """Read the list of attacks."""
    rows: list[dict[str, Any]] = yaml.safe_load(LIST.read_text("utf-8"))
    return tuple(
        Attack(
            row["of"],
            row["attack"],
            row["test"],
            tuple(Edit(each["file"], each["text"], each["becomes"]) for each in row["without"]),
        )
        for row in rows
    )


ATTACKS: Final = read_attacks()


def table_of(name: str) -> str:
    """Write one table for the documentation: the attack, and the test that shows it fails."""
    rows = [f"| {each.words} | `{each.test}` |" for each in ATTACKS if each.table == name]
    return "\n".join(["| attack | test |", "|---|---|", *rows])


def still_passes(attack: Attack) -> str:
    """Switch a defence off in a copy and run its test there; says what came of it, empty if red."""
    with tempfile.TemporaryDirectory(prefix="qtcore-off-") as folder:
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, Path(folder) / name)
        for edit in attack.off:
            file = Path(folder) / edit.file
            file.write_text(file.read_text("utf-8").replace(edit.old, edit.new), "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "", "-p", "no:cacheprovider"]
        try:
            done = subprocess.run(
                [*command, attack.test],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=TOO_LONG,
            )
        except subprocess.TimeoutExpired:
            return ""  # it hangs, which is what some attacks are for
    # 1: a test failed. Everything else, such as a copy that cannot be read, shows nothing.
    return "" if done.returncode == 1 and " failed" in done.stdout else done.stdout[-1500:]


def main() -> None:
    """Try the attacks whose words hold one of the given ones, or all; exit code 1 if one passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    asked = parser.parse_args().words
    chosen = [a for a in ATTACKS if not asked or any(w in a.words + a.test for w in asked)]
    left = 0
    for attack in chosen:
        said = still_passes(attack)
        left += bool(said)
        print(f"{'STILL PASSES' if said else 'fails without it'}: {attack.words}", flush=True)
        print(said, end="", flush=True)
    print(f"{len(chosen) - left} of {len(chosen)} tests fail with their defence off")
    sys.exit(bool(left))


if __name__ == "__main__":
    main()
