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
    """Run a master that has no plugin, and an agent that has only plugin and token."""
    without = place / "without-plugin"
    without.mkdir()
    (without / "check_ping").symlink_to(plugins / "check_ping")
    nodes = Cluster(
        Icinga(place / "master", user, without, MASTER),
        Icinga(place / "agent", user, plugins, AGENT),
    )
    configure_master(nodes, site)
    configure_agent(nodes)
    with nodes.master, nodes.agent:
        join(nodes)
        yield nodes


def address(nodes: Cluster) -> dict[str, str]:
    """Return the change to the zones on both nodes: where the master listens."""
    return {"host = RodinMaster": f'host = "127.0.0.1"\n  port = {nodes.master.port}'}


def configure_master(nodes: Cluster, site: Site) -> None:
    """Follow the README's steps for the master."""
    master = nodes.master
    master.make_authority()
    master.certify(nodes.agent)
    master.listen()
    target = {
        "https://rodin-inside.example.com": site.server.url,
        'address = "rodin-inside.example.com"': 'address = "127.0.0.1"',
    }
    token = {"/etc/rodin/token": str(site.token_file)}
    master.copy(EXAMPLES / "zones.conf", "etc/zones.conf", {**address(nodes), **target})
    master.copy(EXAMPLES / "command.conf", "etc/zones.d/global-templates/rodin/command.conf")
    services = "etc/conf.d/rodin/services.conf"
    outside = master.copy(EXAMPLES / "services.conf", services, {**token, **HURRY})
    before, _, rest = outside.read_text("utf-8").partition('object Host "rodin.example.com" {')
    master.write(services, before + rest.partition("\n}\n")[2])
    master.write("etc/conf.d/hosts.conf", "")


def configure_agent(nodes: Cluster) -> None:
    """Follow the README's steps for the agent."""
    nodes.agent.listen("  accept_commands = true\n  accept_config = true\n")
    nodes.agent.copy(EXAMPLES / "zones.conf", "etc/zones.conf", address(nodes))
    nodes.agent.without_samples()


def join(nodes: Cluster) -> None:
    """Wait until the agent has reloaded with the command from the master.

    A check that runs during the reload is repeated after 90 seconds. All services are checked
    now, so that no test waits that long.
    """
    done = "are equal to production, skipping validation and reload"
    nodes.agent.wait_for("the agent has the command", lambda: done in nodes.agent.log)
    nodes.master.recheck()


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


@pytest.mark.parametrize("name", [MASTER, AGENT])
def test_example_loads_as_shipped(place: Path, user: Account, plugins: Path, name: str) -> None:
    node = Icinga(place / f"shipped-{name}", user, plugins, name)
    node.copy(EXAMPLES / "zones.conf", "etc/zones.conf")
    if name == MASTER:
        node.copy(EXAMPLES / "command.conf", "etc/zones.d/global-templates/command.conf")
        node.copy(EXAMPLES / "services.conf", "etc/conf.d/rodin/services.conf")
    node.validate()
