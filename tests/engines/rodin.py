"""A Rodin site for engines, and the bad day that it has: what happens, and what has to be told."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Dict, Iterator, Mapping, NamedTuple, Tuple

from examples.simulator import SCENARIOS, Simulator
from tests.engines.programs import Account

OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
QUEUES = ("rodin.mesh", "rodin.pack", "rodin.remesh", "rodin.texture")
COUNTS = ("consumers", "job_awaiting", "job_running")

#: Seconds until the made-up token of a site expires: it outlives every test.
LIFETIME = 30 * 24 * 3600


class RodinSite(NamedTuple):
    """A running server, and a file with its token that the engine's user can read."""

    server: Simulator
    token_file: Path


class Scene(NamedTuple):
    """An hour of the day: what the server does, and what the check has to make of it.

    *told* is what the text of the service for all queues has to contain; *single* has the state of
    the services for one queue that differ from *state*.
    """

    scenario: str
    state: int
    told: Tuple[str, ...] = ()
    single: Mapping[str, int] = {}

    def state_of(self, queue: str) -> int:
        """Return the state of the service for one *queue*."""
        return self.single.get(queue, self.state)


_REST_IS_WELL = {"rodin.pack": OK, "rodin.remesh": OK}

#: All is well; jobs pile up; a worker dies; the server fails; a login page answers; all is well.
BAD_DAY = (
    Scene("idle", OK, ("4 queues",)),
    Scene("backlog", WARNING, ("rodin.mesh", "30", "rodin.texture", "12"), _REST_IS_WELL),
    Scene("dead-worker", CRITICAL, ("rodin.mesh",), {**_REST_IS_WELL, "rodin.texture": OK}),
    Scene("server-error", CRITICAL, ("500",)),
    Scene("bad-answer", UNKNOWN, ("JSON",)),
    Scene("idle", OK, ("4 queues",)),
)

#: The thresholds of the examples, for jobs that wait: warning, critical.
LIMITS = dict.fromkeys(QUEUES, (10, 50)) | {"rodin.mesh": (20, 100)}


def counts(scenario: str) -> Dict[str, Decimal]:
    """Return the metrics that *scenario* serves, by label; empty if it serves no queues."""
    answer = SCENARIOS[scenario].answer
    if answer.status != 200 or not answer.body.startswith(b"{"):
        return {}
    queues = json.loads(answer.body)
    return {f"{q}.{c}": Decimal(queues[q][c]) for q in queues for c in COUNTS}


def jwt() -> str:
    """Return a token of the vendor's kind, made up here, that lives for LIFETIME."""
    claims = {"exp": int(time.time()) + LIFETIME, "name": "made up by the engine tests"}
    parts = ({"alg": "HS256"}, claims, {"no": "signature"})
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
    )


@contextlib.contextmanager
def serve(folder: Path, reader: Account) -> Iterator[RodinSite]:
    """Serve a site until the block ends; its token is in *folder*, for *reader* alone."""
    token = jwt()
    os.chmod(folder, 0o755)
    token_file = folder / "token"
    token_file.write_text(f"{token}\n", encoding="ascii")
    os.chown(token_file, 0, reader.gid)
    token_file.chmod(0o640)
    with Simulator(token=token) as server:
        yield RodinSite(server, token_file)
