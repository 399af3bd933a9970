"""Icinga 2 goes through a bad day with the examples; what it recorded is read over its API."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import pytest

from tests import perfdata
from tests.engines.carbon import Carbon, carbon
from tests.engines.icinga import Icinga, Run
from tests.engines.meaning import alone, check_perfdata, timeless
from tests.engines.programs import Account, stopping
from tests.engines.rodin import BAD_DAY, QUEUES, STATES, RodinSite, Scene, counts
from tests.engines.secrecy import Watch, leaking_files

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("icinga2")]

EXAMPLES = Path(__file__).parents[2] / "examples" / "icinga2"
#: Seconds until Icinga is asked for a check again.
PATIENCE = 10

HOST = "rodin.example.com"
ALL = "rodin-queues"
SERVICES = {ALL: "", **{f"rodin-queue-{queue}": queue for queue in QUEUES}}

#: The intervals of the examples, and those of the test.
HURRY = {
    "check_interval = 1m": "check_interval = 2s",
    "retry_interval = 30s": "retry_interval = 2s",
}


#: Settings of a service, and the words that they have to become on the plugin's command line.
SETTINGS = {
    "silent": ("vars.rodin_verbose = 0", []),
    "verbose-1": ("vars.rodin_verbose = 1", ["-v"]),
    "verbose-2": ("vars.rodin_verbose = 2", ["-vv"]),
    "verbose-3": ("vars.rodin_verbose = 3", ["-vvv"]),
    "verbose-text": ('vars.rodin_verbose = "2"', ["-vv"]),
    "verbose-true": ("vars.rodin_verbose = true", ["-v"]),
    "insecure": ("vars.rodin_insecure = true", ["--insecure"]),
    "secure": ("vars.rodin_insecure = false", []),
    "require-none": ('vars.rodin_require = ""', ["--require", ""]),
    "require-none-of-a-list": ('vars.rodin_require = [ "" ]', ["--require", ""]),
    "one": ('vars.rodin_queue = "rodin.m*"', ["--queue", "rodin.m*"]),
    "several": (
        'vars.rodin_exclude = [ "rodin.mesh", "*texture" ]',
        ["--exclude", "rodin.mesh", "--exclude", "*texture"],
    ),
    "negative": ('vars.rodin_warning = [ "-5:5" ]', ["--warning", "-5:5"]),
    "without-end": ('vars.rodin_critical = "~:50"', ["--critical", "~:50"]),
    "no-limit": ('vars.rodin_critical = "consumers="', ["--critical", "consumers="]),
    "state": (
        'vars.rodin_state = "throttled=ok,auth=critical"',
        ["--state", "throttled=ok,auth=critical"],
    ),
    "timeout": ("vars.rodin_timeout = 2.5", ["--timeout", "2.500000"]),
    "files": (
        'vars.rodin_ca_file = "/etc/ssl/certs"',
        ["--ca-file", "/etc/ssl/certs"],
    ),
}


class Page(NamedTuple):
    """One scene, the last run of each service in it, and what the plugin says when run alone."""

    scene: Scene
    runs: Dict[str, Run]
    alone: str

    @property
    def whole(self) -> Run:
        """The run of the service for all queues."""
        return self.runs[ALL]


class Diary(NamedTuple):
    """The whole day: a page for each scene, every run of the first service, and the mail."""

    pages: List[Page]
    runs: List[Run]
    mail: str


def test_example_loads_as_shipped(room: Path, engine_user: Account, plugin_folder: Path) -> None:
    """Beside Debian's own configuration, without a change; nothing is warned of."""
    icinga = Icinga(room / "shipped", engine_user, plugin_folder, "monitor.example.com")
    for name in ("command.conf", "services.conf"):
        icinga.add(EXAMPLES / name, f"conf.d/rodin/{name}", {})
    said = icinga.validate()
    assert "critical/" not in said
    assert [line for line in said.splitlines() if "warning/" in line and "rodin" in line] == []


@pytest.fixture(scope="module")
def graphite() -> Iterator[Carbon]:
    """Listen where Icinga's Graphite writer sends."""
    with carbon() as listener:
        yield listener


@pytest.fixture(scope="module")
def icinga(
    room: Path,
    engine_user: Account,
    plugin_folder: Path,
    site: RodinSite,
    graphite: Carbon,
) -> Iterator[Icinga]:
    """Run an Icinga that watches the site with the examples."""
    icinga = Icinga(room / "running", engine_user, plugin_folder, "monitor.example.com")
    icinga.write("conf.d/hosts.conf", "")  # Debian's checks of the machine itself
    icinga.add(EXAMPLES / "command.conf", "conf.d/rodin/command.conf", {})
    changes = {
        "https://rodin.example.com": site.server.url,
        'address = "rodin.example.com"': 'address = "127.0.0.1"',
        "/etc/rodin/token": str(site.token_file),
        **HURRY,
    }
    icinga.add(EXAMPLES / "services.conf", "conf.d/rodin/services.conf", changes)
    icinga.write("conf.d/rodin/settings.conf", services_with_settings(site))
    icinga.make_authority()
    icinga.certify(icinga)
    icinga.listen()
    icinga.enable("debuglog")
    icinga.enable("perfdata", 'object PerfdataWriter "perfdata" { rotation_interval = 2s }\n')
    icinga.enable(
        "graphite",
        'object GraphiteWriter "graphite" {\n'
        f'  host = "127.0.0.1"\n  port = {graphite.port}\n'
        "  enable_send_thresholds = true\n}\n",
    )
    with stopping(icinga):
        icinga.start()
        icinga.wait_for("its Graphite writer is connected", lambda: graphite.lines)
        yield icinga


def services_with_settings(site: RodinSite) -> str:
    """Return the configuration of a host that has a service for each of SETTINGS."""
    services = "".join(
        f'object Service "{name}" {{\n'
        '  host_name = "settings"\n  check_command = "rodin_queues"\n  check_interval = 1h\n'
        f'  vars.rodin_host = "{site.server.url}"\n'
        f'  vars.rodin_token_file = "{site.token_file}"\n  {setting}\n}}\n'
        for name, (setting, _) in SETTINGS.items()
    )
    return 'object Host "settings" { check_command = "dummy" }\n' + services


@pytest.fixture(scope="module")
def diary(
    icinga: Icinga, site: RodinSite, installed: Path, engine_user: Account, watch: Watch
) -> Diary:
    """Go through the day, and wait each time until Icinga is sure of what happens."""
    assert watch.looks
    pages = []
    for scene in BAD_DAY:
        site.server.scenario = scene.scenario
        runs = settled(icinga, scene, time.time())
        pages.append(Page(scene, runs, alone(site, installed, engine_user)))
    return Diary(pages, icinga.runs_of(ALL), icinga.mail())


def settled(icinga: Icinga, scene: Scene, since: float) -> Dict[str, Run]:
    """Return the latest runs once every service ran *since* then and is in its hard state."""

    def probe() -> Dict[str, Run]:
        last = {name: runs[-1] for name in SERVICES if (runs := icinga.runs_of(name))}
        done = len(last) == len(SERVICES) and all(
            run.hard and run.state == state(scene, name) and run.start > since
            for name, run in last.items()
        )
        return last if done else {}

    return icinga.wait_for(f"all services tell of {scene.scenario}", probe)


def state(scene: Scene, service: str) -> int:
    """Return the state that *service* has to be in."""
    return scene.state_of(SERVICES[service]) if SERVICES[service] else scene.state


def test_text_says_what_happened(diary: Diary) -> None:
    """Word for word what the plugin said, and it tells what the scene is about."""
    for page in diary.pages:
        text = page.whole.text
        assert timeless(text) == timeless(page.alone.split(" | ", 1)[0])
        assert text.startswith(f"RODIN_QUEUES {STATES[page.scene.state]} - ")
        for word in page.scene.told:
            assert word in text, f"{word!r} is not in {text!r}"


def test_long_output_has_a_line_for_each_queue(diary: Diary) -> None:
    """What `-v` adds arrives below the first line; an answer without queues adds none."""
    for page in diary.pages:
        lines = page.whole.long_text.splitlines()
        assert [timeless(line) for line in lines] == timeless(page.alone).splitlines()[1:]
        for queue in QUEUES if counts(page.scene.scenario) else ():
            assert any(line.startswith("[") and queue in line for line in lines)


def test_perfdata_arrives_whole(diary: Diary) -> None:
    """Every metric of the answer, with the limits of the example, and what the attempt cost."""
    for page in diary.pages:
        check_perfdata(page.whole.perfdata, page.scene, QUEUES)
        for queue in QUEUES:
            check_perfdata(page.runs[f"rodin-queue-{queue}"].perfdata, page.scene, (queue,))


def test_problem_turns_hard_at_the_fifth_check(diary: Diary) -> None:
    """The first problem of the day is soft four times, then hard, and hard until all is well."""
    first = next(i for i, run in enumerate(diary.runs) if run.state)
    told = [(run.attempt, run.hard) for run in diary.runs[first : first + 5]]
    assert told == [(1, False), (2, False), (3, False), (4, False), (1, True)]
    assert all(run.hard for run in diary.runs[first + 5 :])


def test_only_the_service_for_all_queues_pages(diary: Diary) -> None:
    """Once for each new state, with the text that says why; single queues page nobody."""
    subjects = [line for line in diary.mail.splitlines() if line.startswith("-s ")]
    assert [subject[len("-s ") :].rpartition(" ")[0] for subject in subjects] == [
        f"[PROBLEM] Rodin: all queues on {HOST} is WARNING!",
        f"[PROBLEM] Rodin: all queues on {HOST} is CRITICAL!",
        f"[PROBLEM] Rodin: all queues on {HOST} is UNKNOWN!",
        f"[RECOVERY] Rodin: all queues on {HOST} is OK!",
    ]
    assert "rodin.mesh" in diary.mail


def test_short_spike_pages_nobody(diary: Diary, icinga: Icinga, site: RodinSite) -> None:
    """A worker that is back before the third check leaves soft states behind, and no mail."""
    before = len(diary.runs)
    site.server.scenario = "dead-worker"

    def runs() -> List[Run]:
        return icinga.runs_of(ALL)[before:]

    icinga.wait_for("the problem is seen", lambda: any(run.state for run in runs()))
    site.server.scenario = "idle"
    icinga.wait_for("the recovery is seen", lambda: runs()[-1].state == 0)
    assert not any(run.hard for run in runs() if run.state)
    assert icinga.mail() == diary.mail


@pytest.fixture(scope="module")
def checked(icinga: Icinga, site: RodinSite) -> Dict[str, Run]:
    """Let each of the services with SETTINGS be checked once while all is well.

    Icinga is asked again after a while: it forgets what it was told of a service while that was
    being checked.
    """
    site.server.scenario = "idle"
    since = asked = time.time()
    icinga.recheck()

    def probe() -> Dict[str, Run]:
        nonlocal asked
        if time.time() - asked > PATIENCE:
            icinga.recheck()
            asked = time.time()
        runs = [run for run in icinga.runs.copy() if run.start > since]
        mine = {run.service: run for run in runs if run.host == "settings"}
        return mine if len(mine) == len(SETTINGS) else {}

    return icinga.wait_for("all settings were checked", probe)


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_becomes_words(checked: Dict[str, Run], name: str) -> None:
    """Each kind of custom variable reaches the plugin, which understands it."""
    words = checked[name].command[1:]
    for own in ("--host", "--token-file"):
        del words[words.index(own) : words.index(own) + 2]
    assert words == SETTINGS[name][1]
    assert checked[name].state == 0, checked[name].text


def test_perfdata_writer_keeps_every_metric(diary: Diary, icinga: Icinga) -> None:
    """The files for graphing tools hold what was recorded."""
    page = diary.pages[0]

    def written() -> List[str]:
        files = (icinga.folder / "spool" / "perfdata").glob("service-perfdata.*")
        rows = (row for file in files for row in file.read_text("utf-8").splitlines())
        cells = (dict(cell.partition("::")[::2] for cell in row.split("\t")) for row in rows)
        return [c["SERVICEPERFDATA"] for c in cells if c["SERVICEDESC"] == ALL]

    icinga.wait_for("the perfdata are written", lambda: page.whole.perfdata in written())


def test_graphite_writer_keeps_every_metric(diary: Diary, graphite: Carbon) -> None:
    """Each metric arrives with its value, and with its limits where they are plain numbers."""
    prefix = f"icinga2.{HOST.replace('.', '_')}.services.{ALL}.rodin_queues.perfdata."
    sent = graphite.values(prefix)
    for page in diary.pages:
        for label, datum in perfdata.parse(page.whole.perfdata).items():
            assert (f"{label}.value", float(datum.value)) in sent
            for kind, limit in (("warn", datum.warning), ("crit", datum.critical)):
                if limit and ":" not in limit:
                    assert (f"{label}.{kind}", float(limit)) in sent


def test_token_stays_in_its_file(
    diary: Diary, icinga: Icinga, site: RodinSite, watch: Watch
) -> None:
    """Neither a command line nor a log, not even the debug log, nor the API shows it."""
    assert len(diary.pages) == len(BAD_DAY)
    assert any(str(site.token_file) in line for line in watch.lines_of("check_rodin_queues"))
    assert watch.leaks == []
    assert str(site.token_file) in (icinga.folder / "log" / "debug.log").read_text("utf-8")
    assert leaking_files(site.server.token, icinga.folder) == []
    assert str(site.token_file) in diary.pages[0].whole.command
    assert site.server.token not in str(icinga.get("/v1/objects/services"))
