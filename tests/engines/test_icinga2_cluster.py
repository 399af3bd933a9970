"""Icinga 2 as master and agent with `examples/icinga2/zones.conf`: the agent runs the check."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Iterator, List, NamedTuple

import pytest

from tests.engines.icinga import ALL, Icinga
from tests.engines.programs import Account
from tests.engines.rodin import BAD_DAY, QUEUES, Run, Site
from tests.engines.test_icinga2 import EXAMPLES, HURRY

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("icinga2_cluster")]

MASTER = "icinga-master.example.com"
AGENT = "rodin-agent.example.com"
HOST = "rodin-inside.example.com"


class Cluster(NamedTuple):
    """Both nodes."""

    master: Icinga
    agent: Icinga


@pytest.fixture(scope="module")
def cluster(place: Path, user: Account, plugins: Path, site: Site) -> Iterator[Cluster]:
    """Follow the README with the defaults of the wizard. The master has no plugin."""
    nothing = place / "no-plugins"
    nothing.mkdir()
    master = Icinga(place / "master", user, nothing, MASTER)
    agent = Icinga(place / "agent", user, plugins, AGENT)
    address = {"host = RodinMaster": f'host = "127.0.0.1"\n  port = {master.port}'}

    master.wizard("n", MASTER, "", "", "127.0.0.1", str(master.port), "")
    master.add_user()
    with master:
        ticket = master.call("pki", "ticket", f"--cn={AGENT}").strip()
        parent = (MASTER, "", "127.0.0.1", str(master.port), "", "y", ticket)
        bind = ("127.0.0.1", str(agent.port))
        agent.wizard("", AGENT, *parent, *bind, "", "", "", "", "", "")
        agent.add_user()

    accept = {"accept_config = false": "accept_config = true"}
    accept["accept_commands = false"] = "accept_commands = true"
    api = agent.directory / "etc/features-available/api.conf"
    agent.copy(api, "etc/features-available/api.conf", accept)
    agent.copy(EXAMPLES / "zones.conf", "etc/zones.conf", address)
    there = {
        "https://rodin-inside.example.com": site.server.url,
        'address = "rodin-inside.example.com"': 'address = "127.0.0.1"',
    }
    master.copy(EXAMPLES / "zones.conf", "etc/zones.conf", {**address, **there})
    master.copy(EXAMPLES / "command.conf", "etc/zones.d/global-templates/rodin/command.conf")
    services = master.copy(
        EXAMPLES / "services.conf",
        "etc/zones.d/master/rodin/services.conf",
        {"/etc/rodin/token": site.token_file, "443": site.port, **HURRY},
    )
    before, _, rest = services.read_text("utf-8").partition('object Host "rodin.example.com" {')
    services.write_text(before + rest.partition("\n}\n")[2], "utf-8")
    with master, agent:
        join(master, agent)
        yield Cluster(master, agent)


def join(master: Icinga, agent: Icinga) -> None:
    """Wait until the agent has reloaded with the command from the master.

    A check that runs during the reload is repeated after 90 seconds. All services are checked
    now, so that no test waits that long.
    """
    done = "are equal to production, skipping validation and reload"
    agent.wait_for("the agent has the command", lambda: done in agent.log)
    master.recheck()


@pytest.mark.parametrize("number", range(len(BAD_DAY)), ids=[hour.scenario for hour in BAD_DAY])
def test_master_records_what_the_agent_found(
    cluster: Cluster, site: Site, plugin: Path, number: int
) -> None:
    """The master has the agent's text and perfdata; the token stays on the agent."""
    hour = BAD_DAY[number]
    site.server.scenario = hour.scenario
    start = time.time()

    def found() -> List[Run]:
        return [run for run in cluster.master.runs_of(ALL) if run.start > start]

    run = cluster.master.wait_for(f"the agent reports {hour.scenario}", found)[0]
    hour.check(run.report(site), site.alone(plugin))
    assert run.source == AGENT
    assert site.leaks(cluster.master.directory, cluster.agent.directory) == []


def test_agent_also_checks_the_host_and_each_queue(cluster: Cluster) -> None:
    host = cluster.master.api(f"objects/hosts/{HOST}")
    queues = [cluster.master.api(f"objects/services/{HOST}!rodin-queue-{q}") for q in QUEUES]
    assert {found["attrs"]["command_endpoint"] for (found,) in (host, *queues)} == {AGENT}
