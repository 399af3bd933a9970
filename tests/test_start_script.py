"""The start script answers even if its package or a library is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from tests.pythons import pythons
from tests.tree import ROOT

PROBES = {"": 3, "--probe readiness": 1, "--probe startup": 1, "--probe liveness": 0}


def own_version(python: str) -> List[str]:
    """Return major and minor version of *python*."""
    command = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("probe", PROBES)
def test_an_upgrade_of_python_under_the_venv_is_reported(probe: str, tmp_path: Path) -> None:
    """The packages of a virtual environment belong to the version that made it."""
    mine = list(map(str, sys.version_info[:2]))
    others = [python for python in pythons() if own_version(python) != mine]
    if not others:
        pytest.skip("this Python is the only one on the machine")
    venv = tmp_path / "venv"
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", str(venv)], check=True)
    (venv / "bin/python3").unlink()
    (venv / "bin/python3").symlink_to(others[0])
    source = (ROOT / "bin/check_rodin_queues").read_text(encoding="utf-8")
    script = venv / "bin/check_rodin_queues"
    script.write_text(source.replace("#!/usr/bin/env python3", f"#!{venv}/bin/python3", 1))
    script.chmod(0o755)
    done = subprocess.run(
        [str(script), *probe.split()], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    version = ".".join(own_version(others[0]))
    start = f"RODIN_QUEUES UNKNOWN - cannot start with Python {version} of {venv}: "
    assert done.stdout.startswith(start)
    assert done.stdout.endswith(". Install the plugin again for this Python\n")
    assert (done.stderr, done.returncode) == ("", PROBES[probe])
