"""The Director restores the basket, and deploys it to an Icinga that runs the check."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import pytest

from tests.engines.icinga import Database, Director, Icinga
from tests.engines.programs import Account
from tests.engines.rodin import BACKLOG, BAD_DAY, PAGING, QUEUES, Run, Site
from tests.engines.test_icinga2 import EXAMPLES
from tests.tree import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("director")]

BASKET = (ROOT / "examples" / "icinga2" / "director-basket.json").read_text("utf-8")

#: The services that each host of the basket's template gets.
SERVICES = {
    "Rodin queues": PAGING,
    "Rodin backlog": BACKLOG,
    **{f"Rodin queue {queue}": queue for queue in QUEUES},
}


class Management(NamedTuple):
    """A Director, and the Icinga that it manages."""

    director: Director
    icinga: Icinga


@pytest.fixture(scope="module")
def management(place: Path, user: Account, plugins: Path) -> Iterator[Management]:
    """Run the Icinga of *One machine*, its Director and the Director's database."""
    icinga = Icinga(place / "icinga", user, plugins, "monitor.example.com")
    shutil.rmtree(icinga.directory / "etc/conf.d")  # Debian's checks of this machine
    for name in ("command.conf", "services.conf"):
        icinga.copy(EXAMPLES / name, f"etc/conf.d/rodin/{name}")
    icinga.change("zones.conf", "host = NodeName", f'host = "127.0.0.1"\n  port = {icinga.port}')
    icinga.make_authority()
    icinga.listen()
    database = Database(place / "database")
    with icinga, database:
        yield Management(Director(place / "director", user, database, icinga), icinga)


def test_basket_can_be_restored_twice(management: Management) -> None:
    """A second restore changes nothing."""
    director = management.director
    assert "have been restored" in director.call("basket", "restore", stdin=BASKET)
    assert "new config" in director.call("config", "render").lower()
    director.call("basket", "restore", stdin=BASKET)
    assert "already exists" in director.call("config", "render")


@pytest.fixture(scope="module")
def deployments(management: Management, site: Site) -> List[str]:
    """Deploy a host of the template before and after the files of *One machine* are removed."""
    director, icinga = management
    director.call("basket", "restore", stdin=BASKET)
    values = {
        "rodin_host": site.server.url,
        "rodin_token_file": str(site.token_file),
        "tcp_port": site.port,
    }
    host = {"imports": ["Rodin server"], "address": "127.0.0.1", "vars": values}
    director.create("host", object_name="rodin", **host)
    before = deploy(management)
    shutil.rmtree(icinga.directory / "etc/conf.d/rodin")
    icinga.reload()
    return [before, deploy(management, "--force")]


def deploy(management: Management, *options: str) -> str:
    """Deploy, and return the state of the deployment once Icinga has decided."""
    director, icinga = management
    said = director.call("config", "deploy", *options)
    (config,) = re.findall(r"^Config '(\w+)' has been deployed$", said, re.MULTILINE)

    def decided() -> str:
        status = json.loads(director.call("config", "deploymentstatus", "--configs", config))
        state: str = status["configs"][config]
        return state if state in ("active", "failed") else ""

    return icinga.wait_for("the deployment is active or failed", decided)


def test_files_of_one_machine_must_be_removed(deployments: List[str]) -> None:
    """With them, Icinga refuses a deployment, and only the status shows it."""
    assert deployments == ["failed", "active"]


def test_deployed_services_run_the_check(
    management: Management, deployments: List[str], site: Site
) -> None:
    """A host with the template's required field gets all services."""
    assert deployments
    icinga = management.icinga
    for hour in BAD_DAY[:3]:
        site.server.scenario = hour.scenario
        runs = results(icinga)
        assert {name: run.state for name, run in runs.items()} == {
            name: hour.state_of(watched) for name, watched in SERVICES.items()
        }
        for name, watched in SERVICES.items():
            hour.check_metrics(runs[name].report(site).metrics, watched)
    assert "-v" in runs["Rodin queues"].command
    assert site.leaks(icinga.directory.parent) == []


def results(icinga: Icinga) -> Dict[str, Run]:
    """Return new runs. The services are checked again and again, since Icinga may reload."""
    start = time.time()

    def probe() -> Dict[str, Run]:
        icinga.recheck()
        time.sleep(1)
        runs = {name: run for name, run in icinga.last_runs().items() if run.start > start}
        return runs if SERVICES.keys() <= runs.keys() else {}

    return icinga.wait_for("the deployed services run", probe)
