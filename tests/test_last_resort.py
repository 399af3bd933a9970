"""Where the end of a run cannot be told, it comes all the same."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import time
import tty
from pathlib import Path
from typing import Callable, ContextManager, Iterator, List, Optional, Tuple

import pytest

from tests import live, stub
from tests.answers import site
from tests.console import SCRIPT, Outcome, environment, run
from tests.faults.punctuality import in_time, stopwatch
from tests.pipes import full_pipe

#: Headers that -vvv shows, more than a terminal holds; then nothing comes.
HEADERS = (b"X%d: %s\r\n" % (number, b"y" * 2_000) for number in range(50))
TALKATIVE = b"HTTP/1.1 200 OK\r\n%s\r\n" % b"".join(HEADERS)

#: Of Linux; Python has a name for it from 3.10 on.
F_SETPIPE_SZ = 1031
#: Gives the descriptor to write to, and another one.
Output = Callable[[], ContextManager[Tuple[int, int]]]


@contextlib.contextmanager
def unread_terminal(filled: int) -> Iterator[int]:
    """Give a terminal that nobody reads, with so many bytes written to it."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(slave, False)
    with contextlib.suppress(BlockingIOError):
        for _ in range(filled):
            os.write(slave, b"x")
    os.set_blocking(slave, True)
    yield slave
    os.close(slave)
    os.close(master)


def ended(args: List[str], output: int, **env: str) -> Tuple[int, float]:
    """Return the exit code of a run that writes to this descriptor, and its seconds."""
    start = time.monotonic()
    with subprocess.Popen(
        [str(SCRIPT), *args],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.DEVNULL,
        env=environment(env),
    ) as process:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.returncode, time.monotonic() - start


@contextlib.contextmanager
def unread_pipe() -> Iterator[Tuple[int, int]]:
    """Give a pipe that nobody reads, with room for a page, and its other end."""
    with full_pipe() as (reader, writer):
        os.read(reader, select.PIPE_BUF)
        yield writer, reader


def test_a_pipe_that_nobody_reads_holds_nobody_up() -> None:
    """The report of the end is longer than what the pipe takes."""
    with stub.stub(TALKATIVE, holds=True) as server, unread_pipe() as (pipe, _):
        args = ["-H", server.url, "-t", "1", "-vvv"]
        code, seconds = ended(args, pipe, RODIN_API_KEY=live.TOKEN)
    assert code == 2
    assert seconds < 1.6


def test_a_help_that_is_read_late_is_whole() -> None:
    """The deadline is not known yet: there is a second for each piece."""
    with unread_pipe() as (pipe, reader):
        process = subprocess.Popen([str(SCRIPT), "--help"], stdout=pipe, env=environment())
        time.sleep(0.7)
        read, ended_before = b"", False
        while not ended_before:
            ended_before = process.poll() is not None
            while select.select([reader], [], [], 0.05)[0]:
                read += os.read(reader, select.PIPE_BUF)
    assert read.endswith(run("--help").stdout.encode())


@pytest.mark.parametrize("filled", [0, 3_000, 100_000])
@pytest.mark.parametrize(
    ("args", "code"), [(["--help"], 3), (["-H", "{}", "-t", "1", "-vvv"], 2)], ids=["help", "check"]
)
def test_a_terminal_that_nobody_reads_holds_nobody_up(
    args: List[str], code: int, filled: int
) -> None:
    with stub.stub(TALKATIVE, holds=True) as server, unread_terminal(filled) as terminal:
        given = [arg.format(server.url) for arg in args]
        found, seconds = ended(given, terminal, RODIN_API_KEY=live.TOKEN)
    assert found == code
    assert seconds < 1.6


def test_a_library_that_hangs_with_the_lock_is_ended_by_the_kernel(tmp_path: Path) -> None:
    """OpenSSL reads its configuration while Python imports it: no thread of ours runs then."""
    fifo = tmp_path / "openssl.cnf"
    os.mkfifo(fifo)
    with live.both(tmp_path) as sites:
        args = [*sites.ask(sites.https, "--ca-file", sites.ca), "-t", "1"]
        code, seconds = ended(args, subprocess.DEVNULL, OPENSSL_CONF=str(fifo))
    assert code == -signal.SIGALRM
    assert 3.5 <= seconds < 5


#: Loaded, and then busy in C code that keeps the interpreter's lock. The thread that could end it
#: does not come to that; on a busy machine it could, before the lock is kept.
BUSY = """
import re, time
from check_rodin_queues.lifetime import Lifetime
lifetime = Lifetime(time.monotonic(), None)
lifetime._watch = lambda: None
lifetime.guard(0.5)
lifetime.loaded()
re.match("(a+)+$", "a" * 60 + "b")
"""
#: Leaves the signal {} to the program that is started then.
INHERITED = {
    "as usual": "pass",
    "ignored": "signal.signal({}, signal.SIG_IGN)",
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, [{}])",
}


def heir(how: str, number: signal.Signals, *command: str) -> List[str]:
    """Return what starts *command* with the signal as somebody left it."""
    left = INHERITED[how].format(int(number))
    start = f"import os, signal, sys; {left}; os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", start, *command]


@pytest.mark.parametrize("how", INHERITED)
def test_what_is_busy_with_the_lock_is_ended_by_the_kernel(how: str) -> None:
    command = heir(how, signal.SIGPROF, sys.executable, "-c", BUSY)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert 2.9 < spent < 4.5  # seconds of CPU; it may last 3.5
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGPROF, b"", b"")


NO_ANSWER, ANSWER = b"", stub.http("200 OK", site())
#: When a run with `-t 2` is stopped, and when it goes on: the time is over meanwhile.
STOPS = {"shortly": (1.8, 2.2), "long": (1.8, 5.3), "just before": (1.98, 2.4)}


@pytest.mark.parametrize(
    ("stop", "answer", "probe"),
    [
        pytest.param("shortly", NO_ANSWER, (), id="shortly"),
        pytest.param("shortly", ANSWER, (), id="shortly, with an answer"),
        pytest.param("shortly", NO_ANSWER, ("--probe", "readiness"), id="shortly, a probe"),
        pytest.param("just before", NO_ANSWER, (), id="just before"),
        pytest.param("just before", ANSWER, (), id="just before, with an answer"),
        pytest.param("long", ANSWER, (), id="long, with an answer"),
        pytest.param("long", NO_ANSWER, ("--probe", "readiness"), id="long, a probe"),
    ],
)
def test_one_who_was_stopped_beyond_the_deadline_says_so(
    stop: str, answer: bytes, probe: Tuple[str, ...]
) -> None:
    """By kill -STOP, a debugger, or an engine that pauses a container."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        where = f"127.0.0.1:{server.getsockname()[1]}"
        start = time.monotonic()
        with subprocess.Popen(
            [str(SCRIPT), "-H", f"http://{where}", "-t", "2", *probe],
            env=environment({"RODIN_API_KEY": live.TOKEN}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                before, after = STOPS[stop]
                time.sleep(max(start + before - time.monotonic(), 0))
                process.send_signal(signal.SIGSTOP)
                connection.sendall(answer)
                time.sleep(after - before)
                process.send_signal(signal.SIGCONT)
                resumed = time.monotonic()
                stdout, stderr = process.communicate(timeout=20)
    seconds = time.monotonic() - resumed
    assert (process.returncode, stderr, stdout.count(b"\n")) == (1 if probe else 2, b"", 1)
    steps = f"asking {where}|judging the answer"
    assert re.search(f" timeout: ({steps}) took longer than 2 s".encode(), stdout), stdout
    assert seconds < 0.5


@pytest.mark.parametrize(("piece", "times"), [("a", 16_000), ("eyJ", 5_000)])
def test_a_text_that_almost_is_the_token_holds_nobody_up(piece: str, times: int) -> None:
    """It is searched for the token in one go, and so are the names of queues."""
    token = piece * times + "b"
    body = f'{{"{piece * (500_000 // len(piece))}{token}": 1}}'
    with stub.stub(stub.http("200 OK", body)) as server:
        args = ("-H", server.url, "-t", "3", "-vvv")
        found = run(*args, env={"RODIN_API_KEY": token})
    assert found.code == 3
    assert "an integer where an object" in found.stdout
    assert token[-20:] not in found.stdout


#: A run that has its result when the time is just over; nothing else could run meanwhile.
JUST_TOO_LATE = """
import sys, time
from check_rodin_queues.lifetime import Lifetime
from check_rodin_queues.output import Report
sys.setswitchinterval(10)
lifetime = Lifetime(time.monotonic(), None)
lifetime.on_timeout = lambda: Report(b"timeout", 2)
lifetime.guard(0.5)
while lifetime.elapsed() < {}:
    pass
lifetime.finish(Report(b"result", 0))
"""


@pytest.mark.parametrize(
    ("seconds", "code", "said"), [(0.51, 2, b"timeout"), (0.3, 0, b"result")], ids=["late", "early"]
)
def test_a_result_that_comes_too_late_is_none(
    tmp_path: Path, seconds: float, code: int, said: bytes
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", JUST_TOO_LATE.format(seconds)],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, said, b"")


def executed(script: str) -> subprocess.CompletedProcess[bytes]:
    """Run this much of the program; it ends by itself, or the test fails."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, timeout=15, check=False)


#: A run whose other thread has gone; its result is there in time, or not.
DESERTED = """
import time
from check_rodin_queues.lifetime import Lifetime
from check_rodin_queues.output import Report
lifetime = Lifetime(time.monotonic(), Report(b"untold", 3))
lifetime._watch = lambda: None
lifetime.guard(0.5)
time.sleep({})
lifetime.finish(Report(b"result", 0))
"""


@pytest.mark.parametrize(("seconds", "code", "said"), [(0.6, 3, b"untold"), (0, 0, b"result")])
def test_a_late_result_is_none_also_where_nobody_else_ends_the_run(
    seconds: float, code: int, said: bytes
) -> None:
    done = executed(DESERTED.format(seconds))
    assert (done.returncode, done.stdout, done.stderr) == (code, said, b"")


#: A run that learns of another time while it waits; what it says then takes a moment.
TWO_TIMES = """
import time
from check_rodin_queues.lifetime import Lifetime
from check_rodin_queues.output import Report
lifetime = Lifetime(time.monotonic(), None)
def slow():
    time.sleep(0.5)
    return Report(b"timeout", 2)
lifetime.on_timeout = slow
lifetime.guard({})
time.sleep(0.3)
lifetime.guard({})
time.sleep(8)
"""


@pytest.mark.parametrize(("first", "then"), [(10, 0.6), (0.5, 0.7)], ids=["shorter", "longer"])
def test_another_time_counts_at_once(first: float, then: float) -> None:
    """As where an INI file that came slowly says so."""
    start = time.monotonic()
    done = executed(TWO_TIMES.format(first, then))
    assert (done.returncode, done.stdout, done.stderr) == (2, b"timeout", b"")
    assert then + 0.5 <= time.monotonic() - start < 5


#: A run that started five seconds ago tells when the kernel will end it.
KERNEL = """
import signal, time
from check_rodin_queues.lifetime import Lifetime
Lifetime(time.monotonic() - 5, None).guard({})
print(signal.getitimer(signal.ITIMER_REAL)[0])
"""


@pytest.mark.parametrize(
    ("timeout", "seconds"), [(10, 8), (2, 3)], ids=["still to come", "over already"]
)
def test_the_kernel_ends_it_three_seconds_after_its_time(timeout: int, seconds: int) -> None:
    """Or after now, if that is later: the other thread has to have time to say so."""
    done = executed(KERNEL.format(timeout))
    assert seconds - 1 < float(done.stdout) <= seconds


#: A run of which one thread never comes to its end, once it has begun to make that of the run.
STUCK = """
import os, time
from check_rodin_queues.lifetime import Lifetime
from check_rodin_queues.output import Report
lifetime = Lifetime(time.monotonic(), Report(b"untold", 3))
{}
"""
HANGS_WRITING = """
lifetime.guard(0.5)
lifetime._write = lambda _: time.sleep(20)
lifetime.finish(Report(b"result", 1))
"""
HANGS_TELLING = """
lifetime.on_signal = lambda _: time.sleep(20)
lifetime.guard(10)
os.kill(os.getpid(), 15)
time.sleep(0.5)
lifetime.finish(Report(b"result", 0))
"""


@pytest.mark.parametrize(
    ("does", "code", "said"),
    [(HANGS_WRITING, 1, b""), (HANGS_TELLING, 3, b"untold")],
    ids=["one that writes", "one that was to tell a signal"],
)
def test_a_thread_that_hangs_is_not_waited_for(does: str, code: int, said: bytes) -> None:
    done = in_time(lambda: stopwatch([sys.executable, "-c", STUCK.format(does)], environment()), 2)
    assert (done.code, done.stdout, done.stderr) == (code, said.decode(), "")


#: A run that has a part of its result to write yet when its time is just over.
WRITES = """
lifetime.guard(0.5)
def write(_):
    time.sleep(max(0.52 - lifetime.elapsed(), 0))
    os.write(1, b"result")
lifetime._write = write
lifetime.finish(Report(b"", 1))
"""


def test_one_that_writes_when_the_time_is_over_is_given_a_moment() -> None:
    """A busy machine may be late itself, so it has a few tries."""
    ends = [executed(STUCK.format(WRITES)) for _ in range(4)]
    assert (1, b"result") in {(done.returncode, done.stdout) for done in ends}


#: Runs whose lines beneath the first cannot be made, or never end.
LINES = {
    "fail": ("iter([b'\\nline', None])", b"first\nline\n"),
    "never end": ("iter(lambda: b'\\nline', None)", None),
}


@pytest.mark.parametrize(("lines", "said"), LINES.values(), ids=LINES)
def test_the_lines_beneath_do_not_change_how_it_ends(lines: str, said: Optional[bytes]) -> None:
    does = f"lifetime.guard(1); lifetime.finish(Report(b'first', 1, {lines}))"
    done = executed(STUCK.format(does))
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout == said or (said is None and done.stdout.startswith(b"first\nline\nline"))


@contextlib.contextmanager
def full_device() -> Iterator[Tuple[int, int]]:
    """Give a device that takes nothing."""
    device = os.open("/dev/full", os.O_WRONLY)
    yield device, device
    os.close(device)


@pytest.mark.parametrize("output", [unread_pipe, full_device])
def test_lines_that_nobody_reads_are_not_made(output: Output) -> None:
    """To make all that 5,000 queues have would take longer than there is time."""
    does = """
lifetime._watch = lambda: None
lifetime.guard(0.5)
lifetime.finish(Report(b"first", 1, iter(lambda: b"line" * 100, None)))
"""
    with output() as (descriptor, _):
        command = [sys.executable, "-c", STUCK.format(does)]
        done = subprocess.run(command, stdout=descriptor, timeout=15, check=False)
    assert done.returncode == 1


def test_beneath_a_line_that_is_not_whole_stands_nothing() -> None:
    """Whoever reads late would take what follows for a part of it."""
    does = """
def lines():
    yield b"\\nline"
    os.write(2, b"made")
    yield b"\\nline"
lifetime._watch = lambda: None
lifetime.guard(0.5)
lifetime.finish(Report(b"x" * 70_000, 1, lines()))
"""
    with unread_pipe() as (pipe, _):
        command = [sys.executable, "-c", STUCK.format(does)]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, timeout=15, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_long_report_of_the_end_waits_for_nobody_who_does_not_read() -> None:
    """A page fits, and no byte more: to write that would never end."""
    does = """
lifetime.on_timeout = lambda: Report(b"x" * 10_000, 2)
lifetime.guard(0.5)
time.sleep(20)
"""
    with unread_pipe() as (pipe, _):
        command = [sys.executable, "-c", STUCK.format(does)]
        done = subprocess.run(command, stdout=pipe, timeout=15, check=False)
    assert done.returncode == 2


#: A run whose report of its end fails.
SPEECHLESS = """
import time
from check_rodin_queues.lifetime import Lifetime
from check_rodin_queues.output import Report
lifetime = Lifetime(time.monotonic(), Report(b"untold", 3))
lifetime.on_timeout = lambda: 1 / 0
lifetime.on_signal = lambda name: 1 / 0
lifetime.guard({})
{}
time.sleep(20)
"""


@pytest.mark.parametrize(
    ("timeout", "then"),
    [(0.5, ""), (10, "import os; os.kill(os.getpid(), 15)")],
    ids=["the time is over", "a signal"],
)
def test_an_end_that_cannot_be_told_is_one_all_the_same(timeout: float, then: str) -> None:
    done = executed(SPEECHLESS.format(timeout, then))
    assert (done.returncode, done.stdout, done.stderr) == (3, b"untold", b"")


@pytest.mark.parametrize("how", ["ignored", "blocked"])
def test_the_kernel_ends_it_whatever_was_inherited(how: str, tmp_path: Path) -> None:
    fifo = tmp_path / "openssl.cnf"
    os.mkfifo(fifo)
    with live.both(tmp_path) as sites:
        asking = sites.ask(sites.https, "--ca-file", sites.ca, "-t", "1")
        done = subprocess.run(
            heir(how, signal.SIGALRM, str(SCRIPT), *asking),
            env=environment({"OPENSSL_CONF": str(fifo)}),
            capture_output=True,
            timeout=15,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGALRM, b"", b"")


def test_a_report_of_the_end_is_whole_for_whoever_reads_slowly() -> None:
    """A busy machine has a few tries."""
    does = """
lifetime.on_timeout = lambda: Report(b"x" * 40_000, 2)
lifetime.guard(0.5)
time.sleep(20)
"""
    read = []
    for _ in range(4):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
        with subprocess.Popen([sys.executable, "-c", STUCK.format(does)], stdout=writer) as process:
            os.close(writer)
            size = 0
            while piece := len(os.read(reader, 4096)):
                size += piece
                time.sleep(0.002)
            os.close(reader)
            read.append((size, process.wait()))
    assert (40_000, 2) in read


#: Runs that are ended by a signal, and have a result before what they say of that has been read.
TOLD_SLOWLY = """
lifetime.on_signal = lambda _: Report(b"signal" * 20_000, 3)
lifetime.guard(5)
os.kill(os.getpid(), 15)
time.sleep(0.3)
lifetime.finish(Report(b"result", 0))
"""


def test_a_result_is_not_put_into_what_another_thread_writes() -> None:
    """However long that is not read: a line with two verdicts is none."""
    reader, writer = os.pipe()
    command = [sys.executable, "-c", STUCK.format(TOLD_SLOWLY)]
    with subprocess.Popen(command, stdout=writer) as process, open(reader, "rb") as pipe:
        os.close(writer)
        time.sleep(2.5)
        said = pipe.read()
    assert (said, process.returncode) == (b"signal" * 20_000, 3)


def test_who_has_a_report_too_late_does_not_end_one_who_writes_instead() -> None:
    does = """
lifetime.on_signal = lambda _: time.sleep(2) or Report(b"late", 0)
lifetime.guard(9)
os.kill(os.getpid(), 15)
time.sleep(20)
"""
    with full_pipe() as (reader, writer):
        command = [sys.executable, "-c", STUCK.format(does)]
        with subprocess.Popen(command, stdout=writer) as process:
            time.sleep(3.5)
            os.read(reader, 1024 * 1024)
        os.set_blocking(reader, False)
        assert (process.returncode, os.read(reader, 9)) == (3, b"untold")


#: What ends a run early, and how long its deadline is then off, in seconds.
ENDS = {"its time is over": ("", 0.5), "a signal": ("os.kill(os.getpid(), 15)", 2.0)}


@pytest.mark.parametrize(("end", "timeout"), ENDS.values(), ids=ENDS)
def test_a_thread_that_hangs_in_writing_is_not_waited_for_beyond_the_deadline(
    end: str, timeout: float
) -> None:
    """Such as to a socket that takes less than poll() promises."""
    does = f"""
lifetime._put = lambda *_: time.sleep(20)
lifetime.on_signal = lambda _: Report(b"signal", 3)
lifetime.on_timeout = lambda: Report(b"timeout", 3)
lifetime.guard({timeout})
{end}
time.sleep(20)
"""
    command = [sys.executable, "-c", STUCK.format(does)]
    done = in_time(lambda: stopwatch(command, environment()), 2.3)
    assert (done.code, done.stdout) == (3, "")


def test_where_no_other_thread_may_be_started_the_end_is_told_as_well() -> None:
    does = """
import _thread
def refuse(*_):
    raise RuntimeError
lifetime.on_timeout = lambda: Report(b"timeout", 2)
lifetime.guard(0.5)
_thread.start_new_thread = refuse
time.sleep(20)
"""
    done = executed(STUCK.format(does))
    assert (done.returncode, done.stdout) == (2, b"timeout")


#: A run whose pipe is filled by somebody else whenever it has just seen that there is room.
FILLED = """
write = os.write
def fill_and_write(descriptor, data):
    filling = os.open("/proc/self/fd/1", os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            write(filling, b"x" * 4096)
    except BlockingIOError:
        return write(descriptor, data)
os.write = fill_and_write
lifetime.on_timeout = lambda: Report(b"timeout", 2)
lifetime.guard(0.5)
time.sleep(20)
"""


def test_a_pipe_that_others_fill_holds_nobody_up() -> None:
    """Such as one that several checks share."""
    command = [sys.executable, "-c", STUCK.format(FILLED)]

    def attempt() -> Outcome:
        with unread_pipe() as (pipe, _):
            return stopwatch(command, environment(), stdout=pipe)

    assert in_time(attempt, 1.2).code == 2


def test_a_socket_that_takes_hardly_anything_holds_nobody_up() -> None:
    ours, theirs = socket.socketpair()
    with stub.stub(TALKATIVE, holds=True) as server, ours, theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        args = ["-H", server.url, "-t", "1", "-vvv"]
        code, seconds = ended(args, theirs.fileno(), RODIN_API_KEY=live.TOKEN)
    assert code == 2
    assert seconds < 3.5


#: Runs with lines beneath that take their time and never end: the result, a report of the end, and
#: a result while a signal comes.
SLOW_LINES = """
def lines():
    while True:
        time.sleep(0.02)
        yield b"\\nline"
report = Report(b"first", 1, lines())
lifetime.on_timeout = lambda: report
"""
ENDLESS = {
    "a result": "lifetime.guard(0.5); lifetime.finish(report)",
    "a timeout": "lifetime.guard(0.5); time.sleep(20)",
    "a result and a signal": (
        "lifetime.guard(9); import _thread; _thread.start_new_thread(lifetime.finish, (report,)); "
        "time.sleep(0.4); os.kill(os.getpid(), 15); time.sleep(20)"
    ),
}


@pytest.mark.parametrize("does", ENDLESS.values(), ids=ENDLESS)
def test_lines_that_take_too_long_are_left_out_and_none_is_cut(does: str) -> None:
    """A busy machine has a few tries."""
    for _ in range(4):
        done = executed(STUCK.format(SLOW_LINES + does))
        assert (done.returncode, done.stderr) == (1, b"")
        if re.fullmatch(b"first(\nline)*\n", done.stdout):
            return
    pytest.fail(f"{done.stdout!r}")


def test_the_first_line_is_written_whole_also_where_the_time_is_over() -> None:
    does = """
lifetime.on_timeout = lambda: Report(b"first", 2, iter([b" | ", *[b"x"] * 9, b"\\nline", b"\\n"]))
lifetime.elapsed = lambda: time.monotonic() - lifetime.started + 5
lifetime.guard(0.5)
time.sleep(20)
"""
    done = executed(STUCK.format(does))
    assert (done.returncode, done.stdout) == (2, b"first | xxxxxxxxx\n")


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_others_who_have_the_same_output_see_no_difference(*, terminal: bool) -> None:
    """To write without blocking is a matter of a descriptor of our own."""
    reader, writer = pty.openpty() if terminal else os.pipe()
    executed_there = [sys.executable, "-c", STUCK.format("lifetime.finish(Report(b'a', 0))")]
    subprocess.run(executed_there, stdout=writer, timeout=15, check=True)
    assert (os.read(reader, 9), os.get_blocking(writer)) == (b"a", True)
    os.close(reader)
    os.close(writer)


def test_a_file_is_written_from_where_it_stands(tmp_path: Path) -> None:
    """It is not opened anew: that would begin at its start."""
    path = tmp_path / "log"
    with path.open("wb") as log:
        log.write(b"before\n")
        log.flush()
        command = [sys.executable, "-c", STUCK.format("lifetime.finish(Report(b'result', 0))")]
        subprocess.run(command, stdout=log, timeout=15, check=True)
    assert path.read_bytes() == b"before\nresult"


def test_where_the_output_cannot_be_opened_anew_it_is_written_as_it_is() -> None:
    """Such as where it is the pipe of another user, or without /proc."""
    does = """
def refuse(*_):
    raise PermissionError
os.open = refuse
lifetime.finish(Report(b"x" * 5_000, 1))
"""
    done = executed(STUCK.format(does))
    assert (done.returncode, done.stdout) == (1, b"x" * 5_000)
