"""Icinga 2 has a bad day with `examples/icinga2`. Its API shows what it recorded."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

import pytest

from tests.engines.icinga import ALL, Icinga
from tests.engines.programs import Account
from tests.engines.rodin import BAD_DAY, Page, Run, Site
from tests.tree import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("icinga2")]

EXAMPLES = ROOT / "examples" / "icinga2"
HOST = "rodin.example.com"
#: The intervals of the examples, and those of the test.
HURRY = {
    "check_interval = 1m": "check_interval = 1s",
    "retry_interval = 30s": "retry_interval = 1s",
    "retry_interval = 1m": "retry_interval = 1s",
}

#: The setting of a service, and the arguments that the plugin must get.
SETTINGS: Tuple[Tuple[str, List[str]], ...] = (
    ("vars.rodin_verbose = 0", []),
    ("vars.rodin_verbose = 1", ["-v"]),
    ("vars.rodin_verbose = 2", ["-vv"]),
    ("vars.rodin_verbose = 3", ["-vvv"]),
    ('vars.rodin_verbose = "2"', ["-vv"]),
    ("vars.rodin_verbose = true", ["-v"]),
    ("vars.rodin_insecure = true", ["--insecure"]),
    ("vars.rodin_insecure = false", []),
    ("vars.rodin_ipv4 = true", ["--ipv4"]),
    ('vars.rodin_require = ""', ["--require", ""]),
    ('vars.rodin_require = [ "" ]', ["--require", ""]),
    ('vars.rodin_queue = "rodin.m*"', ["--queue", "rodin.m*"]),
    (
        'vars.rodin_exclude = [ "rodin.mesh", "*texture" ]',
        ["--exclude", "rodin.mesh", "--exclude", "*texture"],
    ),
    ('vars.rodin_warning = [ "-5:5" ]', ["--warning", "-5:5"]),
    ('vars.rodin_critical = "~:50"', ["--critical", "~:50"]),
    ('vars.rodin_critical = "consumers="', ["--critical", "consumers="]),
    ('vars.rodin_state = "auth=critical"', ["--state", "auth=critical"]),
    ("vars.rodin_timeout = 2.5", ["--timeout", "2.500000"]),
    ('vars.rodin_ca_file = "/etc/ssl/certs"', ["--ca-file", "/etc/ssl/certs"]),
)


class Day(NamedTuple):
    """A page for each hour, all runs of the service that pages, and the mail."""

    pages: List[Page]
    runs: List[Run]
    mail: str


def test_example_loads_as_shipped(place: Path, user: Account, plugins: Path) -> None:
    icinga = Icinga(place / "shipped", user, plugins, "monitor.example.com")
    for name in ("command.conf", "services.conf"):
        icinga.copy(EXAMPLES / name, f"etc/conf.d/rodin/{name}")
    assert [line for line in icinga.validate() if "rodin" in line] == []


@pytest.fixture(scope="module")
def icinga(place: Path, user: Account, plugins: Path, site: Site) -> Iterator[Icinga]:
    """Run an Icinga that watches the site with the examples."""
    icinga = Icinga(place / "running", user, plugins, "monitor.example.com")
    watch(icinga, site)
    icinga.write("etc/conf.d/rodin/settings.conf", services_with_settings(site))
    debug_log = icinga.directory / "etc/features-available/debuglog.conf"
    icinga.enable("debuglog", debug_log.read_text("utf-8"))
    with icinga:
        yield icinga


def watch(icinga: Icinga, site: Site) -> None:
    """Follow *One machine* for *site*."""
    icinga.write("etc/conf.d/hosts.conf", "")  # Debian's checks of this machine
    icinga.copy(EXAMPLES / "command.conf", "etc/conf.d/rodin/command.conf")
    changes = {
        "https://rodin.example.com": site.server.url,
        'address = "rodin.example.com"': 'address = "127.0.0.1"',
        "vars.tcp_port = 443": f"vars.tcp_port = {site.port}",
        "/etc/rodin/token": site.token_file,
        **HURRY,
    }
    icinga.copy(EXAMPLES / "services.conf", "etc/conf.d/rodin/services.conf", changes)
    icinga.make_authority()
    icinga.listen()


def services_with_settings(site: Site) -> str:
    """Return the configuration of a host with a service for each of SETTINGS."""
    services = "".join(
        f'object Service "{number}" {{\n'
        '  host_name = "settings"\n  check_command = "rodin_queues"\n  check_interval = 1h\n'
        f'  vars.rodin_host = "{site.server.url}"\n'
        f'  vars.rodin_token_file = "{site.token_file}"\n  {setting}\n}}\n'
        for number, (setting, _) in enumerate(SETTINGS)
    )
    return 'object Host "settings" { check_command = "dummy" }\n' + services


@pytest.fixture(scope="module")
def checked(icinga: Icinga, site: Site) -> Dict[str, Run]:
    """Check each of the services with SETTINGS once while all is well.

    Icinga forgets a request for a service that it is just checking, so it is asked again.
    """
    site.server.scenario = "idle"
    start, asked = time.time(), 0.0

    def probe() -> Dict[str, Run]:
        nonlocal asked
        if time.time() - asked > 10:
            icinga.recheck()
            asked = time.time()
        runs = [run for run in icinga.runs if run.host == "settings" and run.start > start]
        mine = {run.service: run for run in runs}
        return mine if len(mine) == len(SETTINGS) else {}

    return icinga.wait_for("all settings were checked", probe)


@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=[text for text, _ in SETTINGS])
def test_setting_becomes_arguments(checked: Dict[str, Run], number: int) -> None:
    run = checked[str(number)]
    arguments = list(run.command[1:])
    for given in ("--host", "--token-file"):
        del arguments[arguments.index(given) : arguments.index(given) + 2]
    assert (arguments, run.state) == (SETTINGS[number][1], 0), run.text


@pytest.fixture(scope="module")
def day(icinga: Icinga, site: Site, plugin: Path) -> Day:
    """Spend the bad day with Icinga."""
    return Day(icinga.spend_day(site, plugin), icinga.runs_of(ALL), icinga.mail())


@pytest.mark.parametrize("number", range(len(BAD_DAY)), ids=[hour.scenario for hour in BAD_DAY])
def test_hour_is_recorded_completely(day: Day, number: int) -> None:
    """Icinga has the plugin's text, long output and perfdata."""
    day.pages[number].check()


def test_problem_becomes_hard_at_the_fifth_check(day: Day) -> None:
    """The first problem of the day is soft four times. After that, each change is hard."""
    first = next(number for number, run in enumerate(day.runs) if run.state)
    attempts = [(run.attempt, run.hard) for run in day.runs[first : first + 5]]
    assert attempts == [(1, False), (2, False), (3, False), (4, False), (1, True)]
    assert all(run.hard for run in day.runs[first + 5 :])


def test_services_for_all_queues_send_mail(day: Day) -> None:
    """Each state of the service that pages sends one message. A backlog is only a warning."""
    mails = re.findall(rf"^-s \[(\w+)\] Rodin: (.*) on {HOST} is (\w+)!", day.mail, re.MULTILINE)
    assert sorted(mails, key=lambda mail: mail[1]) == [
        ("PROBLEM", "all queues", "CRITICAL"),
        ("PROBLEM", "all queues", "UNKNOWN"),
        ("RECOVERY", "all queues", "OK"),
        ("PROBLEM", "backlog", "WARNING"),
        ("RECOVERY", "backlog", "OK"),
    ]
    assert "rodin.mesh" in day.mail


def test_short_problem_sends_no_mail(day: Day, icinga: Icinga, site: Site) -> None:
    """A worker that is back before the fifth check leaves only soft states."""

    def later() -> List[Run]:
        return icinga.runs_of(ALL)[len(day.runs) :]

    site.server.scenario = "dead-worker"
    icinga.wait_for("the problem is seen", lambda: any(run.state for run in later()))
    site.server.scenario = "idle"
    icinga.wait_for("the recovery is seen", lambda: later()[-1].state == 0)
    assert not any(run.hard for run in later() if run.state)
    assert icinga.mail() == day.mail


def test_token_stays_in_its_file(day: Day, icinga: Icinga, site: Site) -> None:
    """It is in no log, not even the debug log with its command lines, and not in the API."""
    assert str(site.token_file) in day.runs[0].command
    assert str(site.token_file) in (icinga.directory / "log" / "debug.log").read_text("utf-8")
    assert site.leaks(icinga.directory) == []
    assert site.server.token not in str(icinga.api("objects/services"))
