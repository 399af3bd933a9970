"""Find the programs of an engine test, and run them as the engine's own user.

A test is skipped if a program is missing. With CI=true it fails, because CI installs all of them.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable, NamedTuple, Optional, TypeVar

import pytest

from tests.console import Outcome
from tests.tree import ROOT, call

#: Where Debian installs daemons. The PATH of a test run can lack these directories.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: The whole environment of an engine, so that nothing depends on the shell of the test run.
BARE = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent"}

#: Opens pages of engines on loopback, whose certificates are made up, without any proxy.
OPENER = urllib.request.build_opener(
    urllib.request.ProxyHandler({}),
    urllib.request.HTTPSHandler(context=ssl._create_unverified_context()),
)

#: Options that make chromium work without a screen, and without requests to the network.
HEADLESS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--disable-lcd-text",  # colors at the edges of letters make a picture large
)

#: The largest picture that a page of the documentation loads, in bytes.
LARGEST = 150_000

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

    def own(self, directory: Path) -> None:
        """Give *directory* and everything in it to this user."""
        for path in (directory, *directory.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(self, *command: str, stdin: str = "", env: Mapping[str, str] = {}) -> Outcome:
        """Run *command* to its end as this user."""
        done = subprocess.run(
            command,
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            env={**BARE, **env},
            cwd="/",
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr, seconds=0)

    def do(self, *command: str, stdin: str = "", env: Mapping[str, str] = {}) -> str:
        """Return the output of a *command* that must succeed."""
        done = self.run(*command, stdin=stdin, env=env)
        assert done.code == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


def account(name: str = "nagios") -> Account:
    """Return a user; by default the one of Debian's Nagios, NRPE and Icinga packages."""
    if os.geteuid() != 0:
        pytest.skip(f"only root can start a program as {name}")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        pytest.skip(f"there is no user {name}")
    return Account(name, entry.pw_uid, entry.pw_gid)


def free_port() -> int:
    """Return an unused port on loopback, for programs that cannot choose one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Engine:
    """A daemon whose files are all in *directory*. It runs inside a `with` block."""

    #: Variables of its environment, beside BARE.
    env: Mapping[str, str] = {}

    #: Debian's directory for the configuration, and what has its place below *directory*.
    place: tuple[str, str]

    def __init__(self, directory: Path, user: Account) -> None:
        self.directory = directory
        self.user = user
        self.port = free_port()
        self._mailbox = directory / "mailbox"
        self._process: Optional[subprocess.Popen[bytes]] = None
        directory.mkdir()

    def command(self) -> Sequence[str]:
        """Return the command that runs the daemon in the foreground."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Return whether the daemon has started completely."""
        raise NotImplementedError

    def write(self, path: str, text: str) -> Path:
        """Write a file below the directory."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        return target

    def copy(self, source: Path, path: str, changes: Mapping[str, object]) -> Path:
        """Copy a configuration file with *changes*."""
        text = source.read_text("utf-8")
        for shipped, here in changes.items():
            assert shipped in text, f"{source} has no {shipped}"
            text = text.replace(shipped, str(here))
        return self.write(path, text)

    def edit(self, path: str, changes: Mapping[str, object]) -> None:
        """Make the *changes* of an administrator in a file of the configuration."""
        self.copy(self.directory / path, path, changes)

    def follow(self, page: Path, command: str) -> None:
        """Make, copy and remove files by the shell commands of *page*, in the block with *command*.

        They get the paths of this engine.
        """
        blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        (block,) = (block for block in blocks if command in block)
        lines = re.findall(r"^ *((?:mkdir|cp|rm) .*)", block, re.MULTILINE)
        assert lines
        configuration, here = self.place
        script = "\n".join(lines).replace(configuration, str(self.directory / here))
        call("sh", "-ec", script, cwd=page.parent)

    def picture(self, url: str, size: str, name: str) -> Path:
        """Write a picture of what a browser shows at *url*; return its path."""
        target = self.directory / name
        profile = self.write("profile/README", "chromium's own directory").parent
        self.user.own(self.directory)
        paths = (f"--user-data-dir={profile}", f"--window-size={size}", f"--screenshot={target}")
        self.user.do(find("chromium"), *HEADLESS, *paths, url, env={"HOME": str(profile)})
        return target

    def join(self, pictures: Sequence[Path], size: str, shipped: Path) -> None:
        """Make the *shipped* picture of the docs again, of *pictures* one below the other.

        It is kept only if RODIN_PICTURE names its file.
        """
        body = '<hr style="margin:0">'.join(f'<img src="{path.name}">' for path in pictures)
        page = self.write("all.html", f'<body style="margin:0;line-height:0">{body}')
        made = self.picture(page.as_uri(), size, "all.png")
        for path in (made, shipped):
            assert path.read_bytes().startswith(b"\x89PNG")
            assert path.stat().st_size < LARGEST
        if "RODIN_PICTURE" in os.environ:
            shutil.copy(made, ROOT / os.environ["RODIN_PICTURE"])

    def mail_program(self, path: str) -> Path:
        """Write a stand-in for `mail` that appends each message to a file."""
        program = self.write(path, f'#!/bin/sh\n{{ echo "$@"; cat; echo; }} >> {self._mailbox}\n')
        program.chmod(0o755)
        return program

    def mail(self) -> str:
        """Return all messages so far."""
        return self._mailbox.read_text("utf-8") if self._mailbox.exists() else ""

    @property
    def log(self) -> str:
        """Return what the daemon wrote to stdout and stderr."""
        return (self.directory / "output").read_text("utf-8", "replace")

    def __enter__(self) -> Engine:
        """Start the daemon, and wait until it is ready."""
        self.user.own(self.directory)
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self.command(),
                user=self.user.uid,
                group=self.user.gid,
                extra_groups=[],
                env={**BARE, **self.env},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with contextlib.ExitStack() as stack:
            stack.push(self)
            self.wait_for("it has started", self.ready)
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the daemon, with SIGKILL for all that it started if SIGTERM is not enough."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)

    def wait_for(
        self, event: str, probe: Callable[[], Optional[Result]], within: float = 90
    ) -> Result:
        """Return the first true result of *probe*; fail if the daemon ends or time runs out."""
        assert self._process is not None
        end = time.monotonic() + within
        while True:
            result = probe()
            if result:
                return result
            if self._process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"no such event within {within} s: {event}\n{self.log[-4000:]}")
            time.sleep(0.2)
