"""A small process that starts the check and measures it; runs as a script, without site-packages.

Linux counts the memory of the process that forks into the peak of the program it then starts, so
a test run of 100 MB can not measure a check of 30 MB. This one stays below any check. It reads a
JSON request from each line of stdin and answers each with a line of JSON.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import Any, Dict


def start(request: Dict[str, Any]) -> int:
    """Start the program in a session of its own and return its process id."""
    files = [
        (os.POSIX_SPAWN_OPEN, 0, request["stdin"], os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, request["stdout"], os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, request["stderr"], os.O_WRONLY, 0),
    ]
    command = request["command"]
    return os.posix_spawnp(command[0], command, request["env"], file_actions=files, setsid=True)


def remaining(group: int) -> bool:
    """Tell whether a process of the *group* is left, and end it."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


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
    left = remaining(pid)
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
    for line in sys.stdin:
        sys.stdout.write(json.dumps(measure(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
