"""Nagios Core has a bad day with `examples/nagios/rodin.cfg`. Its own records are read.

    RODIN_PICTURE=examples/nagios/status.png tests/run tests/engines/test_nagios.py -m engine

also makes the README's picture again.
"""

from __future__ import annotations

import html
import os
import re
import shutil
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple

import pytest

from tests.engines import load
from tests.engines.nagios import ALL, LATER, Nagios, WebPages
from tests.engines.programs import Account
from tests.engines.rodin import BAD_DAY, PAGING, Page, Site
from tests.perfdata import parse
from tests.tree import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("nagios")]

EXAMPLE = ROOT / "examples" / "nagios" / "rodin.cfg"
PICTURE = ROOT / "examples" / "nagios" / "status.png"

STATUS_PAGE = "hostgroup=rodin-servers&style=detail&limit=0&noheader"
SERVICE_PAGE = "type=2&host=rodin&service=Rodin+queues"

#: The largest picture that a page of the documentation loads, in bytes.
LARGEST = 150_000


class Day(NamedTuple):
    """A page for each hour, the alerts of the service that pages, and the mail."""

    pages: List[Page]
    alerts: List[Tuple[str, ...]]
    mail: str


def test_example_loads_as_shipped(place: Path, user: Account, plugins: Path) -> None:
    nagios = Nagios(place / "shipped", user, plugins)
    nagios.copy(EXAMPLE, "conf.d/rodin.cfg")
    nagios.verify()


@pytest.fixture(scope="module")
def nagios(place: Path, user: Account, plugins: Path, site: Site) -> Iterator[Nagios]:
    """Run a Nagios that watches the site with the example."""
    nagios = Nagios(place / "running", user, plugins)
    nagios.watch(EXAMPLE, site, minute=2)
    with nagios:
        yield nagios


@pytest.fixture(scope="module")
def day(nagios: Nagios, site: Site, plugin: Path) -> Day:
    """Spend the bad day with Nagios."""
    return Day(nagios.spend_day(site, plugin), nagios.alerts(), nagios.mail())


@pytest.mark.parametrize("number", range(len(BAD_DAY)), ids=[hour.scenario for hour in BAD_DAY])
def test_hour_is_recorded_completely(day: Day, number: int) -> None:
    """Nagios has the plugin's text, long output and perfdata."""
    day.pages[number].check()


def test_problem_becomes_hard_at_the_fifth_check(day: Day) -> None:
    """The first problem of the day is soft four times. After that, each change is hard."""
    assert day.alerts == [
        *[("CRITICAL", "SOFT", str(attempt)) for attempt in (1, 2, 3, 4)],
        ("CRITICAL", "HARD", "5"),
        ("UNKNOWN", "HARD", "5"),
        ("OK", "HARD", "5"),
    ]


def test_services_for_all_queues_send_mail(day: Day) -> None:
    """Each state of the service that pages sends one message. A backlog is only a warning."""
    mails = re.findall(r"^-s \*\* (\w+) Service Alert: (.*) is (\w+) ", day.mail, re.MULTILINE)
    assert sorted(mails, key=lambda mail: mail[1]) == [
        ("PROBLEM", f"Hyper3D Rodin/{LATER}", "WARNING"),
        ("RECOVERY", f"Hyper3D Rodin/{LATER}", "OK"),
        ("PROBLEM", f"Hyper3D Rodin/{ALL}", "CRITICAL"),
        ("PROBLEM", f"Hyper3D Rodin/{ALL}", "UNKNOWN"),
        ("RECOVERY", f"Hyper3D Rodin/{ALL}", "OK"),
    ]
    assert "rodin.mesh" in day.mail


def test_short_problem_sends_no_mail(day: Day, nagios: Nagios, site: Site) -> None:
    """A worker that is back before the fifth check leaves only soft states in the log."""
    known = len(day.alerts)
    site.server.scenario = "dead-worker"
    nagios.wait_for("the problem is in the log", lambda: nagios.alerts()[known:])
    site.server.scenario = "idle"
    nagios.wait_for("the recovery is in the log", lambda: nagios.alerts()[-1][0] == "OK")
    assert {kind for _, kind, _ in nagios.alerts()[known:]} == {"SOFT"}
    assert nagios.mail() == day.mail


def test_flapping_holds_back_no_mail(day: Day, nagios: Nagios) -> None:
    """Debian's template would call some services of this day flapping."""
    assert day.alerts
    assert "SERVICE FLAPPING" not in (nagios.var / "nagios.log").read_text("utf-8")


def test_graphing_tools_get_the_perfdata(day: Day, nagios: Nagios) -> None:
    handed_on = [parse(row[2]) for row in nagios.handed_on() if row[:2] == ["rodin", ALL]]
    for page in day.pages:
        assert page.reports[PAGING].metrics in handed_on


def test_pages_show_problem_and_recovery(day: Day, nagios: Nagios, site: Site) -> None:
    """The status page shows the plugin's text. The README's picture is made of two such pages."""
    del day  # the pictures follow the day
    pages, pictures = WebPages(nagios), []
    for hour in (BAD_DAY[2], BAD_DAY[5]):
        site.server.scenario = hour.scenario
        text = nagios.settle(hour)[ALL].text
        page = pages.page("status.cgi", STATUS_PAGE)
        assert text in html.unescape(page)
        assert site.server.token not in pages.page("extinfo.cgi", SERVICE_PAGE)
        pictures.append(pages.picture(page, "1000,300", f"{hour.scenario}.png"))
    both = '<hr style="margin:0">'.join(f'<img src="{picture.name}">' for picture in pictures)
    made = pages.picture(f'<body style="margin:0">{both}', "1000,602", "both.png")
    for picture in (made, PICTURE):
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size < LARGEST
    if "RODIN_PICTURE" in os.environ:
        shutil.copy(made, ROOT / os.environ["RODIN_PICTURE"])


def test_token_stays_in_its_file(day: Day, nagios: Nagios, site: Site) -> None:
    """It is in no log, status file or cache."""
    assert day.pages[-1].alone.state == "OK"
    assert site.leaks(nagios.directory) == []


def test_load_of_a_small_site_is_measured(top: Path, plugins: Path) -> None:
    """The measurement of the README works. A busy machine can lose some services, but not all."""
    cells = load.measure(top, plugins, hosts=2, interval=4, rounds=3)
    assert (cells[:3], int(cells[-1]) < 12) == (["12", "4 s", "3.0"], True)
    assert len(cells) == load.HEAD.count("--:")
    assert load.HEAD in (EXAMPLE.parent / "README.md").read_text("utf-8")
