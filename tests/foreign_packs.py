"""Packs of somebody else for tests: installed in a folder, with everything a pack can do wrong.

It must not judge: tests do.
"""

import os
import select
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from qtcore.pack import LotFacts

PACK = """
import ctypes, os, subprocess, sys, time
from decimal import Decimal
from qtcore.pack import Channel, ExchangeFormat, LotFacts, RecallNode, Refusal, hookimpl

KEPT = []

def fork():
    if os.fork() == 0:
        time.sleep(60)

def fork_and_answer():
    os.fork()

def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)

def lie_on_the_wire():
    import gc, socket
    for each in gc.get_objects():
        if isinstance(each, socket.socket):
            each.sendall(bytes(64))

class Unsaid:
    def __repr__(self):
        return "\\ud800\\x1b[2J"

def mutate(lot):
    lot.fields["tests"] = "passed"

DEEDS = {
    "raises": lambda lot: 1 / 0,
    "hangs": lambda lot: time.sleep(60),
    "spins": lambda lot: [None for _ in iter(int, 1)],
    "spins in C": lambda lot: sum(iter(int, 1)),
    "exits": lambda lot: os._exit(3),
    "leaves": lambda lot: sys.exit(3),
    "interrupts": lambda lot: (_ for _ in ()).throw(KeyboardInterrupt()),
    "crashes": lambda lot: ctypes.string_at(0),
    "eats memory": lambda lot: KEPT.append(bytearray(1 << 30)),
    "forks": lambda lot: fork(),
    "forks and answers twice": lambda lot: fork_and_answer(),
    "hides a process": lambda lot: daemon(),
    "writes on the wire": lambda lot: lie_on_the_wire(),
    "answers endlessly": lambda lot: iter(lambda: Refusal("X", "endless"), None),
    "answers a lot": lambda lot: [Refusal("X", "x" * 5_000_000)],
    "answers another type": lambda lot: {"code": "X"},
    "raises half a sign": lambda lot: {}[Unsaid()],
    "answers half a sign": lambda lot: [Refusal("X", "\\ud800")],
    "turns the writing": lambda lot: [Refusal("X", "passed", fix="\\u202e")],
    "answers no text": lambda lot: [Refusal("X", 7)],
    "mutates": mutate,
    "closes everything": lambda lot: os.closerange(0, 64),
}

@hookimpl
def judge_release(lot):
    if lot.lot_no in DEEDS:
        return DEEDS[lot.lot_no](lot)
    if lot.lot_no == "prints":
        print("noise" * 10_000, flush=True)
        os.write(1, b"noise")
        os.write(2, b"noise")
    return [Refusal("TP-1", f"{lot.quantity} {lot.unit} {lot.fields['tests']}")]

@hookimpl
def contribute_facts():
    return {"cold": lambda lot: lot.quantity == Decimal(5), "weight": lambda lot: Decimal("1.50"),
            "made": lambda lot: lot.made_on, "codes": lambda lot: ["a", "b"],
            "smell": lambda lot: 1 / 0, "half": lambda lot: ["\\ud800"],
            "no number": lambda lot: Decimal("sNaN"), "size": lambda lot: 0.5,
            "gone": lambda lot: os._exit(4)}

@hookimpl
def contribute_channels():
    def send(to, subject, text):
        if to == "nobody":
            raise OSError("mail server is down")
    return [Channel("chat", "Chat", send)]

@hookimpl
def contribute_formats():
    return [ExchangeFormat("csv9", "CSV 9", (".csv9",), lambda data: [{"n": data.decode()}])]

@hookimpl
def contribute_recall_nodes(plan):
    return [RecallNode(id="extra", order=9, recipient="press", due={"I": "P1D"})]

@hookimpl
def after_event(event):
    raise OSError("not today")
"""


def install(place: Path, name: str, source: str) -> Path:
    (place / name).mkdir()
    (place / name / "__init__.py").write_text(textwrap.dedent(source))
    (place / name / "pack.yaml").write_text(
        f"pack: {name}\nversion: 1.0\nrequires_qtcore: '>=0.1'\ntitle: {{en: Mine}}\n"
    )
    info = place / f"acme_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[qtcore.packs]\n{name} = {name}\n")
    return place


@contextmanager
def importable(place: Path) -> Iterator[None]:
    sys.path.insert(0, str(place))
    try:
        yield
    finally:
        sys.path.remove(str(place))


def a_lot(number: str = "sound") -> LotFacts:
    fields = {"tests": ["assay"], "deep": {"a": [1]}}
    return LotFacts(
        lot_id="1", lot_no=number, item="TAB", quantity=Decimal("5.10"), unit="kg", fields=fields
    )


def ends_within(pid: int, seconds: float) -> bool:
    try:
        seen = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([seen], [], [], seconds)[0])
    finally:
        os.close(seen)
