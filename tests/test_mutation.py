"""The tool that puts small errors into the package, and the list of those that nobody can see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from tests.mutation.equivalents import known
from tests.mutation.mutants import mutants
from tests.tree import ROOT

#: Tests that see one mutant of `verdict` each, and one that sees neither.
WATCHFUL = [
    "tests/test_probes.py::test_a_probe_of_an_answer[liveness-ok]",
    "tests/test_probes.py::test_a_file_or_a_token_never_fails_liveness[an absent token-liveness]",
]
BLIND = ["tests/test_output.py::test_that_no_queue_is_selected_is_said_of_all_there_are"]


def test_each_equivalent_mutant_is_one_of_the_package() -> None:
    modules = {name.partition(".")[0] for name in known()}
    every = {mutant.name for module in modules for mutant in mutants(module)}
    assert set(known()) - every == set()


def test_a_mutant_differs_from_its_module_and_from_the_others() -> None:
    found = [mutant.source for mutant in mutants("thresholds")]
    assert len(set(found)) == len(found) > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tests", "code", "said"),
    [
        (WATCHFUL, 0, "2 mutants, 0 equivalent, 2 killed, 0 survived: 100.0% of those"),
        (BLIND, 1, "2 mutants, 0 equivalent, 0 killed, 2 survived: 0.0% of those"),
    ],
)
def test_who_survives_is_said(tests: List[str], code: int, said: str, tmp_path: Path) -> None:
    lines = {mutant.line: tests for mutant in mutants("verdict")}
    reach = {"verdict": lines}, dict.fromkeys(tests, 1)
    (tmp_path / "reach.json").write_text(json.dumps(reach))
    command = [sys.executable, "-m", "tests.mutation", "--folder", str(tmp_path), "--workers", "1"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}  # copies that coverage leaves out
    done = subprocess.run(
        [*command, "verdict"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout
    assert done.stdout.count("False -> True") == 2 * code
