"""Icinga 2 as master and agent with `examples/icinga2/zones.conf`: the agent runs the check."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, NamedTuple

import pytest

from tests.engines.icinga import Icinga, Run
from tests.engines.meaning import check_perfdata
from tests.engines.programs import Account, stopping
from tests.engines.rodin import BAD_DAY, QUEUES, STATES, RodinSite
from tests.engines.secrecy import Watch, leaking_files

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("icinga2_cluster")]

EXAMPLES = Path(__file__).parents[2] / "examples" / "icinga2"
MASTER = "icinga-master.example.com"
AGENT = "rodin-agent.example.com"
HOST = "rodin-inside.example.com"
ALL = "rodin-queues"

#: The intervals of the examples, and those of the test.
HURRY = {
    "check_interval = 1m": "check_interval = 2s",
    "retry_interval = 30s": "retry_interval = 1s",
}


class Cluster(NamedTuple):
    """Both nodes."""

    master: Icinga
    agent: Icinga


@pytest.fixture(scope="module")
def cluster(
    room: Path, engine_user: Account, plugin_folder: Path, site: RodinSite
) -> Iterator[Cluster]:
    """Run a master that has no plugin, and an agent that has nothing but plugin and token."""
    empty = room / "no-plugins"
    empty.mkdir()
    for plugin in plugin_folder.glob("check_ping"):
        (empty / plugin.name).symlink_to(plugin)
    nodes = Cluster(
        Icinga(room / "master", engine_user, empty, MASTER),
        Icinga(room / "agent", engine_user, plugin_folder, AGENT),
    )
    configure_master(nodes, site)
    configure_agent(nodes)
    with stopping(*nodes):
        nodes.master.start()
        nodes.agent.start()
        join(nodes)
        yield nodes


def zones(nodes: Cluster) -> dict[str, str]:
    """Return what both nodes change in the zones: where the master listens."""
    address = f'host = "127.0.0.1"\n  port = {nodes.master.port}'
    return {"host = RodinMaster": address}


def configure_master(nodes: Cluster, site: RodinSite) -> None:
    """Follow the README's steps for the master."""
    master = nodes.master
    master.make_authority()
    master.certify(master)
    master.certify(nodes.agent)
    master.listen()
    target = {
        "https://rodin-inside.example.com": site.server.url,
        'address = "rodin-inside.example.com"': 'address = "127.0.0.1"',
    }
    token = {"/etc/rodin/token": str(site.token_file)}
    master.add(EXAMPLES / "zones.conf", "zones.conf", {**zones(nodes), **target})
    master.add(EXAMPLES / "command.conf", "zones.d/global-templates/rodin/command.conf", {})
    master.add(EXAMPLES / "services.conf", "conf.d/rodin/services.conf", {**token, **HURRY})
    master.write("conf.d/hosts.conf", "")
    outside = (master.etc / "conf.d/rodin/services.conf").read_text("utf-8")
    before, _, rest = outside.partition('object Host "rodin.example.com" {')
    master.write("conf.d/rodin/services.conf", before + rest.partition("\n}\n")[2])


def configure_agent(nodes: Cluster) -> None:
    """Follow the README's steps for the agent."""
    agent = nodes.agent
    agent.listen("  accept_commands = true\n  accept_config = true\n")
    agent.add(EXAMPLES / "zones.conf", "zones.conf", zones(nodes))
    main = (agent.etc / "icinga2.conf").read_text("utf-8")
    agent.write("icinga2.conf", main.replace('include_recursive "conf.d"', ""))


def join(nodes: Cluster) -> None:
    """Wait until the agent has reloaded with the command that the master sent it.

    A check that the reload swallowed comes again when its time is over, 90 seconds later; so that
    the test need not wait for that, every service is checked anew.
    """
    done = "are equal to production, skipping validation and reload"
    nodes.agent.wait_for("the agent has the command", lambda: done in nodes.agent.said)
    nodes.master.recheck()


def test_agent_runs_the_check_through_the_bad_day(
    cluster: Cluster, site: RodinSite, watch: Watch
) -> None:
    """The master records what the agent found, text and perfdata whole; the token stays there."""
    for scene in BAD_DAY:
        before = len(cluster.master.runs)
        site.server.scenario = scene.scenario

        def last(state: int = scene.state, before: int = before) -> List[Run]:
            since = [r for r in cluster.master.runs[before:] if r.service == ALL]
            return since[-1:] if since and since[-1].state == state else []

        run = cluster.master.wait_for(f"the agent tells of {scene.scenario}", last)[0]
        assert run.text.startswith(f"RODIN_QUEUES {STATES[scene.state]} - ")
        assert all(word in run.text for word in scene.told), run.text
        assert run.executed_by == AGENT
        check_perfdata(run.perfdata, scene, QUEUES)
    assert watch.leaks == []
    assert leaking_files(site.server.token, cluster.master.folder, cluster.agent.folder) == []


def test_every_queue_has_a_service_that_the_agent_runs(cluster: Cluster) -> None:
    """The apply rule gives the agent's host a service for each queue of its list."""
    for queue in QUEUES:
        service = cluster.master.service(HOST, f"rodin-queue-{queue}")
        assert service["command_endpoint"] == AGENT


def test_plugin_runs_nowhere_but_on_the_agent(cluster: Cluster) -> None:
    """The master has no plugin: a run there would have failed, and said so."""
    assert {run.executed_by for run in cluster.master.runs_of(ALL)} == {AGENT}


def test_example_loads_as_shipped(room: Path, engine_user: Account, plugin_folder: Path) -> None:
    """On either node, without a change."""
    for name in (MASTER, AGENT):
        node = Icinga(room / f"shipped-{name}", engine_user, plugin_folder, name)
        node.add(EXAMPLES / "zones.conf", "zones.conf", {})
        if name == MASTER:
            node.add(EXAMPLES / "command.conf", "zones.d/global-templates/command.conf", {})
            node.add(EXAMPLES / "services.conf", "conf.d/rodin/services.conf", {})
        assert "critical/" not in node.validate()
