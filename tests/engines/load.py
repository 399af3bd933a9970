"""Measure how many services one Nagios runs on this machine; print a Markdown table.

    python -m tests.engines.load [--cores 2] [--hosts 50] [--intervals 60,30,20,15,10]

It needs root and the programs of the engine tests. A Nagios and a simulator share the given number
of cores. Each host has the services of the example. The intervals start at those of a real
site and become shorter until the cores are busy all the time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.engines.conftest import install, plugin_directory
from tests.engines.nagios import Nagios
from tests.engines.programs import Account, account
from tests.engines.rodin import Site, serve

#: The line that Nagios writes after each check.
RECORD = r"$HOSTNAME$ $SERVICEDESC$\t$SERVICESTATE$\t$SERVICELATENCY$\t$SERVICEEXECUTIONTIME$"

HEAD = """\
| services | every | checks/s due | done | latency: median | 99 % | worst \
| execution: median | 99 % | CPU of Nagios and plugins | of the simulator | of all others | lost |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""

TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print a row for each interval as soon as it is measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--hosts", type=int, default=50, help="each has six services")
    parser.add_argument("--intervals", default="60,30,20,15,10", help="seconds, comma separated")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    sys.stdout.write(f"{HEAD}\n")
    with tempfile.TemporaryDirectory(prefix="rodin-load-", dir="/var/tmp") as directory:
        top = Path(directory)
        top.chmod(0o755)
        plugins = plugin_directory(top, install(top))
        for interval in map(int, options.intervals.split(",")):
            rounds = max(3, -(-60 // interval))
            row = measure(top, plugins, options.hosts, interval, rounds)
            sys.stdout.write(f"| {' | '.join(row)} |\n")
            sys.stdout.flush()
    return 0


def measure(top: Path, plugins: Path, hosts: int, interval: int, rounds: int) -> list[str]:
    """Return the row for a check of each service every *interval* seconds, *rounds* times."""
    user = account()
    with tempfile.TemporaryDirectory(prefix="load-", dir=top) as directory:
        os.chmod(directory, 0o755)
        secret = Path(directory, "secret")
        secret.mkdir()
        with serve(secret, user) as site:
            nagios = Nagios(Path(directory, "nagios"), user, plugins)
            configure(nagios, site, hosts, interval)
            with nagios:
                time.sleep(2 * interval + 5)  # by then the checks are spread evenly
                before, skipped = cpu(user), len(nagios.handed_on())
                time.sleep(rounds * interval)
                seconds = [now - then for now, then in zip(cpu(user), before)]
                checks = nagios.handed_on()[skipped:]
    # A service whose first check is just before the first round has one check less.
    good = Counter(service for service, state, *_ in checks if state == "OK")
    services = len(Nagios.services) * hosts
    lost = services - sum(count >= rounds - 1 for count in good.values())
    time_spent, cores = rounds * interval, len(os.sched_getaffinity(0))
    latency, execution = (sorted(float(check[column]) for check in checks) for column in (2, 3))
    durations = (*middle_and_top(latency), latency[-1], *middle_and_top(execution))
    return [
        str(services),
        f"{interval} s",
        f"{services / interval:.1f}",
        f"{len(checks) / time_spent:.1f}",
        *(f"{duration:.2f} s" for duration in durations),
        *(f"{max(spent, 0) / time_spent / cores:.0%}" for spent in seconds),
        str(lost),
    ]


def configure(nagios: Nagios, site: Site, hosts: int, interval: int) -> None:
    """Make *nagios* watch the site as if it were many hosts."""
    nagios.watch(site, minute=interval)
    nagios.set(
        cached_host_check_horizon=15,
        status_update_interval=10,
        service_perfdata_file_template=RECORD,
    )
    more = "".join(
        f"define host {{\n    host_name rodin-{number}\n    use rodin-server\n"
        f"    address 127.0.0.1\n    _RODIN_URL {site.server.url}\n}}\n"
        for number in range(2, hosts + 1)
    )
    nagios.write("conf.d/more.cfg", more)


def middle_and_top(values: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile of sorted values."""
    return statistics.median(values), values[int(len(values) * 0.99)]


def cpu(user: Account) -> tuple[float, float, float]:
    """Return the CPU seconds so far: of the engine's user, of this process, of all others."""
    with open("/proc/stat", encoding="ascii") as file:
        busy = [int(field) for field in file.readline().split()[1:9]]
    everything = (sum(busy) - busy[3] - busy[4]) / TICKS  # without idle and waiting for disks
    engine = sum(cpu_of(process, user) for process in Path("/proc").glob("[0-9]*"))
    own = time.process_time()
    return engine, own, everything - engine - own


def cpu_of(process: Path, user: Account) -> float:
    """Return the CPU seconds of a process of *user* and of its ended children, else 0."""
    try:
        if process.stat().st_uid != user.uid:
            return 0.0
        fields = (process / "stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:  # it has ended, and its parent counts it
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


if __name__ == "__main__":
    sys.exit(main())
