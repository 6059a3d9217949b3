"""Arbitrary bytes break no reader: briefly in every run, for a minute each before a release."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_a_target_are_read(name: str):
    for seed in seeds()[name]:
        TARGETS[name](seed)


def cut_and_joined(parts: list[bytes]) -> st.SearchStrategy[bytes]:
    """Draw bytes, and pieces of what is well formed between them."""
    piece = st.sampled_from(parts).flatmap(
        lambda part: st.tuples(
            st.integers(0, len(part)), st.integers(0, len(part)), st.binary(max_size=8)
        ).map(lambda at: part[: at[0]] + at[2] + part[at[1] :])
    )
    return st.one_of(st.binary(max_size=200), piece, st.text(max_size=80).map(str.encode))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_bytes_break_a_reader(name: str, data: st.DataObject):
    TARGETS[name](data.draw(cut_and_joined(seeds()[name])))


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_minute_of_guided_bytes_breaks_no_reader(name: str, tmp_path: Path):
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed here; the extra `fuzz` brings it where it can")
    command = [sys.executable, "-m", "tests.fuzz", name, "--corpus", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
