"""SIGTERM and SIGINT end a run with one line, at any moment from our first line on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple

import pytest

from tests.console import SCRIPT, environment
from tests.faults.behaviour import HEALTHY, raw
from tests.faults.document import answer
from tests.faults.invariants import check_output, check_run
from tests.faults.punctuality import GRACE
from tests.faults.server import Exchange, FaultServer
from tests.faults.trial import Launcher

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ended(NamedTuple):
    """What a run left that was sent a signal."""

    code: int
    stdout: str
    stderr: str
    seconds: float


def _signalled(command: List[str], number: int, moment: Callable[[int], None]) -> Ended:
    """Start, wait for the *moment*, send the signal, and see that no process is left."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    moment(process.pid)
    start = time.monotonic()
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    seconds = time.monotonic() - start
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return Ended(process.returncode, stdout.decode(), stderr.decode(), seconds)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("verbosity", ["", "-vvv"])
def test_a_signal_while_waiting_ends_the_run_with_a_line(
    plain_server: FaultServer, token_file: str, number: signal.Signals, verbosity: str
) -> None:
    plain_server.prepare(raw(end=Exchange.hold))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file]
    command += [verbosity] if verbosity else []
    ended = _signalled(command, number, lambda _: _wait_for_request(plain_server))
    assert (ended.code, ended.stderr) == (3, "")
    assert check_output(ended.stdout, lines=None if verbosity else 1) == "UNKNOWN"
    assert number.name in ended.stdout
    assert ended.seconds < 5 * GRACE


def _after(pause: float) -> Callable[[int], None]:
    return lambda _: time.sleep(pause)


def _wait_for_request(server: FaultServer) -> None:
    end = time.monotonic() + 20
    while not server.requests:
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_a_file_that_never_begins(fifo: str, number: signal.Signals) -> None:
    command = [str(SCRIPT), "--input", fifo]
    ended = _signalled(command, number, lambda _: time.sleep(1))
    assert (ended.code, ended.stderr) == (3, "")
    assert check_output(ended.stdout) == "UNKNOWN"


#: Sends the process a signal when Python tells an audit hook of its Nth event since our first line.
_HOOK = """
import os, sys
_number, _last, _log = int(os.environ["SIGNAL"]), int(os.environ["EVENT"]), os.environ["LOG"]
_seen = -1
def _hook(event, args):
    global _seen
    if _seen < 0:
        code = args[0] if event == "exec" and args else None
        if getattr(code, "co_filename", "").endswith("check_rodin_queues/__main__.py"):
            _seen = 0
        return
    _seen += 1
    if _seen == _last:
        os.close(os.open(_log, os.O_CREAT | os.O_WRONLY))
        os.kill(os.getpid(), _number)
sys.addaudithook(_hook)
"""


def _hooked(folder: Path, number: signal.Signals, event: int) -> Dict[str, str]:
    (folder / "sitecustomize.py").write_text(_HOOK, encoding="ascii")
    log = str(folder / f"sent{event}")
    return {
        "PYTHONPATH": str(folder),
        "SIGNAL": str(int(number)),
        "EVENT": str(event),
        "LOG": log,
    }


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("share", range(4))
def test_a_signal_at_any_moment_of_our_code(
    *,
    launcher: Launcher,
    plain_server: FaultServer,
    token_file: str,
    tmp_path: Path,
    number: signal.Signals,
    share: int,
) -> None:
    """Every import, file and socket is a moment; between two there is little left to happen.

    The gap between the moments grows, since the first ones matter most and the last are many.
    """
    plain_server.prepare(HEALTHY)
    args = ("-H", plain_server.url, "--token-file", token_file)
    sent = 0
    for event in _moments(share):
        env = _hooked(tmp_path, number, event)
        trial = launcher.run(*args, env=env)
        was_sent = Path(env["LOG"]).exists()
        sent += was_sent
        state = check_run(trial)
        assert state in {"OK", "UNKNOWN"}
        assert was_sent or state == "OK"
        assert state == "OK" or number.name in trial.outcome.text
    assert sent, "no signal was ever sent"


def _moments(share: int) -> List[int]:
    moments, moment = [], 2  # the first is the import of what can hold signals back at all
    while moment < 4000:
        moments.append(moment)
        moment += max(1, moment // 3)
    return moments[share::4]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_at_a_random_moment(
    plain_server: FaultServer, token_file: str, number: signal.Signals
) -> None:
    """Before our first line the interpreter may die of it; from then on there is one line."""
    plain_server.prepare(raw(answer(), end=Exchange.hold))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file, "-t", "5"]
    ends = []
    for _ in range(15):
        pause = random.uniform(0, 0.4)
        ended = _signalled(command, number, _after(pause))
        ends.append((round(pause, 3), ended.code))
        if not ended.stdout and pause < 0.2 and ended.code in {-number, 1, 130}:
            continue
        assert ended.stderr == "", ends
        assert check_output(ended.stdout) in {"UNKNOWN", "CRITICAL"}
        assert ended.code in {2, 3}


def test_the_clock_and_a_signal_together(plain_server: FaultServer, token_file: str) -> None:
    """A scheduler may send SIGTERM at the very moment at which the wall clock runs out."""
    plain_server.prepare(raw(end=Exchange.hold))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file, "-t", "0.6"]
    for pause in (0.55, 0.58, 0.6, 0.62, 0.64):
        ended = _signalled(command, signal.SIGTERM, _after(pause))
        if ended.code != -signal.SIGTERM:
            assert check_output(ended.stdout) in {"UNKNOWN", "CRITICAL"}
            assert ended.stderr == ""
