"""The Director restores the basket, and deploys it to an Icinga that runs the check."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple

import pytest

from tests.engines.director import Database, Director
from tests.engines.icinga import Icinga, Run
from tests.engines.meaning import check_perfdata
from tests.engines.programs import Account, stopping
from tests.engines.rodin import BAD_DAY, QUEUES, RodinSite
from tests.engines.secrecy import Watch, leaking_files

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("director")]

BASKET = Path(__file__).parents[2] / "examples" / "icinga2" / "director-basket.json"


class Management(NamedTuple):
    """A Director, and the Icinga that it manages."""

    director: Director
    icinga: Icinga


@pytest.fixture(scope="module")
def management(room: Path, engine_user: Account, plugin_folder: Path) -> Iterator[Management]:
    """Run an Icinga without any objects of its own, its Director and the Director's database."""
    icinga = Icinga(room / "icinga", engine_user, plugin_folder, "monitor.example.com")
    main = (icinga.etc / "icinga2.conf").read_text("utf-8")
    icinga.write("icinga2.conf", main.replace('include_recursive "conf.d"', ""))
    icinga.make_authority()
    icinga.certify(icinga)
    icinga.listen()
    endpoint = f'host = "127.0.0.1"\n  port = {icinga.port}'
    zones = (icinga.etc / "zones.conf").read_text("utf-8")
    icinga.write("zones.conf", zones.replace("host = NodeName", endpoint))
    database = Database(room / "database")
    with stopping(icinga, database):
        icinga.start()
        database.start()
        yield Management(Director(room / "director", engine_user, database, icinga), icinga)


def test_basket_is_restored_and_can_be_again(management: Management) -> None:
    """The command and the template are there; a second restore changes nothing."""
    basket = BASKET.read_text("utf-8")
    director = management.director
    said = director.call("basket", "restore", stdin=basket)
    assert "have been restored" in said
    command = director.show("command", "rodin_queues")
    assert command["command"] == "PluginDir + /check_rodin_queues"
    assert len(command["fields"]) == len(set(re.findall(r'"varname": "(\w+)"', basket)))
    template = director.show("service", "rodin-queues")
    assert template["max_check_attempts"] == "5"
    assert "new config" in director.call("config", "render").lower()
    director.call("basket", "restore", stdin=basket)
    assert "already exists" in director.call("config", "render")


def test_deployed_service_runs_the_check(
    management: Management, site: RodinSite, watch: Watch
) -> None:
    """With a host and a service of the template, as the forms make them, Icinga has a result."""
    director, icinga = management
    director.call("basket", "restore", stdin=BASKET.read_text("utf-8"))
    rodin = {"object_type": "object", "check_command": "hostalive", "address": "127.0.0.1"}
    director.create("host", object_name="rodin", **rodin)
    options = {
        "rodin_host": site.server.url,
        "rodin_token_file": str(site.token_file),
        "rodin_require": [""],
    }
    director.create(
        "service",
        object_name="Rodin queues",
        object_type="object",
        host="rodin",
        imports=["rodin-queues"],
        vars=options,
    )
    for scene in BAD_DAY[:2]:
        site.server.scenario = scene.scenario
        since = time.time()
        if scene is BAD_DAY[0]:
            director.deploy()
        run = result(icinga, since)
        assert run.state == scene.state, run.text
        assert all(word in run.text for word in scene.told), run.text
        check_perfdata(run.perfdata, scene, QUEUES)
        assert run.command[run.command.index("--require") + 1] == ""
        assert "-v" in run.command
    assert watch.leaks == []
    assert leaking_files(site.server.token, icinga.folder.parent) == []


def result(icinga: Icinga, since: float) -> Run:
    """Return the first run after *since*, which is asked for until the service is there."""

    def probe() -> List[Run]:
        icinga.recheck()
        time.sleep(1)
        return [run for run in icinga.runs_of("Rodin queues", "rodin") if run.start > since]

    return icinga.wait_for("the deployed service runs", probe)[0]
