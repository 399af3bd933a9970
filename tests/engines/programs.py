"""The programs that an engine test needs, and how they are started: as the engine's own user.

A program that is missing skips the test; with CI=true it fails, because there it was installed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Iterator, Mapping, NamedTuple, Optional, Protocol, TypeVar

import pytest

#: Where Debian keeps daemons; a test's PATH may lack it.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: All that an engine finds in its environment: it must not need what a test's shell exports.
BARE = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent"}

#: The user of Debian's Nagios, NRPE and Icinga packages.
ENGINE_USER = "nagios"

Result = TypeVar("Result")


def find(name: str) -> str:
    """Return the path of the program *name*."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Account(NamedTuple):
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    def own(self, folder: Path) -> None:
        """Give *folder* and all it holds to this user."""
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account(name: str = ENGINE_USER) -> Account:
    """Return the user *name*, whom only root can become."""
    if os.geteuid() != 0:
        pytest.skip(f"only root can start a program as {name}")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        pytest.skip(f"there is no user {name}")
    return Account(name, entry.pw_uid, entry.pw_gid)


class Daemon:
    """A program that runs as *user* until the block ends; its output goes to the file *log*."""

    def __init__(
        self, *command: str, user: Account, log: Path, env: Optional[Mapping[str, str]] = None
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                user=user.uid,
                group=user.gid,
                extra_groups=[],
                env={**BARE, **(env or {})},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether it has not ended."""
        return self._process.poll() is None

    @property
    def said(self) -> str:
        """What it wrote to its standard output and error."""
        return self._log.read_text("utf-8", "replace")

    def wait_for(self, what: str, probe: Callable[[], Optional[Result]], within: float) -> Result:
        """Return *probe*'s first true result; fail if the program ends or time runs out."""
        return eventually(what, probe, within, alive=lambda: self.running, said=lambda: self.said)

    def stop(self) -> None:
        """End it and what it started: by the signal that it knows, else by force."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(20)


class Stoppable(Protocol):
    """An engine, or another program that runs until it is stopped."""

    def stop(self) -> None:
        """Stop it, if it was started."""


@contextlib.contextmanager
def stopping(*engines: Stoppable) -> Iterator[None]:
    """Stop the *engines* when the block ends, also when one of them did not start."""
    with contextlib.ExitStack() as stack:
        for engine in engines:
            stack.callback(engine.stop)
        yield


def eventually(
    what: str,
    probe: Callable[[], Optional[Result]],
    within: float = 60,
    alive: Callable[[], bool] = lambda: True,
    said: Callable[[], str] = str,
) -> Result:
    """Return *probe*'s first true result; fail after *within* seconds without one."""
    end = time.monotonic() + within
    while True:
        result = probe()
        if result:
            return result
        if not alive():
            pytest.fail(f"the program ended before {what}:\n{said()[-4000:]}")
        if time.monotonic() > end:
            pytest.fail(f"not within {within} s: {what}\n{said()[-4000:]}")
        time.sleep(0.1)


def run_as(
    user: Account, *command: str, stdin: str = "", env: Optional[Mapping[str, str]] = None
) -> subprocess.CompletedProcess[str]:
    """Run *command* to its end as *user* with the engine's bare environment."""
    return subprocess.run(
        command,
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        env={**BARE, **(env or {})},
        cwd="/",
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def free_port() -> int:
    """Return a port of loopback that nobody listens on now, for programs that cannot choose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
