import inspect
import types
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import pytest

from qtcore import hookspecs, pack
from qtcore.definitions.recalls import RecallClass, RecallDefinition, RecallNode
from qtcore.pack import (
    Channel,
    EventFacts,
    FolderPack,
    LotFacts,
    LotQuantity,
    Refusal,
    ShipmentFacts,
    hookimpl,
)
from qtcore.registry.fence import Failure
from qtcore.registry.hooks import HOOKS, Hooks


def a_lot(**more) -> LotFacts:
    return LotFacts(lot_id="1", lot_no="L-1", item="TAB", **more)


def an_event(**more) -> EventFacts:
    return EventFacts("e1", "receiving", "receive", datetime(2026, 1, 1, tzinfo=UTC), **more)


def judging(judge):
    """Make a pack whose only hook is `judge(lot)`."""

    class Judging:
        @hookimpl
        def judge_release(self, lot):
            return judge(lot)

    return Judging()


def objecting(code):
    return judging(lambda lot: [Refusal(code, "no")])


def crashing():
    def judge(lot):
        raise ZeroDivisionError("boom")

    return judging(judge)


def test_there_are_twelve_hooks_in_three_families():
    assert len(HOOKS) == 12
    families = {name.split("_")[0] for name in HOOKS}
    assert families == {"contribute", "judge", "after"}


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_typed_documented_and_small(name):
    hook = getattr(hookspecs, name)
    signature = inspect.signature(hook)
    assert len(signature.parameters) <= 4
    assert signature.return_annotation is not inspect.Signature.empty
    for line in ("Called:", "Facts:", "Result:", "Failure:"):
        assert f"\n    {line}" in hook.__doc__


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_called_by_a_method_of_the_same_name(name):
    called = inspect.signature(getattr(Hooks, name)).parameters
    assert list(called)[1:] == list(inspect.signature(getattr(hookspecs, name)).parameters)


def test_the_door_is_small_and_sorted():
    assert pack.__all__ == sorted(pack.__all__, key=lambda name: (name.islower(), name))
    assert len(pack.__all__) <= 40


def test_answers_come_in_order_of_the_packs_and_are_signed():
    hooks = Hooks({"pharma": objecting("PH-1"), "food": objecting("FO-1")})
    refusals = hooks.judge_release(a_lot())
    assert [(r.code, r.asked_by) for r in refusals] == [("FO-1", "food"), ("PH-1", "pharma")]


def test_a_failing_pack_stops_the_release_and_is_named():
    hooks = Hooks({"pharma": objecting("PH-1"), "food": crashing()})
    refusals = hooks.judge_release(a_lot())
    assert [(r.code, r.asked_by) for r in refusals] == [("QT901", "food"), ("PH-1", "pharma")]
    assert "ZeroDivisionError: boom" in refusals[0].message


def late(lot):
    yield Refusal("X-1", "first")
    raise RuntimeError("too late")


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "judge",
    [
        late,
        lambda lot: (_ for _ in ()).throw(SystemExit(3)),
        lambda lot: {"code": "X"},
        lambda lot: "no",
        lambda lot: [{"code": "X"}],
        lambda lot: [Refusal("", "x")],
        lambda lot: [Refusal("X", "x", fix=None)],  # type: ignore[arg-type]  # a pack may lie
        lambda lot: iter(lambda: Refusal("X", "endless"), None),
        lambda lot: lot.fields.update(seen=True),
        lambda lot: lot.fields["tests"].append("passed"),
        lambda lot: setattr(lot, "quantity", Decimal(0)),
        lambda lot: (_ for _ in ()).throw(Unprintable()),
    ],
    ids=[
        "fails while it is read",
        "exits",
        "mapping",
        "text",
        "list of mappings",
        "no code",
        "message is no text",
        "endless",
        "changes a mapping",
        "changes a list",
        "sets a field",
        "error cannot be shown",
    ],
)
def test_whatever_a_pack_does_wrong_counts_as_a_refusal(judge):
    lot = a_lot(fields={"tests": ["assay"]})
    refusals = Hooks({"food": judging(judge), "pharma": objecting("PH-1")}).judge_release(lot)
    assert [r.code for r in refusals] == ["QT901", "PH-1"]
    assert lot.fields == {"tests": ("assay",)}


def test_no_objection_is_an_empty_answer():
    assert (
        Hooks({"a": judging(lambda lot: None), "b": judging(lambda lot: [])}).judge_release(a_lot())
        == ()
    )


class Misspelt:
    @hookimpl
    def judge_relase(self, lot):
        return []


class Unmarked:
    def judge_release(self, lot):
        return []


class WrongArgument:
    @hookimpl
    def judge_release(self, batch):
        return []


class Wrapper:
    @hookimpl(wrapper=True)
    def judge_release(self, lot):
        yield
        return []


class OldWrapper:
    @hookimpl(hookwrapper=True)
    def judge_release(self, lot):
        yield


class First:
    @hookimpl(tryfirst=True)
    def judge_release(self, lot):
        return []


class Asynchronous:
    @hookimpl
    async def judge_release(self, lot):
        return []


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (Misspelt(), "did you mean 'judge_release'"),
        (Unmarked(), "has no @hookimpl"),
        (WrongArgument(), "batch"),
        (Wrapper(), "could overrule other packs"),
        (OldWrapper(), "could overrule other packs"),
        (First(), "could overrule other packs"),
        (Asynchronous(), "is async"),
        (Misspelt, "is a class"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hook_that_does_not_fit_switches_its_pack_off(plugin, said):
    hooks = Hooks({"food": plugin, "pharma": objecting("PH-1")})
    assert [failure.pack for failure in hooks.off] == ["food"]
    assert said in hooks.off[0].as_problem().message
    assert [r.code for r in hooks.judge_release(a_lot())] == ["PH-1"]


def test_lots_of_a_switched_off_industry_cannot_be_released():
    hooks = Hooks({"food": Misspelt(), "pharma": objecting("PH-1")})
    assert [r.code for r in hooks.judge_release(a_lot(industry="food"))] == ["QT901", "PH-1"]


def test_a_shipment_with_one_lot_of_a_switched_off_industry_cannot_leave():
    hooks = Hooks({"food": objecting("FO-1")}).without([Failure("food", "its check", "broken")])
    lots = (a_lot(industry="pharma"), a_lot(industry="food"))
    shipment = ShipmentFacts("s1", "customer", datetime(2026, 1, 1, tzinfo=UTC), lots)
    assert [r.code for r in hooks.judge_shipment(shipment)] == ["QT901"]


def test_without_the_fence_one_wrapper_would_drop_every_objection():
    import pluggy

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(objecting("PH-1"))
    manager.register(Wrapper())
    assert manager.hook.judge_release(lot=a_lot()) == []


def test_a_pack_is_told_after_the_event_and_its_failure_is_a_value():
    heard = []

    class Listening:
        @hookimpl
        def after_event(self, event):
            heard.append(event.event_id)

    class Deaf:
        @hookimpl
        def after_event(self, event):
            raise OSError("mail server is down")

    failures = Hooks({"a": Deaf(), "b": Listening()}).after_event(an_event())
    assert heard == ["e1"]
    assert [(f.pack, f.message) for f in failures] == [("a", "OSError: mail server is down")]


def test_a_hook_takes_only_the_arguments_it_wants():
    class Brief:
        @hookimpl
        def judge_receipt(self, lot):
            return [Refusal("X-1", lot.lot_no)]

    assert Hooks({"x": Brief()}).judge_receipt(a_lot(), an_event())[0].message == "L-1"


def test_facts_of_packs_are_given_and_a_crash_leaves_them_unknown():
    class Giving:
        @hookimpl
        def contribute_facts(self):
            return {
                "cold": lambda lot: lot.quantity == Decimal(5),
                "smell": lambda lot: 1 / 0,
                "weight": lambda lot: 0.5,
                "codes": lambda lot: ["a", "b"],
            }

    values, failures = Hooks({"x": Giving()}).give_facts(a_lot(quantity=Decimal(5)))
    assert values == {"cold": True, "smell": None, "weight": None, "codes": ("a", "b")}
    assert [(f.pack, f.hook) for f in failures] == [("x", "smell"), ("x", "weight")]


def test_channels_formats_and_recall_nodes_are_collected_in_order():
    def sends(name):
        class Sending:
            @hookimpl
            def contribute_channels(self):
                return [Channel(name, name, lambda recipient, subject, text: None)]

            @hookimpl
            def contribute_formats(self):
                return None

            @hookimpl
            def contribute_recall_nodes(self, plan):
                return [
                    RecallNode(id=name, order=9, recipient=name, due={plan.classes[0].id: "P1D"})
                ]

        return Sending()

    hooks = Hooks({"b": sends("chat"), "a": sends("mail")})
    node = RecallNode(id="n", order=1, recipient="n", due={"I": "P1D"})
    plan = RecallDefinition(
        id="p", jurisdiction="CN", classes=(RecallClass(id="I"),), nodes=(node,)
    )
    channels = hooks.contribute_channels().values
    assert [(name, [c.name for c in found]) for name, found in channels] == [
        ("a", ["mail"]),
        ("b", ["chat"]),
    ]
    assert [found for _, found in hooks.contribute_formats().values] == [(), ()]
    assert [f[0].id for _, f in hooks.contribute_recall_nodes(plan).values] == ["mail", "chat"]


def test_a_module_brings_the_folder_it_lies_in(tmp_path: Path):
    (tmp_path / "pack.yaml").write_text(
        "pack: mine\nversion: 1.0\nrequires_qtcore: '>=0.1'\ntitle: {en: Mine}\n"
    )
    module = types.ModuleType("mine")
    module.__file__ = str(tmp_path / "hooks.py")
    found = Hooks({"mine": module}).contribute_definitions().values
    assert [(name, content.name) for name, content in found] == [("mine", "mine")]


def test_a_folder_and_a_python_pack_enter_by_one_door(tmp_path: Path):
    folder = FolderPack(tmp_path)

    class Scripted:
        @hookimpl
        def contribute_definitions(self):
            return folder.content

    hooks = Hooks({"folder": folder, "scripted": Scripted()})
    one, two = (content for _, content in hooks.contribute_definitions().values)
    assert one == two


def test_facts_are_frozen_through_and_through():
    event = an_event(inputs=[LotQuantity("1", "L", "I")], fields={"a": {"b": [1]}})
    assert isinstance(event.inputs, tuple)
    inner = event.fields["a"]
    assert isinstance(inner, MappingProxyType)
    assert inner["b"] == (1,)
