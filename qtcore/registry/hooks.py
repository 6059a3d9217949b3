"""The only caller of pluggy: one typed method per hook, each pack inside a fence of its own.

It must not know what a definition or a verdict means, nor where packs are installed.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import pluggy

from qtcore import hookspecs
from qtcore.definitions.problems import suggest
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
from qtcore.registry.fence import CHECKS, Failure, checked_fact, fenced

HOOKS: tuple[str, ...] = tuple(
    name for name, value in vars(hookspecs).items() if hasattr(value, f"{PROJECT}_spec")
)
_FORBIDDEN_OPTIONS = ("hookwrapper", "wrapper", "tryfirst", "trylast", "optionalhook", "specname")
_T = TypeVar("_T")


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
        self._givers = self.answers("contribute_facts")

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
        return self.answers("contribute_definitions")

    def contribute_formats(self) -> Answers[tuple[ExchangeFormat, ...]]:
        """Ask each pack for the file formats it understands."""
        return self.answers("contribute_formats")

    def contribute_channels(self) -> Answers[tuple[Channel, ...]]:
        """Ask each pack for its ways to send notices."""
        return self.answers("contribute_channels")

    def contribute_recall_nodes(self, plan: RecallDefinition) -> Answers[tuple[RecallNode, ...]]:
        """Ask each pack for further nodes of a plan."""
        return self.answers("contribute_recall_nodes", plan=plan)

    def contribute_facts(self) -> Answers[Mapping[str, GiveFact]]:
        """Give what each pack answered when it was asked for its facts."""
        return self._givers

    def give_facts(self, lot: LotFacts) -> tuple[Mapping[str, FactValue], tuple[Failure, ...]]:
        """Call every pack's facts for a lot; what fails or is of no known type stays unknown."""
        values: dict[str, FactValue] = {}
        failures: list[Failure] = []
        for pack, givers in self._givers.values:
            for fact in sorted(givers):
                asked = fenced(pack, fact, partial(givers[fact], lot), checked_fact)
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
        return self.answers("after_event", event=event).failures

    def after_transition(self, transition: TransitionFacts) -> tuple[Failure, ...]:
        """Tell each pack of a step that was made; give those that failed, to be tried again."""
        return self.answers("after_transition", transition=transition).failures

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
        answers = self.answers(hook, **given)
        objections = [
            (pack, replace(refusal, asked_by=pack))
            for pack, refusals in answers.values
            for refusal in refusals
        ]
        silent = [self._off[lot.industry] for lot in lots if lot.industry in self._off]
        crashed = dict.fromkeys((*answers.failures, *silent))
        objections += [(failure.pack, failure.as_refusal()) for failure in crashed]
        return tuple(refusal for _, refusal in sorted(objections, key=itemgetter(0)))

    def answers(self, hook: str, **given: object) -> Answers[Any]:
        """Call every pack's answer to a hook, each in its fence, and check what it returned."""
        values: list[tuple[str, Any]] = []
        failures: list[Failure] = []
        for pack, impl in self._implementations(hook):
            call = partial(impl.function, *(given[name] for name in impl.argnames))
            asked = fenced(pack, hook, call, CHECKS[hook])
            if isinstance(asked, Failure):
                failures.append(asked)
            else:
                values.append((pack, asked[0]))
        return Answers(tuple(values), tuple(failures))

    def _implementations(self, hook: str) -> list[tuple[str, Any]]:
        found = getattr(self._manager.hook, hook).get_hookimpls()
        owned = ((self._owners[impl.plugin_name], impl) for impl in found)
        return sorted((one for one in owned if one[0] not in self._off), key=itemgetter(0))


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
