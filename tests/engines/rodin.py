"""A Rodin site with a bad day, and what a monitoring system must record of each hour."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from examples.simulator import SCENARIOS, Simulator
from tests.console import Outcome, Report, report
from tests.engines.programs import Account, Engine
from tests.perfdata import Datum
from tests.tokens import expiring

OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
QUEUES = ("rodin.mesh", "rodin.pack", "rodin.remesh", "rodin.texture")

#: The examples' warnings for jobs waiting in each queue.
LIMITS = dict.fromkeys(QUEUES, "10") | {"rodin.mesh": "20"}

#: The examples' services for all queues: the one that pages, and the one that warns of a backlog.
PAGING, BACKLOG = "paging", "backlog"

#: Seconds until a token expires, longer than any test.
LIFETIME = 30 * 24 * 3600


class Site(NamedTuple):
    """A running server, and a file with its token that only *reader* can read."""

    server: Simulator
    token_file: Path
    reader: Account

    @property
    def port(self) -> int:
        """Return the port of the server."""
        return int(self.server.server_address[1])

    def alone(self, plugin: Path) -> Report:
        """Return the output of the plugin without any monitoring system in between."""
        server = ("-H", self.server.url, "--token-file", str(self.token_file))
        return self.report(self.reader.run(str(plugin), *server, "-v"))

    def report(self, outcome: Outcome) -> Report:
        """Return what *outcome* reports, once it keeps the promises of every run."""
        assert "'" not in outcome.perfdata, outcome  # no name here has a blank
        return report(outcome, verbose=True, token=self.server.token)

    def leaks(self, *directories: Path) -> list[Path]:
        """Return the files that hold the token's claims."""
        claims = self.server.token.split(".")[1].encode()
        files = [path for top in directories for path in top.rglob("*") if path.is_file()]
        assert files
        return [path for path in files if claims in content(path)]


class Run(NamedTuple):
    """One run of a service's check, as a monitoring system recorded it."""

    service: str
    state: int
    hard: bool
    start: float
    text: str
    more: str
    metrics: str
    command: tuple[str, ...] = ()
    source: str = ""

    def report(self, site: Site) -> Report:
        """Return it as the output of the plugin."""
        output = f"{self.text} | {self.metrics}\n{self.more}".rstrip("\n")
        return site.report(Outcome(self.state, f"{output}\n", "", 0))


class Hour(NamedTuple):
    """A part of the day: what the server does, and what the check must report.

    *conditions* are those that the text names; *single* has the states of the services for one
    queue each, in the order of QUEUES.
    """

    scenario: str
    state: int
    backlog: int
    conditions: tuple[str, ...]
    single: tuple[int, ...]

    def state_of(self, watched: str) -> int:
        """Return the state of the service for what is *watched*: PAGING, BACKLOG or a queue."""
        states = {PAGING: self.state, BACKLOG: self.backlog, **dict(zip(QUEUES, self.single))}
        return states[watched]

    def check(self, found: Report, alone: Report) -> None:
        """Fail unless a monitoring system *found* what the plugin printed *alone*."""
        assert (found.state, found.conditions) == (STATES[self.state], self.conditions)
        assert plain(found.text) == plain(alone.text)
        assert plain(found.more) == plain(alone.more)
        self.check_metrics(found.metrics, PAGING)

    def check_metrics(self, metrics: Mapping[str, Datum], watched: str) -> None:
        """Fail unless *metrics* have the site's values and the thresholds of that service."""
        found = {label: (d.value, d.warning, d.critical) for label, d in metrics.items()}
        assert 0 <= found.pop("time")[0] < 10
        assert 0 < LIFETIME - found.pop("token_expires_in")[0] < 3600
        assert found == {
            f"{queue}.{metric}": (Decimal(str(value)), *limits(queue, metric, watched))
            for queue in ([watched] if watched in QUEUES else QUEUES)
            for metric, value in queues_of(self.scenario).get(queue, {}).items()
        }


_FINE = (OK,) * 4

#: Jobs pile up, a worker dies, the server fails, a login page answers, and all is well again.
BAD_DAY = (
    Hour("idle", OK, OK, (), _FINE),
    Hour("backlog", OK, WARNING, (), (WARNING, OK, OK, WARNING)),
    Hour("dead-worker", CRITICAL, OK, ("stranded",), (CRITICAL, OK, OK, OK)),
    Hour("server-error", CRITICAL, UNKNOWN, ("unreachable",), (CRITICAL,) * 4),
    Hour("bad-answer", UNKNOWN, UNKNOWN, ("invalid",), (UNKNOWN,) * 4),
    Hour("idle", OK, OK, (), _FINE),
)


def limits(queue: str, metric: str, watched: str) -> tuple[str, str]:
    """Return the warning and critical range that the examples set for a service."""
    warning = LIMITS[queue] if metric == "job_awaiting" and watched != PAGING else ""
    return warning, "1:" if metric == "consumers" and watched != BACKLOG else ""


class Page(NamedTuple):
    """An hour, the reports of the services, and the report of the plugin alone."""

    hour: Hour
    reports: Mapping[str, Report]
    alone: Report


class Day(NamedTuple):
    """A page for each hour, the alerts of the service that pages, and the mail."""

    pages: list[Page]
    alerts: list[tuple[str, str]]
    mail: str


def by_name(paging: str, backlog: str, one: str) -> dict[str, str]:
    """Return what each service watches, by name; *one* begins the names of those for one queue."""
    return {paging: PAGING, backlog: BACKLOG, **{f"{one}{queue}": queue for queue in QUEUES}}


class Monitor(Engine):
    """A monitoring system. *services* says what each service watches."""

    services: Mapping[str, str]

    def last_runs(self) -> Mapping[str, Run]:
        """Return the last run of each service."""
        raise NotImplementedError

    def alerts(self) -> list[tuple[str, str]]:
        """Return state and kind, SOFT or HARD, of each soft problem and each change of state.

        They are those of the service that pages.
        """
        raise NotImplementedError

    def settle(self, hour: Hour) -> Mapping[str, Run]:
        """Return the last runs once each service was checked again and has its hard state."""
        start = time.time()
        wanted = {name: (hour.state_of(what), True) for name, what in self.services.items()}

        def probe() -> Mapping[str, Run]:
            runs = self.last_runs()
            new = {name: (run.state, run.hard) for name, run in runs.items() if run.start > start}
            return runs if wanted.items() <= new.items() else {}

        return self.wait_for(f"the states of {hour.scenario} are hard", probe)

    def spend_day(self, site: Site, plugin: Path) -> list[Page]:
        """Wait in each hour of the bad day until all states are hard."""
        pages = []
        for hour in BAD_DAY:
            site.server.scenario = hour.scenario
            runs = self.settle(hour)
            reports = {what: runs[name].report(site) for name, what in self.services.items()}
            pages.append(Page(hour, reports, site.alone(plugin)))
        return pages


def content(path: Path) -> bytes:
    """Return the content of a file, empty if it was removed meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def plain(text: str) -> str:
    """Return *text* without durations, and with the colon that Nagios writes for a semicolon."""
    return re.sub(r"\d+(\.\d+)? ?(s|min|h|d)\b", "(duration)", text).replace(";", ":")


def queues_of(scenario: str) -> dict[str, dict[str, object]]:
    """Return the queues that *scenario* serves, empty if it serves none."""
    response = SCENARIOS[scenario].answer
    if response.status != 200 or not response.body.startswith(b"{"):
        return {}
    queues: dict[str, dict[str, object]] = json.loads(response.body)
    return queues


@contextlib.contextmanager
def serve(directory: Path, reader: Account) -> Iterator[Site]:
    """Serve a site until the block ends. Its token is in a file in *directory*."""
    token = expiring(LIFETIME)
    token_file = directory / "token"
    token_file.write_text(f"{token}\n", encoding="ascii")
    os.chown(token_file, 0, reader.gid)
    token_file.chmod(0o640)
    directory.chmod(0o755)
    with Simulator(token=token, delay=0.1) as server:
        yield Site(server, token_file, reader)
