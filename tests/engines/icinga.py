"""An Icinga 2 with Debian's configuration in one directory, and its API on loopback.

The API is asked for the last run of each service, because the event stream of Icinga 2.13 reports
runs up to 5 seconds late.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import shutil
import signal
import socketserver
import threading
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import pytest

from tests.engines.programs import BARE, OPENER, Account, Engine, Result, account, find
from tests.engines.rodin import BACKLOG, PAGING, QUEUES, Monitor, Run

DEBIAN = Path("/etc/icinga2")

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

#: The examples' service that pages.
ALL = "rodin-queues"

API_USER = "engine-tests"
API_PASSWORD = "made-up-for-the-api"
HEADERS = {
    "Accept": "application/json",
    "Authorization": f"Basic {base64.b64encode(f'{API_USER}:{API_PASSWORD}'.encode()).decode()}",
}


class Icinga(Monitor):
    """An Icinga named *name* that runs the plugins of the directory *plugins*."""

    services: Mapping[str, str] = {
        ALL: PAGING,
        "rodin-backlog": BACKLOG,
        **{f"rodin-queue-{queue}": queue for queue in QUEUES},
    }

    def __init__(self, directory: Path, user: Account, plugins: Path, name: str) -> None:
        super().__init__(directory, user)
        self.name = name
        self.runs: List[Run] = []
        self._program = find("icinga2")
        shutil.copytree(DEBIAN, directory / "etc", symlinks=True)
        for place in (*PLACES.values(), *MORE_PLACES):
            (directory / place).mkdir(exist_ok=True, parents=True)
        self.mail_program("bin/mail")
        self.env = {"PATH": f"{directory}/bin:{BARE['PATH']}"}
        self.change("constants.conf", '"/usr/lib/nagios/plugins"', f'"{plugins}"')

    def change(self, path: str, old: str, new: str) -> None:
        """Change Debian's configuration."""
        self.copy(DEBIAN / path, f"etc/{path}", {old: new})

    def without_samples(self) -> None:
        """Load none of Debian's sample objects."""
        self.change("icinga2.conf", 'include_recursive "conf.d"', "")

    def enable(self, feature: str, text: str) -> None:
        """Enable a feature with the configuration *text*."""
        self.write(f"etc/features-enabled/{feature}.conf", text)

    def listen(self) -> None:
        """Configure the API on loopback."""
        address = f'bind_host = "127.0.0.1"\n  bind_port = {self.port}'
        self.enable("api", f'object ApiListener "api" {{\n  {address}\n}}\n')
        self.add_user()

    def add_user(self) -> None:
        """Add the user of the test to the API."""
        rights = f'password = "{API_PASSWORD}"\n  permissions = [ "*" ]'
        self.enable("api-user", f'object ApiUser "{API_USER}" {{\n  {rights}\n}}\n')

    def _icinga2(self, *args: str) -> Tuple[str, ...]:
        places = {name: self.directory / place for name, place in PLACES.items()}
        places["PidPath"] = self.directory / "run" / "icinga2.pid"
        defines = [f"--define={name}={path}" for name, path in places.items()]
        return (self._program, *args, f"--define=NodeName={self.name}", *defines)

    def call(self, *args: str) -> str:
        """Return the output of an icinga2 command that must succeed."""
        self.user.own(self.directory)
        return self.user.do(*self._icinga2(*args))

    def validate(self) -> List[str]:
        """Return the warnings of `icinga2 daemon -C`; fail if it rejects the configuration."""
        said = self.call("daemon", "-C", "-c", f"{self.directory}/etc/icinga2.conf")
        assert "critical/" not in said
        return [line for line in said.splitlines() if "warning/" in line]

    def make_authority(self) -> None:
        """Make a certificate authority that signs the certificate of this node."""
        certs, authority = self.directory / "lib" / "certs", self.directory / "lib" / "ca"
        key, request, signed = (certs / f"{self.name}.{kind}" for kind in ("key", "csr", "crt"))
        self.call("pki", "new-ca")
        self.call("pki", "new-cert", f"--cn={self.name}", f"--key={key}", f"--csr={request}")
        self.call("pki", "sign-csr", f"--csr={request}", f"--cert={signed}")
        shutil.copy(authority / "ca.crt", certs)

    def wizard(self, *answers: str) -> None:
        """Answer the questions of `icinga2 node wizard`; an empty answer is its default."""
        self.user.own(self.directory)
        said = self.user.do(*self._icinga2("node", "wizard"), stdin="\n".join([*answers, ""]))
        assert said.count("Done.") == 1, said

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

    def api(self, path: str, **values: object) -> List[Dict[str, Any]]:
        """Return the results of a request to the API, which is a POST if there are *values*."""
        body = json.dumps(values).encode() if values else None
        url = f"https://127.0.0.1:{self.port}/v1/{path}"
        with OPENER.open(urllib.request.Request(url, body, HEADERS), timeout=20) as response:
            results: List[Dict[str, Any]] = json.load(response)["results"]
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

    def recheck(self) -> None:
        """Check every service now. While Icinga reloads, nothing happens."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.api("actions/reschedule-check", type="Service", filter="true", force=True)

    def submit(self, service: str, metrics: str) -> None:
        """Submit a result with this perfdata."""
        self.api(
            "actions/process-check-result",
            type="Service",
            filter=f'service.name == "{service}"',
            exit_status=0,
            plugin_output="submitted",
            performance_data=metrics,
        )

    def last_runs(self) -> Mapping[str, Run]:
        """Return the last run of each service."""
        return {run.service: run for run in self.runs}

    def runs_of(self, service: str = ALL) -> List[Run]:
        """Return the runs of *service* so far, oldest first."""
        return [run for run in self.runs if run.service == service]


def _run(name: str, result: Mapping[str, Any]) -> Run:
    host, service = name.split("!")
    after = result["vars_after"]
    text, _, more = result["output"].partition("\n")
    return Run(
        host,
        service,
        state=int(result["state"]),
        hard=after["state_type"] == 1,
        attempt=int(after["attempt"]),
        start=result["execution_start"],
        text=text.rstrip(" "),  # Icinga keeps the blank before the perfdata
        more=more,
        metrics=" ".join(result["performance_data"] or ()),
        command=tuple(result["command"] or ()),
        source=result["check_source"],
    )


_LINE = re.compile(r"icinga2\.\w+\.services\.([^.]+)\.\w+\.perfdata\.(\S+) (\S+) \d+")


class Carbon(socketserver.ThreadingTCPServer):
    """A listener in place of Graphite's that keeps every line from Icinga's writer."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Lines)
        self.port = int(self.server_address[1])
        self.connected = threading.Event()
        self.lines: List[str] = []
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    @property
    def feature(self) -> str:
        """Return the configuration of a writer that sends its lines here."""
        return (
            f'object GraphiteWriter "graphite" {{\n  host = "127.0.0.1"\n  port = {self.port}\n'
            "  enable_send_thresholds = true\n}\n"
        )

    def values(self) -> Dict[Tuple[str, str], float]:
        """Return the last values that were sent, by service and `LABEL.FIELD`."""
        found = (_LINE.fullmatch(line) for line in self.lines.copy())
        return {(match[1], match[2]): float(match[3]) for match in found if match}

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Lines(socketserver.StreamRequestHandler):
    server: Carbon

    def handle(self) -> None:
        self.server.connected.set()
        for line in self.rfile:
            self.server.lines.append(line.decode().rstrip("\n"))


MODULES = Path("/usr/share/icingaweb2/modules")

#: The Director, and the modules that it needs.
NEEDED = ("director", "incubator", "reactbundle")

NAME = "director"
PASSWORD = "made-up-for-the-database"


class Database(Engine):
    """A MariaDB on loopback, with an empty database for the Director."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, account("mysql"))
        self._place = ("--no-defaults", f"--datadir={directory / 'data'}")

    def command(self) -> Sequence[str]:
        self.user.own(self.directory)
        rights = ("--auth-root-authentication-method=normal", "--skip-test-db")
        self.user.do(find("mariadb-install-db"), *self._place, *rights)
        return (
            find("mariadbd"),
            *self._place,
            f"--socket={self.directory / 'socket'}",
            f"--pid-file={self.directory / 'pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--innodb-flush-method=nosync",  # no test needs the data after a crash
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-innodb-doublewrite",
        )

    def ready(self) -> bool:
        """Return whether the Director's database could be made."""
        client = (find("mariadb"), "--no-defaults", f"--socket={self.directory / 'socket'}")
        user = f"{NAME}@'127.0.0.1'"
        statements = (
            f"CREATE DATABASE {NAME} CHARACTER SET utf8; "
            f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON {NAME}.* TO {user}"
        )
        words = (*client, "--user=root", f"--execute={statements}")
        return self.user.run(*words).code == 0

    def load(self, schema: Path) -> None:
        """Load a schema into the database."""
        client = (find("mariadb"), "--no-defaults", f"--socket={self.directory / 'socket'}")
        self.user.do(*client, "--user=root", f"--execute=source {schema}", NAME)


class Director:
    """The command line of a Director that manages *icinga*."""

    def __init__(self, directory: Path, user: Account, database: Database, icinga: Icinga) -> None:
        self._program = find("icingacli")
        self._directory = directory
        self._user = user
        (directory / "enabledModules").mkdir(parents=True)
        for module in NEEDED:
            find_module(module)
            (directory / "enabledModules" / module).symlink_to(MODULES / module)
        own = directory / "modules" / "director"
        own.mkdir(parents=True)
        (directory / "config.ini").write_text('[logging]\nlog = "none"\n', "utf-8")
        (directory / "resources.ini").write_text(
            '[director]\ntype = "db"\ndb = "mysql"\nhost = "127.0.0.1"\n'
            f'port = "{database.port}"\ndbname = "{NAME}"\ncharset = "utf8"\n'
            f'username = "{NAME}"\npassword = "{PASSWORD}"\n',
            "utf-8",
        )
        (own / "config.ini").write_text('[db]\nresource = "director"\n', "utf-8")
        (own / "kickstart.ini").write_text(
            f'[config]\nendpoint = "{icinga.name}"\nhost = "127.0.0.1"\nport = {icinga.port}\n'
            f'username = "{API_USER}"\npassword = "{API_PASSWORD}"\n',
            "utf-8",
        )
        user.own(directory)
        self.call("migration", "run")
        self.call("kickstart", "run")

    def call(self, *args: str, stdin: str = "") -> str:
        """Return the output of an `icingacli director` command that must succeed."""
        env = {"ICINGAWEB_CONFIGDIR": str(self._directory)}
        return self._user.do(self._program, "director", *args, stdin=stdin, env=env)

    def show(self, kind: str, name: str) -> Dict[str, Any]:
        """Return an object from the Director's database."""
        shown: Dict[str, Any] = json.loads(self.call(kind, "show", name, "--json"))
        return shown

    def create(self, kind: str, **properties: object) -> None:
        """Create an object, as the Director's forms do."""
        self.call(kind, "create", "--json", json.dumps({"object_type": "object", **properties}))


def find_module(name: str) -> None:
    """Skip the test if the module *name* of Icinga Web is not installed."""
    if not (MODULES / name).is_dir():
        pytest.skip(f"the module {name} of Icinga Web is not installed")
