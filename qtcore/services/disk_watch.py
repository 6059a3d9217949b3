"""Definitions taken from disk while somebody edits them; only `qtcore serve --dev` does so.

A sound edit serves from the next request on. A broken one is told, and what served before goes on
serving. It must not publish anything: what is served so is bound to this process.
"""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from qtcore.definitions.folders import base_folders
from qtcore.definitions.pack_files import SKIPPED_FOLDERS
from qtcore.definitions.problems import Problem, has_errors, render_problems
from qtcore.registry.load import load_registry
from qtcore.registry.packs import installed_folders
from qtcore.registry.stored import compile_configuration, configuration_of
from qtcore.services.serving import Serving
from qtcore.services.site import Site, with_registry

INTERVAL = 0.5
"""Seconds between two looks at the files; asking for their times is cheap and works everywhere."""


@dataclass(frozen=True, slots=True)
class DiskReport:
    """What the files said when they were last read; `is_serving`: whether they serve."""

    problems: tuple[Problem, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    is_serving: bool = True
    read_at: datetime | None = None

    @property
    def ok(self) -> bool:
        """Say whether nothing is worse than a warning."""
        return not has_errors(self.problems)

    @property
    def text(self) -> str:
        """Give the report as `qtcore check` prints it."""
        return render_problems(self.problems, self.sources)


class DiskWatch:
    """Looks at the files of all packs; safe to ask from any thread."""

    def __init__(
        self,
        serving: Serving,
        site_dir: Path | None,
        *,
        tell: Callable[[DiskReport], None] = lambda report: None,
    ) -> None:
        self.serving = serving
        self._site_dir = site_dir
        self._tell = tell
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen: Mapping[str, tuple[int, int]] | None = None
        self.report = DiskReport(())

    def look(self) -> bool:
        """Read the files again when one of them changed since the last look; says whether."""
        with self._turn:
            found = _stamps(self._folders())
            if found == self._seen:
                return False
            self._seen = found
            self._reload()
            return True

    def start(self) -> None:
        """Look now, then go on in a thread of its own until `stop`."""
        self.look()
        self._thread = threading.Thread(target=self._run, name="qtcore-dev", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            self.look()

    def _folders(self) -> tuple[Path, ...]:
        site = (self._site_dir,) if self._site_dir is not None else ()
        return (*base_folders(), *installed_folders(), *site)

    def _reload(self) -> None:
        compiled = load_registry(site_dir=self._site_dir)
        registry, site = compiled.registry, self.serving.now()
        is_sound = registry is not None and not any(pack.is_broken for pack in registry.packs)
        if registry is not None and is_sound:
            self.serving.replace(with_registry(site, registry, compiled.problems, site.version))
        self.report = DiskReport(compiled.problems, compiled.sources, is_sound, site.sources.now())
        self._tell(self.report)


def check_disk(site: Site) -> DiskReport:
    """Check what lies on disk beside what serves; without a difference, what serves."""
    held = configuration_of(site.registry)
    disk = site.on_disk or held
    if not disk.packs or disk.sha256 == held.sha256:
        return DiskReport(site.warnings)
    compiled = compile_configuration(disk, is_draft=True)
    return DiskReport(compiled.problems, compiled.sources, is_serving=False)


def _stamps(folders: Iterable[Path]) -> dict[str, tuple[int, int]]:
    """Give time and size of every file that may belong to a pack."""
    found: dict[str, tuple[int, int]] = {}
    for folder in folders:
        for place, below, names in os.walk(folder):
            below[:] = [n for n in below if n not in SKIPPED_FOLDERS and not n.startswith(".")]
            for name in names:
                path = Path(place, name)
                try:
                    told = path.stat()
                except OSError:  # gone between the two questions: the next look sees it
                    continue
                found[str(path)] = (told.st_mtime_ns, told.st_size)
    return found
