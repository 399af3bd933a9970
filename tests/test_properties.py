"""Properties that hold for every input: the daily run, the same examples each time."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Callable, List

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.oracle import Case, UnspecifiedError, expect
from tests.properties import (
    INI_CASES,
    PROPERTIES,
    Property,
    check_case,
    check_case_of_the_script,
    words_of_an_ini_file,
    words_over_the_site,
)
from tests.rehearsal import rehearse

#: Examples of the fastest checks.
BUDGET = 300

DAILY = settings(
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)

EACH = [
    pytest.param(found, id=f"{parser}-{found.check.__name__}")
    for parser, properties in PROPERTIES.items()
    for found in properties
    if found.check is not check_case
]


def hold(found: Property, examples: int) -> None:
    """Draw *examples* and check each."""
    check: Callable[..., None] = given(found.drawn)(found.check)
    settings(DAILY, max_examples=examples)(check)()


# The program leaves a socket to the end of its process, which here does not come.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("found", EACH)
def test_a_property_holds(found: Property) -> None:
    hold(found, BUDGET // found.weight)


def test_the_whole_run_agrees_with_the_oracle() -> None:
    """Over examples of which most can be judged, each state has its part, and few are declined."""
    counted: Counter[str] = Counter()

    def check(case: Case) -> None:
        counted.update(outcome(case))
        check_case(case)

    hold(Property(check, strategies.cases()), 500)
    for state in ("warning", "critical", "unknown"):
        assert counted[state] >= counted["all"] / 12, counted
    assert counted["ok"] >= counted["all"] / 25, counted
    assert counted["with metrics"] >= counted["all"] / 2, counted
    assert counted["infinite"] >= counted["all"] / 50, counted
    assert counted["unspecified"] <= counted["all"] / 10, counted
    assert counted["refused"] <= counted["all"] / 5, counted


def outcome(case: Case) -> List[str]:
    """Return what is to be counted of *case*."""
    try:
        expected = expect(case)
    except UnspecifiedError:
        return ["all", "unspecified"]
    labels = {problem.what for problem in expected.problems if "." in problem.what}
    found = {
        "refused" if expected.refused else expected.state: True,
        "with metrics": expected.metrics,
        "infinite": labels - set(expected.metrics),
    }
    return ["all", *(name for name, holds in found.items() if holds)]


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        pytest.param(strategies.command_lines(), words_over_the_site, id="command lines"),
        pytest.param(INI_CASES, words_of_an_ini_file, id="INI files"),
    ],
)
def test_most_words_that_are_made_up_lead_to_a_judgement(
    drawn: st.SearchStrategy[object], words: Callable[..., List[str]]
) -> None:
    counted: Counter[int] = Counter()

    def count(made_up: object) -> None:
        counted[rehearse(*words(made_up)).code] += 1

    hold(Property(count, drawn), 150)
    assert sum(counted[code] for code in (0, 1, 2)) >= sum(counted.values()) / 3, counted
    assert min(counted[code] for code in range(4)) >= sum(counted.values()) / 100, counted


def test_the_console_script_agrees_with_the_oracle() -> None:
    hold(Property(check_case_of_the_script, strategies.cases()), 60)


def fuzz(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the program that draws examples for as long as it is told to."""
    program = [sys.executable, str(Path(__file__).with_name("fuzz")), *args]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def test_the_long_run_explains_itself() -> None:
    for args in ((), ("answer",), ("nothing", "5"), ("answer", "long")):
        done = fuzz(*args)
        assert done.returncode == 2
        assert "PARSER SECONDS" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("parser", PROPERTIES)
def test_the_long_run_tells_what_held(parser: str) -> None:
    done = fuzz(parser, "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" held for ") == len(PROPERTIES[parser])


#: A property that does not hold, in the place of the token's.
NOT_SO = """
import runpy, sys
from hypothesis import strategies as st
from tests import properties

def check_is_small(number):
    assert number < 1000, f"{number} is not small"

properties.PROPERTIES["token"] = [properties.Property(check_is_small, st.integers())]
sys.argv = ["fuzz", "token", "5"]
runpy.run_path("tests/fuzz", run_name="__main__")
"""


def test_the_long_run_tells_what_did_not_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOT_SO],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "1000 is not small" in done.stderr, "the smallest example is told"
