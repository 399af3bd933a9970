"""A trial: one run of the console script of which time, memory and what it leaves are measured."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence

from tests.console import SCRIPT, Outcome, environment
from tests.faults import spawner


class Trial(NamedTuple):
    """What a run left, its peak memory in bytes, and whether a process of it lives on."""

    outcome: Outcome
    peak: int
    left: bool

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return self.outcome.seconds


class Launcher:
    """Starts trials through the spawner; a context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="trial")
        self._spawner = subprocess.Popen(
            [sys.executable, "-I", "-S", spawner.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *_: object) -> None:
        with self._spawner as process:
            assert process.stdin
            process.stdin.close()
        self._folder.cleanup()

    def run(
        self,
        *args: str,
        env: Optional[Mapping[str, str]] = None,
        stdin: bytes = b"",
        within: float = 60,
        prefix: Sequence[str] = (),
    ) -> Trial:
        """Run the console script with *args*; fail if it does not end *within* seconds.

        *prefix* is a program that starts it, such as one that makes a namespace.
        """
        files = {name: self._file(name) for name in ("stdin", "stdout", "stderr")}
        Path(files["stdin"]).write_bytes(stdin)
        answer = self._ask(
            {
                "command": [*prefix, str(SCRIPT), *args],
                "env": environment(env),
                "within": within,
                **files,
            }
        )
        stdout, stderr = (Path(files[name]).read_bytes().decode() for name in ("stdout", "stderr"))
        assert answer["ended"], f"still running after {within} s: {stdout!r} {stderr!r}"
        outcome = Outcome(answer["code"], stdout, stderr, answer["seconds"])
        return Trial(outcome, answer["peak"], answer["left"])

    def _file(self, name: str) -> str:
        path = Path(self._folder.name) / name
        path.write_bytes(b"")
        return str(path)

    def _ask(self, request: Mapping[str, Any]) -> Dict[str, Any]:
        assert self._spawner.stdin
        assert self._spawner.stdout
        self._spawner.stdin.write(json.dumps(request) + "\n")
        self._spawner.stdin.flush()
        answer: Dict[str, Any] = json.loads(self._spawner.stdout.readline())
        return answer
