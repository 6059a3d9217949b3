"""What all commands share: their options, opening a site, printing an answer, exit codes.

It must not know any one command.
"""

import getpass
import inspect
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from qtcore.context import Actor, Context
from qtcore.errors import (
    Ambiguous,
    Denied,
    InputRejected,
    QTCoreError,
    Refused,
)

DEFAULT_DB = "sqlite:///qtcore.db"

Db = Annotated[
    str,
    typer.Option(
        "--db", envvar="QTCORE_DB", help="Database URL: sqlite:///FILE or postgresql://..."
    ),
]
SiteDir = Annotated[
    Path | None,
    typer.Option(
        "--site", envvar="QTCORE_SITE", help="Site folder; without it all installed packs."
    ),
]
AsUser = Annotated[
    str,
    typer.Option(
        "--as", help="Login the write is attributed to; the OS user is recorded beside it."
    ),
]
AnyDb = Annotated[
    str,
    typer.Option("--db", hidden=True, help="Accepted by every command; not needed by this one."),
]
AnySite = Annotated[
    Path | None,
    typer.Option("--site", hidden=True, help="Accepted by every command; not needed by this one."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def os_user() -> str:
    """Give the name of the operating system's user, or its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@contextmanager
def opened(url: str, site_dir: Path | None, *, create: bool = False) -> Iterator[Any]:
    """Open a site for one command.

    `create`: for a command that writes; a SQLite file that does not exist yet is made first, and
    what the command wrote is sealed at its end.
    """
    from qtcore.services.definitions import publish_registry
    from qtcore.services.jobs import settle
    from qtcore.services.site import open_site, require_own_pack
    from qtcore.services.witnessing import tell_witnesses

    _require_site(site_dir)
    site = open_site(url, site_dir=site_dir, create=create, writable=create)
    try:
        if create:
            require_own_pack(site, site_dir)
        _warn_of_broken_packs(site)
        if create:
            tell_witnesses(site)
            _warn_of_fence(site)
        if create and not site.store.fence:
            publish_registry(site, site.system_context())
        yield site
        if create and not site.store.fence:
            settle(site)
            tell_witnesses(site)
    finally:
        site.close()


def _warn_of_fence(site: Any) -> None:
    if site.store.fence:
        print(f"QT620: {site.store.fence}", file=sys.stderr)


def _require_site(site_dir: Path | None) -> None:
    """Refuse a path without a site: what follows would be done by other definitions than meant."""
    from qtcore.definitions.read import HEAD_FILE

    if site_dir is not None and not (site_dir / HEAD_FILE).is_file():
        raise InputRejected(
            f"there is no site at {site_dir}: it holds no {HEAD_FILE}; correct the path, or run "
            f"`qtcore init {site_dir}` to make one",
            code="QT120",
        )


def _warn_of_broken_packs(site: Any) -> None:
    """Name broken packs, and files on disk that wait for a publication with their problems."""
    from qtcore.services.pending import pending_files, pending_problems

    pending = pending_files(site)
    for problem in (*site.warnings, *(pending_problems(site) if pending else ())):
        if problem.severity == "error":
            print(f"{problem.file}: {problem.code} {problem.message}", file=sys.stderr)
    if pending:
        print(
            f"{len(pending)} file(s) on disk differ from configuration version {site.version}, "
            "which serves; see `qtcore config status`",
            file=sys.stderr,
        )


def context_of(site: Any, login: str) -> Context:
    """Make the context of a command: the named user, or the console of the OS user."""
    from qtcore.services.accounts import actor_by_login

    user = os_user()
    if login:
        actor = actor_by_login(site, login)
    else:
        actor = Actor(login=f"os:{user}", name=user, is_system=True)
    context: Context = replace(site.system_context(), actor=actor, os_user=user, device="console")
    return context


def read_password(*, from_stdin: bool, prompt: str = "Password") -> str:
    """Ask for a password without showing it, or read one line of standard input."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(prompt, hide_input=True))


def print_answer(
    answer: Mapping[str, Any], *, as_json: bool, text: Callable[[Mapping[str, Any]], str]
) -> None:
    """Print an answer as JSON, or as the text made of it."""
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, default=str))
    else:
        typer.echo(text(answer))


def error_json(error: QTCoreError) -> dict[str, Any]:
    """Show an error as the API shows it."""
    answer: dict[str, Any] = {"code": error.code, "detail": error.message}
    if isinstance(error, InputRejected):
        answer["faults"] = [f.as_json() for f in error.faults]
    if isinstance(error, Refused):
        answer["refusals"] = [r.as_json() for r in error.refusals]
    if isinstance(error, Ambiguous):
        answer["candidates"] = list(error.candidates)
    return answer


def _error_text(error: QTCoreError) -> str:
    lines = [f"{error.code}: {error.message}"]
    if isinstance(error, InputRejected):
        report = getattr(error, "report", "")
        lines += (
            [report] if report else [f"  {f.where}: {f.code} {f.message}" for f in error.faults]
        )
    if isinstance(error, Refused) and not isinstance(error, Denied):
        lines += [f"  {r.code} ({r.asked_by}) {r.message}. {r.fix}" for r in error.refusals]
    if isinstance(error, Ambiguous):
        lines += [f"  {dict(candidate)}" for candidate in error.candidates]
    return "\n".join(lines)


def fail(error: QTCoreError, *, as_json: bool) -> NoReturn:
    """Print an error and leave with code 1."""
    if as_json:
        typer.echo(json.dumps(error_json(error), ensure_ascii=False, indent=2, default=str))
    else:
        print(_error_text(error), file=sys.stderr)
    raise typer.Exit(1)


@contextmanager
def answering(*, as_json: bool) -> Iterator[None]:
    """Turn the errors of QTCore into a printed answer and exit code 1."""
    try:
        yield
    except QTCoreError as error:
        fail(error, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Console:
    """What every command is told: where the data is, on whose behalf, and how to answer."""

    db: str
    site_dir: Path | None
    as_user: str
    as_json: bool

    def site(self, *, create: bool = False) -> AbstractContextManager[Any]:
        """Open the site for this command; `create` for one that writes."""
        return opened(self.db, self.site_dir, create=create)

    def context(self, site: Any) -> Context:
        """Make the context of this command: the named user, or the console of the OS user."""
        return context_of(site, self.as_user)

    def answer(
        self, answer: Mapping[str, Any], *, text: Callable[[Mapping[str, Any]], str]
    ) -> None:
        """Print an answer as JSON, or as the text made of it."""
        print_answer(answer, as_json=self.as_json, text=text)

    def answer_list(
        self, items: Sequence[Any], *, line: Callable[[Any], str], none: str, name: str = "items"
    ) -> None:
        """Print a list as JSON under its name, or a line for each; `none` says that it is empty."""
        self.answer({name: items}, text=lambda a: "\n".join(map(line, a[name])) or none)


def console(
    *, db: bool = True, site: bool = True, acts: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that all share, as its first argument, a `Console`.

    Without `db` or `site` they are accepted and not shown; without `acts` nobody is named. An
    option that the command declares itself is its own. Errors of QTCore become a printed answer
    and exit code 1.
    """
    shared = {
        "db": (Db if db else AnyDb, DEFAULT_DB if db else ""),
        "site_dir": (SiteDir if site else AnySite, None),
        **({"as_user": (AsUser, "")} if acts else {}),
        "as_json": (AsJson, False),
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command)
        _, *rest = own.parameters.values()
        added = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, (kind, default) in shared.items()
            if name not in own.parameters
        ]

        @wraps(command)
        def run(**given: Any) -> None:
            told = {each.name: given.pop(each.name) for each in added}
            here = Console(**{"db": "", "as_user": "", **told})
            with answering(as_json=here.as_json):
                command(here, **given)

        parameters = [*rest, *added]
        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


_SMALL = 16 * 1024 * 1024


def read_files(files: list[Path]) -> list[tuple[str, bytes]]:
    """Read files whole, by their names; one that cannot be read or changes meanwhile is named."""
    return [(path.name, _steady_bytes(path)) for path in files]


def steady_content(path: Path, folder: Path) -> bytes | Path:
    """Give a file as it is at one moment: a small one as bytes, a large one as a copy in `folder`.

    Raises InputRejected when it cannot be read, or changes while it is read.
    """
    try:
        if path.stat().st_size <= _SMALL:
            return _steady_bytes(path)
        before = _mark(path)
        copy = folder / f"{len(list(folder.iterdir()))}"
        shutil.copyfile(path, copy)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if _mark(path) != before or copy.stat().st_size != before[0]:
        raise _changed(path)
    return copy


def _steady_bytes(path: Path) -> bytes:
    try:
        before = _mark(path)
        data = path.read_bytes()
        after = _mark(path)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if before != after or (path.is_file() and len(data) != before[0]):
        raise _changed(path)
    return data


def _mark(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _unreadable(path: Path, exc: OSError) -> InputRejected:
    text = f"{path}: {exc.strerror}; give the path of a file you can read"
    return InputRejected(text, code="QT700")


def _changed(path: Path) -> InputRejected:
    text = f"{path} changed while it was read; wait until it is whole, then load it again"
    return InputRejected(text, code="QT700")


@contextmanager
def shown_progress(what: str = "rows") -> Iterator[Callable[[int, int], None]]:
    """Show n of N, the rate and the time left on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _read, _total: None
        return
    started = time.monotonic()

    def show(read: int, total: int) -> None:
        rate = read / max(time.monotonic() - started, 0.001)
        left = f", {max(total - read, 0) / rate:.0f} s left" if total and rate else ""
        of = f" of {total}" if total else ""
        sys.stderr.write(f"\r\x1b[K{read}{of} {what}, {rate:.0f} a second{left}")
        sys.stderr.flush()

    yield show
    sys.stderr.write("\r\x1b[K")
