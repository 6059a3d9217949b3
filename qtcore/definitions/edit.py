"""One change of a definition text that leaves every other sign of it alone.

The new value is put into the text at the place of the old one, so comments, order, quotes and line
ends of everything else stay as they were. The outcome is read again and compared: a change that
would alter anything else is not made. It must not know kinds of definition.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import yaml

from qtcore.definitions.problems import suggest
from qtcore.definitions.source import Path, read_yaml
from qtcore.errors import Fault, InputRejected

Operation = Literal["set", "add", "remove"]
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^\[\]]*)\]")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_\u3400-\u9fff][^\n\r\t#:,\[\]{}&*!|>'\"%@`]*")
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Edit:
    """What is done at a path: `set` a value (a new key, too), `add` to a list, or `remove`."""

    path: str
    operation: Operation = "set"
    value: Any = None


def edit_text(text: str, edit: Edit, *, file: str = "") -> str:
    """Give the text with one edit; InputRejected says what the path does not lead to.

    A path is written as `qtcore check --show-merged` shows it, with the kind and the id in front:
    ``workflows[lot].transitions[release].roles``; a number in brackets counts entries from 0.
    """
    before = read_yaml(text, file)
    if any(problem.severity == "error" for problem in before.problems):
        first = before.problems[0]
        raise _refused(f"the text has mistakes of its own; mend them first: {first}", edit)
    value = _plain_value(edit.value)
    path = find_path(before.value, edit)
    wanted = _changed(before.value, path, edit.operation, value)
    for candidate in _candidates(text, path, edit.operation, value):
        after = read_yaml(candidate, file)
        has_errors = any(problem.severity == "error" for problem in after.problems)
        if not has_errors and _is_same(after.value, wanted):
            return candidate
    raise _refused("this place cannot be edited without touching others; edit the text", edit)


def find_path(value: Any, edit: Edit) -> Path:
    """Turn the written path into steps; the last may be new when a key is set."""
    steps: list[str | int] = []
    here = value
    written = list(_written_steps(edit))
    for number, (step, is_entry) in enumerate(written):
        is_last = number == len(written) - 1
        if is_entry or isinstance(here, list):
            place = _find_entry(here, step)
            if place is None:
                raise _lost(here, step, edit)
            steps.append(place)
            here = here[place]
        elif isinstance(here, Mapping):
            if step not in here and not (is_last and edit.operation == "set"):
                raise _lost(here, step, edit)
            steps.append(step)
            here = here.get(step)
        else:
            raise _lost(here, step, edit)
    if edit.operation == "add" and not isinstance(here, list):
        raise _refused(f"{edit.path!r} is no list; 'add' is for lists, 'set' for all else", edit)
    return tuple(steps)


def _written_steps(edit: Edit) -> Iterator[tuple[str, bool]]:
    at = 0
    while at < len(edit.path):
        found = _STEP.match(edit.path, at + (edit.path[at] == "."))
        if found is None or found.end() == at:
            raise _refused(
                f"the path {edit.path!r} cannot be read at sign {at + 1}; "
                "write it like rules[CORE-01].severity",
                edit,
            )
        yield (found[1], False) if found[1] is not None else (found[2], True)
        at = found.end()
    if not edit.path:
        raise _refused("the path is empty; write it like rules[CORE-01].severity", edit)


def _find_entry(here: Any, step: str) -> int | None:
    if not isinstance(here, list):
        return None
    for number, entry in enumerate(here):
        if isinstance(entry, Mapping) and entry.get("id") == step:
            return number
    return int(step) if step.isascii() and step.isdigit() and int(step) < len(here) else None


def _lost(here: Any, step: str, edit: Edit) -> InputRejected:
    known: list[str] = []
    if isinstance(here, Mapping):
        known = [*here]
    elif isinstance(here, list):
        known = [
            str(e.get("id", n)) if isinstance(e, Mapping) else str(n) for n, e in enumerate(here)
        ]
    hint = suggest(step, known)
    said = f" (did you mean {hint!r}?)" if hint else ""
    listed = ", ".join(known[:12]) or "nothing below it"
    return _refused(f"the path {edit.path!r} has no {step!r}; there is: {listed}{said}", edit)


def _refused(message: str, edit: Edit) -> InputRejected:
    return InputRejected(message, [Fault("QT128", message, edit.path or "path")])


def _plain_value(value: Any) -> Any:
    """Turn what came as JSON into what the dialect holds; floats have no digits of their own."""
    if isinstance(value, Mapping):
        return {str(key): _plain_value(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_value(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return Decimal(repr(value))
    return value


def _changed(value: Any, path: Path, operation: Operation, new: Any) -> Any:
    """Give the value as it should read after the edit; the old one is not touched."""
    if not path:
        return [*value, new] if operation == "add" else new
    step, rest = path[0], path[1:]
    copy: Any = list(value) if isinstance(value, list) else dict(value or {})
    if rest or operation == "add":
        copy[step] = _changed(copy[step], rest, operation, new)
    elif operation == "remove":
        del copy[step]
    else:
        copy[step] = new
    return copy


def _is_same(left: Any, right: Any) -> bool:
    """Compare including types and digits: 1.0 is not 1.00, and true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = list(left) == list(right) or set(left) == set(right)
        return keys and all(_is_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_same, left, right))
    return type(left) is type(right) and str(left) == str(right)


# ------------------------------------------------------------------ finding and writing


def _candidates(text: str, path: Path, operation: Operation, value: Any) -> Iterator[str]:
    """Give texts with the edit, the one that looks most like its surroundings first."""
    mark = 1 if text.startswith("\ufeff") else 0
    root = yaml.compose(text[mark:], Loader=_LOADER)
    shifted = _Text(text, mark)
    if operation == "remove":
        yield from shifted.without(root, path)
    elif operation == "add":
        yield from shifted.with_entry(_node(root, path), value)
    else:
        parent, held = _node(root, path[:-1]), _find_node(root, path)
        if held is None:
            yield from shifted.with_key(parent, str(path[-1]), value)
        else:
            yield from shifted.with_value(_key_node(parent, path[-1]), held, value)


def _find_node(root: Any, path: Path) -> Any:
    here = root
    for step in path:
        if isinstance(step, int):
            here = here.value[step]
            continue
        here = next((v for k, v in here.value if k.value == step), None)
        if here is None:
            return None
    return here


def _node(root: Any, path: Path) -> Any:
    found = _find_node(root, path)
    if found is None:
        raise KeyError(path)
    return found


def _key_node(parent: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return None
    return next((k for k, _ in parent.value if k.value == step), None)


def _last_end(node: Any) -> int:
    """Give where the last written sign of a node ends; block collections end somewhere below."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style:
        return int(node.end_mark.index)
    parts = [p for part in node.value for p in (part if isinstance(part, tuple) else (part,))]
    return _last_end(parts[-1]) if parts else int(node.start_mark.index)


class _Text:
    """A text whose nodes were found behind a byte order mark of `shift` signs."""

    def __init__(self, text: str, shift: int) -> None:
        self.text = text
        self.shift = shift
        self.newline = "\r\n" if "\r\n" in text else "\n"

    def _start(self, node: Any) -> int:
        return int(node.start_mark.index) + self.shift

    def _end(self, node: Any) -> int:
        end = _last_end(node) + self.shift
        start = self._start(node)
        return start + len(self.text[start:end].rstrip()) if end > start else end

    def _splice(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new + self.text[end:]

    def with_value(self, key: Any, node: Any, value: Any) -> Iterator[str]:
        """Replace a value in its place; a block below its key moves up behind the key."""
        start, end = self._start(node), self._end(node)
        is_block = not isinstance(node, yaml.ScalarNode) and not node.flow_style
        quote = node.style if isinstance(node, yaml.ScalarNode) and node.style in ("'", '"') else ""
        for written in _writings(value, prefer=quote):
            if is_block and key is not None:
                colon = self.text.index(":", self._end(key)) + 1
                yield self._splice(colon, end, f" {written}")
            elif start == end:  # nothing was written: the value is null
                colon = self.text.index(":", self._end(key)) + 1 if key is not None else start
                yield self._splice(colon, colon, f" {written}")
            else:
                yield self._splice(start, end, written)

    def with_key(self, parent: Any, key: str, value: Any) -> Iterator[str]:
        """Put a new key behind the last one of a mapping, in the style of the mapping."""
        shown = next(_writings(key))
        for written in _writings(value):
            if parent.flow_style:
                at = self._end(parent) - 1
                inner = self.text[self._start(parent) + 1 : at].rstrip()
                comma = ", " if parent.value and not inner.endswith(",") else ""
                at = self._start(parent) + 1 + len(inner)
                yield self._splice(at, at, f"{comma}{shown}: {written}")
            else:
                indent = " " * parent.value[0][0].start_mark.column
                at = self._line_end(self._end(parent))
                yield self._splice(at, at, f"{self.newline}{indent}{shown}: {written}")

    def with_entry(self, node: Any, value: Any) -> Iterator[str]:
        """Append an entry to a list, in the style of the list."""
        for written in _writings(value):
            if node.flow_style:
                inner = self.text[self._start(node) + 1 : self._end(node) - 1].rstrip()
                comma = ", " if node.value and not inner.endswith(",") else ""
                at = self._start(node) + 1 + len(inner)
                yield self._splice(at, at, f"{comma}{written}")
            else:
                at = self._line_end(self._end(node))
                indent = " " * node.start_mark.column
                yield self._splice(at, at, f"{self.newline}{indent}- {written}")

    def without(self, root: Any, path: Path) -> Iterator[str]:
        """Take an entry or a key out, with the line or the comma that belongs to it."""
        parent, step = _node(root, path[:-1]), path[-1]
        nodes = [p if isinstance(p, tuple) else (p, p) for p in parent.value]
        place = step if isinstance(step, int) else [k.value for k, _ in nodes].index(step)
        first, last = nodes[place]
        start, end = self._start(first), self._end(last)
        if parent.flow_style:
            if place + 1 < len(nodes):
                yield self._splice(start, self._start(nodes[place + 1][0]), "")
            elif place:
                yield self._splice(self._end(nodes[place - 1][1]), end, "")
            yield self._splice(start, end, "")
            return
        empty = "[]" if isinstance(step, int) else "{}"
        if len(nodes) == 1 and len(path) > 1:
            above = _key_node(_node(root, path[:-2]), path[-2])
            if above is not None:
                colon = self.text.index(":", self._end(above)) + 1
                yield self._splice(colon, end, f" {empty}")
        if isinstance(step, int):
            start = self.text.rindex("-", 0, start)
        begin = self.text.rfind("\n", 0, start) + 1
        if self.text[begin:start].strip():  # shares its line, like the first key behind a dash
            if place + 1 < len(nodes):
                yield self._splice(start, self._start(nodes[place + 1][0]), "")
            return
        stop = self._line_end(end)
        yield self._splice(begin, stop + len(self.newline) if stop < len(self.text) else stop, "")

    def _line_end(self, at: int) -> int:
        found = re.compile(r"\r?\n|\Z").search(self.text, at)
        return found.start() if found else len(self.text)


def _writings(value: Any, *, prefer: str = "") -> Iterator[str]:
    """Write a value in one line, in the ways the dialect knows, the plainest first."""
    if isinstance(value, Mapping):
        yield "{" + ", ".join(f"{next(_writings(k))}: {_inner(v)}" for k, v in value.items()) + "}"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield "[" + ", ".join(_inner(part) for part in value) + "]"
    elif value is None:
        yield "null"
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int | Decimal):
        yield format(value, "f") if isinstance(value, Decimal) else str(value)
    else:
        ways = [value] if _PLAIN.fullmatch(value) and not value.endswith(" ") else []
        if value.isprintable():
            ways.append("'" + value.replace("'", "''") + "'")
        ways.append(json.dumps(value, ensure_ascii=False))
        yield from sorted(ways, key=lambda way: not (prefer and way.startswith(prefer)))


def _inner(value: Any) -> str:
    """Write a part of a list or mapping so that it reads as what it is."""
    ways = list(_writings(value))
    fits = (way for way in ways if _is_same(read_yaml(f"v: [{way}]", "").value, {"v": [value]}))
    return next(fits, ways[-1])
