"""Real readers find every label, value and plain threshold in the perfdata of every scenario."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Mapping, Optional, Tuple

import pytest

from examples.simulator import SCENARIOS, Simulator
from tests.console import run
from tests.engines.conftest import PLUGINS
from tests.engines.icinga import Carbon, Icinga
from tests.engines.nagios import Nrpe
from tests.engines.programs import Account, find
from tests.engines.rodin import LIFETIME
from tests.perfdata import parse
from tests.tokens import expiring

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("nrpe")]

#: A threshold for each metric, and each form of a range.
THRESHOLDS = (
    *("-w", "10", "-c", "~:50", "-w", "job_running=@5:9", "-c", "busy_ratio=0.95"),
    *("-w", "awaiting_per_consumer=2.5", "-w", "total.job_awaiting=100", "-w", "time=5"),
    *("-w", "token_expires_in=604800:", "-c", "token_expires_in=-5:"),
)

#: Names of queues that need care in perfdata.
ODD_NAMES = ("with a blank", "quote'equals=bar|semicolon;colon::", "Größe", "time")

#: Prints what Monitoring::Plugin finds in each line of its input, and then an empty line.
PERL = r"""
use Monitoring::Plugin::Performance;
while (<STDIN>) {
    chomp;
    for my $d (Monitoring::Plugin::Performance->parse_perfstring($_)) {
        print join("\t", map { $_ // "" } $d->label, $d->value, $d->warning, $d->critical), "\n";
    }
    print "\n";
}
"""

#: Perfdata by scenario.
Lines = Mapping[str, str]

#: Value, warning and critical by label. A range that is not a plain number is None.
Found = Dict[str, Tuple[Optional[float], ...]]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """Return the perfdata of every scenario, and of a response with odd names."""
    odd = tmp_path_factory.mktemp("odd") / "names"
    queue = {"consumers": 2, "job_awaiting": 9, "job_running": 1}
    odd.write_text(json.dumps(dict.fromkeys(ODD_NAMES, queue)))
    token = expiring(LIFETIME)

    def line(scenario: str) -> str:
        with Simulator(token=token, scenario=scenario, delay=0.1) as server:
            env = {"RODIN_URL": server.url, "RODIN_API_KEY": token}
            return run(*THRESHOLDS, "-t", "4", env=env).perfdata

    with ThreadPoolExecutor(2) as pool:
        return dict(zip((*SCENARIOS, "odd-names"), pool.map(line, (*SCENARIOS, str(odd)))))


def strict(line: str) -> Found:
    """Read with the strict reader of all tests."""
    return {
        label: (float(datum.value), plain(datum.warning), plain(datum.critical))
        for label, datum in parse(line).items()
    }


def plain(limit: str) -> Optional[float]:
    """Return a plain threshold, or None for another range."""
    return float(limit) if limit and not set(limit) & set("@:~") else None


def perl(lines: Lines, place: Path, user: Account) -> Dict[str, Found]:
    """Read with the Perl class of many plugins."""
    del place
    if user.run(find("perl"), "-MMonitoring::Plugin", "-e1").code:
        pytest.skip("libmonitoring-plugin-perl is not installed")
    done = user.do(find("perl"), "-CS", "-e", PERL, stdin="\n".join(lines.values()))
    blocks = [[row.split("\t") for row in block.splitlines()] for block in done.split("\n\n")]
    return {
        name: {label: (float(v), plain(warn), plain(crit)) for label, v, warn, crit in block}
        for name, block in zip(lines, blocks)
    }


def nrpe(lines: Lines, place: Path, user: Account) -> Dict[str, Found]:
    """Read what NRPE transports."""
    nrpe = Nrpe(place / "nrpe", user)
    files = {name: nrpe.write(f"lines/{name}", line) for name, line in lines.items()}
    commands = (f"command[{name}]=/bin/cat {file}\n" for name, file in files.items())
    nrpe.write("nrpe.d/lines.cfg", "".join(commands))
    with nrpe:
        return {name: strict(nrpe.ask(name).stdout.rstrip("\n")) for name in lines}


def icinga(lines: Lines, place: Path, user: Account) -> Dict[str, Found]:
    """Read what Icinga sends to Graphite."""
    icinga = Icinga(place / "icinga", user, PLUGINS, "monitor.example.com")
    passive = 'host_name = "readers"\n  check_command = "dummy"\n  enable_active_checks = false'
    services = (f'object Service "{name}" {{\n  {passive}\n}}\n' for name in lines)
    host = 'object Host "readers" { check_command = "dummy" }\n'
    icinga.write("etc/conf.d/hosts.conf", host + "".join(services))
    icinga.make_authority()
    icinga.listen()
    wanted = {name: strict(line) for name, line in lines.items()}
    with Carbon() as graphite:
        icinga.enable("graphite", graphite.feature)
        with icinga:
            icinga.wait_for("its Graphite writer is connected", graphite.connected.is_set)
            for name, line in lines.items():
                icinga.submit(name, line)
            last = f"{list(wanted[name])[-1]}.value"  # the writer keeps the order
            icinga.wait_for("all was sent", lambda: (name, last) in graphite.values())
        sent = graphite.values()
    fields = ("value", "warn", "crit")
    return {
        name: {
            label: tuple(sent.get((name, f"{label.replace(' ', '_')}.{f}")) for f in fields)
            for label in labels
        }
        for name, labels in wanted.items()
    }


@pytest.mark.parametrize("read", [perl, nrpe, icinga], ids=lambda read: read.__name__)
def test_reader_finds_everything(
    read: Callable[[Lines, Path, Account], Dict[str, Found]],
    lines: Lines,
    place: Path,
    user: Account,
) -> None:
    assert all(lines.values())
    assert read(lines, place, user) == {name: strict(line) for name, line in lines.items()}
