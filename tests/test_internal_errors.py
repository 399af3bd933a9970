"""A bug of this program is no state of the queues: what is said where a part of it fails.

A part is made to fail in a process of its own; everything else there is the program as it is.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Tuple

import pytest

from check_rodin_queues import __version__
from tests import live, stub
from tests.answers import site
from tests.console import Outcome, environment

#: Replaces a function of the package, and runs the program.
START = """
import importlib, sys, time
def failing(*_, **__):
    raise ZeroDivisionError("".join(["a sec", "ret | of the program"]))  # not in the source
def hoarding(*_, **__):
    kept = None
    try:
        while True:
            kept = [kept, 1.5, str(id(kept))]
    except MemoryError:
        time.sleep(20)
module = importlib.import_module(f"check_rodin_queues.{MODULE}")
setattr(module, NAME, INSTEAD)
from check_rodin_queues.__main__ import main
sys.argv[1:] = ARGS
main()
"""


def broken(part: str, instead: str, *args: str, **env: str) -> Outcome:
    """Run the program with this *part* of the package replaced."""
    module, _, name = part.partition(".")
    values = f"MODULE, NAME, ARGS = {module!r}, {name!r}, {list(args)!r}\n"
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", values + START.replace("INSTEAD", instead)],
        input=site(),
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


TOLD = (
    rf"RODIN_QUEUES UNKNOWN - internal error: ZeroDivisionError at <string>:\d+\. "
    rf"Run with -vvv and report it, please \(version {re.escape(__version__)}\)"
)


def test_a_bug_is_unknown_and_told_with_its_place() -> None:
    found = broken("check.judge", "failing", "--input", "-")
    assert (found.code, found.stderr) == (3, "")
    assert re.fullmatch(TOLD + "\n", found.stdout)


@pytest.mark.parametrize("kind", ["readiness", "startup", "liveness"])
def test_a_bug_fails_readiness_and_startup_only(kind: str) -> None:
    found = broken("check.judge", "failing", "--input", "-", "--probe", kind)
    outcome = "passes" if kind == "liveness" else "fails"
    assert (found.code, found.stderr) == (int(kind != "liveness"), "")
    assert re.fullmatch(rf"{TOLD} \({kind} probe {outcome}\)\n", found.stdout)


def test_vvv_tells_how_the_program_came_there() -> None:
    found = broken("check.judge", "failing", "--input", "-", "-vvv")
    first, *more = found.stdout.splitlines()
    assert re.fullmatch(TOLD, first)
    assert len([line for line in more if re.search(r"File .*cli\.py.*, line \d+, in ", line)]) > 1
    assert more[-1].strip().startswith('File "<string>", line ')
    assert "a secret" not in found.stdout


def test_the_place_is_the_name_of_the_file_without_its_folders() -> None:
    found = broken("snapshot.Snapshot", "None", "--input", "-")
    assert re.search(r" TypeError at cli\.py:\d+\. |TypeError at answer\.py:\d+\. ", found.stdout)


@pytest.mark.parametrize(
    ("args", "code", "state"),
    [((), 2, "CRITICAL"), (("--state", "timeout=warning"), 1, "WARNING")],
    ids=["default", "chosen"],
)
def test_a_timeout_that_cannot_be_judged_is_told_all_the_same(
    args: Tuple[str, ...], code: int, state: str
) -> None:
    with stub.stub(b"", holds=True) as server:
        given = ("-H", server.url, "-t", "0.7", *args)
        found = broken("check.judge", "failing", *given, RODIN_API_KEY=live.TOKEN)
    where = server.url.partition("://")[2]
    assert (found.code, found.stderr) == (code, "")
    assert found.stdout == (
        f"RODIN_QUEUES {state} - timeout: asking {where} took longer than 0.7 s. "
        "Check its load and the network, or raise -t\n"
    )


def test_a_timeout_where_the_memory_is_used_up_is_told(tmp_path: Path) -> None:
    saved = tmp_path / "answer.json"
    saved.write_text(site().ljust(100_000))
    found = broken("answer._decoded", "hoarding", "--input", str(saved), "-t", "2", "-v")
    assert (found.code, found.stderr) == (2, "")
    assert found.line == (
        "RODIN_QUEUES CRITICAL - timeout: reading --input took longer than 2 s. "
        "Check the load and the disks of this host, or raise -t"
    )
    assert found.seconds < 5
