"""SIGTERM, SIGINT and SIGHUP end a run with one line, at any moment from our first line on."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple

import pytest

from tests.console import SCRIPT, environment
from tests.faults import spawner
from tests.faults.behaviour import HEALTHY, raw
from tests.faults.invariants import check_output, check_run
from tests.faults.punctuality import in_time
from tests.faults.server import Exchange, FaultServer
from tests.faults.trial import Launcher

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TOLD = (
    "RODIN_QUEUES UNKNOWN - ended by {} while (reading|loading|asking|judging) [^,]+, "
    "before a result"
)


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Let the runs inherit no signal that nohup or a shell's & makes the tests ignore."""
    ignored = [number for number in SIGNALS if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


class Ended(NamedTuple):
    """What a run left that was sent a signal."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    early: bool


def _signalled(command: List[str], number: int, moment: Callable[[int], None]) -> Ended:
    """Start, wait for the *moment*, send the signal, and see that no process is left.

    The signal is early where the run does not hold it back yet: our first line is still to come.
    """
    spawner.adopt()
    known = spawner.children()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    moment(process.pid)
    early = not _held_back(process.pid, number)
    start = time.monotonic()
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    seconds = time.monotonic() - start
    assert not spawner.remaining(known), "a process is left"
    return Ended(process.returncode, stdout.decode(), stderr.decode(), seconds, early)


def _held_back(pid: int, number: int) -> bool:
    """Tell whether the main thread of the process blocks the signal."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(int(mask, 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("verbosity", ["", "-vvv"])
def test_a_signal_while_waiting_ends_the_run_with_a_line(
    plain_server: FaultServer, token_file: str, number: signal.Signals, verbosity: str
) -> None:
    plain_server.prepare(raw(end=Exchange.hold))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file]
    command += [verbosity] if verbosity else []

    def once() -> Ended:
        plain_server.requests.clear()
        return _signalled(command, number, lambda _: _wait_for_request(plain_server))

    ended = in_time(once, 0)
    assert (ended.code, ended.stderr) == (3, "")
    assert check_output(ended.stdout, lines=None if verbosity else 1) == "UNKNOWN"
    assert re.match(TOLD.format(number.name), ended.stdout), ended.stdout


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
    ended = in_time(lambda: _signalled(command, number, _after(1)), 0)
    assert (ended.code, ended.stderr) == (3, "")
    assert check_output(ended.stdout) == "UNKNOWN"
    assert re.match(TOLD.format(number.name), ended.stdout), ended.stdout


#: Sends the process a signal when Python tells an audit hook of its Nth event since our first line,
#: and waits until the thread that ends the run, if there is one yet, had time for it.
_HOOK = """
import os, sys, time
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
        time.sleep(0.2)
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
    ends = []
    for event in _moments(share):
        env = _hooked(tmp_path, number, event)
        trial = launcher.run(*args, env=env)
        was_sent = Path(env["LOG"]).exists()
        state = check_run(trial)
        assert state == ("UNKNOWN" if was_sent else "OK"), trial.outcome
        assert state == "OK" or number.name in trial.outcome.text
        ends.append(trial.outcome.text)
    # most of what happens in a run
    assert any(f"ended by {number.name} while loading the libraries," in end for end in ends)


def _moments(share: int) -> List[int]:
    moments, moment = [], 2  # the first is the import of what can hold signals back at all
    while moment < 4000:
        moments.append(moment)
        moment += max(1, moment // 3)
    return moments[share::4]


#: How Python may end on SIGINT before our first line, beside dying of it.
_INTERRUPTED = {1, 130}


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_at_a_random_moment(
    plain_server: FaultServer, token_file: str, number: signal.Signals
) -> None:
    """Before our first line the interpreter may die of it; from then on there is one line."""
    plain_server.prepare(raw(end=Exchange.hold))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file, "-t", "5"]
    ends = []
    for pause in (*(random.uniform(0, 0.4) for _ in range(15)), 1.0):
        ended = _signalled(command, number, _after(pause))
        ends.append((round(pause, 3), ended.code))
        if ended.early and not ended.stdout:
            assert ended.code in {-number, *(_INTERRUPTED if number == signal.SIGINT else ())}, ends
            continue
        assert (ended.code, ended.stderr) == (3, ""), ends
        assert check_output(ended.stdout) == "UNKNOWN"
        assert re.match(TOLD.format(number.name), ended.stdout), ended.stdout
    assert not ended.early, "the signal is never held back"


def test_the_clock_and_a_signal_together(plain_server: FaultServer, token_file: str) -> None:
    """A scheduler may send SIGTERM at the very moment at which the wall clock runs out."""
    plain_server.prepare(raw(end=Exchange.hold))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file, "-t", "0.6"]
    states = set()
    for pause in (0.3, 0.55, 0.58, 0.6, 0.62, 0.64, 0.7):
        ended = in_time(partial(_signalled, command, signal.SIGTERM, _after(pause)), 0.1)
        assert ended.stderr == ""
        state = check_output(ended.stdout)
        assert (state, ended.code) in {("UNKNOWN", 3), ("CRITICAL", 2)}
        assert ("SIGTERM" if state == "UNKNOWN" else " - timeout: ") in ended.stdout
        states.add(state)
    assert states == {"UNKNOWN", "CRITICAL"}
