"""Nagios Core goes through a bad day with `examples/nagios/rodin.cfg`; its own records are read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import pytest

from tests.engines.meaning import alone, check_perfdata, timeless
from tests.engines.nagios import Alert, Nagios
from tests.engines.programs import Account, stopping
from tests.engines.rodin import BAD_DAY, QUEUES, STATES, RodinSite, Scene, counts
from tests.engines.secrecy import Watch, leaking_files

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("nagios")]

EXAMPLE = Path(__file__).parents[2] / "examples" / "nagios" / "rodin.cfg"
ALL = "Rodin queues"
SERVICES = {ALL: "", **{f"Rodin queue {queue}": queue for queue in QUEUES}}

#: Seconds of the test in a minute of the example.
MINUTE = 2

HARD = "1"

Record = Dict[str, str]


class Page(NamedTuple):
    """One scene, what Nagios recorded of each service, and what the plugin says when run alone."""

    scene: Scene
    records: Dict[str, Record]
    alone: str

    @property
    def whole(self) -> Record:
        """The record of the service for all queues."""
        return self.records[ALL]


class Diary(NamedTuple):
    """The whole day: a page for each scene, the log, the mail."""

    pages: List[Page]
    alerts: List[Alert]
    mail: str


def test_example_loads_as_shipped(room: Path, engine_user: Account, plugin_folder: Path) -> None:
    """Beside Debian's own objects, without a change, without a warning."""
    (room / "shipped").mkdir()
    nagios = Nagios(room / "shipped", engine_user, plugin_folder)
    nagios.add(EXAMPLE, {})
    said = nagios.verify()
    assert "Total Warnings: 0" in said, said
    assert "Total Errors:   0" in said, said


@pytest.fixture(scope="module")
def nagios(
    room: Path, engine_user: Account, plugin_folder: Path, site: RodinSite, watch: Watch
) -> Iterator[Nagios]:
    """Run a Nagios that watches the site with the example."""
    assert watch.looks
    (room / "running").mkdir()
    nagios = Nagios(room / "running", engine_user, plugin_folder)
    nagios.hurry(MINUTE)
    nagios.leave_out("localhost.cfg")
    changes = {
        "https://rodin.example.com": site.server.url,
        "rodin.example.com": "127.0.0.1",
        "/etc/rodin/token": str(site.token_file),
    }
    nagios.add(EXAMPLE, changes)
    with stopping(nagios):
        nagios.start()
        yield nagios


@pytest.fixture(scope="module")
def diary(nagios: Nagios, site: RodinSite, installed: Path, engine_user: Account) -> Diary:
    """Go through the day, and wait each time until Nagios is sure of what happens."""
    pages = []
    for scene in BAD_DAY:
        site.server.scenario = scene.scenario
        records = settled(nagios, scene, time.time())
        pages.append(Page(scene, records, alone(site, installed, engine_user)))
    return Diary(pages, nagios.alerts(), nagios.mail())


def settled(nagios: Nagios, scene: Scene, since: float) -> Dict[str, Record]:
    """Return the records once every service was checked *since* then and is in its hard state."""

    def probe() -> Dict[str, Record]:
        records = {name: nagios.services().get(("rodin", name), {}) for name in SERVICES}
        done = all(
            record.get("current_state") == str(state(scene, name))
            and record["state_type"] == HARD
            and int(record["last_check"]) > since
            for name, record in records.items()
        )
        return records if done else {}

    return nagios.wait_for(f"all services tell of {scene.scenario}", probe)


def state(scene: Scene, service: str) -> int:
    """Return the state that *service* has to be in."""
    return scene.state_of(SERVICES[service]) if SERVICES[service] else scene.state


def test_text_says_what_happened(diary: Diary) -> None:
    """Word for word what the plugin said, and it tells what the scene is about."""
    for page in diary.pages:
        text = page.whole["plugin_output"]
        assert timeless(text) == timeless(page.alone.split(" | ", 1)[0].replace(";", ":"))
        assert text.startswith(f"RODIN_QUEUES {STATES[page.scene.state]} - ")
        for word in page.scene.told:
            assert word in text, f"{word!r} is not in {text!r}"


def test_long_output_has_a_line_for_each_queue(diary: Diary) -> None:
    """What `-v` adds arrives below the first line; an answer without queues adds none."""
    for page in diary.pages:
        lines = page.whole["long_plugin_output"].replace("\\n", "\n").strip().splitlines()
        assert [timeless(line) for line in lines] == timeless(page.alone).splitlines()[1:]
        for queue in QUEUES if counts(page.scene.scenario) else ():
            assert any(line.startswith("[") and queue in line for line in lines)


def test_perfdata_arrives_whole(diary: Diary) -> None:
    """Every metric of the answer, with the limits of the example, and what the attempt cost."""
    for page in diary.pages:
        check_perfdata(page.whole["performance_data"], page.scene, QUEUES)
        for queue in QUEUES:
            written = page.records[f"Rodin queue {queue}"]["performance_data"]
            check_perfdata(written, page.scene, (queue,))


def test_problem_turns_hard_at_the_fifth_check(diary: Diary) -> None:
    """The first problem of the day is soft four times; once hard, a change of it is hard."""
    told = [(a.state, a.kind, a.attempt) for a in diary.alerts if a.service == ALL]
    assert told == [
        *[("WARNING", "SOFT", str(attempt)) for attempt in (1, 2, 3, 4)],
        ("WARNING", "HARD", "5"),
        ("CRITICAL", "HARD", "5"),
        ("UNKNOWN", "HARD", "5"),
        ("OK", "HARD", "5"),
    ]


def test_only_the_service_for_all_queues_pages(diary: Diary) -> None:
    """Once for each new state, with the text that says why; single queues page nobody."""
    subjects = [line for line in diary.mail.splitlines() if line.startswith("-s ")]
    assert [subject.strip("-s *").partition(" **")[0] for subject in subjects] == [
        f"PROBLEM Service Alert: Hyper3D Rodin/{ALL} is WARNING",
        f"PROBLEM Service Alert: Hyper3D Rodin/{ALL} is CRITICAL",
        f"PROBLEM Service Alert: Hyper3D Rodin/{ALL} is UNKNOWN",
        f"RECOVERY Service Alert: Hyper3D Rodin/{ALL} is OK",
    ]
    assert "rodin.mesh" in diary.mail


def test_short_spike_pages_nobody(diary: Diary, nagios: Nagios, site: RodinSite) -> None:
    """A worker that is back before the fifth check leaves soft lines in the log, and no mail."""
    before = len(diary.alerts)
    site.server.scenario = "dead-worker"

    def alerts() -> List[Alert]:
        return [alert for alert in nagios.alerts()[before:] if alert.service == ALL]

    nagios.wait_for("the problem is seen", alerts)
    site.server.scenario = "idle"
    nagios.wait_for("the recovery is seen", lambda: alerts()[-1].state == "OK")
    assert {alert.kind for alert in alerts()} == {"SOFT"}
    assert nagios.mail() == diary.mail


def test_handed_on_perfdata_are_complete(diary: Diary, nagios: Nagios) -> None:
    """What Nagios writes for graphing tools is what it recorded."""
    written = (nagios.var / "perfdata").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in written if line.startswith("rodin\t")]
    for page in diary.pages:
        assert ["rodin", ALL, page.whole["performance_data"]] in rows


def test_token_stays_in_its_file(
    diary: Diary, nagios: Nagios, site: RodinSite, watch: Watch
) -> None:
    """Neither a command line nor a log, a status file or a cache holds it."""
    assert len(diary.pages) == len(BAD_DAY)
    assert any(str(site.token_file) in line for line in watch.lines_of("check_rodin_queues"))
    assert watch.leaks == []
    assert leaking_files(site.server.token, nagios.folder) == []
