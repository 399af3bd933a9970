"""examples/demo on a fresh clone: what a new user meets first has to work anywhere, and tidy up."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

#: Command (without the server), beginning of the output, exit code: the eight states.
SHOWN = [
    ("--token-file token", "RODIN_QUEUES OK - ", 0),
    ("--token-file token -w 20", "RODIN_QUEUES WARNING - ", 1),
    ("--token-file token -w rodin.texture.job_awaiting=10", "RODIN_QUEUES WARNING - ", 1),
    ("--token-file token -w 20 --probe readiness", "RODIN_QUEUES WARNING - ", 0),
    ("--token-file token -w 20 -c 100", "RODIN_QUEUES CRITICAL - ", 2),
    ("--token-file token", "RODIN_QUEUES CRITICAL - ", 2),
    ("--token-file old-token", "RODIN_QUEUES UNKNOWN - ", 3),
    ("--token-file token", "RODIN_QUEUES CRITICAL - ", 2),
]

STEP = re.compile(
    r"^\$ check_rodin_queues -H http://127\.0\.0\.1:\d+ (?P<args>.*)\n"
    r"(?P<output>.*)\n"
    r"\(exit code (?P<code>\d)\)$",
    re.MULTILINE,
)


class Clone(NamedTuple):
    """A fresh clone in a folder with a space, and the surroundings of a new user."""

    root: Path
    home: Path
    temporary: Path
    programs: Path

    def start(self, **env: str) -> subprocess.Popen[str]:
        """Start the demo from another folder, in a process group of its own."""
        own = {
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
        }
        return subprocess.Popen(
            [str(self.root / "examples" / "demo")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
            env={**os.environ, **own, **env},
            start_new_session=True,
        )

    def run(self, **env: str) -> Shown:
        """Run the demo to its end."""
        start = time.monotonic()
        with self.start(**env) as process:
            stdout, stderr = process.communicate(timeout=300)
        seconds = time.monotonic() - start
        return Shown(process.returncode, stdout, stderr, seconds, self._left_by(process))

    def interrupt(self, after: str, by: signal.Signals, **env: str) -> Shown:
        """Send the whole group a signal, as Ctrl-C does, once a line has the text *after*."""
        start = time.monotonic()
        with self.start(**env) as process:
            assert process.stdout is not None
            lines = [next(line for line in process.stdout if after in line)]
            time.sleep(0.5)
            os.killpg(process.pid, by)
            stdout, stderr = process.communicate(timeout=60)
        seconds = time.monotonic() - start
        text = "".join(lines) + stdout
        return Shown(process.returncode, text, stderr, seconds, self._left_by(process))

    def _left_by(self, process: subprocess.Popen[str]) -> List[str]:
        """Tell every trace of a demo that has ended: processes, temporary files, files for git."""
        left = [path.name for path in self.temporary.iterdir()] + staying(process.pid)
        return left + self.git("status", "--porcelain").splitlines()

    def git(self, *args: str) -> str:
        """Return what git says of this clone."""
        return subprocess.run(
            ["git", *args], cwd=self.root, check=True, capture_output=True, text=True
        ).stdout


class Shown(NamedTuple):
    """What a run of the demo showed, and what it left behind."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    left: List[str]

    @property
    def steps(self) -> List[Dict[str, str]]:
        """The commands with their output and exit code."""
        return [found.groupdict() for found in STEP.finditer(self.stdout)]


def staying(group: int) -> List[str]:
    """Return the processes of a group that are still there when a dying one had time to end."""
    end = time.monotonic() + 5
    while living(group) and time.monotonic() < end:
        time.sleep(0.05)
    return living(group)


def living(group: int) -> List[str]:
    """Return the processes of a group, without those that only wait for init to notice."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            before, _, after = path.read_text(encoding="utf-8", errors="replace").rpartition(") ")
            state, _, process_group = after.split()[:3]
            if int(process_group) == group and state not in "ZX":
                found.append(before)
    return found


def clone_into(folder: Path) -> Clone:
    """Clone the project; `python3` is the Python that runs the tests."""
    clone = Clone(*(folder / name for name in ("a clone", "home", "tmp dir", "bin")))
    for path in (clone.home, clone.temporary, clone.programs):
        path.mkdir(parents=True)
    base = getattr(sys, "_base_executable", sys.executable)
    (clone.programs / "python3").symlink_to(base)
    subprocess.run(["git", "clone", "--quiet", PROJECT, clone.root], check=True)
    return clone


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Make the clone that the tests of this module share, in their order."""
    return clone_into(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def first(clone: Clone) -> Shown:
    """Run the demo for the first time."""
    assert not (clone.root / ".venv").exists()
    return clone.run()


@pytest.fixture
def empty_clone(tmp_path: Path) -> Iterator[Clone]:
    """Make a clone in which nothing has run."""
    clone = clone_into(tmp_path)
    yield clone
    shutil.rmtree(clone.root)


def test_first_run_ends_well_in_less_than_a_minute(first: Shown) -> None:
    assert (first.code, first.stderr) == (0, "")
    assert first.stdout.startswith("Installing into .venv, this once ...\n")
    assert "All 8 answers are as expected." in first.stdout
    assert first.seconds < 60


def test_first_run_leaves_nothing(first: Shown) -> None:
    assert first.left == []


@pytest.mark.parametrize("number", range(len(SHOWN)), ids=lambda number: f"step {number + 1}")
def test_step(first: Shown, number: int) -> None:
    args, beginning, code = SHOWN[number]
    step = first.steps[number]
    assert (step["args"], step["code"]) == (args, str(code))
    assert step["output"].startswith(beginning)


def test_there_is_no_other_step(first: Shown) -> None:
    assert len(first.steps) == len(SHOWN)


def test_a_second_run_has_nothing_to_install(clone: Clone, first: Shown) -> None:
    """Nor does it listen to what a user's environment says about servers, tokens and proxies."""
    assert first.code == 0
    nowhere = "http://127.0.0.1:1"
    second = clone.run(
        ALL_PROXY=nowhere,
        HTTP_PROXY=nowhere,
        PIP_NO_INDEX="1",
        REQUESTS_CA_BUNDLE="/nowhere",
        RODIN_API_KEY="another",
        RODIN_URL=nowhere,
        http_proxy=nowhere,
        no_proxy="",
    )
    assert (second.code, second.stderr, second.left) == (0, "", [])
    assert "Installing" not in second.stdout
    assert [step["code"] for step in second.steps] == [str(code) for *_, code in SHOWN]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_leaves_nothing(clone: Clone, first: Shown, by: signal.Signals) -> None:
    assert first.code == 0
    shown = clone.interrupt("listens on", by)
    assert (shown.code, shown.left) == (128 + by, [])
    assert "as expected" not in shown.stdout


def test_a_wrong_answer_is_seen(clone: Clone, first: Shown) -> None:
    assert first.code == 0
    demo = clone.root / "examples" / "demo"
    original = demo.read_text(encoding="utf-8")
    demo.write_text(original.replace("show 0 OK", "show 0 WARNING"), encoding="utf-8")
    try:
        shown = clone.run()
    finally:
        demo.write_text(original, encoding="utf-8")
    assert shown.code == 1
    assert "!!! expected WARNING and exit code 0\n" in shown.stdout
    assert shown.stderr == "examples/demo: 1 of 8 answers are not as expected\n"


def test_an_installation_that_fails_is_told_and_undone(empty_clone: Clone) -> None:
    shown = empty_clone.run(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(empty_clone.home))
    assert (shown.code, shown.left) == (1, [])
    assert "setuptools" in shown.stderr, "what pip said"
    assert shown.stderr.endswith("examples/demo: cannot install into .venv: see above\n")
    assert not (empty_clone.root / ".venv").exists()


def test_an_interrupted_installation_is_undone(empty_clone: Clone) -> None:
    shown = empty_clone.interrupt("Installing", signal.SIGINT)
    assert (shown.code, shown.left) == (130, [])
    assert not (empty_clone.root / ".venv").exists()


def test_a_python_that_is_too_old_is_told(empty_clone: Clone) -> None:
    old = empty_clone.programs / "old python"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    old.chmod(0o755)
    shown = empty_clone.run(PYTHON=str(old))
    complaint = (
        "examples/demo: needs Python 3.9 or newer; "
        "PYTHON=/path/to/python examples/demo takes another one\n"
    )
    assert shown == Shown(1, "", complaint, shown.seconds, [])
