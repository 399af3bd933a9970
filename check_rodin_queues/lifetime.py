"""The life of a run: it ends on time and with one line, whatever the rest of the program does.

A second thread waits for the deadline and for the signals that ask a process to end. It has to be a
thread: the main one can hang where no signal handler and no timeout reaches, such as in the
resolver. Whoever takes `_turn` first decides what is said: the main thread says its result, the
second one why the run ends early. It has a third one make and write that, and goes on to watch.
Whoever takes `_pen` first writes, and nobody else ever does.
"""

from __future__ import annotations

# `signal` is this and its constants as enumerations: a fiftieth of a --help
import _signal  # type: ignore[import-not-found]
import _thread
import os
import select
import stat
import time
from typing import Callable, NoReturn, Tuple

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.output import Report

#: Blocked from the first line of the program on, so that they wait for this module.
ENDING = {_signal.SIGTERM: "SIGTERM", _signal.SIGINT: "SIGINT", _signal.SIGHUP: "SIGHUP"}
#: Wakes the thread to look at a new deadline.
_WAKE = _signal.SIGUSR1
#: How long one who is writing may go on once the end has come, in seconds; then it is ended.
_GRACE, _END = 0.1, 0.15
#: How much is written at once, in bytes: what does not block takes as much as it can, and a pipe
#: that poll() calls writable takes a page without blocking (POSIX: PIPE_BUF).
_PIECE, _BLOCK = 64 * 1024, 4096
#: When the kernel ends the process if this module has not, in seconds after the deadline: one that
#: hangs in C code and keeps the interpreter's lock there lets no thread of it do so.
_LAST_RESORT = 3.0
#: By which the kernel does.
_KERNELS = (_signal.SIGALRM, _signal.SIGPROF)
#: How long it may take to make the report of an early end, in seconds.
_PATIENCE = _LAST_RESORT / 2
_STDOUT = 1


class Lifetime:
    """The clock of a run and the one way to end it.

    *on_timeout* and *on_signal* give the report for an early end; the run replaces them as it
    learns more. They are called in a thread of their own.
    """

    def __init__(self, started: float, untold: Report) -> None:
        """Take the moment of the program's first line, on the monotonic clock, in seconds.

        *untold* is what to say where an error keeps the run from saying anything else.
        """
        self.started = started
        self._untold = untold
        self.on_timeout: Callable[[], Report]
        self.on_signal: Callable[[str], Report]
        self._timeout = 0.0
        self._code = 0
        self._turn, self._pen = _thread.allocate_lock(), _thread.allocate_lock()
        self._thread = 0

    def elapsed(self) -> float:
        """Return the seconds since the first line of the program."""
        return time.monotonic() - self.started

    def guard(self, timeout: float) -> None:
        """End the run *timeout* seconds after its start; called again, that is the new time.

        Raises ConfigError where the system grants no thread for that.
        """
        self._timeout = timeout
        left = max(timeout - self.elapsed(), 0)
        _signal.setitimer(_signal.ITIMER_REAL, left + _LAST_RESORT)
        if self._thread:
            _signal.pthread_kill(self._thread, _WAKE)
        else:
            for number in _KERNELS:
                _signal.signal(number, _signal.SIG_DFL)
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _KERNELS)
            _signal.pthread_sigmask(_signal.SIG_BLOCK, (*ENDING, _WAKE))
            try:
                self._thread = _thread.start_new_thread(self._watch, ())
            except RuntimeError:
                raise ConfigError(
                    "no thread for the deadline can be started: too many processes or too little "
                    "memory. Raise the limits of this user or container (ulimit -u, pids.max)"
                ) from None

    def loaded(self) -> None:
        """Let only the use of CPU bring the last resort from here on.

        A library that is loaded waits without the interpreter's lock, and a run that was stopped
        beyond the deadline, and goes on, has to find the time to say so.
        """
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        _signal.setitimer(_signal.ITIMER_PROF, self._timeout + _LAST_RESORT)

    def finish(self, report: Report) -> NoReturn:
        """Write *report* and end with its exit code, also where the output cannot be written.

        Not if the time is over: the other thread says that.

        At once: to let the interpreter take itself apart would cost a fiftieth of the run and find
        nothing to do. Nothing is left in a buffer, and coverage has a setting for it.
        """
        late = self._thread and self.elapsed() >= self._timeout
        if late or not self._turn.acquire(False):
            # the second thread ends the process meanwhile
            time.sleep(max(self._timeout - self.elapsed(), 0) + _PATIENCE)
            report = self._untold
        self._end(report)

    def _watch(self) -> NoReturn:
        name = self._wait()
        if self._turn.acquire(False):
            try:
                _thread.start_new_thread(self._tell, (name,))
            except RuntimeError:
                self._tell(name)
            time.sleep(_PATIENCE)
            self._end(self._untold)
        self._timeout = min(self._timeout, self.elapsed())
        time.sleep(_END)
        os._exit(self._code)

    def _tell(self, name: str) -> NoReturn:
        """Say why the run ends early: the signal of this *name*, or that its time is over."""
        try:
            report = self.on_signal(name) if name else self.on_timeout()
        except BaseException:  # noqa: BLE001 — there is no other report than this
            report = self._untold
        self._end(report)

    def _end(self, report: Report) -> NoReturn:
        """Write *report* and end, or give whoever writes already the time that is left."""
        if self._pen.acquire(False):
            self._code = report.code
            self._write(report)
        else:
            time.sleep(max(self._timeout - self.elapsed(), 0) + _END)
        os._exit(self._code)

    def _wait(self) -> str:
        """Wait for the end; return the signal's name, or nothing if the time is over."""
        while True:
            left = self._timeout - self.elapsed()
            info = _signal.sigtimedwait((*ENDING, _WAKE), max(left, 0))
            if self.elapsed() >= self._timeout:
                return ""  # if the process was stopped meanwhile, info is nonsense
            if info is not None and info.si_signo in ENDING:
                return ENDING[info.si_signo]

    def _write(self, report: Report) -> None:
        """Write to standard output, however slowly it is read, but not beyond the deadline.

        The first line is written whole; where there is no time for one beneath it, that is left
        out, and so is what cannot be made.
        """
        output, block = _standard_output()
        waiting = bytearray(report.output)
        try:
            for part in report.more:
                if part[:1] == b"\n" and self._left(_GRACE / 2) <= 0:
                    waiting += b"\n"
                    break
                waiting += part
                if len(waiting) >= _PIECE:
                    if not self._put(waiting, output, block):
                        return
                    waiting = bytearray()
        except Exception:  # noqa: BLE001 — what counts is out, or will be: the verdict
            waiting += b"\n"
        self._put(waiting, output, block)

    def _left(self, grace: float) -> float:
        """Return the seconds until *grace* after the deadline; before there is one, a second."""
        return self._timeout + grace - self.elapsed() if self._thread else 1

    def _put(self, piece: bytearray, output: int, block: int) -> bool:
        """Write *piece*, *block* by block; tell whether there was somebody and the time for it."""
        rest = memoryview(piece)  # a part of it is no copy
        poll = select.poll()
        poll.register(output, select.POLLOUT)
        while rest:
            if not poll.poll(max(self._left(_GRACE), 0) * 1000):
                return False
            try:
                rest = rest[os.write(output, rest[:block]) :]
            except BlockingIOError:
                continue  # somebody else filled the pipe first
            except OSError:
                return False  # closed or full: the exit code is what counts
        return True


def _standard_output() -> Tuple[int, int]:
    """Return a descriptor for it, and how many bytes may be written there at once.

    That of a pipe or a terminal is a new one, if there may be: to write there never blocks, and
    whoever else has standard output sees no difference.
    """
    if os.isatty(_STDOUT) or stat.S_ISFIFO(os.fstat(_STDOUT).st_mode):
        try:
            how = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
            return os.open(f"/proc/self/fd/{_STDOUT}", how), _PIECE
        except OSError:
            pass
    return _STDOUT, _BLOCK


def open_standard_streams() -> None:
    """Fill closed descriptors 0 to 2: else a socket would get the number and the output with it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # noqa: PERF203 — three times in a life
            _open_nothing()


def _open_nothing() -> None:
    """Open what gives and takes nothing; a folder, where even /dev is not there."""
    try:
        os.open(os.devnull, os.O_RDWR)
    except OSError:
        os.open("/", os.O_RDONLY)
