"""Where the base pack lies: beside the package in a checkout, inside it in a wheel.

It must not know what the folders hold.
"""

from pathlib import Path


def base_folders() -> tuple[Path, ...]:
    """The folders of the base life cycles and of the base forms, in the order they are read."""
    package = Path(__file__).resolve().parent.parent
    root = package / "base" if (package / "base").is_dir() else package.parent
    return root / "workflows", root / "forms"
