"""One strict dialect of YAML: a value, the place of every node beside it, and all problems.

It must not know any kind of definition. Text stays text: only ``true``, ``false``, ``null``, plain
integers and plain decimals are typed. Nothing is expanded: anchors, aliases, merge keys and tags
are refused while events are read, so that a small file can never become a large value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml import events as ev

from qtcore.definitions import plain_yaml
from qtcore.definitions.encoding import clean_text
from qtcore.definitions.places import BLANKS, Position, follow
from qtcore.definitions.plain_yaml import MAX_DEPTH, MAX_NODES, Irregular, read_plain, typed
from qtcore.definitions.problems import PROBLEMS_PER_FILE, Problem

MAX_BYTES = 256 * 1024
_MAX_RESUMES = 20

Path = tuple[str | int, ...]

_TOP_KEY = re.compile(r"[A-Za-z_][\w.-]*:(?:\s|$)")
_SYNTAX_WORDS = (
    (
        "mapping values are not allowed",
        "a ':' is not accepted here; put a text that holds ': ' "
        "in quotes, or check the indentation",
    ),
    ("could not find expected ':'", "a key without ':'; write 'key: value' or quote the text"),
    ("did not find expected '-'", "a list item that starts with '- ' is expected here"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("did not find expected key", "the indentation does not fit the lines above"),
    ("',' or ']'", "a ',' or the closing ']' of the list is missing"),
    ("',' or '}'", "a ',' or the closing '}' is missing"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("expected <document start>", "nothing may follow here; remove the line '...' or '%...' above"),
    ("unknown escape", "an unknown \\ escape in double quotes; use single quotes for patterns"),
    ("cannot start any token", "a text must not start with this sign; put it in quotes"),
    (
        "block sequence entries are not allowed",
        "a list item is not accepted here; start it on a line of its own",
    ),
)


Places = tuple[Mapping[Path, Position], Mapping[Path, Position]]


class Positions:
    """The places of all values and keys of one document, by path from the root.

    In a text without mistakes nobody asks for them, so they are found when the first one is.
    """

    __slots__ = ("_found", "_text")

    def __init__(self, text: str = "", found: Places | None = None) -> None:
        self._text = text
        self._found = found

    def closest(self, path: Path, *, key: bool = False) -> Position:
        """Find the place of `path`, or of its nearest ancestor that exists in the text.

        With `key` the place of the key itself is preferred to that of its value.
        """
        values, keys = self._places()
        first, second = (keys, values) if key else (values, keys)
        for end in range(len(path), -1, -1):
            found = first.get(path[:end]) or second.get(path[:end])
            if found is not None:
                return found
        return Position(1, 1)

    def inside(self, path: Path, value: str, offset: int) -> Position:
        """Find the place of one sign of a text (from 0), however the text is written down.

        Folding, quoting and indentation leave the signs that are no blanks in their order. Where an
        escape is written instead of a sign, the place of the whole text is given.
        """
        at = self.closest(path)
        found = follow(self._text.split("\n"), at, value[: offset + 1])
        if found is None:
            return at
        is_sign = value[offset : offset + 1] not in BLANKS
        return found if is_sign else found._replace(column=found.column + 1)

    def _places(self) -> Places:
        if self._found is None:
            builder = _Builder("", [])
            _read_parts(self._text, builder)
            self._found = (builder.values, builder.keys)
        return self._found


@dataclass(frozen=True, slots=True)
class Document:
    """What one text says. After a syntax error `value` holds what could be read around it.

    `torn` lists the paths whose content is incomplete because of a syntax error or a limit.
    """

    value: Any
    positions: Positions
    problems: tuple[Problem, ...]
    text: str
    torn: tuple[Path, ...] = ()


def read_yaml(text: str | bytes, file: str) -> Document:
    """Read one document; mistakes are in `problems`, nothing is raised for them."""
    problems: list[Problem] = []
    if len(text) > MAX_BYTES:
        return Document(None, Positions(), (_too_large(len(text), file),), "", ((),))
    clean = clean_text(text, file, problems)
    try:
        value = read_plain(clean)
    except Irregular:
        return _read_with_care(clean, file, problems)
    return Document(value, Positions(clean), tuple(problems[:PROBLEMS_PER_FILE]), clean)


def _read_with_care(clean: str, file: str, problems: list[Problem]) -> Document:
    """Read a text that has mistakes: note each at its place, keep what could be read."""
    builder = _Builder(file, problems)
    _read_parts(clean, builder)
    return Document(
        builder.root,
        Positions(clean, (builder.values, builder.keys)),
        tuple(problems[:PROBLEMS_PER_FILE]),
        clean,
        tuple(builder.torn),
    )


def _too_large(size: int, file: str) -> Problem:
    return Problem(
        "QT106",
        f"the file has {size} bytes; at most {MAX_BYTES} are accepted: split it into several files",
        file,
    )


def _read_parts(text: str, builder: "_Builder") -> None:
    """Read the text; after a syntax error go on at the next key in the first column."""
    start_line, rest = 0, text
    for _ in range(_MAX_RESUMES):
        stopped_at = _read_events(rest, start_line, builder)
        if stopped_at is None:
            return
        lines = rest.splitlines(keepends=True)
        skipped = next(
            (n for n in range(stopped_at - start_line, len(lines)) if _TOP_KEY.match(lines[n])),
            None,
        )
        if not skipped:
            return
        start_line, rest = start_line + skipped, "".join(lines[skipped:])


def _read_events(text: str, first_line: int, builder: "_Builder") -> int | None:
    """Feed one parse into the builder; give the line where it broke (from 0), or None."""
    loader = plain_yaml.LOADER(text)
    builder.begin(first_line)
    try:
        while builder.is_reading and (event := loader.get_event()) is not None:
            builder.take(event)
    except yaml.MarkedYAMLError as exc:
        return builder.break_off(exc, text)
    except (yaml.YAMLError, UnicodeError) as exc:
        builder.refuse("QT101", f"the text cannot be read as YAML: {exc}", Position(1, 1))
        builder.tear()
    finally:
        loader.dispose()
    return None


class _Frame:
    """One open mapping or list."""

    __slots__ = ("container", "is_list", "key", "path")

    def __init__(self, container: Any, path: Path, *, is_list: bool) -> None:
        self.container = container
        self.path = path
        self.is_list = is_list
        self.key: str | None = None


class _Builder:
    """Builds value and positions from parser events, refusing what the dialect does not know."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        self.values: dict[Path, Position] = {}
        self.keys: dict[Path, Position] = {}
        self.root: Any = None
        self.torn: list[Path] = []
        self.is_reading = True
        self._stack: list[_Frame] = []
        self._nodes = 0
        self._documents = 0
        self._first_line = 0
        self._is_resumed = False

    def begin(self, first_line: int) -> None:
        """Start a parse whose first line is `first_line` of the whole text."""
        self._is_resumed = first_line > 0
        self._first_line = first_line
        self._stack = []
        self._documents = 0

    def refuse(self, code: str, message: str, at: Position) -> None:
        """Note a problem; the hundredth ends the reading."""
        self.problems.append(
            Problem(code, message, self.file, at.line, at.column, length=at.length)
        )
        if len(self.problems) >= PROBLEMS_PER_FILE:
            self.tear()

    def tear(self) -> None:
        """Stop reading; whatever is open is incomplete."""
        self.is_reading = False
        self.torn.append(self._open_path())

    def break_off(self, exc: yaml.MarkedYAMLError, text: str) -> int:
        """Note a syntax error and say in which line (from 0) it was met."""
        said = f"{exc.context or ''} {exc.problem or ''}".strip()
        words = next((words for sign, words in _SYNTAX_WORDS if sign in said), said)
        met = exc.problem_mark or exc.context_mark
        line, column = (met.line, met.column) if met else (0, 0)
        is_at_end = line >= len(text.splitlines())
        if exc.context_mark and (is_at_end or "unexpected end of stream" in said):
            shown = (exc.context_mark.line, exc.context_mark.column)
        else:
            shown = (line, column)
            lines = text.splitlines()
            if line < len(lines) and lines[line][column : column + 1] == "\t":
                words = "a tab is used here; indent with spaces"
        self.torn.append(self._open_path())
        self.refuse("QT101", words, Position(shown[0] + self._first_line + 1, shown[1] + 1))
        return max(line, 1) + self._first_line

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        kind = type(event)
        if kind is ev.ScalarEvent:
            self._take_scalar(event)
        elif kind is ev.MappingStartEvent or kind is ev.SequenceStartEvent:
            self._open(event)
        elif kind is ev.MappingEndEvent or kind is ev.SequenceEndEvent:
            self._close()
        elif kind is ev.AliasEvent:
            self._take_alias(event)
        elif kind is ev.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                self.refuse(
                    "QT101",
                    "a second document starts here; a file holds one: remove the '---' line",
                    self._at(event),
                )
                self.is_reading = False

    def _at(self, event: Any) -> Position:
        start: Any = event.start_mark
        line, column, length = start.line, start.column, 1
        if type(event) is ev.ScalarEvent:
            end: Any = event.end_mark
            if end.line == line and end.column > column:
                length = end.column - column
        return Position(line + self._first_line + 1, column + 1, length)

    def _open_path(self) -> Path:
        if not self._stack:
            return ()
        top = self._stack[-1]
        if top.is_list:
            return (*top.path, len(top.container))
        return top.path if top.key is None else (*top.path, top.key)

    def _counts(self, event: Any) -> bool:
        """Count a node against the limits and refuse what a node may not carry."""
        self._nodes += 1
        if event.anchor is None and event.tag is None and self._nodes <= MAX_NODES:
            return True
        if self._nodes > MAX_NODES:
            self.refuse(
                "QT106",
                f"more than {MAX_NODES} values in one file; split the file",
                self._at(event),
            )
            self.tear()
            return False
        if event.anchor is not None:
            self.refuse(
                "QT103",
                f"the anchor '&{event.anchor}' is not accepted; write the value "
                "out where it is used",
                self._at(event),
            )
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.refuse(
                "QT105", f"the tag {tag!r} is not accepted; values carry no tags", self._at(event)
            )
        return True

    def _take_alias(self, event: Any) -> None:
        self.refuse(
            "QT103",
            f"the alias '*{event.anchor}' is not accepted; write the value out",
            self._at(event),
        )
        if self._awaits_key():
            self._set_key("*" + event.anchor, self._at(event))
        else:
            self._place_value(None, self._at(event))

    def _awaits_key(self) -> bool:
        return bool(self._stack) and not self._stack[-1].is_list and self._stack[-1].key is None

    def _take_scalar(self, event: Any) -> None:
        if not self._counts(event):
            return
        at, text, is_plain = self._at(event), event.value, event.implicit[0]
        frame = self._stack[-1] if self._stack else None
        if frame is not None and not frame.is_list and frame.key is None:
            self._set_key(text, at, is_plain=is_plain)
            return
        self._place_value(typed(text) if is_plain else text, at)

    def _set_key(self, key: str, at: Position, *, is_plain: bool = False) -> None:
        frame = self._stack[-1]
        frame.key = key
        path = (*frame.path, key)
        if key == "<<" and is_plain:
            self.refuse("QT104", "the merge key '<<' is not accepted; write the keys out", at)
        elif not key:
            self.refuse("QT101", "an empty key; write 'key: value'", at)
        if key in frame.container:
            first = self.keys[path].line if path in self.keys else at.line
            self.refuse(
                "QT102", f"the key {key!r} is given twice, first in line {first}; keep one", at
            )
        else:
            self.keys[path] = at

    def _open(self, event: Any) -> None:
        if not self._counts(event):
            return
        at = self._at(event)
        if len(self._stack) >= MAX_DEPTH:
            self.refuse("QT106", f"nested deeper than {MAX_DEPTH} levels; make it flatter", at)
            self.tear()
            return
        is_list = isinstance(event, ev.SequenceStartEvent)
        if self._awaits_key():
            self.refuse("QT101", "a key must be one text, not a list or mapping", at)
            self._stack[-1].key = ""
        path = self._open_path()
        if not self._stack and self._is_resumed and isinstance(self.root, dict) and not is_list:
            self._stack.append(_Frame(self.root, path, is_list=False))
            return
        container: Any = [] if is_list else {}
        self._place_value(container, at, is_open=True)
        self._stack.append(_Frame(container, path, is_list=is_list))

    def _close(self) -> None:
        self._stack.pop()
        if self._stack:
            self._stack[-1].key = None

    def _place_value(self, value: Any, at: Position, *, is_open: bool = False) -> None:
        if not self._stack:
            self.values.setdefault((), at)
            self.root = value
            return
        frame = self._stack[-1]
        if frame.is_list:
            self.values.setdefault((*frame.path, len(frame.container)), at)
            frame.container.append(value)
            return
        if frame.key is not None:
            self.values.setdefault((*frame.path, frame.key), at)
            frame.container.setdefault(frame.key, value)
        if not is_open:
            frame.key = None
