"""NRPE runs the commands of `examples/nrpe/rodin.cfg`, and check_nrpe receives whole outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.nagios import Nagios, Nrpe
from tests.engines.programs import Account
from tests.engines.rodin import BACKLOG, BAD_DAY, QUEUES, Hour, Site
from tests.tree import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("nrpe")]

README = ROOT / "examples/nrpe/README.md"
ALL = "check_rodin_queues"

#: Bytes that NRPE's old protocol can carry.
OLD_PACKET = 1024


@pytest.fixture(scope="module")
def nrpe(place: Path, user: Account, plugin: Path, site: Site) -> Iterator[Nrpe]:
    """Run an NRPE that checks the site with the example."""
    changes = {
        "/usr/lib/nagios/plugins/check_rodin_queues": plugin,
        "https://rodin.example.com": site.server.url,
        "/etc/rodin/token": site.token_file,
    }
    nrpe = Nrpe(place / "nrpe", user)
    nrpe.follow(README, "cp rodin.cfg")
    nrpe.edit("nrpe.d/rodin.cfg", changes)
    with nrpe:
        yield nrpe


@pytest.mark.parametrize("hour", BAD_DAY[:-1], ids=lambda hour: hour.scenario)
def test_hour_arrives_completely(nrpe: Nrpe, site: Site, plugin: Path, hour: Hour) -> None:
    """State, text and perfdata arrive with the current protocol and with the old one."""
    site.server.scenario = hour.scenario
    for options in ((), ("--v2-packets-only",)):
        outcome = nrpe.ask(ALL, *options)
        assert len(outcome.stdout) < OLD_PACKET
        hour.check(site.report(outcome), site.alone(plugin)._replace(more=""))


def test_backlog_and_each_queue_have_a_command(nrpe: Nrpe, site: Site) -> None:
    site.server.scenario = "idle"
    commands = {f"check_rodin_queue_{queue.partition('.')[2]}": queue for queue in QUEUES}
    for command, watched in {"check_rodin_backlog": BACKLOG, **commands}.items():
        BAD_DAY[0].check_metrics(site.report(nrpe.ask(command)).metrics, watched)


def test_plugin_ends_before_check_nrpe_gives_up(nrpe: Nrpe, site: Site) -> None:
    """The message about a silent server is the plugin's, which knows the reason."""
    site.server.scenario = "silent"
    found = site.report(nrpe.ask(ALL))
    assert (found.state, found.conditions) == ("CRITICAL", ("timeout",))


def test_arguments_from_outside_are_rejected(nrpe: Nrpe) -> None:
    outcome = nrpe.ask(ALL, "-a", "--help")
    assert (outcome.code, "RODIN_QUEUES" in outcome.stdout) == (3, False)


def test_token_stays_in_its_file(nrpe: Nrpe, site: Site) -> None:
    site.server.scenario = "idle"
    assert site.report(nrpe.ask(ALL)).state == "OK"
    assert site.leaks(nrpe.directory) == []


def test_nagios_side_loads_as_shipped(place: Path, user: Account, plugins: Path) -> None:
    """Its services ask for exactly the commands that the other side offers."""
    nagios = Nagios(place / "nagios", user, plugins)
    nagios.follow(README, "cp nagios.cfg")
    nagios.verify()
    asked = re.findall(r"check_nrpe!(\S+)", README.with_name("nagios.cfg").read_text("utf-8"))
    offered = re.findall(r"command\[(\w+)\]", README.with_name("rodin.cfg").read_text("utf-8"))
    assert sorted(asked) == sorted(offered)
