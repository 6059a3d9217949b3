"""The only caller of pluggy: one typed method per hook, each pack inside a fence of its own.

It must not know what a definition or a verdict means, nor where packs are installed.
"""

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import pluggy

from qtcore import hookspecs
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.read import HEAD_FILE, PackFolder
from qtcore.definitions.recalls import RecallDefinition, RecallNode
from qtcore.errors import Refusal
from qtcore.hookspecs import (
    PROJECT,
    Channel,
    EventFacts,
    ExchangeFormat,
    FactValue,
    GiveFact,
    LotFacts,
    RecallFacts,
    ShipmentFacts,
    TransitionFacts,
)
from qtcore.pack import FolderPack
from qtcore.registry.code import code_digest

MAX_RESULTS = 1_000
HOOKS: tuple[str, ...] = tuple(
    name for name, value in vars(hookspecs).items() if hasattr(value, f"{PROJECT}_spec")
)
_FORBIDDEN_OPTIONS = ("hookwrapper", "wrapper", "tryfirst", "trylast", "optionalhook", "specname")
_LOG = logging.getLogger("qtcore.hooks")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A pack that could not do what it was asked: which, in which hook, and what happened."""

    pack: str
    hook: str
    message: str
    file: str = ""

    def as_problem(self) -> Problem:
        """Say it as the problem that switches the pack off."""
        message = (
            f"pack {self.pack!r} failed in {self.hook}: {self.message}; it is switched off with "
            "all it brings until it is mended"
        )
        return Problem("QT122", message, self.file or f"{self.pack}/{HEAD_FILE}")

    def as_refusal(self) -> Refusal:
        """Say it as a reason not to act."""
        message = f"pack {self.pack!r} could not judge ({self.hook}): {self.message}"
        fix = "Mend or remove the pack; until then this is refused."
        return Refusal("QT901", message, asked_by=self.pack, fix=fix)


@dataclass(frozen=True, slots=True)
class Answers(Generic[_T]):
    """What the packs answered, in order of their names, and which of them failed."""

    values: tuple[tuple[str, _T], ...] = ()
    failures: tuple[Failure, ...] = ()


class Hooks:
    """The packs at work. `plugins` maps a pack's name to its module, object or `FolderPack`.

    A tuple stands for several objects that form one pack.

    A pack whose hooks do not fit (unknown name, wrong argument, a wrapper) is not registered at
    all and counts as switched off; every judgement about a lot of its industry is then refused.
    """

    def __init__(self, plugins: Mapping[str, object]) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._owners: dict[str, str] = {}
        self._off: Mapping[str, Failure] = {}
        self.digests: Mapping[str, str] = {n: code_digest(p) for n, p in plugins.items()}
        for name in sorted(plugins):
            self._register(name, plugins[name])
        self._manager.check_pending()
        self._givers = self._call("contribute_facts", _checked_givers, {})

    @property
    def off(self) -> tuple[Failure, ...]:
        """The packs that are switched off, by name, and why."""
        return tuple(self._off[name] for name in sorted(self._off))

    def without(self, failures: Iterable[Failure]) -> "Hooks":
        """Give the hooks with further packs switched off: no hook of theirs is called."""
        rest = copy(self)
        rest._off = {failure.pack: failure for failure in (*failures, *self.off)}
        values = tuple(
            (pack, facts) for pack, facts in self._givers.values if pack not in rest._off
        )
        rest._givers = replace(self._givers, values=values)
        return rest

    def contribute_definitions(self) -> Answers[PackFolder]:
        """Ask each pack for its definitions."""
        return self._call("contribute_definitions", _checked_folder, {})

    def contribute_formats(self) -> Answers[tuple[ExchangeFormat, ...]]:
        """Ask each pack for the file formats it understands."""
        return self._collect("contribute_formats", ExchangeFormat)

    def contribute_channels(self) -> Answers[tuple[Channel, ...]]:
        """Ask each pack for its ways to send notices."""
        return self._collect("contribute_channels", Channel)

    def contribute_recall_nodes(self, plan: RecallDefinition) -> Answers[tuple[RecallNode, ...]]:
        """Ask each pack for further nodes of a plan."""
        return self._collect("contribute_recall_nodes", RecallNode, plan=plan)

    def contribute_facts(self) -> Answers[Mapping[str, GiveFact]]:
        """Give what each pack answered when it was asked for its facts."""
        return self._givers

    def give_facts(self, lot: LotFacts) -> tuple[Mapping[str, FactValue], tuple[Failure, ...]]:
        """Call every pack's facts for a lot; what fails or is of no known type stays unknown."""
        values: dict[str, FactValue] = {}
        failures: list[Failure] = []
        for pack, givers in self._givers.values:
            for fact in sorted(givers):
                asked = _fenced(pack, fact, partial(givers[fact], lot), _checked_fact)
                if isinstance(asked, Failure):
                    failures.append(asked)
                    values[fact] = None
                else:
                    values[fact] = asked[0]
        return values, tuple(failures)

    def judge_receipt(self, lot: LotFacts, event: EventFacts) -> tuple[Refusal, ...]:
        """Collect the objections to taking a lot in."""
        return self._judge("judge_receipt", [lot], lot=lot, event=event)

    def judge_transition(self, transition: TransitionFacts) -> tuple[Refusal, ...]:
        """Collect the objections to a step of a life cycle."""
        lots = [transition.lot] if transition.lot else []
        return self._judge("judge_transition", lots, transition=transition)

    def judge_release(self, lot: LotFacts) -> tuple[Refusal, ...]:
        """Collect the objections to releasing a lot."""
        return self._judge("judge_release", [lot], lot=lot)

    def judge_shipment(self, shipment: ShipmentFacts) -> tuple[Refusal, ...]:
        """Collect the objections to shipping."""
        return self._judge("judge_shipment", shipment.lots, shipment=shipment)

    def judge_recall_closure(self, recall: RecallFacts) -> tuple[Refusal, ...]:
        """Collect the objections to closing a recall."""
        return self._judge("judge_recall_closure", (), recall=recall)

    def after_event(self, event: EventFacts) -> tuple[Failure, ...]:
        """Tell each pack of a stored event; give those that failed, to be tried again."""
        return self._call("after_event", _checked_nothing, {"event": event}).failures

    def after_transition(self, transition: TransitionFacts) -> tuple[Failure, ...]:
        """Tell each pack of a step that was made; give those that failed, to be tried again."""
        given = {"transition": transition}
        return self._call("after_transition", _checked_nothing, given).failures

    def judges_of(self, hook: str) -> tuple[str, ...]:
        """Name the packs that answer a hook."""
        return tuple(pack for pack, _ in self._implementations(hook))

    def _register(self, name: str, plugin: object) -> None:
        carriers = _carriers(name, plugin)
        faults = [fault for _, carrier in carriers for fault in _find_faults(carrier)]
        if not faults:
            try:
                for registered, carrier in carriers:
                    self._owners[registered] = name
                    self._manager.register(carrier, registered)
                return
            except (pluggy.PluginValidationError, ValueError) as exc:
                faults = [str(exc).strip().splitlines()[-1].strip()]
                for registered, _ in carriers:
                    if self._manager.has_plugin(registered):
                        self._manager.unregister(name=registered)
        labels = [part.content.label for _, part in carriers if isinstance(part, FolderPack)]
        file = labels[0] + HEAD_FILE if labels else ""
        failure = Failure(name, "its registration", "; ".join(faults), file)
        self._off = {**self._off, name: failure}

    def _judge(self, hook: str, lots: Sequence[LotFacts], **given: object) -> tuple[Refusal, ...]:
        answers = self._call(hook, _checked_refusals, given)
        objections = [
            (pack, replace(refusal, asked_by=pack))
            for pack, refusals in answers.values
            for refusal in refusals
        ]
        silent = [self._off[lot.industry] for lot in lots if lot.industry in self._off]
        crashed = dict.fromkeys((*answers.failures, *silent))
        objections += [(failure.pack, failure.as_refusal()) for failure in crashed]
        return tuple(refusal for _, refusal in sorted(objections, key=itemgetter(0)))

    def _collect(self, hook: str, kind: type[_T], **given: object) -> Answers[tuple[_T, ...]]:
        return self._call(hook, partial(_checked_list, kind), given)

    def _call(
        self, hook: str, check: Callable[[object], _T], given: Mapping[str, object]
    ) -> Answers[_T]:
        values: list[tuple[str, _T]] = []
        failures: list[Failure] = []
        for pack, impl in self._implementations(hook):
            call = partial(impl.function, *(given[name] for name in impl.argnames))
            asked = _fenced(pack, hook, call, check)
            if isinstance(asked, Failure):
                failures.append(asked)
            else:
                values.append((pack, asked[0]))
        return Answers(tuple(values), tuple(failures))

    def _implementations(self, hook: str) -> list[tuple[str, Any]]:
        found = getattr(self._manager.hook, hook).get_hookimpls()
        owned = ((self._owners[impl.plugin_name], impl) for impl in found)
        return sorted((one for one in owned if one[0] not in self._off), key=itemgetter(0))


def _fenced(
    pack: str, hook: str, call: Callable[[], object], check: Callable[[object], _T]
) -> tuple[_T] | Failure:
    """Call a pack; whatever goes wrong, also while its result is read, is a value."""
    try:
        return (check(call()),)
    except (Exception, SystemExit) as exc:
        _LOG.warning("pack %s failed in %s", pack, hook, exc_info=True)
        return Failure(pack, hook, _say(exc))


def _say(exc: BaseException) -> str:
    try:
        said = str(exc)[:300]
    except Exception:
        said = "its message cannot be shown"
    return f"{type(exc).__name__}: {said}"


def _checked_folder(result: object) -> PackFolder:
    if not isinstance(result, PackFolder):
        raise TypeError(f"returned {_type_of(result)}, a PackFolder is accepted")
    return result


def _checked_list(kind: type[_T], result: object) -> tuple[_T, ...]:
    if result is None:
        return ()
    if isinstance(result, str | bytes | Mapping) or not isinstance(result, Iterable):
        raise TypeError(f"returned {_type_of(result)}, a list of {kind.__name__} is accepted")
    items = tuple(islice(result, MAX_RESULTS + 1))
    if len(items) > MAX_RESULTS:
        raise ValueError(f"returned more than {MAX_RESULTS} values")
    for item in items:
        if not isinstance(item, kind):
            raise TypeError(f"returned {_type_of(item)} in its list, {kind.__name__} is accepted")
    return items


def _checked_refusals(result: object) -> tuple[Refusal, ...]:
    refusals = _checked_list(Refusal, result)
    for refusal in refusals:
        if not all(isinstance(text, str) for text in refusal.as_json().values()):
            raise TypeError("returned a Refusal whose parts are not texts")
        if not refusal.code or not refusal.message:
            raise ValueError("returned a Refusal without code or message")
    return refusals


def _checked_givers(result: object) -> Mapping[str, GiveFact]:
    if result is None:
        return {}
    if not isinstance(result, Mapping) or not all(map(callable, result.values())):
        raise TypeError(
            f"returned {_type_of(result)}, a mapping of fact ids to functions is accepted"
        )
    return dict(result)


def _checked_fact(result: object) -> FactValue:
    if isinstance(result, list | tuple) and all(isinstance(item, str) for item in result):
        return tuple(result)
    if result is None or isinstance(result, bool | int | Decimal | str | date):
        return result
    raise TypeError(f"returned {_type_of(result)}, which no fact can hold")


def _checked_nothing(_: object) -> None:
    return None


def _type_of(value: object) -> str:
    return f"a {type(value).__name__}"


def _carriers(name: str, plugin: object) -> list[tuple[str, object]]:
    """Give the objects of a pack and, unless one brings definitions, the folder they lie in."""
    parts = plugin if isinstance(plugin, tuple) else (plugin,)
    carriers = [(f"{name}:{number}", part) for number, part in enumerate(parts)]
    folders = [folder for folder in map(_folder_of, parts) if folder is not None]
    if folders and not any(hasattr(part, "contribute_definitions") for part in parts):
        carriers.append((f"{name}:folder", FolderPack(folders[0])))
    return carriers


def _folder_of(plugin: object) -> Path | None:
    owner = plugin if isinstance(plugin, ModuleType) else inspect.getmodule(type(plugin))
    file = getattr(owner, "__file__", None)
    folder = Path(file).parent if file else None
    return folder if folder and (folder / HEAD_FILE).is_file() else None


def _find_faults(carrier: object) -> list[str]:
    """Find hooks that would be ignored, fail later, or overrule those of other packs."""
    if inspect.isclass(carrier):
        return [f"{carrier.__name__} is a class; give an object, {carrier.__name__}()"]
    faults: list[str] = []
    for name in dir(carrier):
        member = inspect.getattr_static(carrier, name)
        function = getattr(member, "__func__", member)
        options = getattr(function, f"{PROJECT}_impl", None)
        if not isinstance(options, Mapping):
            if name in HOOKS and inspect.isfunction(function):
                faults.append(f"{name} has no @hookimpl and would never be called; add it")
            continue
        faults.extend(_find_option_faults(name, function, options))
    return faults


def _find_option_faults(
    name: str, function: object, options: Mapping[str, object]
) -> Iterator[str]:
    if name not in HOOKS:
        hint = suggest(name, HOOKS)
        yield f"there is no hook {name!r}" + (f" (did you mean {hint!r}?)" if hint else "")
        return
    for option in _FORBIDDEN_OPTIONS:
        if options.get(option):
            yield f"{name} uses {option}=..., which could overrule other packs; remove it"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"{name} is async; hooks are called synchronously: write a plain function"
