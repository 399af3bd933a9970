"""One Nagios Core of a test's own: Debian's configuration with its paths in one folder.

Nothing of Debian's objects is left out, so what a test adds has to load beside them. Time runs
faster: `interval_length` says how many seconds a minute of the configuration has.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from tests.engines.programs import Account, Daemon, Result, find, run_as

DEBIAN = Path("/etc/nagios4")

#: How perfdata are handed on, for the test that reads what Nagios took for them.
PERFDATA_TEMPLATE = r"$HOSTNAME$\t$SERVICEDESC$\t$SERVICEPERFDATA$"

_SERVICE = re.compile(r"^servicestatus \{\n(.*?)^\t\}$", re.MULTILINE | re.DOTALL)
_ALERT = re.compile(r"^\[\d+\] SERVICE ALERT: (.*)$", re.MULTILINE)


class Alert(NamedTuple):
    """A line of Nagios' log about a service's state: what a person reads the day after."""

    host: str
    service: str
    state: str
    kind: str
    attempt: str
    text: str


class Nagios:
    """A Nagios in *folder*, which runs the plugins of the folder *plugins*."""

    def __init__(self, folder: Path, user: Account, plugins: Path) -> None:
        self.folder = folder
        self.var = folder / "var"
        self.objects = folder / "conf.d"
        self.config = folder / "nagios.cfg"
        self.mailbox = self.var / "mailbox"
        self._user = user
        self._program = find("nagios4")
        self._daemon: Optional[Daemon] = None
        for made in (self.objects, self.var, self.var / "checkresults", self.var / "archives"):
            made.mkdir()
        self._take_configuration(plugins)
        self._take_mail()

    def _take_configuration(self, plugins: Path) -> None:
        text = (DEBIAN / "nagios.cfg").read_text("utf-8")
        for debian, here in (
            ("/var/lib/nagios4/spool/checkresults", self.var / "checkresults"),
            ("/var/lib/nagios4/rw", self.var),
            ("/var/log/nagios4", self.var),
            ("/var/lib/nagios4", self.var),
            ("/var/run/nagios4", self.var),
            ("/etc/nagios4/conf.d", self.objects),
            ("/etc/nagios4/resource.cfg", self.folder / "resource.cfg"),
            ("/etc/nagios4/objects/commands.cfg", self.folder / "commands.cfg"),
            ("temp_path=/tmp", f"temp_path={self.var}"),
        ):
            text = text.replace(debian, str(here))
        self.config.write_text(text, "utf-8")
        (self.folder / "resource.cfg").write_text(f"$USER1$={plugins}\n", "utf-8")

    def _take_mail(self) -> None:
        """Let notifications end in a file: a test sends nobody mail."""
        mail = self.folder / "mail"
        mail.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; echo; }} >> {self.mailbox}\n', "utf-8")
        mail.chmod(0o755)
        commands = (DEBIAN / "objects" / "commands.cfg").read_text("utf-8")
        commands = commands.replace("/usr/bin/mail", str(mail))
        (self.folder / "commands.cfg").write_text(commands, "utf-8")

    def set(self, **settings: object) -> None:
        """Change settings of the main configuration file."""
        lines = self.config.read_text("utf-8").splitlines()
        kept = [line for line in lines if line.partition("=")[0] not in settings]
        added = [f"{name}={value}" for name, value in settings.items()]
        self.config.write_text("\n".join([*kept, *added, ""]), "utf-8")

    def hurry(self, seconds: int) -> None:
        """Let a minute take *seconds*, let records appear at once, and keep all to this folder."""
        self.set(
            interval_length=seconds,
            max_service_check_spread=1,
            max_host_check_spread=1,
            cached_host_check_horizon=1,
            status_update_interval=1,
            check_result_reaper_frequency=1,
            enable_flap_detection=0,  # a day in a minute would look like flapping
            check_for_updates=0,
            use_syslog=0,
            process_performance_data=1,
            service_perfdata_file=self.var / "perfdata",
            service_perfdata_file_template=PERFDATA_TEMPLATE,
        )

    def leave_out(self, objects: str) -> None:
        """Do not load the file *objects* of Debian's: what it watches is not the test's matter."""
        line = f"cfg_file={DEBIAN}/objects/{objects}\n"
        text = self.config.read_text("utf-8")
        assert line in text, f"{self.config} has no {line}"
        self.config.write_text(text.replace(line, ""), "utf-8")

    def add(self, source: Path, changes: Mapping[str, str]) -> None:
        """Copy a configuration file, with the *changes* that an administrator makes there."""
        text = source.read_text("utf-8")
        for shipped, here in changes.items():
            assert shipped in text, f"{source} has no {shipped}"
            text = text.replace(shipped, here)
        (self.objects / source.name).write_text(text, "utf-8")

    def verify(self) -> str:
        """Return what `nagios4 -v` says of the configuration."""
        self._user.own(self.folder)
        return run_as(self._user, self._program, "-v", str(self.config)).stdout

    def start(self) -> None:
        """Start it in the foreground, as a process of the test."""
        self._user.own(self.folder)
        log = self.folder / "output"
        self._daemon = Daemon(self._program, str(self.config), user=self._user, log=log)
        self.wait_for("Nagios writes its status", (self.var / "status.dat").exists)

    def stop(self) -> None:
        """Stop it, if it was started."""
        if self._daemon is not None:
            self._daemon.stop()

    def wait_for(
        self, what: str, probe: Callable[[], Optional[Result]], within: float = 90
    ) -> Result:
        """Return *probe*'s first true result; fail if Nagios ends or time runs out."""
        assert self._daemon is not None, "it was not started"
        return self._daemon.wait_for(what, probe, within)

    def services(self) -> Dict[Tuple[str, str], Dict[str, str]]:
        """Return what the status file records, by host and service."""
        text = (self.var / "status.dat").read_text("utf-8")
        blocks = (
            dict(line.strip().partition("=")[::2] for line in body.splitlines())
            for body in _SERVICE.findall(text)
        )
        return {(block["host_name"], block["service_description"]): block for block in blocks}

    def alerts(self) -> List[Alert]:
        """Return the changes of services' states that the log tells, oldest first."""
        log = (self.var / "nagios.log").read_text("utf-8")
        return [Alert(*line.split(";", 5)) for line in _ALERT.findall(log)]

    def mail(self) -> str:
        """Return all notifications so far."""
        return self.mailbox.read_text("utf-8") if self.mailbox.exists() else ""
