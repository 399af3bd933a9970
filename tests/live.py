"""Runs against the simulator: a Rodin site on loopback, and a token that it accepts."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Optional

from examples.simulator import Simulator
from tests import report
from tests.console import Outcome, run
from tests.report import Report

TOKEN = "made-up-by-the-tests"


class Site(NamedTuple):
    """A running server, and the file with its token."""

    server: Simulator
    token_file: str

    def run(self, *args: str, env: Optional[Mapping[str, str]] = None, stdin: str = "") -> Outcome:
        """Run the check against this site with further *args*."""
        given = ("-H", self.server.url, "--token-file", self.token_file)
        return run(*given, *args, env=env, stdin=stdin)

    def judge(self, *args: str, env: Optional[Mapping[str, str]] = None) -> Report:
        """Return what the check tells of this site."""
        return report.read(self.run(*args, env=env))


@contextlib.contextmanager
def site(scenario: str = "idle", token: str = TOKEN, body: str = "") -> Iterator[Site]:
    """Serve *scenario*, or *body* if there is one, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        token_file = Path(folder, "token")
        token_file.write_text(f"{token}\n", encoding="ascii")
        if body:
            answer = Path(folder, "answer.json")
            answer.write_text(body, encoding="utf-8")
            scenario = str(answer)
        with Simulator(token=token, scenario=scenario) as server:
            yield Site(server, str(token_file))
