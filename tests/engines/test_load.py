"""The measurement in examples/nagios/README.md can be repeated: here with two hosts, for a minute.

How many services a machine bears is not judged: that is what the measurement is for.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.load import HEAD
from tests.engines.programs import account, find

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("load")]


def test_a_small_site_is_measured() -> None:
    """Ten services each twenty seconds, and none is lost."""
    find("nagios4")
    account()
    command = [sys.executable, "-m", "tests.engines.load", "--hosts", "2", "--intervals", "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(HEAD)
    (row,) = done.stdout[len(HEAD) :].strip().splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["10", "20 s", "0.5"]
    assert cells[-1] == "0"


def test_the_page_shows_what_it_prints() -> None:
    page = (ROOT / "examples/nagios/README.md").read_text(encoding="utf-8")
    assert HEAD in page
