"""The deadline and the signals: a run ends on time and with one line, even if a step hangs.

A second thread waits for the deadline and for the signals that ask a process to end. It has to be a
thread: the main one can hang in the resolver, where no signal handler and no timeout reaches it.
Only the thread that acquires the lock writes. A kernel timer is the last resort, for a library that
hangs while it loads: it holds the interpreter's lock.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from typing import Callable, NoReturn

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.output import Report

#: Blocked from the first line of the program on, so that they wait for this thread.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Wakes the thread to look at a new deadline.
_WAKE = signal.SIGUSR1
#: Grace period in seconds for a write in progress at the deadline, and for the end after it.
_GRACE, _END = 0.1, 0.15
#: Seconds after the deadline at which the kernel ends the process.
_LAST_RESORT = 3.0
#: A pipe that poll() calls writable takes a page without blocking (POSIX: PIPE_BUF).
_BLOCK = 4096
_STDOUT = 1


class Watchdog:
    """Ends the process, early if need be."""

    def __init__(self, started: float, timeout: float, fallback: Report) -> None:
        """Take the program's first moment, on the monotonic clock, in seconds."""
        self.timeout = timeout
        self._started = started
        self._report = fallback
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def elapsed(self) -> float:
        """Return the seconds since the program's first moment."""
        return time.monotonic() - self._started

    def left(self) -> float:
        """Return the seconds until the deadline, negative after it."""
        return self.timeout - self.elapsed()

    def guard(self, timeout: float, end_early: Callable[[str], Report]) -> None:
        """End the run *timeout* seconds after its start; called again, this is the new time.

        *end_early* returns the report for a signal of the given name, or for the deadline if the
        name is empty. It is called in the thread of the watchdog.
        """
        self._end_early = end_early
        self.timeout = timeout
        signal.setitimer(signal.ITIMER_REAL, max(self.left(), 0) + _LAST_RESORT)
        if self._thread.ident is not None:
            signal.pthread_kill(self._thread.ident, _WAKE)
            return
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a caller can have it ignored or blocked
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGALRM,))
        signal.pthread_sigmask(signal.SIG_BLOCK, (_WAKE,))
        try:
            self._thread.start()
        except RuntimeError:
            raise ConfigError(
                "cannot start a second thread: too many processes or too little memory",
                "Raise the limits of this user or container (ulimit -u, pids.max)",
            ) from None

    def libraries_loaded(self) -> None:
        """Stop the kernel timer: it would end a process that was stopped beyond its deadline."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def finish(self, report: Report) -> NoReturn:
        """Write *report* and end the process with its exit code.

        At once, by os._exit: the interpreter's own end would cost a tenth of the run.
        """
        if not self._lock.acquire(blocking=False):
            time.sleep(3600)  # the watchdog ends the process
        self._report = report
        self._end()

    def _watch(self) -> None:
        name = self._wait()
        if self._lock.acquire(blocking=False):
            with contextlib.suppress(BaseException):  # the fallback stays
                self._report = self._end_early(name)
            self._end()
        self.timeout = min(self.timeout, self.elapsed())  # the main thread is writing
        time.sleep(_END)
        os._exit(self._report.code)

    def _wait(self) -> str:
        """Wait for the end; return the signal's name, empty for the deadline."""
        while True:
            info = signal.sigtimedwait((*ENDING, _WAKE), max(self.left(), 0))
            if self.left() <= 0:
                return ""
            if info is not None and info.si_signo in ENDING:
                return signal.Signals(info.si_signo).name

    def _end(self) -> NoReturn:
        self._write(self._report.output)
        os._exit(self._report.code)

    def _write(self, output: bytes) -> None:
        """Write to standard output, however slowly it is read, until just after the deadline.

        The exit code stays if the output is closed, full or not read.
        """
        poll = select.poll()
        poll.register(_STDOUT, select.POLLOUT)
        rest = memoryview(output)
        while rest:
            if not poll.poll(max(self.left() + _GRACE, 0) * 1000):
                return
            try:
                rest = rest[os.write(_STDOUT, rest[:_BLOCK]) :]
            except BlockingIOError:
                continue  # another process filled the pipe first
            except OSError:
                return


def open_standard_streams() -> None:
    """Open /dev/null on closed descriptors 0 to 2: a socket could get the number and the output."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # noqa: PERF203 — three times in a run
            os.open(os.devnull, os.O_RDWR)
