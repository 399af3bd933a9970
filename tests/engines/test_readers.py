"""Real readers find every label, value and plain threshold in the perfdata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Optional

import pytest

from examples.simulator import Simulator, counts
from tests.console import run
from tests.engines.conftest import PLUGINS
from tests.engines.icinga import Icinga
from tests.engines.programs import Account, find
from tests.engines.rodin import LIFETIME
from tests.perfdata import parse
from tests.tokens import expiring

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("readers")]

#: A threshold for each metric, and each form of a range.
THRESHOLDS = (
    *("-w", "10", "-c", "~:50", "-w", "job_running=@5:9", "-c", "busy_ratio=0.95"),
    *("-w", "awaiting_per_consumer=2.5", "-w", "total.job_awaiting=100", "-w", "time=5"),
    *("-w", "token_expires_in=604800:", "-c", "token_expires_in=-5:"),
)

#: Names of queues that need care in perfdata, and one that does not.
NAMES = ("with a blank", "quote'equals=bar|semicolon;colon::", "Größe", "time", "rodin.mesh")

#: Prints what Monitoring::Plugin finds in its input.
PERL = r"""
use Monitoring::Plugin::Performance;
for my $d (Monitoring::Plugin::Performance->parse_perfstring(<STDIN>)) {
    print join("\t", map { $_ // "" } $d->label, $d->value, $d->warning, $d->critical), "\n";
}
"""

#: Returns what Icinga's parser finds in the perfdata that it keeps of a service of Debian's.
ICINGA = """
var kept = get_service(NodeName, "ssh").last_check_result.performance_data
kept.map(parse_performance_data).map(d => [d.label, d.value, d.warn, d.crit])
"""

#: Value, warning and critical by label. A range that is not a plain number is None.
Found = dict[str, tuple[Optional[float], ...]]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the perfdata for queues with these names."""
    response = tmp_path_factory.mktemp("names") / "response"
    response.write_text(json.dumps(dict.fromkeys(NAMES, counts(3, 4123, 1))))
    token = expiring(LIFETIME)
    with Simulator(token=token, scenario=str(response)) as server:
        return run(*THRESHOLDS, env={"RODIN_URL": server.url, "RODIN_API_KEY": token}).perfdata


def strict(line: str) -> Found:
    """Read with the strict reader of all tests."""
    return {
        label: (float(datum.value), plain(datum.warning), plain(datum.critical))
        for label, datum in parse(line).items()
    }


def plain(limit: str) -> Optional[float]:
    """Return a plain threshold, or None for another range."""
    return float(limit) if limit and not set(limit) & set("@:~") else None


def perl(line: str, place: Path, user: Account) -> Found:
    """Read with the Perl class of many plugins."""
    del place
    if user.run(find("perl"), "-MMonitoring::Plugin", "-e1").code:
        pytest.skip("libmonitoring-plugin-perl is not installed")
    rows = user.do(find("perl"), "-CS", "-e", PERL, stdin=line).splitlines()
    fields = (row.split("\t") for row in rows)
    return {label: (float(v), plain(warn), plain(crit)) for label, v, warn, crit in fields}


def icinga(line: str, place: Path, user: Account) -> Found:
    """Read what Icinga keeps of a result."""
    icinga = Icinga(place / "icinga", user, PLUGINS)
    icinga.become_master("n")
    service = {"type": "Service", "filter": 'service.name == "ssh"'}
    result = {"exit_status": 0, "plugin_output": "", "performance_data": line}
    with icinga:
        icinga.api("actions/process-check-result", **service, **result)
        (found,) = icinga.api("console/execute-script", command=ICINGA)
    return {label: tuple(values) for label, *values in found["result"]}


@pytest.mark.parametrize("read", [perl, icinga], ids=lambda read: read.__name__)
def test_reader_finds_everything(
    read: Callable[[str, Path, Account], Found], line: str, place: Path, user: Account
) -> None:
    assert len(strict(line)) == 5 * len(NAMES) + 3
    assert read(line, place, user) == strict(line)
