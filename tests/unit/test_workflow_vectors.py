"""State-machine vectors, written as our YAML, end in the states they say."""

import json
from pathlib import Path

import pytest

from tests.machines import expected, run_vector
from tests.unit.nested_vectors import VECTORS


def test_every_flat_vector_ends_where_it_says(shared_data: Path):
    path = shared_data / "workflow" / "flat_vectors.json"
    vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    assert vectors
    assert {v["name"]: run_vector(v) for v in vectors} == {v["name"]: expected(v) for v in vectors}


@pytest.mark.parametrize("vector", VECTORS, ids=[v["name"] for v in VECTORS])
def test_nested_and_parallel_states_end_where_they_should(vector):
    assert run_vector(vector) == expected(vector)
