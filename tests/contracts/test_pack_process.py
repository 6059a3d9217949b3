"""Packs of others run in processes of their own: each fault is named, the others go on."""

import importlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from qtcore.definitions.recalls import RecallClass, RecallDefinition, RecallNode
from qtcore.pack import EventFacts, LotFacts, Refusal, hookimpl
from qtcore.registry.fence import Failure
from qtcore.registry.hooks import Hooks
from qtcore.registry.pack_process import Limits, load_apart
from qtcore.registry.packs import find_installed, load_pack
from tests.foreign_packs import PACK, a_lot, ends_within, importable, install

LIMITS = Limits(judge_seconds=0.4, memory=600 * 1024 * 1024)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Install a pack of somebody else: a package with its entry point."""
    return install(tmp_path_factory.mktemp("site-packages"), "third", PACK)


@pytest.fixture(scope="module")
def third(place):
    with importable(place):
        yield load_apart("third", "third", LIMITS)


class Objecting:
    @hookimpl
    def judge_release(self, lot):
        return [Refusal("PH-1", "no")]


def test_a_pack_apart_judges_like_any_other(third):
    refusals = Hooks({"third": third, "pharma": Objecting()}).judge_release(a_lot())
    assert [(r.code, r.asked_by) for r in refusals] == [("PH-1", "pharma"), ("TP-1", "third")]
    assert refusals[1].message == "5.10 kg ('assay',)"
    assert "third" not in sys.modules


FAULTS = {
    "raises": "ZeroDivisionError: division by zero",
    "hangs": "it did not answer within 0.4 s and was stopped",
    "spins": "it did not answer within 0.4 s and was stopped",
    "spins in C": "it did not answer within 0.4 s and was stopped",
    "exits": "its process left with code 3 before it answered",
    "leaves": "SystemExit: 3",
    "interrupts": "its process was ended by SIGINT before it answered",
    "crashes": "its process was ended by SIGSEGV before it answered",
    "eats memory": "MemoryError",
    "forks": "it left a process running",
    "forks and answers twice": "it left a process running",
    "hides a process": "it left a process running",
    "writes on the wire": "its process wrote what nobody asked for",
    "answers endlessly": "returned more than 1000 values",
    "answers a lot": "at most 1048576 are accepted",
    "answers another type": "returned a dict",
    "raises half a sign": "KeyError: \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[2J",
    "answers half a sign": "ValueError: returned a text with half of a surrogate pair",
    "turns the writing": "ValueError: returned a text with the hidden sign U+202E",
    "answers no text": "parts are not texts",
    "mutates": "TypeError: 'mappingproxy' object does not support item assignment",
    "closes everything": "its process left with code",
}


# What costs a new process is tried in the long run, but for one of each kind.
RARE = (
    "spins",
    "spins in C",
    "leaves",
    "interrupts",
    "crashes",
    "answers a lot",
    "closes everything",
)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "deed", [pytest.param(d, marks=[pytest.mark.slow] if d in RARE else []) for d in FAULTS]
)
def test_whatever_a_pack_does_it_is_named_and_the_next_lot_is_judged(third, deed):
    hooks, lot = Hooks({"third": third, "pharma": Objecting()}), a_lot(deed)
    refusals = hooks.judge_release(lot)
    assert [(r.code, r.asked_by) for r in refusals] == [("PH-1", "pharma"), ("QT901", "third")]
    assert FAULTS[deed] in refusals[1].message
    assert lot == a_lot(deed)
    assert [r.code for r in hooks.judge_release(a_lot())] == ["PH-1", "TP-1"]


@pytest.mark.heavy
def test_what_a_pack_prints_reaches_nobody(third, capfd):
    said = Hooks({"third": third}).judge_release(a_lot("prints"))
    assert [r.code for r in said] == ["TP-1"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.heavy
def test_facts_channels_formats_and_nodes_come_from_the_process(third):
    hooks = Hooks({"third": third})
    values, failures = hooks.give_facts(
        LotFacts("1", "L", "I", quantity=Decimal(5), made_on=date(2026, 2, 28))
    )
    assert values == {
        "cold": True,
        "weight": Decimal("1.50"),
        "made": date(2026, 2, 28),
        "codes": ("a", "b"),
        "smell": None,
        "size": None,
        "gone": None,
        "half": None,
        "no number": None,
    }
    assert [(f.hook, f.message.split(" ")[0]) for f in failures] == [
        ("gone", "its"),
        ("half", "ValueError:"),
        ("no number", "ValueError:"),
        ("size", "TypeError:"),
        ("smell", "ZeroDivisionError:"),
    ]
    ((_, (channel,)),) = hooks.contribute_channels().values
    channel.send("somebody", "recall", "text")
    with pytest.raises(Exception, match="OSError: mail server is down"):
        channel.send("nobody", "recall", "text")
    ((_, (form,)),) = hooks.contribute_formats().values
    assert (form.name, form.suffixes, form.read(b"x")) == ("csv9", (".csv9",), [{"n": "x"}])
    node = RecallNode(id="n", order=1, recipient="n", due={"I": "P1D"})
    plan = RecallDefinition(
        id="p", jurisdiction="CN", classes=(RecallClass(id="I"),), nodes=(node,)
    )
    assert [n.id for _, found in hooks.contribute_recall_nodes(plan).values for n in found] == [
        "extra"
    ]
    event = EventFacts("e1", "receiving", "receive", datetime(2026, 1, 1, tzinfo=UTC))
    assert [f.message for f in hooks.after_event(event)] == ["OSError: not today"]
    ((_, folder),) = hooks.contribute_definitions().values
    assert (folder.name, folder.label, folder.is_broken) == ("third", "third/", False)


def alone(place: Path, body: str, **more) -> "subprocess.Popen[str]":
    """Run a product of its own that loads the pack, then `body`, with its output."""
    head = (
        "import os, sys, time\n"
        "from qtcore.pack import LotFacts\n"
        "from qtcore.registry.hooks import Hooks\n"
        "from qtcore.registry.packs import find_installed\n"
        "lot = lambda n: LotFacts('1', n, 'I', fields={'tests': ''})\n"
    )
    path = os.pathsep.join([str(place), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(body)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **more},
    )


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("deed", "code"), [("exits", 3), pytest.param("hangs", None, marks=pytest.mark.slow)]
)
def test_without_a_process_of_its_own_a_pack_takes_the_product_with_it(place, deed, code):
    body = f"""
    import third
    print(Hooks({{"third": third}}).judge_release(lot({deed!r})), flush=True)
    """
    process = alone(place, body)
    try:
        assert process.communicate(timeout=20 if code else 6)[0] == ""
        assert process.returncode == code
    except subprocess.TimeoutExpired:
        assert code is None
    finally:
        process.kill()
        process.communicate()


@pytest.mark.heavy
@pytest.mark.parametrize(
    "end",
    [
        pytest.param("leaves", marks=pytest.mark.slow),
        pytest.param("is killed", marks=pytest.mark.slow),
        "is killed while the pack hangs",
    ],
)
def test_no_process_outlives_the_product(place, end):
    body = """
    hooks = Hooks({"third": find_installed()["third"]()})
    hooks.judge_release(lot("x"))
    print(open(f"/proc/self/task/{os.getpid()}/children").read(), flush=True)
    END
    """
    ways = {
        "leaves": "pass",
        "is killed": "time.sleep(60)",
        "is killed while the pack hangs": "hooks.judge_release(lot('spins'))",
    }
    process = alone(place, body.replace("END", ways[end]))
    assert process.stdout is not None
    (pid,) = map(int, process.stdout.readline().split())
    if end != "leaves":
        process.kill()
    process.communicate(timeout=20)
    # A hanging pack is ended by the kernel's timer in its process: nobody else is left to do it.
    assert ends_within(pid, 10)


@pytest.mark.slow
def test_a_process_that_was_killed_is_replaced_before_the_next_question(third):
    hooks = Hooks({"third": third})
    hooks.judge_release(a_lot())
    ours = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    (pid,) = [int(p) for p in ours if b"pack_worker" in Path(f"/proc/{p}/cmdline").read_bytes()]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert [r.code for r in hooks.judge_release(a_lot())] == ["TP-1"]


@pytest.mark.slow
def test_python_that_changed_on_disk_does_not_judge_in_its_place(tmp_path):
    source = "import os\nfrom qtcore.pack import hookimpl\n@hookimpl\ndef judge_release(lot):\n    "
    place = install(tmp_path, "moving", source + "os._exit(1)\n")
    with importable(place):
        hooks = Hooks({"moving": load_apart("moving", "moving", LIMITS)})
        digest = hooks.digests["moving"]
        (place / "moving" / "__init__.py").write_text(source + "return []\n")
        said = [hooks.judge_release(a_lot())[0].message for _ in range(2)]
        assert "left with code 1" in said[0]
        assert "is not what was loaded" in said[1]
        assert Hooks({"moving": load_apart("moving", "moving")}).digests["moving"] != digest


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("source", "hook", "said"),
    [
        ("import os; os._exit(5)", "its import", "left with code 5"),
        pytest.param(
            "raise OSError('no licence')",
            "its import",
            "OSError: no licence",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "from qtcore.pack import hookimpl\n@hookimpl\ndef judge_relase(lot): return []",
            "its registration",
            "did you mean 'judge_release'",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_pack_that_cannot_be_loaded_is_named(tmp_path, source, hook, said):
    with importable(install(tmp_path, "broken9", source)):
        failure = load_pack("broken9", find_installed()["broken9"])
    assert isinstance(failure, Failure)
    assert failure.hook == hook
    assert said in failure.message


@pytest.mark.heavy
def test_a_pack_of_yaml_needs_no_process(tmp_path):
    with importable(install(tmp_path, "yaml9", '"""Nothing but YAML."""')):
        plugin = load_pack("yaml9", find_installed()["yaml9"])
    assert Hooks({"yaml9": plugin}).contribute_definitions().values[0][1].name == "yaml9"
    ours = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [p for p in ours if b"yaml9" in Path(f"/proc/{p}/cmdline").read_bytes()]


def test_our_own_packs_judge_in_this_process():
    loaded = load_pack("pharma", find_installed()["pharma"])
    assert isinstance(loaded, ModuleType)


@pytest.mark.heavy
def test_a_warm_judgement_costs_less_than_a_hundred_calls_in_process(third, place):
    with importable(place):
        inside = Hooks({"third": load_pack("third", lambda: importlib.import_module("third"))})
    apart, lot = Hooks({"third": third}), a_lot()
    del sys.modules["third"]

    def best(hooks: Hooks) -> float:
        rounds = []
        for _ in range(20):
            begin = time.perf_counter()
            for _ in range(10):
                hooks.judge_release(lot)
            rounds.append(time.perf_counter() - begin)
        return min(rounds)

    best(apart)
    assert best(apart) < 100 * best(inside)
