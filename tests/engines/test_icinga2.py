"""Icinga 2 has a bad day with `examples/icinga2`. Its API shows what it recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.bad_day import BadDay
from tests.engines.icinga import README, Icinga
from tests.engines.programs import Account
from tests.engines.rodin import Run, Site

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("icinga2")]

#: The setting of a service, and the arguments that the plugin must get.
SETTINGS: tuple[tuple[str, list[str]], ...] = (
    ("vars.rodin_verbose = 0", []),
    ("vars.rodin_verbose = 1", ["-v"]),
    ("vars.rodin_verbose = 2", ["-vv"]),
    ("vars.rodin_verbose = 3", ["-vvv"]),
    ('vars.rodin_verbose = "2"', ["-vv"]),
    ("vars.rodin_verbose = true", ["-v"]),
    ("vars.rodin_insecure = true", ["--insecure"]),
    ("vars.rodin_insecure = false", []),
    ('vars.rodin_require = ""', ["--require", ""]),
    ('vars.rodin_require = [ "" ]', ["--require", ""]),
    ('vars.rodin_queue = "rodin.m*"', ["--queue", "rodin.m*"]),
    (
        'vars.rodin_exclude = [ "rodin.mesh", "*texture" ]',
        ["--exclude", "rodin.mesh", "--exclude", "*texture"],
    ),
    ('vars.rodin_warning = [ "-5:5" ]', ["--warning", "-5:5"]),
    ('vars.rodin_critical = "consumers="', ["--critical", "consumers="]),
    ("vars.rodin_timeout = 2.5", ["--timeout", "2.500000"]),
)


def test_example_loads_as_shipped(place: Path, user: Account, plugins: Path) -> None:
    icinga = Icinga(place / "shipped", user, plugins)
    icinga.follow(README, "cp command.conf services.conf")
    assert [line for line in icinga.validate() if "rodin" in line] == []


@pytest.fixture(scope="module")
def monitor(place: Path, user: Account, plugins: Path, site: Site) -> Iterator[Icinga]:
    """Run an Icinga that watches the site with the examples."""
    icinga = Icinga(place / "running", user, plugins)
    icinga.watch(site)
    icinga.write("etc/conf.d/rodin/settings.conf", services_with_settings(site))
    icinga.call("feature", "enable", "debuglog")
    with icinga:
        yield icinga


def services_with_settings(site: Site) -> str:
    """Return the configuration of a host with a service for each of SETTINGS."""
    services = "".join(
        f'object Service "{number}" {{\n'
        '  host_name = "settings"\n  check_command = "rodin_queues"\n  check_interval = 1h\n'
        f'  vars.rodin_host = "{site.server.url}"\n'
        f'  vars.rodin_token_file = "{site.token_file}"\n  {setting}\n}}\n'
        for number, (setting, _) in enumerate(SETTINGS)
    )
    return 'object Host "settings" { check_command = "dummy" }\n' + services


@pytest.fixture(scope="module")
def checked(monitor: Icinga, site: Site) -> dict[str, Run]:
    """Check each of the services with SETTINGS once while all is well."""
    site.server.scenario = "idle"
    return monitor.check_now(map(str, range(len(SETTINGS))))


@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=[text for text, _ in SETTINGS])
def test_setting_becomes_arguments(checked: dict[str, Run], number: int) -> None:
    run = checked[str(number)]
    arguments = list(run.command[1:])
    for given in ("--host", "--token-file"):
        del arguments[arguments.index(given) : arguments.index(given) + 2]
    assert (arguments, run.state) == (SETTINGS[number][1], 0), run.text


def test_command_lines_name_the_file_of_the_token(
    checked: dict[str, Run], monitor: Icinga, site: Site
) -> None:
    """The debug log and the API have them."""
    assert str(site.token_file) in checked["0"].command
    debug_log = (monitor.directory / "log" / "debug.log").read_text("utf-8")
    for text in (debug_log, str(monitor.api("objects/services"))):
        assert str(site.token_file) in text
        assert site.server.token not in text


class TestIcinga(BadDay):
    """The bad day with Icinga."""
