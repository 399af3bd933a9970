"""The simulator: what every scenario sends, who may ask, how it is switched, how it ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import pytest
import trustme

from examples.simulator import ENDPOINT, IDLE, SCENARIOS, Simulator
from tests.console import Outcome, environment, run

PROGRAM = Path(__file__).resolve().parent.parent / "examples" / "simulator.py"
TOKEN = "made-up-for-the-simulator"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Reply(NamedTuple):
    """One answer as a client saw it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@contextlib.contextmanager
def connected(
    url: str, context: Optional[ssl.SSLContext] = None
) -> Iterator[http.client.HTTPConnection]:
    """Give a connection to *url*, by TLS where a *context* is given."""
    address = urllib.parse.urlsplit(url).netloc
    connection = http.client.HTTPConnection(address, timeout=10)
    if context:
        connection = http.client.HTTPSConnection(address, timeout=10, context=context)
    with contextlib.closing(connection):
        yield connection


def exchange(
    connection: http.client.HTTPConnection,
    method: str = "GET",
    path: str = ENDPOINT,
    headers: Mapping[str, str] = BEARER,
    body: bytes = b"",
) -> Reply:
    """Ask once over *connection*."""
    connection.request(method, path, body or None, dict(headers))
    response = connection.getresponse()
    return Reply(response.status, dict(response.headers), response.read())


def ask(
    url: str,
    method: str = "GET",
    path: str = ENDPOINT,
    headers: Mapping[str, str] = BEARER,
    body: bytes = b"",
) -> Reply:
    """Ask once over a connection of its own."""
    with connected(url) as connection:
        return exchange(connection, method, path, headers, body)


def program(*args: str, env: Optional[Mapping[str, str]] = None) -> Outcome:
    """Run the simulator's command line to its end."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *args],
        capture_output=True,
        text=True,
        env=environment(env),
        timeout=30,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


class Running(NamedTuple):
    """The simulator as a process of its own."""

    process: subprocess.Popen[str]
    url: str

    def end(self, by: signal.Signals = signal.SIGTERM) -> Tuple[int, str, str]:
        """Send the signal; return the exit code and what came after the first line."""
        self.process.send_signal(by)
        stdout, stderr = self.process.communicate(timeout=10)
        return self.process.returncode, stdout, stderr


@contextlib.contextmanager
def running(*args: str, env: Optional[Mapping[str, str]] = None) -> Iterator[Running]:
    """Start the simulator and give it once it listens."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(env),
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.startswith("listening on "), process.communicate()
            yield Running(process, first[len("listening on ") :].strip())
        finally:
            process.kill()


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    """Return the path of a file with TOKEN."""
    path = tmp_path / "token"
    path.write_text(f"  {TOKEN} \nanother line\n", encoding="ascii")
    return str(path)


# What each scenario sends


def queues(**changes: Tuple[object, object, object]) -> Dict[str, Dict[str, object]]:
    """Return an idle site with *changes* as consumers, waiting and running jobs of `rodin.NAME`."""
    fields = ("consumers", "job_awaiting", "job_running")
    changed = {f"rodin.{name}": dict(zip(fields, values)) for name, values in changes.items()}
    return {**IDLE, **changed}


SITES = {
    "idle": queues(mesh=(1, 0, 0), pack=(1, 0, 0), remesh=(1, 0, 0), texture=(1, 0, 0)),
    "busy": queues(mesh=(2, 3, 2), texture=(2, 1, 2)),
    "backlog": queues(mesh=(2, 30, 2), texture=(2, 12, 2)),
    "long-backlog": queues(mesh=(2, 400, 2), texture=(2, 12, 2)),
    "dead-worker": queues(mesh=(0, 7, 0)),
    "scaled-to-zero": queues(mesh=(0, 0, 0), pack=(0, 0, 0), remesh=(0, 0, 0), texture=(0, 0, 0)),
    "stalled": queues(mesh=(2, 7, 0)),
    "missing-queue": {name: queue for name, queue in queues().items() if name != "rodin.remesh"},
    "new-queue": queues(upscale=(1, 0, 0)),
    "no-queues": {},
    "malformed-queue": queues(pack=(1, None, 0)),
    "slow": queues(),
}

REFUSALS = {
    "rejected": (401, {"WWW-Authenticate": "Bearer"}),
    "forbidden": (403, {}),
    "throttled": (429, {"Retry-After": "60"}),
    "server-error": (500, {}),
}

PAGES = {"bad-answer": 200, "bad-gateway": 502}

BROKEN = {"cut-off": http.client.IncompleteRead, "hang-up": http.client.RemoteDisconnected}

OTHERS = {"redirect", "dripping", "silent"}


def test_every_scenario_is_tested() -> None:
    assert set(SCENARIOS) == {*SITES, *REFUSALS, *PAGES, *BROKEN, *OTHERS}


@pytest.mark.parametrize("scenario", SITES)
def test_site(scenario: str) -> None:
    with Simulator(token=TOKEN, scenario=scenario, delay=0) as server:
        reply = ask(server.url)
    assert (reply.status, reply.json) == (200, SITES[scenario])
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Content-Length"] == str(len(reply.body))


@pytest.mark.parametrize("scenario", REFUSALS)
def test_refusal(scenario: str) -> None:
    status, headers = REFUSALS[scenario]
    with Simulator(token=TOKEN, scenario=scenario) as server:
        reply = ask(server.url)
    assert reply.status == status
    assert headers.items() <= reply.headers.items()
    assert list(reply.json) == ["error"]


@pytest.mark.parametrize("scenario", PAGES)
def test_web_page(scenario: str) -> None:
    with Simulator(token=TOKEN, scenario=scenario) as server:
        reply = ask(server.url)
    assert (reply.status, reply.headers["Content-Type"][:9]) == (PAGES[scenario], "text/html")
    assert reply.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("scenario", BROKEN)
def test_broken_transfer(scenario: str) -> None:
    with Simulator(token=TOKEN, scenario=scenario) as server, pytest.raises(BROKEN[scenario]):
        ask(server.url)


def test_redirect() -> None:
    with Simulator(token=TOKEN, scenario="redirect") as server:
        reply = ask(server.url)
    assert (reply.status, reply.headers["Location"], reply.body) == (302, "/login", b"")


def test_slow_answers_after_the_delay() -> None:
    with Simulator(token=TOKEN, scenario="slow", delay=0.4) as server:
        start = time.monotonic()
        assert ask(server.url).json == SITES["idle"]
        assert time.monotonic() - start >= 0.4


DOCUMENTED = f"GET {ENDPOINT} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"


def raw(server: Simulator, request: str = DOCUMENTED) -> socket.socket:
    """Send *request* and return the socket."""
    connection = socket.create_connection(("127.0.0.1", server.server_port), timeout=10)
    connection.sendall(request.encode())
    return connection


def raw_answer(server: Simulator, request: str) -> bytes:
    """Return all that comes until the server has closed the connection too."""
    with raw(server, request) as connection:
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read()


def test_dripping_sends_a_byte_a_second() -> None:
    with Simulator(token=TOKEN, scenario="dripping") as server, raw(server) as connection:
        head = connection.recv(65536)
        start = time.monotonic()
        first, second = connection.recv(65536), connection.recv(65536)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert head.endswith(b"\r\n\r\n")
        assert first + second == b"{\n"
        assert 1.5 < time.monotonic() - start < 6


def test_silent_says_nothing_and_keeps_the_connection() -> None:
    with Simulator(token=TOKEN, scenario="silent") as server, raw(server) as connection:
        connection.settimeout(1)
        with pytest.raises(socket.timeout):
            connection.recv(1)


def test_silent_lets_a_client_go() -> None:
    """Else a day of rehearsal would pile up threads."""
    with Simulator(token=TOKEN, scenario="silent") as server:
        before = threading.active_count()
        for _ in range(5):
            raw(server).close()
        assert settles(lambda: len(server.requests) == 5 and threading.active_count() <= before)


def settles(fact: Any) -> bool:
    """Tell whether *fact* becomes true within some seconds."""
    end = time.monotonic() + 10
    while not fact() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(fact())


# What the check says of it: each scenario shows the state that its name promises

JUDGED = {
    "idle": (0, "OK"),
    "busy": (0, "OK"),
    "backlog": (0, "OK"),
    "long-backlog": (0, "OK"),
    "dead-worker": (2, "CRITICAL"),
    "scaled-to-zero": (2, "CRITICAL"),
    "stalled": (1, "WARNING"),
    "missing-queue": (2, "CRITICAL"),
    "new-queue": (0, "OK"),
    "no-queues": (3, "UNKNOWN"),
    "malformed-queue": (3, "UNKNOWN"),
    "bad-answer": (3, "UNKNOWN"),
    "rejected": (3, "UNKNOWN"),
    "forbidden": (3, "UNKNOWN"),
    "throttled": (3, "UNKNOWN"),
    "redirect": (3, "UNKNOWN"),
    "server-error": (2, "CRITICAL"),
    "bad-gateway": (2, "CRITICAL"),
    "slow": (2, "CRITICAL"),
    "dripping": (2, "CRITICAL"),
    "cut-off": (2, "CRITICAL"),
    "hang-up": (2, "CRITICAL"),
    "silent": (2, "CRITICAL"),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_check_sees_what_is_simulated(scenario: str, token_file: str) -> None:
    limit = "2" if scenario in {"slow", "dripping", "silent"} else "10"
    with Simulator(token=TOKEN, scenario=scenario) as server:
        outcome = run("-H", server.url, "--token-file", token_file, "-t", limit)
    code, state = JUDGED[scenario]
    assert outcome.line.startswith(f"RODIN_QUEUES {state} - ")
    assert (outcome.code, outcome.stderr) == (code, "")


# Who may ask, and what for


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer \xe9",
    ],
)
def test_nobody_is_served_without_the_token(authorization: Optional[str]) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    with Simulator(token=TOKEN) as server:
        reply = ask(server.url, headers=headers)
    assert (reply.status, reply.json) == (401, {"error": "a valid token is needed"})
    assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_the_scheme_is_not_case_sensitive() -> None:
    with Simulator(token=TOKEN) as server:
        assert ask(server.url, headers={"Authorization": f"bearer {TOKEN}"}).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", f"{ENDPOINT}/"),
        ("GET", f"{ENDPOINT}?a=b"),
        ("GET", "/v2/queue_status_check"),
        ("POST", ENDPOINT),
        ("PUT", ENDPOINT),
        ("PATCH", ENDPOINT),
        ("DELETE", ENDPOINT),
        ("OPTIONS", ENDPOINT),
        ("POST", "/scenario"),
        ("PUT", "/scenarios"),
    ],
)
def test_nothing_but_the_documented_request_is_served(method: str, path: str) -> None:
    with Simulator(token=TOKEN) as server:
        reply = ask(server.url, method, path, body=b"" if method == "GET" else b"busy")
        assert server.scenario == "idle"
    assert (reply.status, reply.json) == (404, {"error": f"only GET {ENDPOINT} is served"})


def test_head_has_no_body() -> None:
    with Simulator(token=TOKEN) as server:
        answer = raw_answer(server, "HEAD / HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.endswith(b"\r\n\r\n")


def test_the_requests_are_remembered_without_those_about_the_scenario() -> None:
    with Simulator(token=TOKEN) as server:
        ask(server.url)
        ask(server.url, path="/scenario")
        ask(server.url, "POST", "/elsewhere", headers={"User-Agent": "a test"})
        seen = [(request.method, request.path) for request in server.requests]
        assert seen == [("GET", ENDPOINT), ("POST", "/elsewhere")]
        assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
        assert server.requests[1].headers["User-Agent"] == "a test"


# A server that others can be measured against


def test_one_connection_serves_many_requests() -> None:
    """A body that was not wanted must not be read as the next request."""
    with Simulator(token=TOKEN) as server, connected(server.url) as connection:
        asked = [("POST", b"GET / HTTP/1.1\r\n\r\n"), ("GET", b"unasked"), ("GET", b"")]
        statuses = [exchange(connection, method, body=body).status for method, body in asked]
    assert statuses == [404, 200, 200]


@pytest.mark.parametrize("length", ["nonsense", "-1", "1000000000"])
def test_an_unreadable_body_ends_the_connection(length: str) -> None:
    with Simulator(token=TOKEN) as server:
        answer = raw_answer(server, f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nConnection: close\r\n" in answer


def test_head_and_body_come_in_one_piece() -> None:
    """In two pieces, the second would wait for the first one's acknowledgement."""
    with Simulator(token=TOKEN) as server:
        for _ in range(20):
            with raw(server) as connection:
                _, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            assert json.loads(body) == SITES["idle"]


def test_clients_do_not_wait_for_each_other() -> None:
    with Simulator(token=TOKEN, scenario="slow", delay=0.5) as server:
        statuses: List[int] = []
        clients = [
            threading.Thread(target=lambda: statuses.append(ask(server.url).status))
            for _ in range(40)
        ]
        start = time.monotonic()
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert statuses == [200] * 40
        assert time.monotonic() - start < 5


def test_a_minute_of_300_services_takes_seconds() -> None:
    with Simulator(token=TOKEN) as server:
        start = time.monotonic()
        assert {ask(server.url).status for _ in range(300)} == {200}
        assert time.monotonic() - start < 15


@pytest.mark.parametrize("scenario", ["idle", "silent", "slow", "dripping"])
def test_the_block_ends_at_once_and_leaves_no_thread(scenario: str) -> None:
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Simulator(token=TOKEN, scenario=scenario, delay=60))
        stack.enter_context(raw(server))
        assert settles(lambda: len(server.requests) == 1)
        start = time.monotonic()
        server.close()
        assert time.monotonic() - start < 3
        assert threading.active_count() == before
        with pytest.raises(ConnectionRefusedError):
            ask(server.url)


def test_a_server_that_never_served_can_be_closed() -> None:
    Simulator(token=TOKEN).close()


def test_ipv6() -> None:
    try:
        server = Simulator(token=TOKEN, host="::1")
    except OSError as error:
        pytest.skip(f"no IPv6 on the loopback: {error}")
    with server:
        assert server.url == f"http://[::1]:{server.server_port}"
        assert ask(server.url).status == 200


# Switching


def test_switch_over_http() -> None:
    with Simulator(token=TOKEN) as server:
        reply = ask(server.url, "PUT", "/scenario", {}, b"backlog\n")
        told = {"scenario": "backlog", "sentence": SCENARIOS["backlog"].sentence}
        assert (reply.status, reply.json) == (200, told)
        assert ask(server.url, path="/scenario", headers={}).json == told
        assert ask(server.url).json == SITES["backlog"]


def test_switch_in_python() -> None:
    with Simulator(token=TOKEN) as server:
        server.scenario = "throttled"
        assert ask(server.url).status == 429


def test_a_scenario_that_does_not_exist_changes_nothing() -> None:
    with Simulator(token=TOKEN, scenario="busy") as server:
        reply = ask(server.url, "PUT", "/scenario", {}, b"bussy")
        assert (reply.status, server.scenario) == (400, "busy")
        assert reply.json["error"].startswith("no scenario is called 'bussy'; there are idle, ")


def test_the_catalogue_has_a_sentence_for_each() -> None:
    with Simulator(token=TOKEN) as server:
        told = ask(server.url, path="/scenarios", headers={}).json
    assert told == {name: scenario.sentence for name, scenario in SCENARIOS.items()}


def test_switch_from_the_command_line() -> None:
    with Simulator(token=TOKEN) as server:
        done = program("--switch", "dead-worker", "--url", server.url)
        assert done[:3] == (0, f"dead-worker: {SCENARIOS['dead-worker'].sentence}\n", "")
        assert ask(server.url).json == SITES["dead-worker"]


def test_the_command_line_ignores_a_proxy() -> None:
    with Simulator(token=TOKEN) as server:
        proxy = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
        done = program("--switch", "busy", "--url", server.url, env=proxy)
    assert (done.code, done.stderr) == (0, "")


def test_a_wrong_name_on_the_command_line() -> None:
    with Simulator(token=TOKEN) as server:
        done = program("--switch", "bussy", "--url", server.url)
    names = ", ".join(SCENARIOS)
    complaint = f"simulator.py: no scenario is called 'bussy'; there are {names}\n"
    assert done[:3] == (1, "", complaint)


def test_a_server_that_is_no_simulator() -> None:
    with Simulator(token=TOKEN) as server:
        done = program("--switch", "busy", "--url", f"{server.url}/elsewhere")
        assert done.code == 0, "a path of the URL is not used"
    done = program("--switch", "busy", "--url", server.url)
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("simulator.py: [Errno ")
    assert "Traceback" not in done.stderr


# An answer of one's own


def test_a_file_is_sent_as_it_is_and_read_anew(tmp_path: Path) -> None:
    own = tmp_path / "my answer.json"
    own.write_text('{"my.queue": {}}', encoding="ascii")
    with Simulator(token=TOKEN, scenario=str(own)) as server:
        assert ask(server.url).body == b'{"my.queue": {}}'
        own.write_bytes(b"{ no JSON \xff")
        assert ask(server.url).body == b"{ no JSON \xff"
        own.unlink()
        reply = ask(server.url)
        assert reply.status == 500
        assert "cannot read its scenario" in reply.json["error"]


def test_a_file_can_be_left_and_come_back_to(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text("{}", encoding="ascii")
    with Simulator(token=TOKEN, scenario=str(own)) as server:
        assert ask(server.url, "PUT", "/scenario", {}, b"busy").status == 200
        reply = ask(server.url, "PUT", "/scenario", {}, str(own).encode())
        assert reply.json == {"scenario": str(own), "sentence": "a file of your own"}
        assert ask(server.url).body == b"{}"


def test_no_other_file_can_be_read_over_http(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for everybody", encoding="ascii")
    with Simulator(token=TOKEN) as server:
        assert ask(server.url, "PUT", "/scenario", {}, str(secret).encode()).status == 400
        assert ask(server.url).json == SITES["idle"]


# HTTPS


class Trust(NamedTuple):
    """An authority, and where the files of its certificates are."""

    authority: trustme.CA
    ca: str
    server: str
    client: str


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """Make a certificate for the server and one for a client; each file holds its key too."""
    folder = tmp_path_factory.mktemp("trust")
    authority = trustme.CA()
    paths = [folder / name for name in ("ca", "server", "client")]
    authority.cert_pem.write_to_path(str(paths[0]))
    for path, identity in zip(paths[1:], ("127.0.0.1", "client.example")):
        authority.issue_cert(identity).private_key_and_cert_chain_pem.write_to_path(str(path))
    return Trust(authority, *map(str, paths))


def test_https(trust: Trust) -> None:
    context = ssl.create_default_context(cafile=trust.ca)
    with Simulator(token=TOKEN, cert=trust.server) as server:
        assert server.url == f"https://127.0.0.1:{server.server_port}"
        with connected(server.url, context) as connection:
            assert [exchange(connection).status for _ in range(2)] == [200, 200]


def test_https_does_not_suit_a_stranger(trust: Trust) -> None:
    with Simulator(token=TOKEN, cert=trust.server) as server:
        stranger = connected(server.url, ssl.create_default_context())
        with stranger as connection, pytest.raises(ssl.SSLCertVerificationError):
            exchange(connection)
        with pytest.raises((http.client.BadStatusLine, ConnectionResetError)):
            ask(server.url)
        assert not server.requests


def test_a_handshake_that_hangs_keeps_nobody_waiting(trust: Trust) -> None:
    context = ssl.create_default_context(cafile=trust.ca)
    with Simulator(token=TOKEN, cert=trust.server) as server:
        hanging = socket.create_connection(("127.0.0.1", server.server_port))
        with hanging, connected(server.url, context) as connection:
            assert exchange(connection).status == 200


def test_mutual_tls(trust: Trust) -> None:
    context = ssl.create_default_context(cafile=trust.ca)
    with Simulator(token=TOKEN, cert=trust.server, client_ca=trust.ca) as server:
        with connected(server.url, context) as connection, pytest.raises(OSError):  # noqa: PT011
            exchange(connection)
        assert not server.requests
        context.load_cert_chain(trust.client)
        with connected(server.url, context) as connection:
            assert exchange(connection).status == 200


def test_the_command_line_serves_and_switches_over_https(trust: Trust, token_file: str) -> None:
    with running("--cert", trust.server, "--client-ca", trust.ca, "--token-file", token_file) as it:
        assert it.url.startswith("https://127.0.0.1:")
        refused = program("--switch", "busy", "--url", it.url)
        assert (refused.code, refused.stdout) == (1, "")
        assert "Traceback" not in refused.stderr
        done = program("--switch", "busy", "--url", it.url, "--cert", trust.client)
        assert done[:3] == (0, f"busy: {SCENARIOS['busy'].sentence}\n", "")
        assert it.end() == (0, "", "")


# The command line


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("scenario", ["idle", "silent"])
def test_a_signal_ends_it_without_noise(by: signal.Signals, scenario: str, token_file: str) -> None:
    serving = running("--scenario", scenario, "--token-file", token_file)
    with serving as it, connected(it.url) as connection:
        connection.request("GET", ENDPOINT, headers=BEARER)
        time.sleep(0.2)
        assert it.end(by) == (0, "", "")


def test_the_port_can_be_chosen(token_file: str) -> None:
    with running("--token-file", token_file) as it:
        port = str(urllib.parse.urlsplit(it.url).port)
        taken = program("--port", port, "--token-file", token_file)
        assert (taken.code, taken.stdout) == (1, "")
        assert taken.stderr.startswith("simulator.py: [Errno ")
        assert taken.stderr.count("\n") == 1
        it.end()
    with running("--port", port, "--token-file", token_file) as it:
        assert it.url == f"http://127.0.0.1:{port}"


def test_the_token_of_a_file_wins_over_the_environment(token_file: str) -> None:
    with running("--token-file", token_file, env={"RODIN_API_KEY": "another"}) as it:
        assert ask(it.url).status == 200


def test_the_token_of_the_environment() -> None:
    with running(env={"RODIN_API_KEY": TOKEN}) as it:
        assert ask(it.url).status == 200
        assert it.end() == (0, "", "")


def test_a_token_is_made_up_and_goes_with_the_server() -> None:
    with running() as it:
        assert it.process.stdout is not None
        label, _, name = it.process.stdout.readline().strip().rpartition(" ")
        path = Path(name)
        token = path.read_text(encoding="ascii").strip()
        assert (label, path.stat().st_mode & 0o777, len(token)) == ("token file", 0o600, 43)
        assert ask(it.url, headers={"Authorization": f"Bearer {token}"}).status == 200
        assert it.end() == (0, "", "")
        assert not path.exists()


def test_requests_are_told_on_request_and_never_the_token(token_file: str) -> None:
    with running("--verbose", "--token-file", token_file) as it:
        ask(it.url)
        ask(it.url, path=f"/{TOKEN}")
        code, stdout, stderr = it.end()
    assert (code, stdout, TOKEN in stderr) == (0, "", False)
    told = [line.split(" ", 2)[2] for line in stderr.splitlines()]
    assert told == [f'"GET {ENDPOINT} HTTP/1.1" 200 -', '"GET /(the token) HTTP/1.1" 404 -']


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--scenario", "idel"], "--scenario: 'idel' is neither a file nor one of idle, busy, "),
        (["--switch", "idle"], "--switch and --url belong together"),
        (["--url", "http://127.0.0.1:1"], "--switch and --url belong together"),
        (["--switch", "idle", "--url", "127.0.0.1:1"], "--url: http://HOST:PORT or https://"),
        (["--key", "key"], "--key and --client-ca need --cert"),
        (["--client-ca", "ca"], "--key and --client-ca need --cert"),
        (["--port", "65536"], "--port: 0 to 65535"),
        (["--port", "-1"], "--port: 0 to 65535"),
        (["--delay", "-1"], "--delay: 0 to 3600"),
        (["--delay", "nan"], "--delay: 0 to 3600"),
        (["--scen", "idle"], "unrecognized arguments: --scen idle"),
    ],
)
def test_a_wrong_option(args: List[str], complaint: str) -> None:
    done = program(*args)
    assert (done.code, done.stdout) == (2, "")
    assert f"simulator.py: error: {complaint}" in done.stderr


@pytest.mark.parametrize("option", ["--token-file", "--cert"])
def test_a_file_that_is_not_there(option: str, tmp_path: Path) -> None:
    done = program(option, str(tmp_path / "nowhere"))
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("simulator.py: [Errno 2] No such file or directory")
    assert done.stderr.count("\n") == 1


def test_a_token_file_without_a_token(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\ntoo late\n", encoding="ascii")
    done = program("--token-file", str(empty))
    complaint = f"simulator.py: {empty}: its first line is empty, a token belongs there\n"
    assert done[:3] == (1, "", complaint)


def test_help_explains_every_scenario() -> None:
    done = program("--help")
    assert (done.code, done.stderr) == (0, "")
    rows = [line.split(None, 1) for line in done.stdout.splitlines() if line.startswith("  ")]
    for name, scenario in SCENARIOS.items():
        assert [name, scenario.sentence] in rows
