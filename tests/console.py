"""Runs the installed console script as Nagios would: a fresh process with a bare environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Mapping, NamedTuple, Optional

SCRIPT = Path(sys.executable).parent / "check_rodin_queues"

#: What a caller may set that would change what is judged; a test that wants one says so.
FOREIGN = (
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "MP_CONFIG_FILE",
    "NAGIOS_CONFIG_PATH",
    "NO_PROXY",
    "PYTHONWARNINGS",
    "REQUESTS_CA_BUNDLE",
    "RODIN_API_KEY",
    "RODIN_URL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)


class Outcome(NamedTuple):
    """What a run left: exit code, both streams, and the seconds it took on the wall clock."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def line(self) -> str:
        """The first line of the output."""
        return self.stdout.split("\n", 1)[0]

    @property
    def text(self) -> str:
        """The first line up to its perfdata."""
        return self.line.split(" | ", 1)[0]

    @property
    def perfdata(self) -> str:
        """The first line's perfdata, empty if there is none."""
        return self.line.partition(" | ")[2]


def environment(extra: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """Return the environment of a run: the caller's without FOREIGN, and with *extra*."""
    foreign = {name.lower() for name in FOREIGN}
    kept = {name: value for name, value in os.environ.items() if name.lower() not in foreign}
    return {**kept, **(extra or {})}


def run(
    *args: str,
    env: Optional[Mapping[str, str]] = None,
    stdin: str = "",
    within: float = 60,
) -> Outcome:
    """Run the console script with *args*; fail if it does not end *within* seconds."""
    start = time.monotonic()
    done = subprocess.run(
        [str(SCRIPT), *args],
        input=stdin.encode(),
        capture_output=True,
        env=environment(env),
        timeout=within,
        check=False,
    )
    seconds = time.monotonic() - start
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode(), seconds)
