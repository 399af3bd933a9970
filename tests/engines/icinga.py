"""One Icinga 2 of a test's own: Debian's configuration in one folder, its API on loopback.

What it records is read over that API, whose event stream tells of every check it ran.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import shutil
import ssl
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import quote

from tests.engines.programs import BARE, Account, Daemon, Result, find, free_port, run_as

DEBIAN = Path("/etc/icinga2")

#: Icinga's own places, and where they are below an instance's folder.
PLACES = {
    "ConfigDir": "etc",
    "ZonesDir": "etc/zones.d",
    "DataDir": "lib",
    "LogDir": "log",
    "CacheDir": "cache",
    "SpoolDir": "spool",
    "InitRunDir": "run",
}

#: Folders that Debian's packages make for Icinga, and one for a stand-in of the test.
MORE_PLACES = ("lib/certs", "lib/ca", "spool/perfdata", "spool/tmp", "bin")

API_USER = "engine-tests"
API_PASSWORD = "made-up-for-the-api"


class Run(NamedTuple):
    """One execution of a service's check, as Icinga took it."""

    host: str
    service: str
    state: int
    hard: bool
    attempt: int
    start: float
    text: str
    long_text: str
    perfdata: str
    command: List[str]
    executed_by: str


class Icinga:
    """An Icinga 2 named *name* in *folder*, which runs the plugins of the folder *plugins*."""

    def __init__(self, folder: Path, user: Account, plugins: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.port = free_port()
        self.etc = folder / "etc"
        self.mailbox = folder / "mailbox"
        self.runs: List[Run] = []
        self._user = user
        self._program = find("icinga2")
        self._daemon: Optional[Daemon] = None
        self._follower: Optional[threading.Thread] = None
        shutil.copytree(DEBIAN, self.etc, symlinks=True)
        for place in (*PLACES.values(), *MORE_PLACES):
            (folder / place).mkdir(exist_ok=True, parents=True)
        constants = (self.etc / "constants.conf").read_text("utf-8")
        constants = constants.replace('"/usr/lib/nagios/plugins"', f'"{plugins}"')
        self.write("constants.conf", constants)
        self._take_mail()

    def _take_mail(self) -> None:
        """Let notifications end in a file: a test sends nobody mail."""
        mail = self.folder / "bin" / "mail"
        mail.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; echo; }} >> {self.mailbox}\n', "utf-8")
        mail.chmod(0o755)

    def write(self, path: str, text: str) -> None:
        """Write a file of the configuration."""
        (self.etc / path).parent.mkdir(parents=True, exist_ok=True)
        (self.etc / path).write_text(text, "utf-8")

    def enable(self, feature: str, text: Optional[str] = None) -> None:
        """Enable a feature: as Debian ships it, or with the configuration *text*."""
        if text is None:
            text = (self.etc / "features-available" / f"{feature}.conf").read_text("utf-8")
        self.write(f"features-enabled/{feature}.conf", text)

    def add(self, source: Path, target: str, changes: Mapping[str, str]) -> None:
        """Copy a configuration file, with the *changes* that an administrator makes there."""
        text = source.read_text("utf-8")
        for shipped, here in changes.items():
            assert shipped in text, f"{source} has no {shipped}"
            text = text.replace(shipped, here)
        self.write(target, text)

    def _call(self, *args: str) -> str:
        """Run icinga2 to its end; return what it wrote, and fail if it failed."""
        self._user.own(self.folder)
        done = run_as(self._user, *self._command(*args))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _command(self, *args: str) -> Tuple[str, ...]:
        places = {name: self.folder / place for name, place in PLACES.items()}
        places["PidPath"] = self.folder / "run" / "icinga2.pid"
        defines = [f"--define={name}={path}" for name, path in places.items()]
        return (self._program, *args, f"--define=NodeName={self.name}", *defines)

    def validate(self) -> str:
        """Return what `icinga2 daemon -C` says; fail if it refuses the configuration."""
        return self._call("daemon", "-C", "-c", str(self.etc / "icinga2.conf"))

    def make_authority(self) -> None:
        """Make the certificate authority that signs the nodes of a cluster."""
        self._call("pki", "new-ca")

    def certify(self, node: Icinga) -> None:
        """Sign the certificate of *node*, this instance itself or another."""
        certs = node.folder / "lib" / "certs"
        request = str(certs / "request.csr")
        key, cert = (str(certs / f"{node.name}{ending}") for ending in (".key", ".crt"))
        node._call("pki", "new-cert", f"--cn={node.name}", f"--key={key}", f"--csr={request}")
        shutil.copy(request, self.folder / "request.csr")
        signed = self.folder / "signed.crt"
        request = str(self.folder / "request.csr")
        self._call("pki", "sign-csr", f"--csr={request}", f"--cert={signed}")
        shutil.copy(signed, cert)
        shutil.copy(self.folder / "lib" / "ca" / "ca.crt", certs / "ca.crt")

    def listen(self, more: str = "") -> None:
        """Configure the API on loopback, with *more* settings, and a user for the test."""
        self.enable(
            "api",
            'object ApiListener "api" {\n'
            f'  bind_host = "127.0.0.1"\n  bind_port = {self.port}\n{more}}}\n'
            f'object ApiUser "{API_USER}" {{\n'
            f'  password = "{API_PASSWORD}"\n  permissions = [ "*" ]\n}}\n',
        )

    def start(self) -> None:
        """Start it in the foreground, as a process of the test, and follow its runs."""
        self._user.own(self.folder)
        command = self._command("daemon", "-c", str(self.etc / "icinga2.conf"))
        path = f"{self.folder}/bin:{BARE['PATH']}"
        log = self.folder / "output"
        self._daemon = Daemon(*command, user=self._user, log=log, env={"PATH": path})
        self.wait_for("its API answers", self._answers)
        ready = threading.Event()
        self._follower = threading.Thread(target=self._follow, args=(ready,))
        self._follower.start()
        assert ready.wait(20), "the event stream does not begin"

    def stop(self) -> None:
        """Stop it, if it was started."""
        if self._daemon is not None:
            self._daemon.stop()
        if self._follower is not None:
            self._follower.join()

    @property
    def said(self) -> str:
        """What it has logged to its output."""
        return self._daemon.said if self._daemon else ""

    def wait_for(
        self, what: str, probe: Callable[[], Optional[Result]], within: float = 90
    ) -> Result:
        """Return *probe*'s first true result; fail if Icinga ends or time runs out."""
        assert self._daemon is not None, "it was not started"
        return self._daemon.wait_for(what, probe, within)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.get("/v1/status/IcingaApplication")
            return True
        return False

    def get(self, path: str) -> List[Dict[str, Any]]:
        """Return the results of a request to the API."""
        with self._ask("GET", path) as response:
            body = response.read()
        assert response.status == 200, body
        results: List[Dict[str, Any]] = json.loads(body)["results"]
        return results

    @contextlib.contextmanager
    def _ask(
        self, method: str, path: str, body: Optional[str] = None, timeout: Optional[float] = 20
    ) -> Iterator[http.client.HTTPResponse]:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # made up by the test, and on loopback
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=timeout, context=context
        )
        basic = base64.b64encode(f"{API_USER}:{API_PASSWORD}".encode()).decode()
        headers = {"Accept": "application/json", "Authorization": f"Basic {basic}"}
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            with connection.getresponse() as response:
                yield response

    def _follow(self, ready: threading.Event) -> None:
        """Keep every run that the event stream tells; a reload of Icinga's breaks the stream."""
        while self._daemon and self._daemon.running:
            events = self._ask("POST", "/v1/events?queue=tests&types=CheckResult", timeout=None)
            with contextlib.suppress(OSError, http.client.HTTPException), events as lines:
                ready.set()
                for line in lines:
                    event = json.loads(line)
                    if "service" in event:
                        self.runs.append(_run(event))
            time.sleep(0.2)

    def recheck(self) -> None:
        """Let every service there is be checked now; while Icinga reloads, nothing happens."""
        every = json.dumps({"type": "Service", "filter": "true", "force": True})
        action = self._ask("POST", "/v1/actions/reschedule-check", every)
        with contextlib.suppress(OSError, http.client.HTTPException), action as response:
            response.read()

    def runs_of(self, service: str, host: Optional[str] = None) -> List[Run]:
        """Return the executions of *service* so far, oldest first."""
        return [r for r in self.runs.copy() if r.service == service and host in {None, r.host}]

    def service(self, host: str, name: str) -> Dict[str, Any]:
        """Return the attributes of a service."""
        attributes: Dict[str, Any] = self.get(f"/v1/objects/services/{quote(f'{host}!{name}')}")[0]
        return dict(attributes["attrs"])

    def mail(self) -> str:
        """Return all notifications so far."""
        return self.mailbox.read_text("utf-8") if self.mailbox.exists() else ""


def _run(event: Dict[str, Any]) -> Run:
    result = event["check_result"]
    after = result["vars_after"]
    text, _, more = result["output"].partition("\n")
    return Run(
        host=event["host"],
        service=event["service"],
        state=int(result["state"]),
        hard=after["state_type"] == 1,
        attempt=int(after["attempt"]),
        start=result["execution_start"],
        text=text.rstrip(" "),  # Icinga keeps the space before the bar that begins the perfdata
        long_text=more,
        perfdata=" ".join(result["performance_data"] or ()),
        command=result["command"] or [],
        executed_by=result["check_source"],
    )
