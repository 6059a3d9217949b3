"""Everything the packs say, merged, checked and frozen; questions are asked by name.

It must not know the database, and it decides nothing: engines and services do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from typing import Any

from qtcore.definitions.access import UnitDefinition
from qtcore.definitions.mistakes import unknown
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.rules import RuleDefinition
from qtcore.engines.access import Policy
from qtcore.engines.expressions import Compiled, ExpressionProblem, check
from qtcore.engines.ledger import canonical_bytes
from qtcore.errors import Fault, InputRejected, NotFound, Refusal, Refused
from qtcore.hookspecs import Channel, ExchangeFormat
from qtcore.registry.hooks import Hooks
from qtcore.registry.merge import Merged
from qtcore.registry.scopes import FACTS, Scopes

_MOST_DIGITS = 40


@dataclass(frozen=True, slots=True)
class PackState:
    """A pack that takes part, or is switched off because of its problems."""

    name: str
    version: str = ""
    layer: str = ""
    title: Mapping[str, str] = field(default_factory=dict)
    is_broken: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class PackTexts:
    """One pack word for word: its files by name, and the digest of the Python it brings.

    `failed` says why a pack could not take part; it stays off until another text is published.
    """

    name: str
    version: str = ""
    layer: str = "industry"
    label: str = ""
    code: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""


@dataclass(frozen=True, repr=False)
class Registry:
    """The compiled definitions of a site.

    `fingerprint` changes with any definition, text or template; `packs` shows broken ones too;
    `hooks` are those of the sound packs; `files` holds each pack's files by name; `channels` and
    `formats` are what the packs' Python brought, by name; `texts` is what all of it was read from.
    """

    fingerprint: str
    packs: tuple[PackState, ...]
    hooks: Hooks
    files: Mapping[str, Mapping[str, str]]
    channels: Mapping[str, Channel]
    formats: Mapping[str, ExchangeFormat]
    _merged: Merged
    _expressions: Mapping[tuple[str, str], Compiled]
    _units: Mapping[str, UnitDefinition]
    texts: tuple[PackTexts, ...] = ()
    _prints: dict[tuple[str, str], str] = field(default_factory=dict, repr=False, compare=False)
    _lists: dict[str, tuple[Any, ...]] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        """Say which it is, without the files of its packs."""
        return f"Registry({self.fingerprint!r}, {len(self.packs)} packs)"

    @cached_property
    def policy(self) -> Policy:
        """What the roles, limits and veils say of access."""
        roles = {role.id: role for role in self.list("roles")}
        makers = {
            f"{prefix}:{each.id}": each.roles
            for prefix, kind in (("record", "records"), ("event", "events"))
            for each in self.list(kind)
            if each.roles
        }
        return Policy(roles, self.list("limits"), self.list("veils"), makers)

    def find(self, kind: str, name: str) -> Any:
        """Find a definition of a kind by its id, or None."""
        return self._merged.find(kind, name)

    def get(self, kind: str, name: str) -> Any:
        """Give a definition by its id; NotFound names what exists."""
        found = self._merged.find(kind, name)
        if found is None:
            mistake = unknown(name, self._merged.ids(kind), kind.removesuffix("s"), ())
            hint = f" (did you mean {mistake.suggestion!r}?)" if mistake.suggestion else ""
            raise NotFound(mistake.message + hint)
        return found

    def list(self, kind: str) -> tuple[Any, ...]:
        """List all definitions of a kind, in order of their ids."""
        found = self._lists.get(kind)
        if found is None:
            found = tuple(entry.definition for entry in self._merged.all(kind))
            self._lists[kind] = found
        return found

    def owner_of(self, kind: str, name: str) -> str:
        """Name the pack that brings a definition; NotFound when there is none."""
        self.get(kind, name)
        return self._merged.entries[kind][name].owner

    def fingerprint_of(self, kind: str, name: str) -> str:
        """Hash one definition; the same text has the same hash in every version."""
        found = self._prints.get((kind, name))
        if found is None:
            found = sha256(canonical_bytes(definition_body(self.get(kind, name)))).hexdigest()
            self._prints[kind, name] = found
        return found

    def text(self, key: str, language: str = "en") -> str:
        """Give a text in the language, else in English, else its last part made readable."""
        return self.find_text(key, language) or key.rsplit(".", 1)[-1].replace("_", " ")

    def find_text(self, key: str, language: str = "en") -> str:
        """Give a text in the language, else in English, else nothing."""
        for choice in (language, language.partition("-")[0], "en"):
            found = self._merged.texts.get(choice, {}).get(key)
            if found is not None:
                return found.value
        return ""

    def fields_of(self, entity: str) -> Mapping[str, Mapping[str, Any]]:
        """Give the extra fields of an entity as JSON Schema properties, by name."""
        held = self._merged.fields.get(entity, {})
        return {name: fields.properties[name] for name, (_, fields) in sorted(held.items())}

    def required_of(self, entity: str) -> frozenset[str]:
        """Name the extra fields of an entity that must be given."""
        held = self._merged.fields.get(entity, {})
        return frozenset(name for name, (_, fields) in held.items() if name in fields.required)

    def rules_of(
        self, gate: str, industry: str = "", *, on: date | None = None
    ) -> tuple[RuleDefinition, ...]:
        """List the rules of a gate for items of an industry, valid on a day, by id.

        Raises Refused when the pack of that industry is switched off: without its rules nothing
        can be judged.
        """
        self.require_pack(industry)
        rules = (rule for rule in self.list("rules") if rule.gate == gate)
        return tuple(
            rule
            for rule in rules
            if (not rule.industries or industry in rule.industries) and _is_valid(rule, on)
        )

    def require_pack(self, industry: str) -> None:
        """Raise Refused when the pack of an industry is broken, naming its first problem."""
        for pack in self.packs:
            if pack.name == industry and pack.is_broken:
                first = next((p for p in pack.problems if p.severity == "error"), None)
                message = f"pack {pack.name!r} is switched off: {first or 'it has problems'}"
                fix = "Run `qtcore check`, mend the pack and start again."
                refusal = Refusal("QT902", message, asked_by=pack.name, fix=fix)
                raise Refused(f"what depends on pack {pack.name!r} is refused", [refusal])

    def expression(self, text: str, scope: str = FACTS) -> Compiled:
        """Give the compiled form of an expression that stands in a definition.

        The scope is ``facts`` for rules, else ``workflows:<id>``, ``forms:<id>``,
        ``fields:<entity>`` or ``recalls:<id>``.
        """
        found = self._expressions.get((scope, text))
        if found is None:
            raise NotFound(f"no definition holds the expression {text!r} in scope {scope!r}")
        return found

    def check_expression(
        self, text: str, scope: str = FACTS
    ) -> tuple[Compiled | None, tuple[ExpressionProblem, ...]]:
        """Compile a text over the names a scope declares now, or give its problems with columns."""
        scopes = Scopes(self._merged)
        return check(text, scopes.names(scope), rules=scopes.rules, units=self._merged.units)

    def unit(self, text: str) -> UnitDefinition | None:
        """Find a unit by its code or any of its other spellings."""
        return self._units.get(text)

    @property
    def unit_spellings(self) -> tuple[str, ...]:
        """List every accepted spelling of a unit."""
        return tuple(self._units)

    def convert(self, quantity: Decimal, from_unit: str, to_unit: str) -> Decimal:
        """Convert exactly; InputRejected when a unit is unknown or no exact factor exists."""
        if from_unit == to_unit:
            return quantity
        source, target = self._known_unit(from_unit), self._known_unit(to_unit)
        if source.dimension != target.dimension:
            message = (
                f"{from_unit!r} ({source.dimension}) cannot be converted to {to_unit!r} "
                f"({target.dimension}); give the quantity in a unit of {target.dimension}"
            )
            raise InputRejected(message, [Fault("QT433", message)])
        exact = Fraction(quantity) * Fraction(source.factor) / Fraction(target.factor)
        found = _as_decimal(exact)
        if found is None:
            message = f"{quantity} {from_unit} is no exact number of {to_unit}; use another unit"
            raise InputRejected(message, [Fault("QT433", message)])
        return found

    def _known_unit(self, text: str) -> UnitDefinition:
        found = self._units.get(text)
        if found is None:
            hint = suggest(text, self._units)
            said = f"; did you mean {hint!r}?" if hint else "; see the units of the base pack"
            message = f"the unit {text!r} is not known{said}"
            raise InputRejected(message, [Fault("QT432", message)])
        return found


def definition_body(definition: Any) -> dict[str, Any]:
    """Give a definition as it is stored and compared: plain JSON, nothing that was not said."""
    body: dict[str, Any] = definition.model_dump(mode="json", by_alias=True, exclude_none=True)
    return body


def _is_valid(rule: RuleDefinition, on: date | None) -> bool:
    if on is None:
        return True
    return (rule.valid_from is None or rule.valid_from <= on) and (
        rule.valid_to is None or on <= rule.valid_to
    )


def _as_decimal(value: Fraction) -> Decimal | None:
    """Give the decimal with exactly this value, or None when it does not end."""
    places, rest = 0, value.denominator
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest, places = rest // prime, places + 1
    if rest != 1 or places > _MOST_DIGITS:
        return None
    whole = Decimal(value.numerator * 10**places // value.denominator).as_tuple()
    return Decimal((whole.sign, whole.digits, -places))
