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
import threading
import time
from pathlib import Path
from typing import Callable, ContextManager, Iterator, List, Tuple

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
from tests.server import HOLD, Script, Server, answer, http, queue, site

SOUND = http("200 OK", site())
DEAD = http("200 OK", site(mesh=queue(0, 7, 0)))
#: Headers that -vvv shows, more than a pipe or a terminal holds; then nothing comes.
TALKATIVE = [b"HTTP/1.1 200 OK\r\n" + b"X-More: %s\r\n" % (b"y" * 2000) * 90, HOLD]

ENV = {"RODIN_API_KEY": TOKEN}


# --- signals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("verbosity", [(), ("-vvv",)], ids=["", "-vvv"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_run_with_a_line(
    number: signal.Signals, verbosity: Tuple[str, ...], server: Server
) -> None:
    process = start("-H", server.url, *verbosity, env=ENV)
    server.wait_for_request()
    process.send_signal(number)
    outcome = finish(process)
    found = report(outcome, verbose=bool(verbosity))
    assert (found.state, found.conditions) == ("UNKNOWN", ())
    assert number.name in found.text
    assert outcome.seconds < 0.5


def test_a_signal_while_a_file_is_read(fifo: str) -> None:
    process = start("--input", fifo)
    time.sleep(0.6)
    process.send_signal(signal.SIGTERM)
    found = report(finish(process))
    assert found.state == "UNKNOWN"
    assert "SIGTERM" in found.text


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
        os.close(os.open(os.environ["LOG"], os.O_CREAT | os.O_WRONLY))
        os.kill(os.getpid(), 15)
        time.sleep(0.2)
sys.addaudithook(_hook)
"""


def test_a_signal_at_any_moment_of_our_code(server: Server, tmp_path: Path) -> None:
    """Every import, file and socket is a moment."""
    server.play(SOUND)
    (tmp_path / "sitecustomize.py").write_text(HOOK, encoding="ascii")
    states = []
    for event in (1, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
        log = tmp_path / f"sent{event}"
        env = {**ENV, "PYTHONPATH": str(tmp_path), "EVENT": str(event), "LOG": str(log)}
        found = report(run("-H", server.url, env=env))
        assert found.state == ("UNKNOWN" if log.exists() else "OK"), (event, found.text)
        states.append(found.state)
    assert states[:5] == ["UNKNOWN"] * 5


def test_a_signal_at_the_deadline(server: Server) -> None:
    """A scheduler can send SIGTERM at the moment of the deadline: one of both is reported."""
    ends = set()
    for pause in (0.3, 0.95, 0.98, 1.0, 1.02, 1.05, 1.3):
        begin = time.monotonic()
        process = start("-H", server.url, "-t", "1", env=ENV)
        time.sleep(max(begin + pause - time.monotonic(), 0))
        process.send_signal(signal.SIGTERM)
        found = report(finish(process))
        assert ("SIGTERM" in found.text) == (found.conditions == ())
        ends.add(found.conditions)
    assert ends == {(), ("timeout",)}


# --- output that cannot be written --------------------------------------------------------------


@pytest.mark.parametrize(("script", "code"), [(SOUND, 0), (DEAD, 2), (http("401 No"), 3)])
@pytest.mark.parametrize("where", [">&-", "<&- >&- 2>&-", ">/dev/full"])
def test_output_that_cannot_be_written_keeps_the_exit_code(
    script: Script, code: int, where: str, server: Server
) -> None:
    server.play(script)
    outcome = run("-H", server.url, env=ENV, prefix=("sh", "-c", f'"$@" {where}', "sh"))
    assert (outcome.code, outcome.stdout, outcome.stderr) == (code, "", "")


def test_a_reader_that_has_gone_keeps_the_exit_code(server: Server) -> None:
    server.play(DEAD)
    reader, writer = os.pipe()
    os.close(reader)
    outcome = run("-H", server.url, env=ENV, stdout=writer)
    os.close(writer)
    assert (outcome.code, outcome.stderr) == (2, "")


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_closed_descriptor_does_no_harm(closed: str, server: Server) -> None:
    server.play(SOUND)
    prefix = ("sh", "-c", f'"$@" {closed}', "sh")
    assert report(run("-H", server.url, env=ENV, prefix=prefix)).state == "OK"


def test_no_connection_gets_the_number_of_a_closed_descriptor(server: Server) -> None:
    """What a library writes to standard error would go to the server."""
    command = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    process = start("-H", server.url, "-t", "3", env=ENV, prefix=command)
    server.wait_for_request()
    opened = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
    assert finish(process).code == 2
    assert opened == ["/dev/null"] * 3
    assert server.requests[0].endswith(b"\r\n\r\n")


# --- output that is not read --------------------------------------------------------------------

Output = Callable[[], ContextManager[int]]


@contextlib.contextmanager
def full_pipe(room: int = 0) -> Iterator[int]:
    """Give a pipe that no process reads, with *room* bytes left."""
    reader, writer = os.pipe()
    fill(writer)
    if room:
        os.read(reader, room)
    yield writer
    os.close(reader)
    os.close(writer)


@contextlib.contextmanager
def full_terminal() -> Iterator[int]:
    """Give a terminal that no process reads."""
    master, slave = pty.openpty()
    fill(slave)
    yield slave
    os.close(slave)
    os.close(master)


@contextlib.contextmanager
def full_socket() -> Iterator[int]:
    """Give a socket that no process reads."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        fill(theirs.fileno())
        yield theirs.fileno()


def fill(descriptor: int) -> None:
    """Write to *descriptor* until it takes no more, and leave it as it was."""
    os.set_blocking(descriptor, False)
    for size in (4096, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(descriptor, b"x" * size)
    os.set_blocking(descriptor, True)


OUTPUTS = {
    "a full pipe": full_pipe,
    "a pipe with a page left": lambda: full_pipe(select.PIPE_BUF),
    "a terminal": full_terminal,
    "a socket": full_socket,
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
@pytest.mark.parametrize("script", [DEAD, TALKATIVE], ids=["a result", "a timeout"])
def test_output_that_is_not_read_does_not_delay_the_end(
    script: Script, output: Output, server: Server
) -> None:
    server.play(script)

    def attempt() -> Outcome:
        with output() as descriptor:
            found = run("-H", server.url, "-t", "2", "-vvv", env=ENV, stdout=descriptor)
            assert os.get_blocking(descriptor), "O_NONBLOCK is shared with the caller"
        return found

    outcome = in_time(attempt, 2)
    assert (outcome.code, outcome.stderr) == (2, "")


def test_a_signal_while_the_output_is_not_read(server: Server) -> None:
    server.play(DEAD)
    with full_pipe() as writer:
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


def test_a_help_that_is_read_slowly_is_whole() -> None:
    expected = run("--help").stdout
    reader, writer = os.pipe()
    fill(writer)
    read = []

    def slowly() -> None:
        time.sleep(0.5)
        while piece := os.read(reader, 2048):
            read.append(piece)
            time.sleep(0.005)

    thread = threading.Thread(target=slowly)
    process = start("--help", stdout=writer)
    os.close(writer)
    thread.start()
    assert finish(process).code == 3
    thread.join()
    os.close(reader)
    assert b"".join(read).lstrip(b"x").decode() == expected


def test_many_runs_can_share_a_pipe(server: Server) -> None:
    """Such as the runs of a shell loop: each line stays whole, and comes once."""
    server.play(SOUND)
    reader, writer = os.pipe()
    runs = [start("-H", server.url, env=ENV, stdout=writer) for _ in range(8)]
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        lines = pipe.read().splitlines(keepends=True)
    codes = [finish(process).code for process in runs]
    assert codes == [0] * 8
    assert [report(Outcome(0, line, "", 0)).state for line in lines] == ["OK"] * 8


def test_output_is_appended_to_a_file(server: Server, tmp_path: Path) -> None:
    server.play(SOUND)
    path = tmp_path / "log"
    with path.open("wb") as log:
        log.write(b"before\n")
        log.flush()
        assert run("-H", server.url, env=ENV, stdout=log.fileno()).code == 0
    first, rest = path.read_text().split("\n", 1)
    assert first == "before"
    assert report(Outcome(0, rest, "", 0)).state == "OK"


def test_a_terminal_gets_the_same_output(server: Server) -> None:
    server.play(SOUND)
    master, slave = pty.openpty()
    assert run("-H", server.url, env=ENV, stdout=slave).code == 0
    text = os.read(master, 65536).decode().replace("\r\n", "\n")
    os.close(master)
    os.close(slave)
    assert report(Outcome(0, text, "", 0)).state == "OK"


# --- the last resort ----------------------------------------------------------------------------

#: Leaves SIGALRM as a caller can leave it, and starts the check.
INHERITED = {
    "as usual": "pass",
    "ignored": "signal.signal(14, signal.SIG_IGN)",
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, [14])",
}


@pytest.mark.parametrize("how", INHERITED)
def test_a_library_that_hangs_with_the_interpreters_lock(
    how: str, server: Server, tmp_path: Path
) -> None:
    """No thread of ours can run then, so the kernel ends the run, 3 s after its deadline."""
    hang = "import ctypes\nctypes.PyDLL(None).sleep(30)\n"
    (tmp_path / "requests.py").write_text(hang, encoding="ascii")
    begin = f"import os, signal, sys; {INHERITED[how]}; os.execv(sys.argv[1], sys.argv[1:])"
    prefix = (sys.executable, "-I", "-S", "-c", begin)
    env = {**ENV, "PYTHONPATH": str(tmp_path)}
    outcome = run("-H", server.url, "-t", "1.5", env=env, prefix=prefix)
    assert outcome.code == -signal.SIGALRM
    assert 1.5 < outcome.seconds < 6


def test_openssl_that_hangs_while_it_reads_its_configuration(
    tls_server: Server, fifo: str, ca_file: str
) -> None:
    """OpenSSL 3.0 does so while Python imports it with the lock, 3.5 later and without the lock."""
    env = {**ENV, "OPENSSL_CONF": fifo}
    outcome = run("-H", tls_server.url, "--ca-file", ca_file, "-t", "0.5", env=env)
    assert 0.5 < outcome.seconds < 5
    if outcome.code != -signal.SIGALRM:
        found = report(outcome)
        assert (found.state, found.conditions) == ("UNKNOWN", ("timeout",))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("probe", "code"), [((), 3), (("--probe=liveness",), 0)])
def test_without_a_second_thread_nothing_is_asked(
    probe: Tuple[str, ...], code: int, server: Server
) -> None:
    """A user or container with too many processes (ulimit -u) cannot have the watchdog."""
    user: List[str] = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    python = str(SCRIPT.parent / "python")
    trial = [*user, python, "-c", "import requests"]
    if subprocess.run(trial, env=environment(), capture_output=True, check=False).returncode:
        pytest.skip("the folders above the script or its Python are closed to other users")
    outcome = run("-H", server.url, *probe, env=ENV, prefix=("prlimit", "--nproc=1", *user))
    assert (outcome.code, outcome.stderr, outcome.stdout.count("\n")) == (code, "", 1)
    assert outcome.stdout.startswith("RODIN_QUEUES UNKNOWN - ")
    assert "ulimit -u" in outcome.stdout
    assert server.connections == 0
