"""Runs against the simulator: a Rodin site on loopback, and a token that it accepts."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Optional, Tuple

import trustme

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


class Both(NamedTuple):
    """Two running servers, with and without TLS, and the files that a check of them needs."""

    http: str
    https: str
    token: str
    ca: str

    def ask(self, url: str, *more: str) -> Tuple[str, ...]:
        """Return the arguments for a question to *url*."""
        return ("-H", url, "--token-file", self.token, *more)


@contextlib.contextmanager
def both(folder: Path) -> Iterator[Both]:
    """Serve the idle site over HTTP and HTTPS until the block ends; the files are in *folder*."""
    authority, chain, token = trustme.CA(), folder / "server.pem", folder / "token"
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(chain))
    token.write_text(TOKEN)
    with Simulator(token=TOKEN) as plain, Simulator(token=TOKEN, cert=str(chain)) as secure:
        yield Both(plain.url, secure.url, str(token), str(folder / "ca.pem"))
