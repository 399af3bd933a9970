"""Runs of the program in a copy of the test's own process, which has loaded all it needs.

A mutant meets a hundred runs and more, and most of a run is Python's start. What differs from a
start of its own is what is loaded before, and how; tests of that start the console script
themselves, and mutants meet them as they are.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from typing import Mapping, Optional, Tuple

from tests import console
from tests.tree import PACKAGE, ROOT

_OPEN_FILES = 1024


def load() -> None:
    """Load the libraries and the package, and let tests run it by `run`."""
    for library in ("requests", "nagiosplugin"):
        importlib.import_module(library)
    for path in (ROOT / PACKAGE).glob("*.py"):
        if path.stem != "__main__":
            importlib.import_module(f"{PACKAGE}.{path.stem}")
    console.run = run


def run(
    *args: str, env: Optional[Mapping[str, str]] = None, stdin: str = "", within: float = 60
) -> console.Outcome:
    """Do as console.run does."""
    if any("\0" in word for word in args):
        raise ValueError("embedded null byte")
    start = time.monotonic()
    files = tuple(os.memfd_create(name) for name in ("stdin", "stdout", "stderr"))
    os.write(files[0], stdin.encode())
    os.lseek(files[0], 0, os.SEEK_SET)
    process = os.fork()
    if not process:
        _become(args, console.environment(env), files)
    ended = select.poll()
    handle = os.pidfd_open(process)
    ended.register(handle, select.POLLIN)
    late = not ended.poll(within * 1000)
    if late:
        os.kill(process, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    out, err = (os.pread(file, os.fstat(file).st_size, 0).decode() for file in files[1:])
    for file in (*files, handle):
        os.close(file)
    if late:
        raise subprocess.TimeoutExpired(args, within)
    return console.Outcome(code, out, err, time.monotonic() - start)


def _become(args: Tuple[str, ...], env: Mapping[str, str], files: Tuple[int, ...]) -> None:
    """Be the console script, with its arguments, environment and streams; do not come back."""
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.closerange(len(files), _OPEN_FILES)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = [str(console.SCRIPT), *args]
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        importlib.import_module(f"{PACKAGE}.__main__").main()
    except BaseException:  # noqa: BLE001 — a bare Python would print it too
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)
