"""A copy of the tree whose tests run the console script of this copy, and not the installed one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Iterator, Mapping

from tests.mutation.mutants import Mutant
from tests.tree import copied


class Workplace:
    """One copy of the tree, one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        """Make the copy in *folder*."""
        self.folder = folder
        self.tree = copied(folder)
        start = "import coverage; coverage.process_startup()\n"
        (self.tree.packages / "zz_coverage.pth").write_text(start, encoding="utf-8")

    @contextlib.contextmanager
    def mutated(self, mutant: Mutant, number: int) -> Iterator[None]:
        """Put a mutant in the place of its module; *number* differs from call to call."""
        path = self.tree.package / f"{mutant.module}.py"
        original = path.read_text(encoding="utf-8")
        try:
            _write(path, mutant.source, 2 * number)
            yield
        finally:
            _write(path, original, 2 * number + 1)

    def pytest(self, *args: str, within: float, env: Mapping[str, str]) -> int:
        """Run pytest with *args*, at most so many seconds; return its exit code, -1 if killed."""
        command = [str(self.tree.python), "-m", "pytest", "-q", "-p", "tests.mutation.plugin"]
        with (self.folder / "log").open("wb") as log:
            running = subprocess.Popen(
                [*command, *args],
                cwd=self.tree.folder,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            return running.wait(within)
        except subprocess.TimeoutExpired:
            return -1
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)  # and what the tests left
            running.wait()


def _write(path: Path, source: str, seconds: int) -> None:
    """Write a module, with an age that it never had before.

    Python takes a compiled module for current if the source is as old, in whole seconds, and as
    long as it was when it was compiled.
    """
    path.write_text(source, encoding="utf-8")
    os.utime(path, (seconds, seconds))
