"""Every row of the table of faults, each through the console script and real sockets."""

from __future__ import annotations

import socket
from decimal import Decimal
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

from tests.faults.causes import causes
from tests.faults.invariants import check_run
from tests.faults.proxy import Proxy
from tests.faults.punctuality import in_time
from tests.faults.row import Row
from tests.faults.server import Exchange, FaultServer
from tests.faults.table import HEAPS, ROWS
from tests.faults.trial import Launcher, Trial
from tests.faults.writes import asked_alone, left, watching
from tests.perfdata import parse

#: The wall clock of a run that only it can end.
DEADLINE = 1.5

#: The wall clock of all others, which have to end by themselves.
LONG = 20

#: How long these take at most.
PROMPT = 3

#: Rows that are read through a tunnel every day: what a less strict reader would judge, or name
#: otherwise, and what is sound.
TUNNELLED = {
    *("healthy", "chunked", "status_with_underscore", "chunk_size_minus_1", "hidden_length"),
    *("interim_with_another_body", "content_length_long", "redirect_302_to_other", "status_401"),
}

#: Conditions that are named where they decide; the words of the others are the metrics'.
NAMED = {"unreachable", "timeout", "auth", "throttled", "invalid"}

#: What each judged queue has in the perfdata.
METRICS_PER_QUEUE = 3

Attempt = Callable[..., Trial]


def _identity(row: Row) -> str:
    return f"{row.state}-{row.name}"


def _timeout(row: Row) -> str:
    args = row.args
    return args[args.index("-t") + 1] if "-t" in args else str(DEADLINE if row.deadline else LONG)


@pytest.fixture(scope="module")
def refusing_port() -> Iterator[int]:
    """Return a port that is taken and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="module")
def full_port() -> Iterator[int]:
    """Return a port whose queue of connections is full, so that no more is let in."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting: List[socket.socket] = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            waiting.append(client)
        yield listener.getsockname()[1]
        for client in waiting:
            client.close()


@pytest.fixture
def ports(refusing_port: int, full_port: int, plain_server: FaultServer) -> Dict[str, int]:
    """Return the ports that a row's address may name."""
    return {"refused": refusing_port, "full": full_port, "port": plain_server.port}


@pytest.fixture
def attempt(launcher: Launcher, token_file: str) -> Attempt:
    """Return what runs a row against an address."""

    def once(row: Row, url: str, *args: str, **env: str) -> Trial:
        common = ("-H", url, "--token-file", token_file, "-t", _timeout(row))
        return launcher.run(*common, *row.args, *args, env=env, within=LONG + 20)

    return once


def _run(row: Row, server: FaultServer, start: Callable[[], Trial]) -> Trial:
    """Run until it can be judged: on a busy machine what has to end in time is tried again."""

    def attempt() -> Trial:
        server.prepare(row.behaviour)
        return start()

    if row.deadline:
        return in_time(attempt, DEADLINE, earliest=DEADLINE)
    return in_time(attempt, float(_timeout(row)) if row.or_timeout else PROMPT)


def _conditions(row: Row) -> Tuple[str, ...]:
    """Return the conditions that may decide."""
    return (row.condition, *(["timeout"] if row.or_timeout else []))


def _check(row: Row, trial: Trial, server: FaultServer, elsewhere: FaultServer) -> None:
    outcome = trial.outcome
    assert check_run(trial) == row.state, outcome
    text = outcome.text.lower()
    assert [word for word in row.words if word not in text] == [], outcome.text
    if row.condition in NAMED:
        assert any(f" - {name}: " in text for name in _conditions(row)), outcome.text
    assert bool(server.requests) == row.asked, "the server did not come as far as the fault"
    metrics = parse(outcome.perfdata)
    if not row.condition:
        assert len(metrics) == METRICS_PER_QUEUE * row.queues + 1, outcome.perfdata
    time = metrics["time"]
    assert time.unit == "s"
    assert (time.minimum, time.maximum) == (Decimal(0), Decimal(_timeout(row)))
    assert time.value <= Decimal(outcome.seconds)
    if row.deadline:
        assert time.value >= Decimal(DEADLINE) - Decimal("0.2")
    assert server.connections <= 1, "the check asked again"
    assert elsewhere.connections == 0, "the check followed"


def _check_cause(row: Row, trial: Trial) -> None:
    """Assert that the cause is told, where not the row but its family has the words for it."""
    if row.condition in {"unreachable", "invalid"} and not row.words:
        text = trial.outcome.text.lower()
        assert any(cause in text for cause in causes(row.name)), text


@pytest.mark.parametrize("row", ROWS, ids=_identity)
def test_fault(
    row: Row,
    plain_server: FaultServer,
    elsewhere: FaultServer,
    ports: Dict[str, int],
    attempt: Attempt,
) -> None:
    elsewhere.prepare(Exchange.hold)
    url = row.url.format(**ports)
    trial = _run(row, plain_server, lambda: attempt(row, url))
    _check(row, trial, plain_server, elsewhere)
    _check_cause(row, trial)


@pytest.mark.parametrize("port", ["refused", "full"])
def test_a_connection_that_fails_is_not_tried_again(
    port: str, ports: Dict[str, int], launcher: Launcher, token_file: str, tmp_path: Path
) -> None:
    """No server can count these, so the check is watched itself."""
    args = ("-H", f"http://127.0.0.1:{ports[port]}", "--token-file", token_file, "-t", "4")
    trial = launcher.run(*args, env=watching(tmp_path))
    assert check_run(trial) == "CRITICAL"
    assert left(tmp_path) == asked_alone("127.0.0.1", ports[port])


def _cases(daily: Callable[[Row], bool], rare: Callable[[Row, int], bool]) -> Iterator[object]:
    """Take the *daily* rows, and in the long run the *rare* ones, by row and number, as well."""
    for number, row in enumerate(ROWS):
        if daily(row):
            yield pytest.param(row, id=_identity(row))
        elif row.url == Row._field_defaults["url"] and rare(row, number):
            yield pytest.param(row, id=_identity(row), marks=pytest.mark.slow)


#: The marked rows, and a quarter of all.
OVER_TLS = list(_cases(lambda row: row.tls, lambda _, number: number % 4 == 1))
#: The rows that are named above, and a third of what ends by itself. The proxy of the tests hands
#: on a reset as an end, with which a body without length is whole.
THROUGH_A_TUNNEL = list(
    _cases(
        lambda row: row.name in TUNNELLED,
        lambda row, number: (
            number % 3 == 0 and not row.deadline and row.name != "reset_without_length"
        ),
    )
)
assert {row.name for row in ROWS} >= TUNNELLED


@pytest.mark.parametrize("row", OVER_TLS)
def test_fault_over_tls(
    row: Row, tls_server: FaultServer, elsewhere: FaultServer, ca_file: str, attempt: Attempt
) -> None:
    elsewhere.prepare(Exchange.hold)
    trial = _run(row, tls_server, lambda: attempt(row, tls_server.url, "--ca-file", ca_file))
    _check(row, trial, tls_server, elsewhere)


def _through_a_proxy() -> Iterator[object]:
    """Take every eighth row each day, and all in the long run but those that only take time."""
    rows = (row for row in ROWS if row.url == Row._field_defaults["url"] and not row.deadline)
    for number, row in enumerate(rows):
        yield pytest.param(row, id=_identity(row), marks=pytest.mark.slow if number % 8 else ())


@pytest.mark.parametrize("row", list(_through_a_proxy()))
def test_fault_through_a_proxy(
    row: Row, plain_server: FaultServer, elsewhere: FaultServer, attempt: Attempt
) -> None:
    """Of http:// a proxy gives the answer itself: it is read as strictly, and asked for once."""
    elsewhere.prepare(Exchange.hold)
    proxy = {"HTTP_PROXY": plain_server.url}
    trial = _run(row, plain_server, lambda: attempt(row, "http://rodin.example", **proxy))
    _check(row, trial, plain_server, elsewhere)
    _check_cause(row, trial)


@pytest.mark.parametrize("row", THROUGH_A_TUNNEL)
def test_fault_through_a_tunnel(
    row: Row, tls_server: FaultServer, elsewhere: FaultServer, ca_file: str, attempt: Attempt
) -> None:
    """Of https:// a proxy hands on what the server answers, and it is read as strictly."""
    elsewhere.prepare(Exchange.hold)
    args = (tls_server.url, "--ca-file", ca_file)
    with Proxy() as proxy:
        trial = _run(row, tls_server, lambda: attempt(row, *args, HTTPS_PROXY=proxy.url))
    _check(row, trial, tls_server, elsewhere)
    assert proxy.heard.startswith(b"CONNECT ")


def _rotated(row: Row, number: int) -> object:
    """Take an eighth of the rows every day, and all in the long run."""
    verbosity = "-" + "v" * (number % 3 + 1)
    marks = () if number % 8 == 0 else pytest.mark.slow
    return pytest.param(row, verbosity, marks=marks, id=f"{_identity(row)}{verbosity}")


@pytest.mark.parametrize(
    ("row", "verbosity"), [_rotated(row, number) for number, row in enumerate(ROWS)]
)
def test_condition_decides_and_nothing_leaks(
    row: Row, verbosity: str, plain_server: FaultServer, ports: Dict[str, int], attempt: Attempt
) -> None:
    """The state comes from the row's condition alone, and more words show no more secrets."""
    plain_server.prepare(row.behaviour)
    states = [f"{name}=warning" for name in _conditions(row) if name]
    setting = ("--state", ",".join(states)) if states else ()
    trial = attempt(row, row.url.format(**ports), verbosity, *setting)
    assert check_run(trial, lines=None) == ("WARNING" if row.condition else row.state)


@pytest.mark.parametrize("row", HEAPS, ids=lambda row: str(row.name))
@pytest.mark.parametrize("verbosity", [(), ("-vvv",)], ids=["", "vvv"])
def test_a_heap_is_judged_or_refused_within_the_memory(
    row: Row, verbosity: Tuple[str, ...], plain_server: FaultServer, attempt: Attempt
) -> None:
    plain_server.prepare(row.behaviour)
    trial = attempt(row, plain_server.url, *verbosity)
    state = check_run(trial, lines=None if verbosity else 1)
    assert state in {"OK", row.state}
    assert state == "OK" or row.words[0] in trial.outcome.text
