"""A bug of the plugin is not a state of the queues: what is reported if a part of it fails.

A part is made to fail in a process of its own; everything else there is the plugin as it is.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from check_rodin_queues import __version__
from tests.console import Outcome, environment
from tests.server import Server, site

#: Lets a function of the package fail, and runs the plugin.
START = """
import sys
def failing(*_, **__):
    raise ZeroDivisionError("".join(["a sec", "ret | of the plugin"]))  # not in the source
import check_rodin_queues.check
check_rodin_queues.check.judge = failing
from check_rodin_queues.__main__ import main
main()
"""


def broken(*args: str) -> Outcome:
    """Run the plugin with a bug in it."""
    command = [sys.executable, "-c", START, *args]
    env = environment({"RODIN_API_KEY": "made-up"})
    done = subprocess.run(
        command, input=site(), env=env, capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr, 0)


LINE = (
    r"RODIN_QUEUES UNKNOWN - internal error: ZeroDivisionError at <string>:\d+\. "
    rf"Run with -vvv and report it \(version {re.escape(__version__)}\)"
)


def test_a_bug_is_unknown_and_named_with_its_place() -> None:
    found = broken("--input=-")
    assert (found.code, found.stderr) == (3, "")
    assert re.fullmatch(LINE + "\n", found.stdout)


@pytest.mark.parametrize("kind", ["readiness", "startup", "liveness"])
def test_a_bug_fails_readiness_and_startup_only(kind: str) -> None:
    found = broken("--input=-", "--probe", kind)
    outcome = "passes" if kind == "liveness" else "fails"
    assert (found.code, found.stderr) == (int(kind != "liveness"), "")
    assert re.fullmatch(rf"{LINE} \({kind} probe {outcome}\)\n", found.stdout)


def test_vvv_shows_the_way_to_the_bug_without_its_values() -> None:
    first, *more = broken("--input=-", "-vvv").stdout.splitlines()
    assert re.fullmatch(LINE, first)
    assert len([line for line in more if re.search(r"File .*cli\.py.*, line \d+, in ", line)]) > 1
    assert "a secret" not in "".join(more)


@pytest.mark.parametrize(("probe", "code"), [((), 3), (("--probe=liveness",), 0)])
def test_a_bug_at_the_deadline_is_reported(probe: Sequence[str], code: int, server: Server) -> None:
    found = broken("-H", server.url, "-t", "2", *probe)
    line = "RODIN_QUEUES UNKNOWN - internal error, no details. Run with -vvv and report it\n"
    assert (found.stdout, found.stderr, found.code) == (line, "", code)
