"""A small process that starts the check and measures it; runs as a script, without site-packages.

Linux counts the memory of the process that forks into the peak of the program it then starts, so
a test run of 100 MB can not measure a check of 30 MB. This one stays below any check. It reads a
JSON request from each line of stdin and answers each with a line of JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import json
import os
import select
import signal
import sys
import time
from typing import Any, Container, Dict, Set

_PR_SET_CHILD_SUBREAPER = 36


def start(request: Dict[str, Any]) -> int:
    """Start the program in a session of its own and return its process id."""
    files = [
        (os.POSIX_SPAWN_OPEN, 0, request["stdin"], os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, request["stdout"], os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, request["stderr"], os.O_WRONLY, 0),
    ]
    command = request["command"]
    return os.posix_spawnp(command[0], command, request["env"], file_actions=files, setsid=True)


def adopt() -> None:
    """Become the parent of all below that lose theirs, also of one in a session of its own."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no subreaper")


def children() -> Set[int]:
    """Return the process ids of this process's children, the adopted among them."""
    found: Set[int] = set()
    for path in glob.glob("/proc/self/task/*/children"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as listed:
            found.update(map(int, listed.read().split()))  # else the thread is gone by now
    return found


def remaining(known: Container[int] = ()) -> bool:
    """Tell whether a child is left that is not *known*, and end it and what it leaves."""
    left = False
    while strangers := [pid for pid in children() if pid not in known]:
        left = True
        for pid in strangers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return left


def measure(request: Dict[str, Any]) -> Dict[str, Any]:
    """Run one program to its end, or kill it when its time is up."""
    begin = time.monotonic()
    pid = start(request)
    handle = os.pidfd_open(pid)
    ended = bool(select.select([handle], [], [], request["within"])[0])
    seconds = time.monotonic() - begin
    os.close(handle)
    if not ended:
        os.killpg(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    left = remaining()
    code = os.waitstatus_to_exitcode(status)
    return {
        "ended": ended,
        "code": code,
        "seconds": seconds,
        "peak": usage.ru_maxrss * 1024,
        "left": left,
    }


def serve() -> None:
    """Answer requests until stdin ends."""
    adopt()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(measure(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
