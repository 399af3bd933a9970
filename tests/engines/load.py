"""Measures how many services one Nagios runs on this machine; prints a Markdown table.

    python -m tests.engines.load [--cores 2] [--hosts 60] [--intervals 60,30,20,15,10]

It needs root and what the engine tests need. A Nagios of its own, held on the given number of
cores, watches a simulator on the same cores through the example configuration, five services for
each host: first at the intervals of a real site, then at shorter ones until the cores are full.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

from tests.engines.installation import gather_plugins, install
from tests.engines.nagios import Nagios
from tests.engines.programs import Account, account, stopping
from tests.engines.rodin import RodinSite, serve

EXAMPLE = Path(__file__).parents[2] / "examples" / "nagios" / "rodin.cfg"

#: A line for each check that Nagios ran.
RECORD = r"\t".join(
    f"${macro}$"
    for macro in (
        "HOSTNAME",
        "SERVICEDESC",
        "SERVICESTATE",
        "SERVICELATENCY",
        "SERVICEEXECUTIONTIME",
    )
)

TICKS = os.sysconf("SC_CLK_TCK")

HEAD = """\
| services | every | checks/s due | done | latency: median | 99 % | worst \
| execution: median | 99 % | CPU of Nagios and plugins | of the simulator | of all others | lost |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


class Plan(NamedTuple):
    """What one row measures: so many hosts, each service checked every *interval* seconds."""

    hosts: int
    interval: int
    cores: int

    @property
    def services(self) -> int:
        """How many services there are."""
        return self.hosts * 5

    @property
    def rounds(self) -> int:
        """How many intervals are observed: three, or a minute if that is longer."""
        return max(3, -(-60 // self.interval))


class Check(NamedTuple):
    """One check as Nagios recorded it."""

    service: str
    state: str
    latency: float
    execution: float


class Cpu(NamedTuple):
    """Seconds of CPU time since the machine or a program started."""

    engine: float
    simulator: float
    everything: float

    def since(self, before: Cpu) -> Cpu:
        """Return what was spent since *before*."""
        return Cpu(*(now - then for now, then in zip(self, before)))


def main() -> int:
    """Measure at each interval and print a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--hosts", type=int, default=60, help="each has five services")
    parser.add_argument("--intervals", default="60,30,20,15,10", help="seconds, comma separated")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: options.cores]
    os.sched_setaffinity(0, cores)
    say(HEAD)
    with tempfile.TemporaryDirectory(prefix="rodin-load-", dir="/var/tmp") as folder:
        ground = Path(folder)
        ground.chmod(0o755)
        plugins = gather_plugins(ground, install(ground))
        for interval in map(int, options.intervals.split(",")):
            say(measure(ground, plugins, Plan(options.hosts, interval, len(cores))))
    return 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measure(ground: Path, plugins: Path, plan: Plan) -> str:
    """Return the row of a Nagios that does as *plan* says."""
    user = account()
    room = ground / f"every-{plan.interval}"
    secret = room / "token"
    secret.mkdir(parents=True)
    with serve(secret, user) as site:
        nagios = Nagios(room, user, plugins)
        configure(nagios, site, plan)
        with stopping(nagios):
            nagios.start()
            time.sleep(2 * plan.interval + 5)  # each service ran: the checks are spread by now
            return observe(nagios, user, plan)


def configure(nagios: Nagios, site: RodinSite, plan: Plan) -> None:
    """Let *nagios* watch the site as if it were many hosts."""
    nagios.hurry(plan.interval)
    nagios.set(
        max_service_check_spread=1,
        max_host_check_spread=1,
        cached_host_check_horizon=15,
        status_update_interval=10,
        service_perfdata_file_template=RECORD,
    )
    nagios.leave_out("localhost.cfg")
    changes = {
        "https://rodin.example.com": site.server.url,
        "rodin.example.com": "127.0.0.1",
        "/etc/rodin/token": str(site.token_file),
    }
    nagios.add(EXAMPLE, changes)
    more = "".join(
        f"define host {{\n    host_name rodin-{number}\n    use rodin-server\n"
        f"    address 127.0.0.1\n    _RODIN_URL {site.server.url}\n}}\n"
        for number in range(2, plan.hosts + 1)
    )
    (nagios.objects / "more.cfg").write_text(more, "utf-8")


def observe(nagios: Nagios, user: Account, plan: Plan) -> str:
    """Return the row of what happens now."""
    before, seen = cpu(user), len(checks(nagios))
    start = time.monotonic()
    time.sleep(plan.rounds * plan.interval)
    seconds = time.monotonic() - start
    spent = cpu(user).since(before)
    cells = ["", *row(plan, checks(nagios)[seen:], spent, seconds), ""]
    return " | ".join(cells).strip()


def row(plan: Plan, done: List[Check], spent: Cpu, seconds: float) -> Iterator[str]:
    """Give the cells of a row, in the order of HEAD."""
    yield str(plan.services)
    yield f"{plan.interval} s"
    yield f"{plan.services / plan.interval:.1f}"
    yield f"{len(done) / seconds:.1f}"
    latency = sorted(check.latency for check in done)
    for value in (statistics.median(latency), latency[int(len(latency) * 0.99)], latency[-1]):
        yield f"{value:.2f} s"
    execution = sorted(check.execution for check in done)
    for value in (statistics.median(execution), execution[int(len(execution) * 0.99)]):
        yield f"{value:.2f} s"
    others = spent.everything - spent.engine - spent.simulator
    for share in (spent.engine, spent.simulator, others):
        yield f"{max(share, 0) / seconds / plan.cores:.0%}"
    yield str(lost(done, plan))


def lost(done: List[Check], plan: Plan) -> int:
    """Return how many services missed a round, or were not OK in one.

    A check that ran just before the first round and just after the last leaves one round less.
    """
    times: Dict[str, int] = {}
    for check in done:
        times[check.service] = times.get(check.service, 0) + (check.state == "OK")
    return plan.services - sum(count >= plan.rounds - 1 for count in times.values())


def checks(nagios: Nagios) -> List[Check]:
    """Return all checks that Nagios has recorded, oldest first."""
    file = nagios.var / "perfdata"
    rows = [line.split("\t") for line in file.read_text("utf-8").splitlines()]
    return [
        Check(f"{host}/{service}", state, float(latency), float(execution))
        for host, service, state, latency, execution in rows
    ]


def cpu(user: Account) -> Cpu:
    """Return the CPU time spent so far: by the engine's user, by this process, by all."""
    with open("/proc/stat", encoding="ascii") as file:
        busy = [int(field) for field in file.readline().split()[1:9]]
    everything = (sum(busy) - busy[3] - busy[4]) / TICKS  # without idle and waiting for disks
    engine = sum(spent_by(process, user) for process in Path("/proc").glob("[0-9]*"))
    return Cpu(engine, time.process_time(), everything)


def spent_by(process: Path, user: Account) -> float:
    """Return the CPU time of a process of *user*'s and of its ended children, else 0."""
    try:
        if process.stat().st_uid != user.uid:
            return 0.0
        fields = (process / "stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:  # it has ended meanwhile; its parent counts it
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


if __name__ == "__main__":
    sys.exit(main())
