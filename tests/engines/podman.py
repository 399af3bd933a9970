"""Podman with storage, state and settings of its own, so that nothing else on the machine changes.

It runs containers with runc: crun refuses a machine whose two versions of cgroups are mixed. Its
limits are set here since those of its own may be higher than what this machine allows to raise.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Mapping

import pytest

from tests.console import Outcome, environment
from tests.engines.programs import SEARCH_PATH, find

SETTINGS = """\
[containers]
default_ulimits = ["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
"""


class Podman:
    """One installation below a folder; as a context manager it leaves nothing behind."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can limit a container's CPU everywhere")
        self._program = find("podman")
        find("runc")
        # not pytest's folder: a socket's path has to stay below 108 bytes
        self.folder = Path(tempfile.mkdtemp(prefix="podman-", dir="/tmp"))
        self._settings = self.folder / "containers.conf"
        self._settings.write_text(
            SETTINGS.format(
                nofile=_at_most(1024, resource.RLIMIT_NOFILE),
                nproc=_at_most(1024, resource.RLIMIT_NPROC),
            ),
            encoding="ascii",
        )

    def __enter__(self) -> Podman:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and remove everything."""
        self.run("pod", "rm", "--all", "--force", "--time", "0")
        self.run("rm", "--all", "--force", "--time", "0")
        self.run("image", "unmount", "--all")
        self.run("system", "reset", "--force")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def state(self) -> Mapping[str, Path]:
        """The folders of this installation, by the option that sets them."""
        return {name: self.folder / name for name in ("root", "runroot", "tmpdir")}

    def run(self, *args: str, stdin: str = "", within: float = 300) -> Outcome:
        """Run podman with *args*, whatever comes of it."""
        places = (f"--{name}={path}" for name, path in self.state.items())
        start = time.monotonic()
        done = subprocess.run(
            [self._program, *places, *args],
            input=stdin.encode(),
            capture_output=True,
            env=environment({"CONTAINERS_CONF": str(self._settings), "PATH": SEARCH_PATH}),
            timeout=within,
            check=False,
        )
        seconds = time.monotonic() - start
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode(), seconds)

    def do(self, *args: str, stdin: str = "") -> str:
        """Run podman with *args*, which has to succeed; return its stdout."""
        done = self.run(*args, stdin=stdin)
        assert done.code == 0, f"podman {' '.join(args)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()


def _at_most(limit: int, kind: int) -> int:
    """Return *limit*, or less where the machine allows less."""
    hard = resource.getrlimit(kind)[1]
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)
