"""A Nagios Core and an NRPE with Debian's configuration, each in one directory.

Debian's own objects stay, so the objects of a test must load beside them. Time runs faster:
`interval_length` is the number of seconds in a minute of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.console import Outcome
from tests.engines.programs import Account, Engine, find
from tests.engines.rodin import Monitor, Run, Site, by_name
from tests.tree import ROOT

DEBIAN = Path("/etc/nagios4")
README = ROOT / "examples/nagios/README.md"

#: Nagios' web pages.
CGI = Path("/usr/lib/cgi-bin/nagios4")
HTDOCS = Path("/usr/share/nagios4/htdocs")

#: The example's service that pages.
ALL = "Rodin queues"

#: The line that Nagios writes for graphing tools after each check.
PERFDATA = r"$HOSTNAME$\t$SERVICEDESC$\t$SERVICEPERFDATA$"

_SERVICE = re.compile(r"^servicestatus \{\n(.*?)^\t\}$", re.MULTILINE | re.DOTALL)
_ALERT = re.compile(rf"^\[\d+\] SERVICE ALERT: rodin;{ALL};(\w+);(\w+);", re.MULTILINE)


class Nagios(Monitor):
    """A Nagios that runs the plugins of the directory *plugins*."""

    place = ("/etc/nagios4", "")
    services = by_name(ALL, "Rodin backlog", "Rodin queue ")

    def __init__(self, directory: Path, user: Account, plugins: Path) -> None:
        super().__init__(directory, user)
        self._program = find("nagios4")
        self.var = directory / "var"
        for made in ("conf.d", "var/checkresults", "var/archives"):
            (directory / made).mkdir(parents=True)
        self.config = self.copy(
            DEBIAN / "nagios.cfg",
            "nagios.cfg",
            {
                "/var/lib/nagios4/spool/checkresults": self.var / "checkresults",
                "/var/lib/nagios4/rw": self.var,
                "/var/log/nagios4": self.var,
                "/var/lib/nagios4": self.var,
                "/var/run/nagios4": self.var,
                "/etc/nagios4/conf.d": directory / "conf.d",
                "/etc/nagios4/resource.cfg": directory / "resource.cfg",
                "/etc/nagios4/objects/commands.cfg": directory / "commands.cfg",
                "temp_path=/tmp": f"temp_path={self.var}",
            },
        )
        self.write("resource.cfg", f"$USER1$={plugins}\n")
        mail = {"/usr/bin/mail": self.mail_program("mail")}
        self.copy(DEBIAN / "objects" / "commands.cfg", "commands.cfg", mail)

    def set(self, **settings: object) -> None:
        """Change settings of the main configuration file."""
        lines = self.config.read_text("utf-8").splitlines()
        kept = [line for line in lines if line.partition("=")[0] not in settings]
        self.config.write_text("\n".join([*kept, *(f"{k}={v}" for k, v in settings.items()), ""]))

    def watch(self, site: Site, minute: int) -> None:
        """Follow the README for *site*, with *minute* seconds in a minute."""
        localhost = f"cfg_file={DEBIAN}/objects/localhost.cfg\n"
        self.edit("nagios.cfg", {localhost: ""})  # it would watch this machine
        self.set(
            interval_length=minute,
            max_service_check_spread=1,
            max_host_check_spread=1,
            cached_host_check_horizon=1,
            status_update_interval=1,
            check_result_reaper_frequency=1,
            check_for_updates=0,
            use_syslog=0,
            process_performance_data=1,
            service_perfdata_file=self.var / "perfdata",
            service_perfdata_file_template=PERFDATA,
        )
        changes = {
            "https://rodin.example.com": site.server.url,
            "rodin.example.com": "127.0.0.1",
            "check_rodin_port!443": f"check_rodin_port!{site.port}",
            "/etc/rodin/token": site.token_file,
        }
        self.follow(README, "cp rodin.cfg")
        self.edit("conf.d/rodin.cfg", changes)

    def verify(self) -> None:
        """Fail unless `nagios4 -v` accepts the configuration without a warning."""
        self.user.own(self.directory)
        said = self.user.do(self._program, "-v", str(self.config))
        assert "Total Warnings: 0" in said, said

    def command(self) -> Sequence[str]:
        return (self._program, str(self.config))

    def ready(self) -> bool:
        return (self.var / "status.dat").exists()

    def last_runs(self) -> Mapping[str, Run]:
        """Return the last run of each service from the status file."""
        text = (self.var / "status.dat").read_text("utf-8")
        blocks = [
            dict(line.strip().partition("=")[::2] for line in body.splitlines())
            for body in _SERVICE.findall(text)
        ]
        return {block["service_description"]: _run(block) for block in blocks}

    def alerts(self) -> list[tuple[str, str]]:
        return _ALERT.findall((self.var / "nagios.log").read_text("utf-8"))

    def page(self, program: str, query: str) -> str:
        """Return what a CGI program makes. Links to styles and images lead to the file system."""
        config = self.copy(DEBIAN / "cgi.cfg", "cgi.cfg", {"/etc/nagios4/nagios.cfg": self.config})
        env = {"NAGIOS_CGI_CONFIG": str(config), "REQUEST_METHOD": "GET", "QUERY_STRING": query}
        html = self.user.do(find(f"{CGI}/{program}"), env=env).partition("\n\n")[2]
        html = html.replace("/nagios4/stylesheets/", f"file://{DEBIAN}/stylesheets/")
        return html.replace("/nagios4/images/", f"file://{HTDOCS}/images/")

    def handed_on(self) -> list[list[str]]:
        """Return what Nagios wrote for graphing tools, a list of fields for each check."""
        text = (self.var / "perfdata").read_text("utf-8")
        return [line.split("\t") for line in text.splitlines()]


def _run(block: Mapping[str, str]) -> Run:
    return Run(
        service=block["service_description"],
        state=int(block["current_state"]),
        hard=block["state_type"] == "1",
        start=float(block["last_check"]),
        text=block["plugin_output"],
        more=block["long_plugin_output"].replace("\\n", "\n"),
        metrics=block["performance_data"],
    )


class Nrpe(Engine):
    """An NRPE that offers Debian's commands and those in its directory `nrpe.d`."""

    place = ("/etc/nagios", "")

    def __init__(self, directory: Path, user: Account) -> None:
        super().__init__(directory, user)
        debian = {
            "server_port=5666": f"server_port={self.port}\nserver_address=127.0.0.1",
            "/run/nagios/nrpe.pid": directory / "nrpe.pid",
            "include=/etc/nagios/nrpe_local.cfg": "",
            "include_dir=/etc/nagios/nrpe.d/": f"include_dir={directory / 'nrpe.d'}",
            "\ndont_blame_nrpe=0\n": "\ndont_blame_nrpe=0\n",  # the README relies on this default
        }
        self.copy(Path("/etc/nagios/nrpe.cfg"), "nrpe.cfg", debian)
        (directory / "nrpe.d").mkdir()

    def command(self) -> Sequence[str]:
        return (find("nrpe"), "-c", f"{self.directory}/nrpe.cfg", "-f")

    def ready(self) -> bool:
        return self.ask("check_users").code != 2

    def ask(self, command: str, *options: str) -> Outcome:
        """Return the outcome of check_nrpe."""
        words = (find("/usr/lib/nagios/plugins/check_nrpe"), "-H", "127.0.0.1")
        return self.user.run(*words, "-p", str(self.port), *options, "-c", command)
