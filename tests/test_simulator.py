"""The simulator: what the check reports of each scenario, how it is switched, how it ends."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import trustme

from examples.simulator import ENDPOINT, SCENARIOS, Simulator
from tests.console import TOKEN, Outcome, environment, report, run

PROGRAM = Path(__file__).resolve().parent.parent / "examples" / "simulator.py"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

#: What the check reports: a condition, and words of the text.
SEEN = {
    "idle": ("", "4 queues, 4 consumers, 0 jobs waiting, 0 jobs running"),
    "busy": ("", "6 consumers, 4 jobs waiting, 4 jobs running"),
    "backlog": ("", "42 jobs waiting"),
    "long-backlog": ("", "412 jobs waiting"),
    "dead-worker": ("stranded", "rodin.mesh: no consumers"),
    "scaled-to-zero": ("", "no consumers"),
    "stalled": ("stalled", "rodin.mesh: 7 jobs waiting, 2 consumers"),
    "missing-queue": ("missing", "rodin.remesh"),
    "new-queue": ("", "5 queues, 5 consumers"),
    "no-queues": ("empty", ""),
    "malformed-queue": ("invalid", "rodin.pack: job_awaiting is null"),
    "error-object": ("invalid", "error object"),
    "bad-answer": ("invalid", "HTML page"),
    "rejected": ("auth", "HTTP 401"),
    "forbidden": ("auth", "HTTP 403"),
    "not-found": ("invalid", "HTTP 404"),
    "proxy-auth": ("invalid", "HTTP 407"),
    "throttled": ("throttled", "HTTP 429"),
    "redirect": ("invalid", "/login"),
    "redirect-slash": ("invalid", "HTTP 307"),
    "server-error": ("unreachable", "HTTP 500"),
    "bad-gateway": ("unreachable", "HTTP 502"),
    "unavailable": ("unreachable", "HTTP 503"),
    "slow": ("timeout", ""),
    "dripping": ("timeout", ""),
    "cut-off": ("unreachable", ""),
    "hang-up": ("unreachable", ""),
    "silent": ("timeout", ""),
}


def test_every_scenario_has_a_row() -> None:
    assert list(SEEN) == list(SCENARIOS)


@pytest.mark.parametrize("scenario", SEEN)
def test_check_reports_the_scenario(scenario: str, token_file: str) -> None:
    condition, words = SEEN[scenario]
    with Simulator(token=TOKEN, scenario=scenario) as server:
        args = ("-H", server.url, "--token-file", token_file)
        found = report(run(*args, "-t", "1" if condition == "timeout" else "10"))
    assert found.conditions == ((condition,) if condition else ())
    assert words in found.text


# --- what a client sees -------------------------------------------------------------------------


def ask(url: str, method: str = "GET", path: str = ENDPOINT, **more: Any) -> requests.Response:
    """Send one request over a connection of its own."""
    more = {"headers": BEARER, "timeout": 10, **more}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, f"{url}{path}", **more)


@contextlib.contextmanager
def waiting(url: str) -> Iterator[None]:
    """Send a request and do not read the response."""
    client = http.client.HTTPConnection(url.partition("://")[2], timeout=10)
    with contextlib.closing(client):
        client.request("GET", ENDPOINT, headers=BEARER)
        time.sleep(0.2)
        yield


@pytest.fixture
def server() -> Iterator[Simulator]:
    """Serve the idle site."""
    with Simulator(token=TOKEN) as running:
        yield running


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("", 401), (f"Bearer {TOKEN}x", 401), (f"Basic {TOKEN}", 401), (f"bearer {TOKEN}", 200)],
)
def test_token_is_required(server: Simulator, authorization: str, status: int) -> None:
    assert ask(server.url, headers={"Authorization": authorization}).status_code == status


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("PUT", ENDPOINT)])
def test_only_the_documented_request_is_served(server: Simulator, method: str, path: str) -> None:
    reply = ask(server.url, method, path, data=b"busy")
    assert (reply.status_code, list(reply.json()), server.scenario) == (404, ["error"], "idle")


# --- switching ----------------------------------------------------------------------------------


def test_scenario_is_switched_over_http(server: Simulator) -> None:
    reply = ask(server.url, "PUT", "/scenario", data=b"throttled\n", headers={})
    now = {"scenario": "throttled", "sentence": SCENARIOS["throttled"].sentence}
    assert (reply.status_code, reply.json()) == (200, now)
    assert ask(server.url, path="/scenario", headers={}).json() == now
    assert ask(server.url, path="/scenarios", headers={}).json()["idle"] == SCENARIOS["idle"][0]
    assert not server.requests
    assert ask(server.url).status_code == 429
    reply = ask(server.url, "PUT", "/scenario", data=b"bussy")
    assert (reply.status_code, server.scenario) == (400, "throttled")
    assert "'bussy', expected one of idle, " in reply.json()["error"]


def test_file_is_sent_as_it_is_and_read_for_each_request(tmp_path: Path) -> None:
    """It can be left and chosen again, but no other file can be read."""
    own = tmp_path / "my answer.json"
    with Simulator(token=TOKEN, scenario=str(own)) as server:
        assert ask(server.url).status_code == 500
        for data in (b'{"my.queue": {}}', b"{ no JSON \xff"):
            own.write_bytes(data)
            assert ask(server.url).content == data
        for name, status in (("busy", 200), (__file__, 400), (str(own), 200)):
            assert ask(server.url, "PUT", "/scenario", data=name.encode()).status_code == status
        assert ask(server.url).content == data


# --- the command line ---------------------------------------------------------------------------


def program(*args: str, **env: str) -> Outcome:
    """Run the command line to its end."""
    words = [sys.executable, str(PROGRAM), *args]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(env), check=False)
    return Outcome(done.returncode, done.stdout, done.stderr, 0)


class Running(NamedTuple):
    """The simulator as a process of its own."""

    process: subprocess.Popen[str]
    url: str

    def end(self, by: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Send the signal; return the exit code and what was written since the first line."""
        self.process.send_signal(by)
        stdout, stderr = self.process.communicate(timeout=10)
        return self.process.returncode, stdout, stderr


@contextlib.contextmanager
def running(*args: str, **env: str) -> Iterator[Running]:
    """Start the simulator and give it once it listens."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(env),
    ) as process:
        try:
            assert process.stdout
            first = process.stdout.readline()
            assert first.startswith("listening on "), process.communicate()
            yield Running(process, first.split()[-1])
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("scenario", "by"),
    [("silent", signal.SIGTERM), ("slow", signal.SIGINT), ("dripping", signal.SIGHUP)],
)
def test_signal_ends_it_without_noise_while_a_client_waits(
    scenario: str, by: signal.Signals, token_file: str
) -> None:
    args = ("--scenario", scenario, "--delay", "60", "--token-file", token_file)
    with running(*args) as simulator, waiting(simulator.url):
        assert simulator.end(by) == (0, "", "")


def test_switch_over_mutual_tls_and_past_a_proxy(
    authority: trustme.CA, ca_file: str, tmp_path: Path, token_file: str
) -> None:
    for name in ("server", "client"):
        leaf = authority.issue_cert("127.0.0.1")
        leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / name))
    tls = ("--cert", f"{tmp_path}/server", "--client-ca", ca_file, "--token-file", token_file)
    with running(*tls) as simulator:
        to = ("--switch", "busy", "--url", simulator.url)
        refused = program(*to)
        assert (refused.code, "Traceback" in refused.stderr) == (1, False)
        done = program(*to, "--cert", f"{tmp_path}/client", https_proxy="http://127.0.0.1:1")
        assert done[:3] == (0, f"busy: {SCENARIOS['busy'].sentence}\n", "")


def test_new_token_is_removed_at_the_end() -> None:
    with running() as simulator:
        assert simulator.process.stdout
        path = Path(simulator.process.stdout.readline().removeprefix("token file ").strip())
        token = path.read_text(encoding="ascii").strip()
        assert path.stat().st_mode & 0o777 == 0o600
        assert ask(simulator.url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert simulator.end() == (0, "", "")
        assert not path.exists()


def test_verbose_logs_requests_without_the_token(token_file: str) -> None:
    with running("--verbose", "--token-file", token_file, RODIN_API_KEY="another") as simulator:
        ask(simulator.url, path=f"/{TOKEN}")
        code, stdout, stderr = simulator.end()
    assert (code, stdout) == (0, "")
    assert stderr.split(" ", 2)[2] == '"GET /(the token) HTTP/1.1" 404 -\n'


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--scenario", "idel"], "--scenario: unknown 'idel', expected a file or one of idle, "),
        (["--switch", "idle"], "--switch and --url need each other"),
        (["--switch", "idle", "--url", "127.0.0.1:1"], "--url: expected http://HOST:PORT"),
        (["--client-ca", "ca"], "--key and --client-ca need --cert"),
    ],
)
def test_wrong_option_is_named(args: list[str], complaint: str) -> None:
    done = program(*args)
    assert (done.code, done.stdout) == (2, "")
    assert f"simulator.py: error: {complaint}" in done.stderr


@pytest.mark.parametrize(
    "args", ["--token-file /dev/null", "--cert /nowhere", "--switch idle --url http://127.0.0.1:1"]
)
def test_what_fails_is_reported_in_one_line(args: str) -> None:
    done = program(*args.split())
    assert (done.code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("simulator.py: ")
