"""The Director restores the basket, and deploys it to an Icinga that runs the check."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple

import pytest

from tests.engines.icinga import Database, Director, Icinga
from tests.engines.programs import Account
from tests.engines.rodin import BAD_DAY, QUEUES, Run, Site
from tests.tree import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("director")]

BASKET = (ROOT / "examples" / "icinga2" / "director-basket.json").read_text("utf-8")


class Management(NamedTuple):
    """A Director, and the Icinga that it manages."""

    director: Director
    icinga: Icinga


@pytest.fixture(scope="module")
def management(place: Path, user: Account, plugins: Path) -> Iterator[Management]:
    """Run an Icinga without any objects, its Director and the Director's database."""
    icinga = Icinga(place / "icinga", user, plugins, "monitor.example.com")
    icinga.without_samples()
    icinga.change("zones.conf", "host = NodeName", f'host = "127.0.0.1"\n  port = {icinga.port}')
    icinga.make_authority()
    icinga.listen()
    database = Database(place / "database")
    with icinga, database:
        yield Management(Director(place / "director", user, database, icinga), icinga)


def test_basket_can_be_restored_twice(management: Management) -> None:
    """It brings command and template. A second restore changes nothing."""
    director = management.director
    assert "have been restored" in director.call("basket", "restore", stdin=BASKET)
    command = director.show("command", "rodin_queues")
    assert command["command"] == "PluginDir + /check_rodin_queues"
    assert len(command["fields"]) == len(set(re.findall(r'"varname": "(\w+)"', BASKET)))
    assert director.show("service", "rodin-queues")["max_check_attempts"] == "5"
    assert "new config" in director.call("config", "render").lower()
    director.call("basket", "restore", stdin=BASKET)
    assert "already exists" in director.call("config", "render")


def test_deployed_service_runs_the_check(management: Management, site: Site) -> None:
    """A host and a service of the template, made as the forms make them, give a result."""
    director, icinga = management
    director.call("basket", "restore", stdin=BASKET)
    director.create("host", object_name="rodin", check_command="hostalive", address="127.0.0.1")
    options = {
        "rodin_host": site.server.url,
        "rodin_token_file": str(site.token_file),
        "rodin_require": [""],
    }
    service = {"host": "rodin", "imports": ["rodin-queues"], "vars": options}
    director.create("service", object_name="Rodin queues", **service)
    director.call("config", "deploy")
    for hour in BAD_DAY[:2]:
        site.server.scenario = hour.scenario
        run = result(icinga)
        hour.check_metrics(run.report(site).metrics, QUEUES)
        assert run.state == hour.state, run.text
        assert run.command[run.command.index("--require") + 1] == ""
        assert "-v" in run.command
    assert site.leaks(icinga.directory.parent) == []


def result(icinga: Icinga) -> Run:
    """Return the next run. The service is checked again and again, since Icinga may reload."""
    start = time.time()

    def probe() -> List[Run]:
        icinga.recheck()
        time.sleep(1)
        return [run for run in icinga.runs_of("Rodin queues") if run.start > start]

    return icinga.wait_for("the deployed service runs", probe)[0]
