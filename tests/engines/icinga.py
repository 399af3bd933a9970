"""An Icinga 2 with Debian's configuration in one directory, and its API on loopback.

The API is asked for the last run of each service, because the event stream of Icinga 2.13 reports
runs up to 5 seconds late.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import shutil
import signal
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, Optional

from tests.engines.programs import BARE, OPENER, Account, Result, find
from tests.engines.rodin import STATES, Monitor, Run, Site, by_name
from tests.tree import ROOT

DEBIAN = Path("/etc/icinga2")
README = ROOT / "examples/icinga2/README.md"

#: Icinga's directories, below the directory of an instance.
PLACES = {
    "ConfigDir": "etc",
    "ZonesDir": "etc/zones.d",
    "DataDir": "lib",
    "LogDir": "log",
    "CacheDir": "cache",
    "SpoolDir": "spool",
    "InitRunDir": "run",
}

#: More directories that Debian's packages make.
MORE_PLACES = ("lib/certs", "lib/ca", "spool/perfdata", "spool/tmp")

#: The examples' host, and its service that pages.
HOST, ALL = "rodin.example.com", "rodin-queues"

#: The intervals of the examples, and those of the tests.
HURRY = {
    "check_interval = 1m": "check_interval = 1s",
    "retry_interval = 30s": "retry_interval = 1s",
    "retry_interval = 1m": "retry_interval = 1s",
}

API_USER = "engine-tests"
API_PASSWORD = "made-up-for-the-api"
HEADERS = {
    "Accept": "application/json",
    "Authorization": f"Basic {base64.b64encode(f'{API_USER}:{API_PASSWORD}'.encode()).decode()}",
}


class Icinga(Monitor):
    """An Icinga named *name* that runs the plugins of the directory *plugins*."""

    place = ("/etc/icinga2", "etc")
    services = by_name(ALL, "rodin-backlog", "rodin-queue-")

    def __init__(
        self, directory: Path, user: Account, plugins: Path, name: str = "monitor.example.com"
    ) -> None:
        super().__init__(directory, user)
        self.name = name
        self.runs: list[Run] = []
        self._program = find("icinga2")
        shutil.copytree(DEBIAN, directory / "etc", symlinks=True)
        for place in (*PLACES.values(), *MORE_PLACES):
            (directory / place).mkdir(exist_ok=True, parents=True)
        self.mail_program("bin/mail")
        self.env = {"PATH": f"{directory}/bin:{BARE['PATH']}"}
        self.edit("etc/constants.conf", {'"/usr/lib/nagios/plugins"': f'"{plugins}"'})

    def watch(self, site: Site) -> None:
        """Follow *One machine* for *site*."""
        self.write("etc/conf.d/hosts.conf", "")  # Debian's checks of this machine
        self.follow(README, "cp command.conf services.conf")
        changes = {
            "https://rodin.example.com": site.server.url,
            'address = "rodin.example.com"': 'address = "127.0.0.1"',
            "vars.tcp_port = 443": f"vars.tcp_port = {site.port}",
            "/etc/rodin/token": site.token_file,
            **HURRY,
        }
        self.edit("etc/conf.d/rodin/services.conf", changes)
        self.become_master("n")

    def enable(self, feature: str, text: str) -> None:
        """Enable a feature with the configuration *text*."""
        self.write(f"etc/features-enabled/{feature}.conf", text)

    def _icinga2(self, *args: str) -> tuple[str, ...]:
        places = {name: self.directory / place for name, place in PLACES.items()}
        places["PidPath"] = self.directory / "run" / "icinga2.pid"
        defines = [f"--define={name}={path}" for name, path in places.items()]
        return (self._program, *args, f"--define=NodeName={self.name}", *defines)

    def call(self, *args: str) -> str:
        """Return the output of an icinga2 command that must succeed."""
        self.user.own(self.directory)
        return self.user.do(*self._icinga2(*args))

    def validate(self) -> list[str]:
        """Return the warnings of `icinga2 daemon -C`; fail if it rejects the configuration."""
        said = self.call("daemon", "-C", "-c", f"{self.directory}/etc/icinga2.conf")
        assert "critical/" not in said
        return [line for line in said.splitlines() if "warning/" in line]

    def wizard(self, *answers: str) -> None:
        """Answer the questions of `icinga2 node wizard`; an empty answer is its default."""
        self.user.own(self.directory)
        said = self.user.do(*self._icinga2("node", "wizard"), stdin="\n".join([*answers, ""]))
        assert said.count("Done.") == 1, said
        rights = f'password = "{API_PASSWORD}"\n  permissions = [ "*" ]'
        self.enable("api-user", f'object ApiUser "{API_USER}" {{\n  {rights}\n}}\n')

    def become_master(self, without_conf_d: str = "") -> None:
        """Let the wizard make a certificate authority, and an API on loopback.

        By default it also disables conf.d.
        """
        self.wizard("n", self.name, "", "", "127.0.0.1", str(self.port), without_conf_d)

    def command(self) -> Sequence[str]:
        return self._icinga2("daemon", "-c", f"{self.directory}/etc/icinga2.conf")

    @property
    def log(self) -> str:
        """Return Icinga's log without the requests of the test."""
        own = ("HttpServerConnection: ", "ApiListener: New client connection from [127.0.0.1]")
        lines = super().log.splitlines(keepends=True)
        return "".join(line for line in lines if not any(text in line for text in own))

    def ready(self) -> bool:
        """Return whether the API responds."""
        return bool(self._started())

    def wait_for(
        self, event: str, probe: Callable[[], Optional[Result]], within: float = 90
    ) -> Result:
        """Return the first true result of *probe*, and keep the runs meanwhile."""

        def polled() -> Optional[Result]:
            self._keep_runs()
            return probe()

        return super().wait_for(event, polled, within)

    def _keep_runs(self) -> None:
        """Keep the last run of each service, if it is new. While Icinga reloads there is none."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            for service in self.api("objects/services?attrs=last_check_result"):
                result = service["attrs"]["last_check_result"]
                run = _run(service["name"], result) if result else None
                if run and run not in self.runs:
                    self.runs.append(run)

    def api(self, path: str, **values: object) -> list[dict[str, Any]]:
        """Return the results of a request to the API, which is a POST if there are *values*."""
        body = json.dumps(values).encode() if values else None
        url = f"https://127.0.0.1:{self.port}/v1/{path}"
        with OPENER.open(urllib.request.Request(url, body, HEADERS), timeout=20) as response:
            results: list[dict[str, Any]] = json.load(response)["results"]
        return results

    def reload(self) -> None:
        """Load the configuration again."""
        assert self._process is not None
        before = self._started()
        self._process.send_signal(signal.SIGHUP)
        self.wait_for("it has reloaded", lambda: self._started() not in (0, before))

    def _started(self) -> float:
        """Return the time of the last start or reload, 0 during a reload."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            (found,) = self.api("status/IcingaApplication")
            return float(found["status"]["icingaapplication"]["app"]["program_start"])
        return 0

    def check_now(self, services: Iterable[str]) -> dict[str, Run]:
        """Return a new run of each of these services.

        Icinga forgets a request while it reloads, and while it checks the service. So it is asked
        again and again.
        """
        start, names = time.time(), set(services)

        def probe() -> dict[str, Run]:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.api("actions/reschedule-check", type="Service", filter="true", force=True)
            time.sleep(1)
            runs = {name: run for name, run in self.last_runs().items() if run.start > start}
            return runs if names <= runs.keys() else {}

        return self.wait_for("the services run", probe)

    def last_runs(self) -> Mapping[str, Run]:
        """Return the last run of each service."""
        return {run.service: run for run in self.runs}

    def alerts(self) -> list[tuple[str, str]]:
        runs = [run for run in self.runs if run.service == ALL]
        return [
            (STATES[run.state], "HARD" if run.hard else "SOFT")
            for before, run in zip(runs, runs[1:])
            if not run.hard or (run.state, run.hard) != (before.state, before.hard)
        ]


def _run(name: str, result: Mapping[str, Any]) -> Run:
    text, _, more = result["output"].partition("\n")
    return Run(
        name.partition("!")[2],
        state=int(result["state"]),
        hard=result["vars_after"]["state_type"] == 1,
        start=result["execution_start"],
        text=text.rstrip(" "),  # Icinga keeps the blank before the perfdata
        more=more,
        metrics=" ".join(result["performance_data"] or ()),
        command=tuple(result["command"] or ()),
        source=result["check_source"],
    )
