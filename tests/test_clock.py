"""The deadline: a run ends on time wherever it hangs, says where, and tries the next address."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import signal
import socket
import ssl
import time
from pathlib import Path
from typing import Callable, ContextManager, Dict, Iterator, Tuple

import pytest

import check_rodin_queues
from tests.console import TOKEN, Outcome, Report, finish, in_time, report, run, start
from tests.server import (
    HOLD,
    UNREAD,
    Drip,
    Proxy,
    Repeat,
    Script,
    Server,
    chunk,
    head,
    http,
    queue,
    refusing_port,
    silent_port,
    site,
)

DEADLINE = 2.5
BODY = site().encode()
SOUND = http("200 OK", BODY)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = gzip.compress(BODY)
CONNECTED = b"HTTP/1.1 200 Connected\r\n\r\n"

Ask = Callable[..., Outcome]


@pytest.fixture(name="ask")
def fixture_ask(token_file: str) -> Ask:
    """Return what runs the check for at most DEADLINE seconds; a later -t wins."""
    args = ("--token-file", token_file, "-t", str(DEADLINE))
    return lambda *more, **env: run(*args, *more, env=env)


def late(
    attempt: Callable[[], Outcome], *words: str, state: str = "CRITICAL", deadline: float = DEADLINE
) -> Report:
    """Assert that a run ends at its deadline and says so with these *words*."""
    found = report(in_time(attempt, deadline, earliest=deadline))
    assert (found.state, found.conditions) == (state, ("timeout",)), found.text
    assert [word for word in words if word.lower() not in found.text.lower()] == [], found.text
    return found


# --- where it hangs -----------------------------------------------------------------------------

#: What never ends, and where; the names of the phases stand in PHASES.
ENDLESS: Dict[str, Tuple[str, Script]] = {
    "silent before the response": ("waiting", [HOLD]),
    "silent in the status line": ("waiting", [b"HTTP/1.1 2", HOLD]),
    "dripped status line": ("waiting", [Drip(b"HTTP/1.1 200 " + b"x" * 1000)]),
    "100 Continue ten times a second": ("waiting", [Repeat(b"HTTP/1.1 100 Go on\r\n\r\n", 0.1)]),
    "silent between headers": ("", [OK, HOLD]),
    "a header every half second": ("", [OK, Repeat(b"X-More: 1\r\n", 0.5)]),
    "silent before the body": ("reading", [head("200 OK", "Content-Length: 99"), HOLD]),
    "silent before the last byte": ("reading", [SOUND[:-1], HOLD]),
    "silent without a length": ("reading", [head() + BODY, HOLD]),
    "silent between chunks": ("reading", [CHUNKED + chunk(BODY), HOLD]),
    "dripped body": ("reading", [head("200 OK", "Content-Length: 999"), Drip(BODY)]),
    "dripped chunks": ("reading", [CHUNKED, Repeat(chunk(b" "), 0.1)]),
    "dripped gzip": ("reading", [head("200 OK", "Content-Encoding: gzip"), Drip(GZIP)]),
    "blanks before the JSON": ("reading", [head(), Repeat(b" ", 0.05)]),
}

#: The word that names a phase, and no other phase.
PHASES = {
    "resolving": "resolv",
    "connecting": "TCP connection",
    "the proxy's reply": "proxy",
    "TLS handshake": "TLS handshake",
    "waiting": "no response",
    "reading": "incomplete",
}


def phase(attempt: Callable[[], Outcome], name: str) -> Report:
    """Assert that a run ends at its deadline and names this phase alone."""
    found = late(attempt)
    named = [word for word, text in PHASES.items() if text.lower() in found.text.lower()]
    assert named == [name] or (not name and named), found.text
    return found


@pytest.mark.parametrize("case", ENDLESS)
def test_a_response_that_never_ends(case: str, server: Server, ask: Ask) -> None:
    name, script = ENDLESS[case]
    server.play(script)
    phase(lambda: ask("-H", server.url), name)


@pytest.mark.parametrize("deadline", ["0.5", "0.75", "2"])
def test_the_deadline_is_that_of_the_option(deadline: str, server: Server, ask: Ask) -> None:
    server.play([HOLD])
    seconds = float(deadline)
    outcome = in_time(lambda: ask("-H", server.url, "-t", deadline), seconds, earliest=seconds)
    assert report(outcome).conditions == ("timeout",)
    assert f"{deadline} s" in outcome.text


def test_a_syn_that_is_dropped(ask: Ask) -> None:
    with silent_port() as port:
        phase(lambda: ask("-H", f"http://127.0.0.1:{port}"), "connecting")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([UNREAD, HOLD], id="silent"),
        pytest.param(
            [UNREAD, Drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(99))], id="drip"
        ),
    ],
)
def test_a_tls_handshake_that_hangs(script: Script, server: Server, ask: Ask) -> None:
    server.play(script)
    phase(lambda: ask("-H", f"https://{server.address}"), "TLS handshake")


@pytest.mark.parametrize(
    ("script", "name"),
    [
        pytest.param([HOLD], "the proxy's reply", id="silent"),
        pytest.param([Drip(CONNECTED + b"x" * 99)], "the proxy's reply", id="drip"),
        pytest.param([CONNECTED, HOLD], "TLS handshake", id="silent in the tunnel"),
    ],
)
def test_a_proxy_that_hangs(script: Script, name: str, server: Server, ask: Ask) -> None:
    server.play(script)
    phase(lambda: ask("-H", "https://rodin.example", HTTPS_PROXY=server.url), name)


def test_a_proxy_of_http_that_hangs_is_named(server: Server, ask: Ask) -> None:
    server.play([HOLD])
    late(lambda: ask("-H", "http://rodin.example", HTTP_PROXY=server.url), server.address)


def test_a_server_that_hangs_in_a_tunnel(tls_server: Server, ca_file: str, ask: Ask) -> None:
    tls_server.play([HOLD])
    args = ("-H", tls_server.url, "--ca-file", ca_file)
    with Proxy() as proxy:
        late(lambda: ask(*args, HTTPS_PROXY=proxy.url), PHASES["waiting"])


def test_a_proxy_whose_tls_hangs(server: Server, ask: Ask) -> None:
    server.play([UNREAD, HOLD])
    env = {"HTTPS_PROXY": f"https://{server.address}"}
    late(lambda: ask("-H", "https://rodin.example", **env), PHASES["TLS handshake"], "proxy")


def test_the_deadline_in_the_body_of_an_error_does_not_change_the_state(
    server: Server, ask: Ask
) -> None:
    server.play([1.0, head("401 No", "Content-Length: 99"), HOLD])
    outcome = in_time(lambda: ask("-H", server.url, "-t", "2", "-vvv"), 2)
    assert report(outcome, verbose=True).conditions == ("auth",)


# --- files of the system, in a mount namespace ---------------------------------------------------


def mounted(path: Path, system: str) -> Tuple[str, ...]:
    """Return the words that start a program for which *path* is this file of the system."""
    script = f'mount --bind {path} {system} && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", script, "mounted")


@pytest.mark.usefixtures("namespace")
@pytest.mark.xdist_group("port 53")
@pytest.mark.parametrize("proxy", [{}, {"HTTPS_PROXY": "http://proxy.example:3128"}], ids=str)
def test_a_resolver_that_hangs(proxy: Dict[str, str], token_file: str, tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 127.9.9.9\n", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.9.9.9", 53))
        args = ("-H", "rodin.example", "--token-file", token_file, "-t", str(DEADLINE))
        prefix = mounted(path, "/etc/resolv.conf")
        found = late(lambda: run(*args, env=proxy, prefix=prefix), PHASES["resolving"])
    assert ("proxy" if proxy else "rodin") + ".example" in found.text


FIRST, SECOND = "127.0.0.1", "127.0.0.2"
NAME = "rodin.example"


@pytest.fixture(name="ask_name")
def fixture_ask_name(token_file: str, tmp_path: Path, namespace: None) -> Callable[..., Outcome]:
    """Return what asks NAME, which has the given addresses."""
    del namespace

    def ask(addresses: str, *args: str, **env: str) -> Outcome:
        hosts = tmp_path / "hosts"
        hosts.write_text("".join(f"{address} {NAME}\n" for address in addresses.split()))
        prefix = mounted(hosts, "/etc/hosts")
        return run("--token-file", token_file, *args, env=env, prefix=prefix)

    return ask


@contextlib.contextmanager
def beside(silent: str, host: str, *scripts: Script) -> Iterator[Server]:
    """Serve on *host*, at a port that is silent at the address *silent*."""
    with silent_port(silent) as port, Server(*scripts, host=host, port=port) as server:
        yield server


def test_the_next_address_is_tried(ask_name: Callable[..., Outcome]) -> None:
    """The first is given up after a third of the timeout, and -vv names the second."""
    with beside(FIRST, SECOND, SOUND) as server:
        url = f"http://{NAME}:{server.port}"
        outcome = ask_name(f"{FIRST} {SECOND}", "-H", url, "-t", "4.5", "-vv")
    found = report(outcome, verbose=True)
    assert found.state == "OK"
    assert SECOND in found.more
    assert 1.5 < found.values["time"] < 3


def test_the_next_address_of_a_proxy_is_tried(ask_name: Callable[..., Outcome]) -> None:
    with beside(FIRST, SECOND, SOUND) as server:
        env = {"HTTP_PROXY": f"http://{NAME}:{server.port}"}
        outcome = ask_name(f"{FIRST} {SECOND}", "-H", "http://rodin.invalid", "-t", "3", **env)
    assert report(outcome).state == "OK"


def test_an_address_that_refuses_is_left_at_once(ask_name: Callable[..., Outcome]) -> None:
    with Server(SOUND, host=SECOND) as server:
        outcome = ask_name(f"{FIRST} {SECOND}", "-H", f"http://{NAME}:{server.port}")
    assert report(outcome).state == "OK"
    assert outcome.seconds < 1.5


@pytest.mark.parametrize(
    ("listens", "words"), [(refusing_port, "connection refused"), (silent_port, "within 4 s")]
)
def test_an_address_without_a_route_is_left_out(
    listens: Callable[[], ContextManager[int]], words: str, ask_name: Callable[..., Outcome]
) -> None:
    """Like IPv6 on a host that has only IPv4: here a broadcast address, which TCP never reaches."""
    with listens() as port:
        found = report(ask_name(f"{FIRST} 255.255.255.255", "-H", f"http://{NAME}:{port}", "-t4"))
    assert words in found.text


def test_the_last_address_has_all_the_time_that_is_left(ask_name: Callable[..., Outcome]) -> None:
    with silent_port() as port:
        url = f"http://{NAME}:{port}"
        phase(lambda: ask_name(f"{FIRST} {FIRST}", "-H", url, "-t", str(DEADLINE)), "connecting")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([1.5, SOUND], id="the response"),
        pytest.param([OK, Drip(SOUND[len(OK) :], 0.005)], id="the body"),
    ],
)
def test_what_follows_the_tcp_connection_has_the_whole_timeout(
    script: Script, ask_name: Callable[..., Outcome]
) -> None:
    with Server(script) as first, Server(SOUND, host=SECOND, port=first.port) as second:
        url = f"http://{NAME}:{first.port}"
        assert report(ask_name(f"{FIRST} {SECOND}", "-H", url, "-t", "4")).state == "OK"
        assert (first.connections, second.connections) == (1, 0)


def test_the_tls_handshake_has_the_whole_timeout(
    ask_name: Callable[..., Outcome], secure: ssl.SSLContext, ca_file: str
) -> None:
    """The first address accepts and hangs in the handshake: it is not left."""
    with Server([UNREAD, HOLD]) as first, Server(SOUND, tls=secure, host=SECOND, port=first.port):
        args = ("-H", f"https://{NAME}:{first.port}", "--ca-file", ca_file, "-t", str(DEADLINE))
        phase(lambda: ask_name(f"{FIRST} {SECOND}", *args), "TLS handshake")


# --- -4 and -6 ----------------------------------------------------------------------------------


@pytest.fixture
def ipv6() -> None:
    """Leave out a test where ::1 does not exist."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("option", ["-4", "-6", "--ipv4", "--ipv6"])
def test_only_addresses_of_the_family_are_tried(
    option: str, ask_name: Callable[..., Outcome]
) -> None:
    host, silent = ("127.0.0.1", "::1") if "4" in option else ("::1", "127.0.0.1")
    with beside(silent, host, SOUND) as server:
        url = f"http://{NAME}:{server.port}"
        outcome = ask_name("::1 127.0.0.1", option, "-H", url, "-t", "9")
    assert report(outcome).state == "OK"
    assert outcome.seconds < 3
    assert server.connections == 1


@pytest.mark.usefixtures("ipv6")
def test_the_family_is_that_of_the_connection_to_the_proxy(
    ask_name: Callable[..., Outcome],
) -> None:
    with beside("::1", "127.0.0.1", SOUND) as server:
        env = {"HTTP_PROXY": f"http://{NAME}:{server.port}"}
        outcome = ask_name("::1 127.0.0.1", "-4", "-H", "http://rodin.invalid", "-t", "9", **env)
    assert report(outcome).state == "OK"
    assert outcome.seconds < 3


def test_a_name_without_an_address_of_the_family(ask_name: Callable[..., Outcome]) -> None:
    found = report(ask_name(FIRST, "-6", "-H", f"http://{NAME}:1"))
    assert found.conditions == ("unreachable",)
    assert "-6" in found.text


# --- before the server is asked -------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        "--token-file=",
        "--input=",
        "--extra-opts=@",
        "--ca-file=",
        "--client-cert=",
        "RODIN_API_KEY_FILE=",
    ],
)
def test_a_file_that_is_never_written(
    option: str, tls_server: Server, fifo: str, token_file: str
) -> None:
    """The server was not asked: UNKNOWN, for any state of `timeout`."""
    args = ["-H", tls_server.url, "--state", "timeout=ok", "-t", str(DEADLINE)]
    env = {}
    if option == "RODIN_API_KEY_FILE=":
        env = {"RODIN_API_KEY_FILE": fifo}
    else:
        args += ["--token-file", token_file, f"{option}{fifo}"]
    late(lambda: run(*args, env=env), state="UNKNOWN")
    assert tls_server.connections == 0


def test_standard_input_that_is_never_written() -> None:
    reading, writing = os.pipe()
    late(lambda: run("--input", "-", "-t", str(DEADLINE), stdin=reading), state="UNKNOWN")
    os.close(reading)
    os.close(writing)


def test_a_token_from_a_pipe_is_read(server: Server, token_file: str) -> None:
    """Like that of `<(command)` in bash."""
    server.play(SOUND)
    prefix = ("bash", "-c", f'"$@" --token-file <(sleep 0.2; cat {token_file})', "bash")
    assert report(run("-H", server.url, prefix=prefix)).state == "OK"


#: A library that takes as many seconds to load.
SLOW = """
import sys, time
time.sleep({})
sys.path.remove({!r})
del sys.modules["requests"]
import requests
"""


@pytest.mark.parametrize(("loading", "state"), [(1, "CRITICAL"), (9, "UNKNOWN")])
def test_the_time_for_loading_the_libraries_counts(
    loading: float, state: str, server: Server, tmp_path: Path, ask: Ask
) -> None:
    """It can be over before the server is asked, on an overloaded monitoring host."""
    (tmp_path / "requests.py").write_text(SLOW.format(loading, str(tmp_path)), encoding="ascii")
    args, env = ("-H", server.url, "-t", "3"), {"PYTHONPATH": str(tmp_path)}
    found = late(lambda: ask(*args, **env), state=state, deadline=3)
    assert server.connections == (state == "CRITICAL")
    assert ("monitoring host" in found.text) == (state == "UNKNOWN")


# --- the second look ----------------------------------------------------------------------------

STALLED = http("200 OK", site(mesh=queue(2, 7, 0)))


@pytest.mark.parametrize(
    "later",
    [
        pytest.param([[HOLD]], id="silent"),
        pytest.param([STALLED, [HOLD]], id="the third is silent"),
        pytest.param([[head("200 OK", "Content-Length: 999"), Drip(BODY)]], id="dripped"),
        pytest.param([SOUND[:-9]], id="closed in the body"),
    ],
)
def test_a_later_look_that_fails_does_not_change_the_verdict(
    later: Tuple[Script, ...], server: Server, ask: Ask
) -> None:
    def attempt() -> Outcome:
        server.play(STALLED, *later)
        return ask("-H", server.url, "-t", "5")

    outcome = in_time(attempt, 5)
    found = report(outcome)
    assert (found.state, found.conditions) == ("WARNING", ("stalled",))
    assert server.connections == 1 + len(later)
    assert found.values["time"] < outcome.seconds - 1, "the time ends with the first response"


# --- a run that is disturbed ----------------------------------------------------------------------


@pytest.mark.parametrize("response", [b"", SOUND], ids=["no response", "a response"])
def test_a_run_that_is_stopped_beyond_its_deadline(
    response: bytes, server: Server, token_file: str
) -> None:
    """By kill -STOP, or by an engine that pauses a container."""
    server.play([1.0, response, HOLD])
    process = start("-H", server.url, "--token-file", token_file, "-t", "1.5")
    server.wait_for_request()
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.8)
    process.send_signal(signal.SIGCONT)
    outcome = finish(process)
    found = report(outcome)
    assert found.conditions == ("timeout",) or (response and found.state == "OK"), found.text
    assert outcome.seconds < 0.5


@pytest.mark.skipif(not shutil.which("faketime"), reason="needs faketime")
def test_a_clock_that_jumps_does_not_move_the_deadline(
    server: Server, tmp_path: Path, ask: Ask
) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    stamp = tmp_path / "stamp"
    stamp.write_text("+0", encoding="ascii")

    def jump(_: bytes) -> bytes:
        stamp.write_text("-400d", encoding="ascii")
        return OK

    server.play([jump, HOLD])
    env = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    late(lambda: ask("-H", server.url, **env))


@pytest.mark.parametrize("verbosity", [(), ("-vvv",)], ids=["", "-vvv"])
def test_a_package_that_is_removed_while_it_waits(
    verbosity: Tuple[str, ...], server: Server, tmp_path: Path
) -> None:
    """By an upgrade: to report the timeout nothing has to be read from a disk."""
    server.play([OK, HOLD])
    copy = shutil.copytree(check_rodin_queues.__path__[0], tmp_path / "check_rodin_queues")
    env = {"RODIN_API_KEY": TOKEN, "PYTHONPATH": str(tmp_path)}
    process = start("-H", server.url, "-t", "2", *verbosity, env=env)
    server.wait_for_request()
    shutil.rmtree(copy)
    found = report(finish(process), verbose=bool(verbosity))
    assert found.conditions == ("timeout",)
