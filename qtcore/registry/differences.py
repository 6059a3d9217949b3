"""What differs between two registries, in the words of the trade: states, fields, rules, texts.

It must not know files or databases; a text of a file that changed without effect is no difference.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qtcore.definitions.packs import KINDS
from qtcore.registry.registry import Registry, definition_body

_ABSENT = object()
_AREAS: Mapping[tuple[str, str], str] = {
    ("workflows", "states"): "state",
    ("workflows", "transitions"): "transition",
    ("workflows", "timers"): "timer",
    ("workflows", "verify"): "property",
    ("fields", "properties"): "field",
}
_SHOWN = 300

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    `area` is state, transition, timer, property, field, text, pack, python, template, or the kind
    of the definition in the singular; `path` leads to it inside the definition; `before` and
    `after` are plain values, None where there is none.
    """

    change: str
    area: str
    kind: str
    name: str
    path: Path = ()
    before: Any = None
    after: Any = None

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API, with the sentence in both languages."""
        return {
            "change": self.change,
            "area": self.area,
            "kind": self.kind,
            "id": self.name,
            "path": ".".join(self.path),
            "before": self.before,
            "after": self.after,
            "words": {language: self.words(language) for language in WORDS},
        }

    def words(self, language: str) -> str:
        """Say it in one sentence."""
        known = WORDS.get(language, WORDS["en"])
        colon = known[":"]
        what = f"{known.get(self.kind, self.kind)} {self.name}".strip()
        parts = [known.get(step, step) for step in self.path]
        where = f"{colon}{' '.join(parts)}" if parts else ""
        if self.change != "changed":
            return f"{what}{where} {known[self.change]}"
        was, now = _shown(self.before), _shown(self.after)
        return f"{what}{where} " + known["changed"].format(was=was, now=now)


def find_differences(before: Registry, after: Registry) -> tuple[Difference, ...]:
    """List what differs, by kind and name; equal registries give nothing."""
    return (
        *_packs(before, after),
        *(d for kind in KINDS for d in _definitions(kind, before, after)),
        *_texts(before, after),
    )


def _packs(before: Registry, after: Registry) -> Iterator[Difference]:
    old = {pack.name: pack for pack in before.texts}
    new = {pack.name: pack for pack in after.texts}
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            change = "added" if name in new else "removed"
            yield Difference(change, "pack", "pack", name)
            continue
        was, now = old[name], new[name]
        for part in ("version", "failed"):
            a, b = getattr(was, part), getattr(now, part)
            if a != b:
                yield Difference("changed", "pack", "pack", name, (part,), a, b)
        if was.code != now.code:
            yield Difference("changed", "python", "pack", name, ("python",), was.code, now.code)
        yield from _templates(name, was.files, now.files)


def _templates(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for file in sorted(old.keys() | new.keys()):
        if file.endswith(".yaml") or old.get(file) == new.get(file):
            continue
        change = "added" if file not in old else "removed" if file not in new else "changed"
        yield Difference(change, "template", "pack", name, (file,), old.get(file), new.get(file))


def _definitions(kind: str, before: Registry, after: Registry) -> Iterator[Difference]:
    old = {each.id: each for each in before.list(kind)}
    new = {each.id: each for each in after.list(kind)}
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name), new.get(name)
        if one is other:  # of a file that did not change
            continue
        bodies = [definition_body(each) if each is not None else _ABSENT for each in (one, other)]
        for change, path, was, now in _walk(bodies[0], bodies[1], ()):
            area = _AREAS.get((kind, path[0] if path else ""), kind.removesuffix("s"))
            yield Difference(change, area, kind, name, path, was, now)


def _texts(before: Registry, after: Registry) -> Iterator[Difference]:
    old, new = _all_texts(before), _all_texts(after)
    for language in sorted(old.keys() | new.keys()):
        was, now = old.get(language, {}), new.get(language, {})
        for key in sorted(was.keys() | now.keys()):
            if was.get(key) == now.get(key):
                continue
            change = "added" if key not in was else "removed" if key not in now else "changed"
            found = (was.get(key), now.get(key))
            yield Difference(change, "text", "text", f"{key} ({language})", (), *found)


def _all_texts(registry: Registry) -> Mapping[str, Mapping[str, str]]:
    return {
        language: {key: text.value for key, text in texts.items()}
        for language, texts in registry._merged.texts.items()
    }


def _walk(old: Any, new: Any, path: Path) -> Iterator[tuple[str, Path, Any, Any]]:
    if old is _ABSENT:
        yield "added", path, None, new
    elif new is _ABSENT:
        yield "removed", path, old, None
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _pairs(old, new, path)
    elif _is_named(old) and _is_named(new):
        named = _by_id(old), _by_id(new)
        if list(named[0]) != list(named[1]) and sorted(named[0]) == sorted(named[1]):
            # The first of several transitions that fits is taken, and pages list in this order.
            yield "changed", (*path, "order"), list(named[0]), list(named[1])
        yield from _pairs(*named, path)
    elif old != new:
        yield "changed", path, old, new


def _pairs(
    old: Mapping[str, Any], new: Mapping[str, Any], path: Path
) -> Iterator[tuple[str, Path, Any, Any]]:
    for key in sorted(old.keys() | new.keys()):
        if key != "id":
            yield from _walk(old.get(key, _ABSENT), new.get(key, _ABSENT), (*path, key))


def _is_named(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(each, Mapping) and "id" in each for each in value)
    )


def _by_id(entries: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    seen: Counter[str] = Counter()
    found = {}
    for entry in entries:
        name = str(entry["id"])
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name}#{seen[name]}"] = entry
    return found


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        text = ", ".join(_shown(each) for each in value)
    elif isinstance(value, Mapping):
        text = ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
    else:
        text = str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


_PARTS = {
    "workflows": ("Workflow", "流程"),
    "rules": ("Rule", "规则"),
    "facts": ("Fact", "事实"),
    "forms": ("Form", "表单"),
    "fields": ("Fields", "字段集"),
    "events": ("Event type", "事件类型"),
    "records": ("Record type", "记录类型"),
    "specs": ("Specification", "质量标准"),
    "recalls": ("Recall plan", "召回预案"),
    "profiles": ("Event profile", "事件规范"),
    "policies": ("Signing policy", "签名政策"),
    "documents": ("Document", "文件"),
    "exports": ("Workbook", "导出工作簿"),
    "roles": ("Role", "角色"),
    "limits": ("Limit", "限制"),
    "veils": ("Veil", "字段遮蔽"),
    "units": ("Unit", "计量单位"),
    "text": ("Text", "文本"),
    "pack": ("Pack", "包"),
    "states": ("state", "状态"),
    "transitions": ("transition", "流转"),
    "timers": ("timer", "时限"),
    "verify": ("property", "性质"),
    "properties": ("field", "字段"),
    "from": ("from", "起始状态"),
    "to": ("to", "目标状态"),
    "guard": ("guard", "条件"),
    "gate": ("gate", "关口"),
    "form": ("form", "表单"),
    "reason": ("reason", "理由"),
    "signature": ("signature", "签名"),
    "not_same_as": ("other person than", "不得同人"),
    "effects": ("effects", "后果"),
    "initial": ("first state", "初始状态"),
    "final": ("final", "终态"),
    "may": ("abilities", "允许"),
    "status": ("status", "状态类别"),
    "check": ("check", "判定式"),
    "when": ("applies when", "适用条件"),
    "severity": ("severity", "级别"),
    "valid_from": ("valid from", "生效日"),
    "valid_to": ("valid to", "失效日"),
    "source": ("legal source", "依据"),
    "industries": ("industries", "行业"),
    "required": ("required", "必填"),
    "layout": ("layout", "版式"),
    "order": ("order", "次序"),
    "version": ("version", "版本"),
    "python": ("Python code", "Python 代码"),
    "failed": ("fault", "故障"),
    "added": ("added", "新增"),
    "removed": ("removed", "删除"),
    "changed": ("changed from “{was}” to “{now}”", "由“{was}”改为“{now}”"),
    ":": (": ", "："),
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {key: words[0] for key, words in _PARTS.items()},
    "zh-CN": {key: words[1] for key, words in _PARTS.items()},
}
"""The words of differences by language; what has none is shown as it is written in the file."""
