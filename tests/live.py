"""Run the check against the simulator: a Rodin site on loopback, and a token that it accepts."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Optional, Tuple

from examples.simulator import Simulator
from tests.certificates import Authority
from tests.console import TOKEN, Outcome, Report, report, run


class Site(NamedTuple):
    """A running server, and the file with its token."""

    server: Simulator
    token_file: str

    def run(self, *args: str, env: Optional[Mapping[str, str]] = None, stdin: str = "") -> Outcome:
        """Run the check against this site with further *args*."""
        given = ("-H", self.server.url, "--token-file", self.token_file)
        return run(*given, *args, env=env, stdin=stdin)

    def judge(
        self, *args: str, env: Optional[Mapping[str, str]] = None, verbose: bool = False
    ) -> Report:
        """Return what the check reports about this site."""
        return report(self.run(*args, env=env), verbose, self.server.token)


@contextlib.contextmanager
def site(scenario: str = "idle", token: str = TOKEN, body: str = "") -> Iterator[Site]:
    """Serve *scenario*, or *body* if there is one, until the block ends."""
    with tempfile.TemporaryDirectory() as directory:
        token_file = Path(directory, "token")
        token_file.write_text(f"{token}\n", encoding="ascii")
        if body:
            answer = Path(directory, "answer.json")
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
        """Return the arguments of a check of *url*."""
        return ("-H", url, "--token-file", self.token, *more)


@contextlib.contextmanager
def both(directory: Path) -> Iterator[Both]:
    """Serve the idle site over HTTP and HTTPS until the block ends; *directory* has the files."""
    authority, chain, token = Authority("ca"), directory / "server.pem", directory / "token"
    (directory / "ca.pem").write_bytes(authority.pem)
    chain.write_bytes(authority.issue("127.0.0.1").combined)
    token.write_text(TOKEN)
    with Simulator(token=TOKEN) as plain, Simulator(token=TOKEN, cert=str(chain)) as secure:
        yield Both(plain.url, secure.url, str(token), str(directory / "ca.pem"))
