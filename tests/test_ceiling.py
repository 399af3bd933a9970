"""The ceiling on memory while an answer is taken apart: where it is, and what it leaves behind."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Dict, List

import pytest

from check_rodin_queues.memory import HEADROOM
from tests.tree import ROOT

MIB = 1024 * 1024
#: How much more data a process may have when the ceiling asks than a line before.
SOME = MIB
#: Takes how far above its data the caller's soft and hard limit are, in bytes (-1: none), and tells
#: the limits under the ceiling, when the second thread has lifted it, and afterwards.
LIMITS = """
import json, os, resource, sys
from check_rodin_queues import memory

def limits():
    return [value if value < 0 else value - data for value in resource.getrlimit(RLIMIT)]

RLIMIT = resource.RLIMIT_DATA
with open("/proc/self/statm") as statm:
    data = int(statm.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
given = [value if value < 0 else data + value for value in map(int, sys.argv[1:])]
resource.setrlimit(RLIMIT, given)
told = {}
with memory.ceiling():
    told["under"] = limits()
told["after"] = limits()
with memory.ceiling():
    memory.lift()
    told["lifted"] = limits()
told["in the end"] = limits()
print(json.dumps(told))
"""


def limits(soft: int, hard: int) -> Dict[str, List[int]]:
    """Return what a process tells that has these limits above its data, in bytes (-1: none)."""
    if resource.getrlimit(resource.RLIMIT_DATA)[1] != resource.RLIM_INFINITY:
        pytest.skip("somebody limits the memory of the tests")
    command = [sys.executable, "-c", LIMITS, str(soft), str(hard)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    told: Dict[str, List[int]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("hard", [-1, 100 * MIB])
@pytest.mark.parametrize("soft", [-1, 90 * MIB, HEADROOM + 2 * SOME])
def test_the_ceiling_is_a_little_above_what_is_used(soft: int, hard: int) -> None:
    """The limits of whoever started the program are there again afterwards."""
    before = [hard if soft < 0 else soft, hard]
    told = limits(*before)
    assert 0 <= told["under"][0] - HEADROOM <= SOME
    assert told["under"][1] == hard
    assert told["lifted"] == [hard, hard]
    assert told["after"] == told["in the end"] == before


@pytest.mark.parametrize("hard", [-1, 100 * MIB, HEADROOM - SOME])
def test_a_lower_limit_stays(hard: int) -> None:
    before = [HEADROOM - SOME, hard]
    told = limits(*before)
    assert told["under"] == told["after"] == told["in the end"] == before
    assert told["lifted"] == [hard, hard]
