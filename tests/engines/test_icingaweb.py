"""Icinga Web shows the services of `examples/icinga2` in a real browser.

    RODIN_PICTURE=examples/icinga2/service.png tests/run tests/engines/test_icingaweb.py -m engine

also makes the README's picture again.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest

from examples.simulator import IDLE, counts
from tests.console import Report
from tests.engines.icinga import ALL, README, Icinga
from tests.engines.icingaweb import Database, IcingaDb, IcingaWeb, Redis
from tests.engines.programs import Account
from tests.engines.rodin import BAD_DAY, CRITICAL, OK, WARNING, Hour, Site, plain

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("icingaweb")]

#: 44 queues: one without consumers, two are stalled, and many jobs wait in three others.
MANY = {
    **IDLE,
    **{f"rodin.step-{number:02}.batch": counts(2, number % 3, 1) for number in range(40)},
    "rodin.texture": counts(0, 7, 0),
    "rodin.step-11.batch": counts(12, 5, 0),
    "rodin.step-28.batch": counts(12, 5, 0),
    "rodin.mesh": counts(4, 1234, 4),
    "rodin.step-05.batch": counts(4, 321, 4),
    "rodin.step-30.batch": counts(4, 21, 4),
}


def test_pages_of_services_are_readable(
    place: Path, user: Account, plugins: Path, site: Site
) -> None:
    """They have the whole output and perfdata. The README's picture is made of the first three."""
    many = place / "many"
    many.write_text(json.dumps(MANY), "utf-8")
    icinga = Icinga(place / "icinga", user, plugins)
    icinga.watch(site)
    redis = Redis(place / "redis", user)
    icinga.enable("icingadb", f'object IcingaDB "icingadb" {{\n  port = {redis.port}\n}}\n')
    database = Database(place / "database")
    daemon = IcingaDb(place / "icingadb", user, redis, database)
    web = IcingaWeb(place / "web", user, redis, database)
    pictures = []
    with database, redis, daemon, icinga, web:
        for hour, service in (
            (BAD_DAY[2], ALL),
            (BAD_DAY[1], "rodin-backlog"),
            (BAD_DAY[0], ALL),
            (Hour(str(many), CRITICAL, WARNING, (), (WARNING, OK, OK, CRITICAL)), ALL),
        ):
            site.server.scenario = hour.scenario
            run = icinga.settle(hour)[service]
            icinga.wait_for("it is shown", partial(web.shows, service, run.text))
            check(web.page(service), run.report(site))
            name = f"{Path(hour.scenario).name}.png"
            pictures.append(web.picture(web.url(service), "800,246", name))
        web.join(pictures[:3], "800,742", README.with_name("service.png"))


def check(page: str, found: Report) -> None:
    """Fail unless the page has all lines, with a dot for each tag, in columns that fit into it."""
    output = page.partition("<h2>Plugin Output</h2>")[2].partition("<h2>")[0]
    dotted = re.sub(r"<span [^>]*state-ball[^>]*></span>", "*", output)
    lines = plain(re.sub("<[^>]*>", "", dotted)).splitlines()[1:]
    assert lines == [f"*{line.partition(']')[2]}" for line in plain(found.more).splitlines()]
    rows = [line for line in lines if "job_awaiting" in line]
    for column in ("consumers", "job_awaiting", "job_running"):
        assert len({row.index(f"  {column}") for row in rows}) <= 1
    assert max(map(len, lines), default=0) < 105  # they fit into 700 pixels
    labels = re.findall(r'<td class="title"><span class="">([^<]*)', page)
    assert sorted(labels) == sorted(found.metrics)
