"""The start script answers even if its package or a library is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pythons import pythons
from tests.tree import ROOT

PROBES = {"": 3, "--probe readiness": 1, "--probe startup": 1, "--probe liveness": 0}


def facts(python: str) -> tuple[str, str]:
    """Return the version of *python* and its own file: the command can be a wrapper."""
    code = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    version, _, file = done.stdout.strip().partition(" ")
    return version, file


@pytest.mark.parametrize("probe", PROBES)
def test_an_upgrade_of_python_under_the_venv_is_reported(probe: str, tmp_path: Path) -> None:
    """The packages of a virtual environment belong to the version that made it."""
    mine = facts(sys.executable)[0]
    others = [found for found in map(facts, pythons()) if found[0] != mine]
    if not others:
        pytest.skip("this Python is the only one on the machine")
    venv = tmp_path / "venv"
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", str(venv)], check=True)
    (venv / "bin/python3").unlink()
    version, file = others[0]
    (venv / "bin/python3").symlink_to(file)
    source = (ROOT / "bin/check_rodin_queues").read_text(encoding="utf-8")
    script = venv / "bin/check_rodin_queues"
    script.write_text(source.replace("#!/usr/bin/env python3", f"#!{venv}/bin/python3", 1))
    script.chmod(0o755)
    done = subprocess.run(
        [str(script), *probe.split()], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    start = f"RODIN_QUEUES UNKNOWN - cannot start with Python {version} of {venv}: "
    assert done.stdout.startswith(start)
    assert done.stdout.endswith(". Install the plugin again for this Python\n")
    assert (done.stderr, done.returncode) == ("", PROBES[probe])


def test_a_package_that_is_damaged_is_reported(tmp_path: Path) -> None:
    """By a full disk: Python raises a SyntaxError for the rest of a file."""
    (tmp_path / "check_rodin_queues").mkdir()
    (tmp_path / "check_rodin_queues/__init__.py").write_text("def main(", encoding="ascii")
    script = tmp_path / "start"
    script.write_bytes((ROOT / "bin/check_rodin_queues").read_bytes())
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("RODIN_QUEUES UNKNOWN - cannot start with Python ")
    assert (done.stderr, done.returncode) == ("", 3)
