"""Memory stays bounded also where the answer is sound, as large as it may be, and told at length.

What parsing takes has a ceiling; this is about what is made of 5,000 queues afterwards.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from string import ascii_letters
from typing import Dict, Iterator, List, Tuple

import certifi
import pytest

from tests.faults.behaviour import reply
from tests.faults.invariants import CODES, MEMORY_LIMIT
from tests.faults.server import FaultServer
from tests.faults.trial import Launcher

#: A threshold of both levels on every metric: each queue has five labels, all with limits.
EVERY_LIMIT = (
    *("-w", "0", "-c", "0", "-w", "consumers=1:", "-c", "consumers=1:"),
    *("-w", "job_running=1:", "-c", "job_running=1:"),
    *("-w", "awaiting_per_consumer=1", "-c", "awaiting_per_consumer=2"),
    *("-w", "busy_ratio=0:0.5", "-c", "busy_ratio=0:0.6"),
)
#: The longest that a range can be, on every metric.
LONGEST = f"@0.{'0' * 29}1:{'1' * 30}.{'0' * 29}1"
LONG_LIMITS = tuple(
    word
    for metric in (
        "consumers",
        "job_awaiting",
        "job_running",
        "awaiting_per_consumer",
        "busy_ratio",
    )
    for option in ("-w", "-c")
    for word in (option, f"{metric}={LONGEST}")
)
LIMITS: Dict[str, Tuple[str, ...]] = {
    "defaults": (),
    "limits": EVERY_LIMIT,
    "long limits": LONG_LIMITS,
}
WIDE = "\U0001f600"


def _answer(name: str, *counts: int, escaped: bool = True) -> bytes:
    """Return 5,000 queues whose names begin with *name*."""
    fields = dict(zip(("consumers", "job_awaiting", "job_running"), counts))
    queues = {f"{name}{number:05}": fields for number in range(5000)}
    return json.dumps(queues, separators=(",", ":"), ensure_ascii=escaped).encode()


#: Sound answers of almost a mebibyte, or that take more than their size: a character beyond the
#: first plane makes four bytes of each character of its name.
ANSWERS: Dict[str, bytes] = {
    "long_names": _answer("x" * 140, 3, 7, 3),
    "wide_names": _answer(WIDE * 12, 3, 7, 3),
    "widest_names": _answer(WIDE * 33, 3, 7, 3, escaped=False),
    "dead": _answer(WIDE * 12, 0, 7, 0),
    "large_counts": _answer(WIDE * 6, 10**18 + 3, 10**18 + 7, 10**18 + 3),
}
ROADS = ("http", "a private CA", "a bundle")


def _cases() -> Iterator[object]:
    """Take the dearest of each every day, all in the long run."""
    for answer in ANSWERS:
        for road in ROADS:
            for verbosity in (0, 3):
                for name, limits in LIMITS.items():
                    if name == "long limits" and road != "a bundle":
                        continue
                    daily = verbosity == 3 and limits and road == "a bundle"
                    yield pytest.param(
                        *(answer, road, verbosity, limits),
                        marks=() if daily else pytest.mark.slow,
                        id=f"{answer}-{road}-{verbosity}-{name}",
                    )


@pytest.mark.parametrize(("answer", "road", "verbosity", "limits"), list(_cases()))
def test_5000_queues_told_at_length_stay_within_the_memory(
    *,
    launcher: Launcher,
    plain_server: FaultServer,
    tls_server: FaultServer,
    token_file: str,
    ca_file: str,
    tmp_path: Path,
    answer: str,
    road: str,
    verbosity: int,
    limits: Tuple[str, ...],
) -> None:
    assert len(ANSWERS[answer]) <= 1024 * 1024
    server = plain_server if road == "http" else tls_server
    server.prepare(reply(ANSWERS[answer]))
    store = tmp_path / "store"
    bundle = Path(certifi.where()).read_bytes() if road == "a bundle" else b""
    store.write_bytes(Path(ca_file).read_bytes() + bundle)
    trial = launcher.run(
        *("-H", server.url, "--token-file", token_file, "--require=", *limits),
        *(() if road == "http" else ("--ca-file", str(store))),
        *["-v"] * verbosity,
    )
    first, _, more = trial.outcome.stdout.partition("\n")
    state = first.split()[1]
    assert (trial.outcome.code, trial.outcome.stderr) == (CODES[state], "")
    assert trial.peak < MEMORY_LIMIT, f"{trial.peak / 1e6:.1f} MB of memory"
    assert state == ("OK" if not limits and answer != "dead" else "CRITICAL")
    assert first.count("'=") >= 15000
    assert more.count("\nwhy: ") >= (15000 if verbosity > 1 else 0)


#: Names that have to be looked at closely, as far as the longest token may reach.
ESCAPED: Dict[str, List[str]] = {
    "backslashes": ["\\" * 500_000],
    "a backslash": ["\\" + "x" * 1_000_000],
    "percent signs": ["%41" * 300_000],
    "layers": [("%25%32%35%32%35%34%31" + "x" * 80) * 10_000],
    "wide letters": ["\uff41" * 300_000],
    "5,000 names": [f"\\{number:05}{'z' * 140}" for number in range(5000)],
}


@pytest.mark.parametrize("verbosity", [0, 3])
@pytest.mark.parametrize("body", ESCAPED)
def test_the_longest_token_is_looked_for_within_the_memory(
    launcher: Launcher, plain_server: FaultServer, tmp_path: Path, body: str, verbosity: int
) -> None:
    idle = {"consumers": 1, "job_awaiting": 0, "job_running": 0}
    queues = dict.fromkeys(ESCAPED[body], idle)
    written = json.dumps(queues, separators=(",", ":"), ensure_ascii=False)
    plain_server.prepare(reply(written.encode()))
    token = tmp_path / "token"
    token.write_text("".join(random.Random(1).choices(ascii_letters, k=16 * 1024)))
    trial = launcher.run(
        *("-H", plain_server.url, "--token-file", str(token), "--require="),
        *["-v"] * verbosity,
    )
    assert trial.outcome.line.startswith("RODIN_QUEUES OK - ")
    assert trial.peak < MEMORY_LIMIT, f"{trial.peak / 1e6:.1f} MB of memory"
