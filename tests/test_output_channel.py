"""Output that is closed, full, slow or shared, signals, and the last resort.

The exit code stays what the check found, and a run ends on time, also if no one reads its output.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable

import pytest

from tests.console import (
    SCRIPT,
    TOKEN,
    Outcome,
    environment,
    finish,
    in_time,
    probed,
    report,
    run,
    start,
)
from tests.server import HOLD, Script, Server, answer, head, http, queue, site

SOUND = http("200 OK", site())
#: Headers that -vvv shows: more than a page of a pipe.
HEADERS = [f"X-{number}: {'y' * 400}" for number in range(50)]
DEAD = http("200 OK", site(mesh=queue(0, 7, 0)), *HEADERS)

ENV = {"RODIN_API_KEY": TOKEN}


# --- signals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_run_with_a_line(number: signal.Signals, server: Server) -> None:
    process = start("-H", server.url, "-vvv", env=ENV)
    server.wait_for_request()
    process.send_signal(number)
    outcome = finish(process)
    assert report(outcome, verbose=True).text == (
        f"interrupted by {number.name} while waiting for {server.address}. "
        "Set -t below the monitoring system's own timeout"
    )
    assert outcome.seconds < 1.5


def test_a_signal_while_a_file_is_read(fifo: str) -> None:
    process = start("--input", fifo)
    time.sleep(0.6)
    process.send_signal(signal.SIGTERM)
    assert "SIGTERM while reading --input" in report(finish(process)).text


@pytest.mark.parametrize(("probe", "code"), [("readiness", 1), ("startup", 1), ("liveness", 0)])
def test_a_signal_in_a_probe(probe: str, code: int, server: Server) -> None:
    process = start("-H", server.url, "--probe", probe, env=ENV)
    server.wait_for_request()
    process.send_signal(signal.SIGTERM)
    assert probed(finish(process)) == code


#: Sends SIGTERM at the Nth event that Python reports to an audit hook, counted from the moment
#: at which our code blocks the signal.
HOOK = """
import _signal, os, sys, time
_seen, _last = 0, int(os.environ["EVENT"])
def _hook(event, args):
    global _seen
    _ours = event == "import" and args[0].startswith("check_rodin_queues.")
    if _ours and not _seen and args[0] != "check_rodin_queues.__main__":
        os._exit(99)  # the signal is blocked before anything else is loaded
    _seen += bool(_seen) or 15 in _signal.pthread_sigmask(_signal.SIG_BLOCK, [])
    if _seen == _last:
        os.kill(os.getpid(), 15)
        time.sleep(0.2)
sys.addaudithook(_hook)
"""


@pytest.mark.parametrize("event", [1, 4, 16, 64])
def test_a_signal_at_any_moment_of_our_code(event: int, server: Server, tmp_path: Path) -> None:
    """Every import, file and socket is a moment."""
    server.play(SOUND)
    (tmp_path / "sitecustomize.py").write_text(HOOK, encoding="ascii")
    env = {**ENV, "PYTHONPATH": str(tmp_path), "EVENT": str(event)}
    assert "SIGTERM" in report(run("-H", server.url, env=env)).text


def test_a_signal_at_the_deadline(server: Server) -> None:
    """A scheduler can send SIGTERM at the moment of the deadline: one of both is reported."""
    for pause in (0.95, 0.98, 1.0, 1.02):
        begin = time.monotonic()
        process = start("-H", server.url, "-t", "1", env=ENV)
        time.sleep(max(begin + pause - time.monotonic(), 0))
        process.send_signal(signal.SIGTERM)
        found = report(finish(process))
        assert ("SIGTERM" in found.text) == (found.conditions == ())


# --- output that cannot be written --------------------------------------------------------------


def shell(redirection: str) -> tuple[str, ...]:
    """Return the words that start a program with this redirection."""
    return ("sh", "-c", f'exec "$@" {redirection}', "sh")


@pytest.mark.parametrize(
    ("script", "code", "where"),
    [(SOUND, 0, ">&-"), (DEAD, 2, ">/dev/full"), (http("401 No"), 3, "<&- >&- 2>&-")],
)
def test_output_that_cannot_be_written_keeps_the_exit_code(
    script: Script, code: int, where: str, server: Server
) -> None:
    server.play(script)
    outcome = run("-H", server.url, env=ENV, prefix=shell(where))
    assert (outcome.code, outcome.stdout, outcome.stderr) == (code, "", "")


def test_a_reader_that_has_gone_keeps_the_exit_code(server: Server) -> None:
    server.play(DEAD)
    reader, writer = os.pipe()
    os.close(reader)
    outcome = run("-H", server.url, env=ENV, stdout=writer)
    os.close(writer)
    assert (outcome.code, outcome.stderr) == (2, "")


def test_closed_input_and_standard_error_do_no_harm(server: Server) -> None:
    server.play(SOUND)
    assert report(run("-H", server.url, env=ENV, prefix=shell("<&- 2>&-"))).state == "OK"


def test_no_connection_gets_the_number_of_a_closed_descriptor(server: Server) -> None:
    """What a library writes to standard error would go to the server."""
    process = start("-H", server.url, "-t", "3", env=ENV, prefix=shell("<&- >&- 2>&-"))
    server.wait_for_request()
    opened = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
    process.terminate()
    assert finish(process).code == 3
    assert opened == ["/dev/null"] * 3


# --- output that is not read --------------------------------------------------------------------

Pair = Callable[[], Sequence[int]]


def socket_pair() -> Sequence[int]:
    return [one.detach() for one in socket.socketpair()]


@contextlib.contextmanager
def full(pair: Pair, room: int = 0) -> Iterator[int]:
    """Give the second of a *pair* of which no process reads the first, with *room* bytes left."""
    reader, writer = pair()
    os.set_blocking(writer, False)
    for size in (4096, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * size)
    os.set_blocking(writer, True)
    if room:
        os.read(reader, room)
    yield writer
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    ("pair", "room", "script"),
    [
        pytest.param(os.pipe, 0, DEAD, id="a full pipe"),
        pytest.param(os.pipe, select.PIPE_BUF, DEAD, id="a pipe with a page left"),
        pytest.param(os.pipe, select.PIPE_BUF, [head("200 OK", *HEADERS), HOLD], id="a timeout"),
        pytest.param(pty.openpty, 0, DEAD, id="a terminal"),
        pytest.param(socket_pair, 0, DEAD, id="a socket"),
    ],
)
def test_output_that_is_not_read_does_not_delay_the_end(
    pair: Pair, room: int, script: Script, server: Server
) -> None:
    server.play(script)

    def attempt() -> Outcome:
        with full(pair, room) as descriptor:
            found = run("-H", server.url, "-t", "2", "-vvv", env=ENV, stdout=descriptor)
            assert os.get_blocking(descriptor), "O_NONBLOCK is shared with the caller"
        return found

    outcome = in_time(attempt, 2)
    assert (outcome.code, outcome.stderr) == (2, "")


def test_a_signal_while_the_output_is_not_read(server: Server) -> None:
    server.play(DEAD)
    with full(os.pipe) as writer:
        process = start("-H", server.url, "-t", "9", env=ENV, stdout=writer)
        server.wait_for_request()
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        outcome = finish(process)
    assert outcome.code in {2, 3}
    assert outcome.seconds < 2.5


def test_a_slow_reader_gets_the_whole_output(server: Server) -> None:
    server.play(http("200 OK", answer({f"q{number}": queue() for number in range(2000)})))
    process = start("-H", server.url, "--require=", "-vvv", env=ENV)
    time.sleep(1)
    found = report(finish(process), verbose=True)
    assert len(found.metrics) == 3 * 2000 + 1
    assert found.more.count("\n") > 2000


def test_many_runs_can_share_a_pipe(server: Server) -> None:
    """Such as the runs of a shell loop: each line stays whole, and comes once."""
    server.play(SOUND)
    reader, writer = os.pipe()
    runs = [start("-H", server.url, env=ENV, stdout=writer) for _ in range(4)]
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        lines = pipe.read().splitlines(keepends=True)
    assert [finish(process).code for process in runs] == [0] * 4
    assert [report(Outcome(0, line, "", 0)).state for line in lines] == ["OK"] * 4


# --- the last resort ----------------------------------------------------------------------------

#: Leaves SIGALRM as a caller can leave it, and starts the check.
INHERITED = """
import os, signal, sys
signal.signal(14, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [14])
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_library_that_hangs_with_the_interpreters_lock(server: Server, tmp_path: Path) -> None:
    """No thread of ours can run then, so the kernel ends the run, 3 s after its deadline."""
    hang = "import ctypes\nctypes.PyDLL(None).sleep(30)\n"
    (tmp_path / "requests.py").write_text(hang, encoding="ascii")
    prefix = (sys.executable, "-I", "-S", "-c", INHERITED)
    env = {**ENV, "PYTHONPATH": str(tmp_path)}
    outcome = run("-H", server.url, "-t", "1.5", env=env, prefix=prefix)
    assert outcome.code == -signal.SIGALRM
    assert 1.5 < outcome.seconds < 6


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("probe", "code"), [((), 3), (("--probe=liveness",), 0)])
def test_without_a_second_thread_nothing_is_asked(
    probe: tuple[str, ...], code: int, server: Server
) -> None:
    """A user or container with too many processes (ulimit -u) cannot have the watchdog."""
    user: list[str] = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    python = str(SCRIPT.parent / "python")
    trial = [*user, python, "-c", "import requests"]
    if subprocess.run(trial, env=environment(), capture_output=True, check=False).returncode:
        pytest.skip("the folders above the script or its Python are closed to other users")
    outcome = run("-H", server.url, *probe, env=ENV, prefix=("prlimit", "--nproc=1", *user))
    assert (outcome.code, outcome.stderr, outcome.stdout.count("\n")) == (code, "", 1)
    assert outcome.stdout.startswith("RODIN_QUEUES UNKNOWN - ")
    assert "ulimit -u" in outcome.stdout
    assert server.connections == 0
