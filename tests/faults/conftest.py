"""Other processes for all fault tests of a run: each costs seconds to start, its copies none.

It must not judge: tests do.
"""

from collections.abc import Iterator

import pytest

from tests.faults.instance import Instance, instances


@pytest.fixture(scope="session")
def zygote() -> Iterator[Instance]:
    """A process that has loaded everything: its copies start in milliseconds."""
    with instances(1) as (found,):
        yield found


@pytest.fixture(scope="session")
def zygotes(zygote: Instance) -> Iterator[list[Instance]]:
    """Two such processes."""
    with instances(1) as (other,):
        yield [zygote, other]
