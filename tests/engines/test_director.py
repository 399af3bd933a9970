"""The Director restores the basket, and deploys it to an Icinga that runs the check."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.icinga import README, Icinga
from tests.engines.icingaweb import Database, Director
from tests.engines.programs import Account
from tests.engines.rodin import BAD_DAY, Site, by_name

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("director")]

BASKET = README.with_name("director-basket.json").read_text("utf-8")

#: The services that each host of the basket's template gets.
SERVICES = by_name("Rodin queues", "Rodin backlog", "Rodin queue ")


@pytest.fixture(scope="module")
def director(place: Path, user: Account, plugins: Path) -> Iterator[Director]:
    """Run the Icinga of *One machine*, its Director and the Director's database."""
    icinga = Icinga(place / "icinga", user, plugins)
    shutil.rmtree(icinga.directory / "etc/conf.d")  # Debian's checks of this machine
    icinga.follow(README, "cp command.conf services.conf")
    icinga.become_master("n")
    endpoint = f'object Endpoint "{icinga.name}" {{'
    address = f'host = "127.0.0.1"\n  port = {icinga.port}'
    icinga.edit("etc/zones.conf", {endpoint: f"{endpoint}\n  {address}"})
    database = Database(place / "database")
    with icinga, database:
        yield Director(place / "director", user, database, icinga)


def test_basket_can_be_restored_twice(director: Director) -> None:
    """A second restore changes nothing."""
    assert "have been restored" in director.call("basket", "restore", stdin=BASKET)
    assert "new config" in director.call("config", "render").lower()
    director.call("basket", "restore", stdin=BASKET)
    assert "already exists" in director.call("config", "render")


@pytest.fixture(scope="module")
def deployments(director: Director, site: Site) -> list[str]:
    """Deploy a host of the template before and after the files of *One machine* are removed."""
    director.call("basket", "restore", stdin=BASKET)
    values = {
        "rodin_host": site.server.url,
        "rodin_token_file": str(site.token_file),
        "tcp_port": site.port,
    }
    host = {"object_type": "object", "imports": ["Rodin server"], "address": "127.0.0.1"}
    director.call("host", "create", "rodin", "--json", json.dumps({**host, "vars": values}))
    before = deploy(director)
    director.icinga.follow(README, "rm -r /etc/icinga2/conf.d/rodin")
    director.icinga.reload()
    return [before, deploy(director, "--force")]


def deploy(director: Director, *options: str) -> str:
    """Deploy, and return the state of the deployment once Icinga has decided."""
    said = director.call("config", "deploy", *options)
    (config,) = re.findall(r"^Config '(\w+)' has been deployed$", said, re.MULTILINE)

    def decided() -> str:
        status = json.loads(director.call("config", "deploymentstatus", "--configs", config))
        state: str = status["configs"][config]
        return state if state in ("active", "failed") else ""

    return director.icinga.wait_for("the deployment is active or failed", decided)


def test_files_of_one_machine_must_be_removed(deployments: list[str]) -> None:
    """With them, Icinga refuses a deployment, and only the status shows it."""
    assert deployments == ["failed", "active"]


def test_deployed_services_run_the_check(
    director: Director, deployments: list[str], site: Site
) -> None:
    """A host with the template's required field gets all services."""
    assert deployments
    for hour in BAD_DAY[:3]:
        site.server.scenario = hour.scenario
        runs = director.icinga.check_now(SERVICES)
        assert {name: run.state for name, run in runs.items()} == {
            name: hour.state_of(watched) for name, watched in SERVICES.items()
        }
        for name, watched in SERVICES.items():
            hour.check_metrics(runs[name].report(site).metrics, watched)
    assert "-v" in runs["Rodin queues"].command
    assert site.leaks(director.icinga.directory.parent) == []
