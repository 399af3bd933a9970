"""Nagios Core has a bad day with `examples/nagios/rodin.cfg`. Its own records are read.

    RODIN_PICTURE=examples/nagios/status.png tests/run tests/engines/test_nagios.py -m engine

also makes the README's picture again.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import load
from tests.engines.bad_day import BadDay
from tests.engines.nagios import ALL, README, Nagios
from tests.engines.programs import Account
from tests.engines.rodin import BAD_DAY, PAGING, Day, Site
from tests.perfdata import parse

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("nagios")]

STATUS_PAGE = "hostgroup=rodin-servers&style=detail&limit=0&noheader"
SERVICE_PAGE = "type=2&host=rodin&service=Rodin+queues"


def test_example_loads_as_shipped(place: Path, user: Account, plugins: Path) -> None:
    nagios = Nagios(place / "shipped", user, plugins)
    nagios.follow(README, "cp rodin.cfg")
    nagios.verify()


@pytest.fixture(scope="module")
def monitor(place: Path, user: Account, plugins: Path, site: Site) -> Iterator[Nagios]:
    """Run a Nagios that watches the site with the example."""
    nagios = Nagios(place / "running", user, plugins)
    nagios.watch(site, minute=2)
    with nagios:
        yield nagios


class TestNagios(BadDay):
    """The bad day, and what only Nagios makes of it."""

    def test_flapping_holds_back_no_mail(self, day: Day, monitor: Nagios) -> None:
        """Debian's template would call some services of this day flapping."""
        assert day.alerts
        assert "SERVICE FLAPPING" not in (monitor.var / "nagios.log").read_text("utf-8")

    def test_graphing_tools_get_the_perfdata(self, day: Day, monitor: Nagios) -> None:
        handed_on = [parse(row[2]) for row in monitor.handed_on() if row[:2] == ["rodin", ALL]]
        for page in day.pages:
            assert page.reports[PAGING].metrics in handed_on

    def test_pages_show_problem_and_recovery(self, day: Day, monitor: Nagios, site: Site) -> None:
        """The status page shows the text. The README's picture is made of two such pages."""
        del day  # the pictures follow the day
        pictures = []
        for hour in (BAD_DAY[2], BAD_DAY[5]):
            site.server.scenario = hour.scenario
            text = monitor.settle(hour)[ALL].text
            page = monitor.page("status.cgi", STATUS_PAGE)
            assert text in html.unescape(page)
            assert site.server.token not in monitor.page("extinfo.cgi", SERVICE_PAGE)
            source = monitor.write(f"{hour.scenario}.html", page)
            pictures.append(monitor.picture(source.as_uri(), "1000,300", f"{hour.scenario}.png"))
        monitor.join(pictures, "1000,602", README.with_name("status.png"))


def test_load_of_a_small_site_is_measured(top: Path, plugins: Path) -> None:
    """The measurement of the README works. A busy machine can lose some services, but not all."""
    cells = load.measure(top, plugins, hosts=2, interval=4, rounds=3)
    assert (cells[:3], int(cells[-1]) < 12) == (["12", "4 s", "3.0"], True)
    assert len(cells) == load.HEAD.count("--:")
    assert load.HEAD in README.read_text("utf-8")
