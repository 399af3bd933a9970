"""A healthy queue is not called stalled, and workers that hang are found by the first check."""

from __future__ import annotations

import pytest

from tests.simulate_second_look import CYCLES, Counts, Cycle, simulate

#: Of 100 checks, those that say stalled after one look and after the second look; and the requests.
EXPECTED = {
    "jobs of 2 s, 1 s between them": Counts(33, 0, 133),
    "jobs of 1 to 3 s, 0.5 to 1.5 s between them": Counts(36, 0, 140),
    "a job every 20 s, picked up after 1 s": Counts(7, 0, 107),
    "a job every 10 to 30 s, picked up after 0.5 to 1.5 s": Counts(7, 0, 107),
    "jobs of 2 s, 5 s between them": Counts(78, 43, 241),
    "workers that hang": Counts(100, 100, 300),
}


@pytest.mark.parametrize("cycle", CYCLES, ids=lambda cycle: cycle.name)
def test_checks_that_say_stalled(cycle: Cycle) -> None:
    assert simulate(cycle) == EXPECTED[cycle.name]
