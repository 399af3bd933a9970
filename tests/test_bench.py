"""`tests/bench` measures what it says it measures; how much that is depends on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

BENCH = Path(__file__).with_name("bench")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("single-file")]


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it with this Python."""
    command = [sys.executable, str(BENCH), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def document() -> Dict[str, Any]:
    """Measure each pair once."""
    done = bench("--pairs", "1", "--json")
    assert done.returncode in (0, 1), done.stderr  # 1: a limit was missed, as one pair may
    read: Dict[str, Any] = json.loads(done.stdout)
    return read


def test_each_row_has_a_value_and_keeps_its_limit_or_not(document: Dict[str, Any]) -> None:
    rows = {row["name"]: row for row in document["rows"]}
    assert {"Y", "check, HTTP", "check, --help", "each further queue"} <= rows.keys()
    for row in rows.values():
        assert row["value"] > 0
        assert row["kept"] == (row["limit"] is None or row["value"] <= row["limit"])


def test_each_pair_is_told(document: Dict[str, Any]) -> None:
    assert {len(pairs) for pairs in document["runs"].values()} == {1}
    for (pair,) in document["runs"].values():
        assert pair["base"]["cpu"] > 0
        assert pair["own"]["cpu"] > 0


def test_what_is_not_measured_has_its_reason(document: Dict[str, Any]) -> None:
    assert all(document["left_out"].values())
    assert not set(document["left_out"]) & {row["name"] for row in document["rows"]}


def test_its_help_explains_it() -> None:
    assert "--pairs" in bench("--help").stdout
