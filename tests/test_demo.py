"""examples/demo in a new clone: the first thing that a user runs works anywhere, and tidies up."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple

import pytest

from tests.tree import ROOT, call

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

NOWHERE = "http://127.0.0.1:1"
FOREIGN = {
    **dict.fromkeys(("ALL_PROXY", "HTTP_PROXY", "RODIN_URL", "http_proxy"), NOWHERE),
    **dict.fromkeys(("REQUESTS_CA_BUNDLE", "RODIN_API_KEY"), "another"),
    "no_proxy": "",
}
NOTHING: Mapping[str, str] = {}
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nowhere"}


class Shown(NamedTuple):
    """What a run of the demo printed, and what it left behind."""

    code: int
    stdout: str
    stderr: str
    left: List[str]


class Clone(NamedTuple):
    """A clone in a directory with a blank, and a user's empty directories."""

    root: Path
    home: Path
    temporary: Path
    programs: Path

    def env(self, more: Mapping[str, str]) -> Dict[str, str]:
        """Return the environment of a user whose `python3` is the Python that runs the tests."""
        path = f"{self.programs}:{os.environ['PATH']}"
        own = {"HOME": str(self.home), "TMPDIR": str(self.temporary), "PATH": path}
        return {**os.environ, **own, **more}

    def run(self, after: str = "", by: int = 0, env: Mapping[str, str] = NOTHING) -> Shown:
        """Run the demo to its end, or send its group the signal *by* after a text was printed."""
        with subprocess.Popen(
            [str(self.root / "examples/demo")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.home,
            env=self.env(env),
            start_new_session=True,
        ) as process:
            seen = b""
            assert process.stdout
            while by and after.encode() not in seen:
                seen += os.read(process.stdout.fileno(), 4096)
            if by:
                os.killpg(process.pid, by)
            stdout, stderr = process.communicate(timeout=300)
        left = [path.name for path in self.temporary.iterdir()] + staying(process.pid)
        left += call("git", "status", "--porcelain", cwd=self.root).splitlines()
        return Shown(process.returncode, (seen + stdout).decode(), stderr.decode(), left)


def staying(group: int) -> List[str]:
    """Return the processes of a group that do not end within some seconds."""
    found, end = living(group), time.monotonic() + 5
    while found and time.monotonic() < end:
        time.sleep(0.1)
        found = living(group)
    return found


def living(group: int) -> List[str]:
    """Return the processes of a group, without zombies."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, after = path.read_text(encoding="utf-8", errors="replace").rpartition(") ")
            state, _, process_group = after.split()[:3]
            if int(process_group) == group and state not in "ZX":
                found.append(name)
    return found


def make_clone(directory: Path) -> Clone:
    """Clone the project."""
    clone = Clone(*(directory / name for name in ("a clone", "home", "tmp dir", "bin")))
    for path in clone[1:]:
        path.mkdir(parents=True)
    base = getattr(sys, "_base_executable", sys.executable)
    (clone.programs / "python3").symlink_to(base)
    call("git", "clone", "--quiet", ROOT, clone.root)
    return clone


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone in which the demo has run once."""
    clone = make_clone(tmp_path_factory.mktemp("demo"))
    first = clone.run()
    assert (first.code, first.stderr, first.left) == (0, "", [])
    assert first.stdout.startswith("Installing into .venv, ")
    return clone


def test_second_run_installs_nothing_and_ignores_the_environment(clone: Clone) -> None:
    shown = clone.run(env={**FOREIGN, **NO_INDEX})
    assert (shown.code, shown.stderr, shown.left) == (0, "", [])
    assert "Installing" not in shown.stdout
    assert "results are as expected. Next:\n" in shown.stdout


def test_output_is_short_and_plain(clone: Clone) -> None:
    """No line is colored, and the whole output has less than 50 lines of 80 columns."""
    stdout = clone.run().stdout
    assert "\x1b" not in stdout
    assert "=" not in stdout.partition("1. ")[2], "perfdata"
    assert sum(len(textwrap.wrap(line, 80)) or 1 for line in stdout.splitlines()) < 50


@pytest.mark.parametrize("env", [{"TERM": "xterm"}, {"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=str)
def test_colors_need_a_terminal_that_has_them(clone: Clone, env: Mapping[str, str]) -> None:
    command = ["script", "--quiet", "--command", shlex.quote(f"{clone.root}/examples/demo")]
    full = {**clone.env({"TERM": "xterm", **env}), "SHELL": "/bin/sh"}
    shown = call(*command, "/dev/null", stdin=subprocess.DEVNULL, env=full)
    assert "Next:" in shown
    assert ("\x1b[32mOK\x1b" in shown) == ("\x1b" in shown) == (env == {"TERM": "xterm"})


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_demo_leaves_nothing(clone: Clone, by: signal.Signals) -> None:
    shown = clone.run("1. ", by)
    assert (shown.code, shown.left) == (128 + by, [])
    assert "as expected" not in shown.stdout


def test_wrong_result_is_reported(clone: Clone) -> None:
    demo = clone.root / "examples/demo"
    original = demo.read_text(encoding="utf-8")
    demo.write_text(original.replace("show 0 OK", "show 0 WARNING"), encoding="utf-8")
    try:
        shown = clone.run()
    finally:
        demo.write_text(original, encoding="utf-8")
    assert shown.code == 1
    assert "!!! expected WARNING and exit code 0\n" in shown.stdout
    assert shown.stderr == "examples/demo: 1 of 6 results are not as expected\n"


def test_failed_installation_is_reported_and_undone(tmp_path: Path) -> None:
    clone = make_clone(tmp_path)
    shown = clone.run(env=NO_INDEX)
    assert (shown.code, shown.left) == (1, [])
    assert "setuptools" in shown.stderr, "pip's own words"
    assert shown.stderr.endswith("examples/demo: cannot install into .venv: see above\n")
    assert not (clone.root / ".venv").exists()


def test_interrupted_installation_is_undone(tmp_path: Path) -> None:
    clone = make_clone(tmp_path)
    shown = clone.run("Installing", signal.SIGINT)
    assert (shown.code, shown.left) == (130, [])
    assert not (clone.root / ".venv").exists()


def test_old_python_is_reported(tmp_path: Path) -> None:
    clone = make_clone(tmp_path)
    shown = clone.run(env={"PYTHON": "/bin/false"})
    assert (shown.code, shown.stdout, shown.left) == (1, "", [])
    assert shown.stderr.startswith("examples/demo: needs Python 3.9 or newer. ")
