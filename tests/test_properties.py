"""Properties that hold for every input: the daily run, the same examples each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests import strategies
from tests.properties import PROPERTIES, Property, check_case_of_the_script

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
]


def hold(found: Property, examples: int) -> None:
    """Draw *examples* and check each."""
    check: Callable[..., None] = given(found.drawn)(found.check)
    settings(DAILY, max_examples=examples)(check)()


@pytest.mark.parametrize("found", EACH)
def test_a_property_holds(found: Property) -> None:
    hold(found, BUDGET // found.weight)


def test_the_console_script_agrees_with_the_oracle() -> None:
    hold(Property(check_case_of_the_script, strategies.cases), 60)


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
