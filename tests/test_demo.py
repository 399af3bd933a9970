"""examples/demo in a new clone: the first thing that a user runs works anywhere, and tidies up."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tree import call, copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

NOWHERE = "http://127.0.0.1:1"
FOREIGN = {
    **dict.fromkeys(("ALL_PROXY", "HTTP_PROXY", "RODIN_URL", "http_proxy"), NOWHERE),
    **dict.fromkeys(("REQUESTS_CA_BUNDLE", "RODIN_API_KEY"), "another"),
    "no_proxy": "",
}
NOTHING: Mapping[str, str] = {}
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nowhere"}

#: Seconds for an installation on a slow machine, and for its processes to end after a signal.
LONG, SHORT = 1800, 60


def make_clone(directory: Path) -> Path:
    """Return a clone whose path has a blank, beside a user's empty directories."""
    for name in ("home", "tmp dir", "bin"):
        (directory / name).mkdir()
    base = getattr(sys, "_base_executable", sys.executable)
    (directory / "bin/python3").symlink_to(base)
    return copy(directory / "a clone")


def variables(clone: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a user whose `python3` is the Python that runs the tests."""
    near = clone.parent.parent
    path = f"{near}/bin:{os.environ['PATH']}"
    own = {"HOME": f"{near}/home", "TMPDIR": f"{near}/tmp dir", "PATH": path}
    return {**os.environ, **own, **more}


def run(
    clone: Path, after: bytes = b"", by: int = 0, env: Mapping[str, str] = NOTHING
) -> subprocess.CompletedProcess[str]:
    """Run the demo, send its group the signal *by* after a text, and see that nothing is left."""
    env, seen = variables(clone, env), b""
    closed, held = os.pipe()  # every process of the demo inherits `held`
    with subprocess.Popen(
        [str(clone / "examples/demo")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=env["HOME"],
        env=env,
        start_new_session=True,
        pass_fds=[held],
    ) as process:
        os.close(held)
        while after not in seen:
            assert process.stdout
            piece = os.read(process.stdout.fileno(), 4096)
            assert piece, seen
            seen += piece
        if by:
            os.killpg(process.pid, by)
        stdout, stderr = process.communicate(timeout=LONG)
    with os.fdopen(closed):
        assert select.select([closed], [], [], SHORT)[0], "a process still runs"
    assert list(Path(env["TMPDIR"]).iterdir()) == []
    assert call("git", "ls-files", "-o", "-m", "--exclude-standard", cwd=clone) == ""
    code = process.returncode
    return subprocess.CompletedProcess("demo", code, (seen + stdout).decode(), stderr.decode())


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone in which the demo has run once."""
    clone = make_clone(tmp_path_factory.mktemp("demo"))
    first = run(clone)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("Installing into .venv, ")
    return clone


def test_second_run_ignores_the_environment_and_fits_a_screen(clone: Path) -> None:
    """Nothing is installed, no line is colored, and 80 columns show all in less than 43 lines."""
    done = run(clone, env={**FOREIGN, **NO_INDEX})
    assert (done.returncode, done.stderr) == (0, "")
    assert "Installing" not in done.stdout
    assert "results are as expected. Next:\n" in done.stdout
    assert "\x1b" not in done.stdout
    assert "=" not in done.stdout.partition("1. ")[2], "perfdata"
    assert sum(len(textwrap.wrap(line, 80)) or 1 for line in done.stdout.splitlines()) < 43


@pytest.mark.parametrize("env", [{"TERM": "xterm"}, {"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=str)
def test_colors_need_a_terminal_that_has_them(clone: Path, env: Mapping[str, str]) -> None:
    command = ["script", "--quiet", "--command", shlex.quote(f"{clone}/examples/demo")]
    full = {**variables(clone, {"TERM": "xterm", **env}), "SHELL": "/bin/sh"}
    shown = call(*command, "/dev/null", stdin=subprocess.DEVNULL, env=full)
    assert "Next:" in shown
    assert ("\x1b[32mOK\x1b" in shown) == ("\x1b" in shown) == (env == {"TERM": "xterm"})


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_demo_leaves_nothing(clone: Path, by: signal.Signals) -> None:
    done = run(clone, b"1. ", by)
    assert done.returncode == 128 + by
    assert "as expected" not in done.stdout


def test_wrong_result_is_reported(clone: Path) -> None:
    demo = clone / "examples/demo"
    original = demo.read_text(encoding="utf-8")
    demo.write_text(original.replace("show 0 OK", "show 0 WARNING"), encoding="utf-8")
    call("git", "add", demo, cwd=clone)
    done = run(clone)
    demo.write_text(original, encoding="utf-8")
    call("git", "add", demo, cwd=clone)
    assert done.returncode == 1
    assert "!!! expected WARNING and exit code 0\n" in done.stdout
    assert done.stderr == "examples/demo: 1 of 6 results are not as expected\n"


def test_failed_installation_is_reported_and_undone(tmp_path: Path) -> None:
    clone = make_clone(tmp_path)
    done = run(clone, env=NO_INDEX)
    assert done.returncode == 1
    assert "setuptools" in done.stderr, "pip's own words"
    assert done.stderr.endswith("examples/demo: cannot install into .venv: see above\n")
    assert not (clone / ".venv").exists()


def test_interrupted_installation_is_undone(tmp_path: Path) -> None:
    clone = make_clone(tmp_path)
    assert run(clone, b"Installing", signal.SIGINT).returncode == 130
    assert not (clone / ".venv").exists()


def test_old_python_is_reported(tmp_path: Path) -> None:
    done = run(make_clone(tmp_path), env={"PYTHON": "/bin/false"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("examples/demo: needs Python 3.9 or newer. ")
