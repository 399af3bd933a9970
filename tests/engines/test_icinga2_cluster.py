"""Icinga 2 as master and agent with `examples/icinga2/zones.conf`: the agent runs the check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.engines.icinga import ALL, HURRY, README, Icinga
from tests.engines.programs import Account
from tests.engines.rodin import BAD_DAY, QUEUES, Site

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

    master.become_master()
    with master:
        ticket = master.call("pki", "ticket", f"--cn={AGENT}").strip()
        parent = (MASTER, "", "127.0.0.1", str(master.port), "", "y", ticket)
        agent.wizard("", AGENT, *parent, "127.0.0.1", str(agent.port), *[""] * 6)

    accept = {f"accept_{what} = false": f"accept_{what} = true" for what in ("config", "commands")}
    agent.edit("etc/features-available/api.conf", accept)
    address = {"host = RodinMaster": f'host = "127.0.0.1"\n  port = {master.port}'}
    for node in (master, agent):
        node.copy(README.with_name("zones.conf"), "etc/zones.conf", address)
    host = {f"https://{HOST}": site.server.url, f'address = "{HOST}"': 'address = "127.0.0.1"'}
    master.edit("etc/zones.conf", host)
    master.follow(README, "cp services.conf /etc/icinga2/zones.d")
    changes = {"/etc/rodin/token": site.token_file, "443": site.port, **HURRY}
    removed = {'object Host "rodin.example.com"': 'template Host "removed"'}
    master.edit("etc/zones.d/master/rodin/services.conf", {**changes, **removed})
    with master, agent:
        done = "are equal to production, skipping validation and reload"
        agent.wait_for("the agent has the command", lambda: done in agent.log)
        yield Cluster(master, agent)


@pytest.mark.parametrize("number", range(len(BAD_DAY)), ids=[hour.scenario for hour in BAD_DAY])
def test_master_records_what_the_agent_found(
    cluster: Cluster, site: Site, plugin: Path, number: int
) -> None:
    """The master has the agent's text and perfdata; the token stays on the agent."""
    hour = BAD_DAY[number]
    site.server.scenario = hour.scenario
    run = cluster.master.check_now([ALL])[ALL]
    hour.check(run.report(site), site.alone(plugin))
    assert run.source == AGENT
    assert site.leaks(cluster.master.directory, cluster.agent.directory) == []


def test_agent_also_checks_the_host_and_each_queue(cluster: Cluster) -> None:
    host = cluster.master.api(f"objects/hosts/{HOST}")
    queues = [cluster.master.api(f"objects/services/{HOST}!rodin-queue-{q}") for q in QUEUES]
    assert {found["attrs"]["command_endpoint"] for (found,) in (host, *queues)} == {AGENT}
