"""Nagios' own pages show the check; the README's picture is taken from them.

    RODIN_PICTURE=examples/nagios/status.png tests/run tests/engines/test_picture.py -m engine

writes the picture anew.
"""

from __future__ import annotations

import html
import os
import shutil
from pathlib import Path
from typing import Iterator, List, NamedTuple

import pytest

from tests.engines.nagios import Nagios
from tests.engines.programs import Account, stopping
from tests.engines.rodin import RodinSite
from tests.engines.secrecy import Watch, leaking_files
from tests.engines.webpage import WebPages

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("picture")]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "nagios" / "rodin.cfg"
PICTURE = ROOT / "examples" / "nagios" / "status.png"

#: What a page of the documentation may load, in bytes.
LIMIT = 150_000

STATUS = "status.cgi?hostgroup=rodin-servers&style=detail&limit=0&noheader"
DETAILS = "extinfo.cgi?type=2&host=rodin&service=Rodin+queues"

ALL = ("rodin", "Rodin queues")


class Shown(NamedTuple):
    """A running Nagios, and its pages."""

    nagios: Nagios
    pages: WebPages


@pytest.fixture(scope="module")
def shown(
    room: Path, engine_user: Account, plugin_folder: Path, site: RodinSite
) -> Iterator[Shown]:
    """Run a Nagios that watches the site with the example, and serve its pages."""
    for name in ("nagios", "pages"):
        (room / name).mkdir()
    nagios = Nagios(room / "nagios", engine_user, plugin_folder)
    nagios.hurry(4)
    nagios.leave_out("localhost.cfg")
    changes = {
        "https://rodin.example.com": site.server.url,
        "rodin.example.com": "127.0.0.1",
        "/etc/rodin/token": str(site.token_file),
    }
    nagios.add(EXAMPLE, changes)
    pages = WebPages(room / "pages", engine_user, nagios)
    with stopping(nagios, pages):
        nagios.start()
        pages.start()
        yield Shown(nagios, pages)


def reach(shown: Shown, site: RodinSite, scenario: str, state: int) -> None:
    """Wait until the service for all queues and that for rodin.mesh are sure of *state*."""
    site.server.scenario = scenario

    def probe() -> bool:
        services = shown.nagios.services()
        records = [services.get(key, {}) for key in (ALL, ("rodin", "Rodin queue rodin.mesh"))]
        return all(
            record.get("has_been_checked") == "1"
            and record["current_state"] == str(state)
            and record["state_type"] == "1"
            for record in records
        )

    shown.nagios.wait_for(f"{scenario} is known", probe)


def test_pages_show_problem_and_recovery(shown: Shown, site: RodinSite, watch: Watch) -> None:
    """The status page in a browser, once with a dead worker and once when it is back."""
    pictures: List[Path] = []
    for scenario, state, word in (
        ("idle", 0, "OK"),
        ("dead-worker", 2, "CRITICAL"),
        ("idle", 0, "OK"),
    ):
        reach(shown, site, scenario, state)
        page = html.unescape(shown.pages.read(STATUS))
        assert f"RODIN_QUEUES {word} - " in page
        assert site.server.token not in page
        assert site.server.token not in shown.pages.read(DETAILS)
        address = shown.pages.address(STATUS)
        pictures.append(shown.pages.picture(address, "1000,272", f"{len(pictures)}.png"))
    both = combine(shown, *pictures[1:])
    wanted = os.environ.get("RODIN_PICTURE")
    if wanted:
        shutil.copy(both, ROOT / wanted)
    assert both.read_bytes().startswith(b"\x89PNG")
    assert both.stat().st_size < LIMIT
    assert watch.leaks == []
    assert leaking_files(site.server.token, shown.nagios.folder, shown.pages.folder) == []


def combine(shown: Shown, problem: Path, recovery: Path) -> Path:
    """Return one picture of both, one below the other."""
    page = shown.pages.folder / "both.html"
    page.write_text(
        '<body style="margin:0">'
        f'<img src="{problem.name}"><hr style="margin:0"><img src="{recovery.name}">',
        "utf-8",
    )
    return shown.pages.picture(page.as_uri(), "1000,546", "both.png")


def test_committed_picture_is_small() -> None:
    """A page that shows it loads fast."""
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert PICTURE.stat().st_size < LIMIT
