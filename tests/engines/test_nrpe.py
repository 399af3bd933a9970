"""NRPE end to end on loopback with `examples/nrpe/rodin.cfg`: what check_nrpe gets is whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, NamedTuple, Tuple

import pytest

from tests.engines.meaning import check_perfdata, timeless
from tests.engines.nagios import Nagios
from tests.engines.programs import Account, Daemon, find, free_port, run_as, stopping
from tests.engines.rodin import BAD_DAY, QUEUES, STATES, RodinSite, Scene
from tests.engines.secrecy import Watch, leaking_files

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("nrpe")]

EXAMPLES = Path(__file__).parents[2] / "examples" / "nrpe"
DEBIAN = Path("/etc/nagios/nrpe.cfg")
PLUGIN = "/usr/lib/nagios/plugins/check_rodin_queues"

#: What NRPE's old protocol carries, in bytes.
OLD_PACKET = 1024


class Nrpe(NamedTuple):
    """A running NRPE, and how it is asked."""

    folder: Path
    port: int
    user: Account
    daemon: Daemon

    def ask(self, command: str, *options: str) -> Tuple[int, str]:
        """Return exit code and output of check_nrpe."""
        words = (find("/usr/lib/nagios/plugins/check_nrpe"), "-H", "127.0.0.1", "-p")
        done = run_as(self.user, *words, str(self.port), *options, "-c", command)
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def nrpe(room: Path, engine_user: Account, installed: Path, site: RodinSite) -> Iterator[Nrpe]:
    """Run NRPE with Debian's configuration and the example in its folder of commands."""
    program = find("nrpe")
    commands = room / "nrpe.d"
    commands.mkdir()
    text = (EXAMPLES / "rodin.cfg").read_text("utf-8")
    for shipped, here in (
        (PLUGIN, str(installed)),
        ("https://rodin.example.com", site.server.url),
        ("/etc/rodin/token", str(site.token_file)),
    ):
        assert shipped in text
        text = text.replace(shipped, here)
    (commands / "rodin.cfg").write_text(text, "utf-8")
    port = free_port()
    (room / "nrpe.cfg").write_text(settings(room, port), "utf-8")
    engine_user.own(room)
    command = (program, "-c", str(room / "nrpe.cfg"), "-f")
    daemon = Daemon(*command, user=engine_user, log=room / "output")
    running = Nrpe(room, port, engine_user, daemon)
    with stopping(daemon):
        daemon.wait_for("NRPE answers", lambda: running.ask("check_users")[0] != 2, 30)
        yield running


def settings(room: Path, port: int) -> str:
    """Return Debian's main file with this room's places; no command is let in from outside."""
    text = DEBIAN.read_text("utf-8")
    assert "\ndont_blame_nrpe=0\n" in text
    for debian, here in (
        ("server_port=5666", f"server_port={port}\nserver_address=127.0.0.1"),
        ("/run/nagios/nrpe.pid", str(room / "nrpe.pid")),
        ("include=/etc/nagios/nrpe_local.cfg", ""),
        ("include_dir=/etc/nagios/nrpe.d/", f"include_dir={room / 'nrpe.d'}"),
    ):
        assert debian in text, debian
        text = text.replace(debian, here)
    return text


@pytest.mark.parametrize("scene", BAD_DAY[:-1], ids=lambda scene: scene.scenario)
def test_bad_day_arrives_whole(nrpe: Nrpe, site: RodinSite, watch: Watch, scene: Scene) -> None:
    """State, text and every metric, over the current protocol and over the old one."""
    site.server.scenario = scene.scenario
    code, output = nrpe.ask("check_rodin_queues")
    text, _, perfdata = output.rstrip("\n").partition(" | ")
    assert code == scene.state
    assert text.startswith(f"RODIN_QUEUES {STATES[scene.state]} - ")
    assert all(word in text for word in scene.told)
    check_perfdata(perfdata, scene, QUEUES)
    old_code, old = nrpe.ask("check_rodin_queues", "--v2-packets-only")
    assert (old_code, timeless(old)) == (code, timeless(output))
    assert len(old) < OLD_PACKET
    assert watch.leaks == []


def test_each_queue_has_a_command(nrpe: Nrpe, site: RodinSite) -> None:
    """A command for one queue judges that queue alone."""
    site.server.scenario = "idle"
    for queue in QUEUES:
        code, output = nrpe.ask(f"check_rodin_queue_{queue.partition('.')[2]}")
        assert code == 0
        check_perfdata(output.rstrip("\n").partition(" | ")[2], BAD_DAY[0], (queue,))


def test_plugin_ends_before_its_caller_gives_up(nrpe: Nrpe, site: RodinSite) -> None:
    """A silent server is told by the plugin, which knows the reason, not by check_nrpe."""
    site.server.scenario = "silent"
    code, output = nrpe.ask("check_rodin_queues")
    assert code == 2
    assert output.startswith("RODIN_QUEUES CRITICAL - ")
    site.server.scenario = "idle"


def test_arguments_from_outside_are_refused(nrpe: Nrpe) -> None:
    """Nobody on the network chooses what the plugin is run with."""
    code, output = nrpe.ask("check_rodin_queues", "-a", "--help")
    assert code == 3
    assert "RODIN_QUEUES" not in output


def test_token_stays_in_its_file(nrpe: Nrpe, site: RodinSite, watch: Watch) -> None:
    """Neither a command line nor a file of NRPE's holds it."""
    assert nrpe.ask("check_rodin_queues")[0] == 0
    assert watch.leaks == []
    assert leaking_files(site.server.token, nrpe.folder) == []


def test_nagios_side_loads_as_shipped(
    room: Path, engine_user: Account, plugin_folder: Path
) -> None:
    """Beside Debian's own objects, and each service asks for a command of the other side."""
    (room / "nagios").mkdir()
    nagios = Nagios(room / "nagios", engine_user, plugin_folder)
    nagios.add(EXAMPLES / "nagios.cfg", {})
    said = nagios.verify()
    assert "Total Warnings: 0" in said, said
    assert "Total Errors:   0" in said, said
    asked = re.findall(r"check_nrpe!(\S+)", (EXAMPLES / "nagios.cfg").read_text("utf-8"))
    offered = re.findall(r"command\[(\w+)\]", (EXAMPLES / "rodin.cfg").read_text("utf-8"))
    assert sorted(asked) == sorted(offered)
