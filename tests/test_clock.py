"""The deadline: a run ends on time wherever it hangs, says where, and tries the next address."""

from __future__ import annotations

import contextlib
import gzip
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

import check_rodin_queues
from tests.console import TOKEN, Outcome, finish, in_time, report, run, start
from tests.server import (
    HOLD,
    UNREAD,
    Proxy,
    Repeat,
    Script,
    Server,
    chunk,
    drip,
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
CONNECTED = b"HTTP/1.1 200 Connected\r\n\r\n"
CHUNKED = head("200 OK", "Transfer-Encoding: chunked")
GZIP = head("200 OK", "Content-Encoding: gzip")

Ask = Callable[..., Outcome]


@pytest.fixture(name="ask")
def fixture_ask(token_file: str) -> Ask:
    """Return what runs the check for at most DEADLINE seconds; a later -t wins."""
    args = ("--token-file", token_file, "-t", str(DEADLINE))
    return lambda *more, **env: run(*args, *more, env=env)


def late(
    attempt: Callable[[], Outcome], *words: str, state: str = "CRITICAL", deadline: float = DEADLINE
) -> None:
    """Assert that a run ends at its deadline and says so with these *words*."""
    found = report(in_time(attempt, deadline, earliest=deadline))
    assert (found.state, found.conditions) == (state, ("timeout",)), found.text
    assert [word for word in words if word.lower() not in found.text.lower()] == [], found.text


# --- where it hangs -----------------------------------------------------------------------------

#: The words that name a phase; those of the other phases are not in its message.
RESOLVING, CONNECTING, REPLY = "did not resolve", "no TCP connection", "to CONNECT"
HANDSHAKE, WAITING, READING = "no TLS handshake", "no response", "incomplete"

#: The host, with `{}` for the address of a server, and a proxy variable, if any.
DIRECT, TLS = "http://{}", "https://{}"
TUNNEL = "https://rodin.example HTTPS_PROXY=http://{}"
TLS_TUNNEL = "https://rodin.example HTTPS_PROXY=https://{}"

#: Where it hangs, the phase that the text names, and what the server sends.
HANGS: dict[str, tuple[str, str, Script]] = {
    "silent before the response": (DIRECT, WAITING, [HOLD]),
    "dripped status line": (DIRECT, WAITING, drip(b"HTTP/1.1 200 " + b"x" * 99)),
    "100 Continue without end": (DIRECT, WAITING, [Repeat(b"HTTP/1.1 100 Go on\r\n\r\n", 0.1)]),
    "a header every half second": (DIRECT, "", [OK, Repeat(b"X-More: 1\r\n", 0.5)]),
    "silent before the last byte": (DIRECT, READING, [SOUND[:-1], HOLD]),
    "dripped body": (DIRECT, READING, [head("200 OK", "Content-Length: 999"), *drip(BODY)]),
    "dripped chunks": (DIRECT, READING, [CHUNKED, Repeat(chunk(b" "), 0.1)]),
    "dripped gzip": (DIRECT, READING, [GZIP, *drip(gzip.compress(BODY))]),
    "silent TLS": (TLS, HANDSHAKE, [UNREAD, HOLD]),
    "dripped TLS": (TLS, HANDSHAKE, [UNREAD, *drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" * 5)]),
    "silent proxy": (TUNNEL, REPLY, [HOLD]),
    "dripped reply of the proxy": (TUNNEL, REPLY, drip(CONNECTED.rstrip() + b"x" * 99)),
    "silent in the tunnel": (TUNNEL, HANDSHAKE, [CONNECTED, HOLD]),
    "silent proxy of http": ("http://rodin.example HTTP_PROXY=http://{}", "to proxy", [HOLD]),
    "silent TLS of the proxy": (TLS_TUNNEL, f"{HANDSHAKE} with proxy", [UNREAD, HOLD]),
}


@pytest.mark.parametrize("case", HANGS)
def test_a_server_or_a_proxy_that_hangs(case: str, server: Server, ask: Ask) -> None:
    road, phase, script = HANGS[case]
    host, _, proxy = road.format(server.address).partition(" ")
    env = dict([proxy.split("=")]) if proxy else {}
    server.play(script)
    late(lambda: ask("-H", host, **env), phase)


@pytest.mark.parametrize("deadline", ["0.5", "0.75"])
def test_the_deadline_is_that_of_the_option(deadline: str, server: Server, ask: Ask) -> None:
    late(lambda: ask("-H", server.url, "-t", deadline), f"{deadline} s", deadline=float(deadline))


def test_a_syn_that_is_dropped(ask: Ask) -> None:
    with silent_port() as port:
        late(lambda: ask("-H", f"http://127.0.0.1:{port}"), CONNECTING)


def test_a_server_that_hangs_in_a_tunnel(tls_server: Server, ca_file: str, ask: Ask) -> None:
    tls_server.play([HOLD])
    args = ("-H", tls_server.url, "--ca-file", ca_file)
    with Proxy() as proxy:
        late(lambda: ask(*args, HTTPS_PROXY=proxy.url), WAITING)


def test_the_deadline_in_the_body_of_an_error_does_not_change_the_state(
    server: Server, ask: Ask
) -> None:
    server.play([1.0, head("401 No", "Content-Length: 99"), HOLD])
    outcome = in_time(lambda: ask("-H", server.url, "-t", "2", "-vvv"), 2)
    assert report(outcome, verbose=True).conditions == ("auth",)


# --- files of the system, in a mount namespace --------------------------------------------------


def mounted(path: Path, system: str) -> tuple[str, ...]:
    """Return the words that start a program for which *path* is this file of the system."""
    script = f'mount --bind {path} {system} && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", script, "mounted")


@pytest.mark.usefixtures("namespace")
@pytest.mark.xdist_group("port 53")
def test_a_resolver_that_hangs(token_file: str, tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 127.9.9.9\n", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.9.9.9", 53))
        args = ("-H", "rodin.example", "--token-file", token_file, "-t", str(DEADLINE))
        late(lambda: run(*args, prefix=mounted(path, "/etc/resolv.conf")), RESOLVING)


FIRST, SECOND = "127.0.0.1", "127.0.0.2"
NAME = "rodin.example"


@pytest.fixture(name="ask_name")
def fixture_ask_name(token_file: str, tmp_path: Path, namespace: None) -> Ask:
    """Return what asks NAME, which has the given addresses."""
    del namespace

    def ask(addresses: str, *args: str, **env: str) -> Outcome:
        hosts = tmp_path / "hosts"
        hosts.write_text("".join(f"{address} {NAME}\n" for address in addresses.split()))
        prefix = mounted(hosts, "/etc/hosts")
        return run("--token-file", token_file, *args, env=env, prefix=prefix)

    return ask


@contextlib.contextmanager
def beside(silent: str, host: str) -> Iterator[Server]:
    """Serve on *host*, at a port that is silent at the address *silent*."""
    with silent_port(silent) as port, Server(SOUND, host=host, port=port) as server:
        yield server


def test_the_next_address_is_tried(ask_name: Ask) -> None:
    """The first is given up after a third of the timeout, and -vv names the second."""
    with beside(FIRST, SECOND) as server:
        url = f"http://{NAME}:{server.port}"
        outcome = ask_name(f"{FIRST} {SECOND}", "-H", url, "-t", "9", "-vv")
    found = report(outcome, verbose=True)
    assert found.state == "OK"
    assert SECOND in found.more
    assert 3 < found.values["time"] < 4.2


def test_an_address_that_refuses_is_left_at_once(ask_name: Ask) -> None:
    with refusing_port() as port, Server(SOUND, host=SECOND, port=port):
        outcome = ask_name(f"{FIRST} {SECOND}", "-H", f"http://{NAME}:{port}")
    found = report(outcome)
    assert found.state == "OK", found.text
    assert outcome.seconds < 3


@pytest.mark.parametrize(
    ("listens", "words"), [(refusing_port, "connection refused"), (silent_port, "within 4 s")]
)
def test_an_address_without_a_route_is_left_out(
    listens: Callable[[], contextlib.AbstractContextManager[int]], words: str, ask_name: Ask
) -> None:
    """Like IPv6 on a host that has only IPv4: here a broadcast address, which TCP never reaches."""
    with listens() as port:
        found = report(ask_name(f"{FIRST} 255.255.255.255", "-H", f"http://{NAME}:{port}", "-t4"))
    assert words in found.text


def test_the_last_address_has_all_the_time_that_is_left(ask_name: Ask) -> None:
    with silent_port() as port:
        args = ("-H", f"http://{NAME}:{port}", "-t", str(DEADLINE))
        late(lambda: ask_name(f"{FIRST} {FIRST}", *args), CONNECTING)


def test_the_response_has_the_whole_timeout(ask_name: Ask) -> None:
    with Server([1.5, SOUND]) as first, Server(SOUND, host=SECOND, port=first.port) as second:
        url = f"http://{NAME}:{first.port}"
        assert report(ask_name(f"{FIRST} {SECOND}", "-H", url, "-t", "4")).state == "OK"
        assert (first.connections, second.connections) == (1, 0)


def test_the_tls_handshake_has_the_whole_timeout(
    ask_name: Ask, secure: ssl.SSLContext, ca_file: str
) -> None:
    """The first address accepts and hangs in the handshake: it is not left."""
    with Server([UNREAD, HOLD]) as first, Server(SOUND, tls=secure, host=SECOND, port=first.port):
        args = ("-H", f"https://{NAME}:{first.port}", "--ca-file", ca_file, "-t", str(DEADLINE))
        late(lambda: ask_name(f"{FIRST} {SECOND}", *args), HANDSHAKE)


# --- -4 and -6 ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("road", ["direct", "a proxy"])
def test_only_addresses_of_the_family_are_tried(road: str, ask_name: Ask) -> None:
    """With a proxy it is the family of the connection to the proxy."""
    with beside("::1", "127.0.0.1") as server:
        url, env = f"http://{NAME}:{server.port}", {}
        if road == "a proxy":
            url, env = "http://rodin.invalid", {"HTTP_PROXY": url}
        outcome = ask_name("::1 127.0.0.1", "-4", "-H", url, "-t", "9", **env)
        assert server.connections == 1
    assert report(outcome).state == "OK"
    assert outcome.seconds < 3


def test_a_name_without_an_address_of_the_family(ask_name: Ask) -> None:
    found = report(ask_name(FIRST, "-6", "-H", f"http://{NAME}:1"))
    assert found.conditions == ("unreachable",)
    assert "-6" in found.text


# --- before the server is asked -----------------------------------------------------------------


#: Options that name a file, and what the run does then.
FILES = {
    "--token-file=": "reading the API token",
    "--ca-file=": "reading the certificates",
    "--client-cert=": "reading the certificates",
    "--extra-opts=@": "reading --extra-opts",
    "--input=": "reading --input",
}


@pytest.mark.parametrize("option", FILES)
def test_a_file_that_is_never_written(
    option: str, tls_server: Server, fifo: str, token_file: str
) -> None:
    """The server was not asked: UNKNOWN, for any state of `timeout`."""
    args = ["-H", tls_server.url, "--state", "timeout=ok", "-t", "1"]
    args += ["--token-file", token_file, f"{option}{fifo}"]
    step = "Check load and disks of the monitoring host"
    text = f"still {FILES[option]} after 1 s, the server was not asked (timeout). {step}"
    late(lambda: run(*args), text, state="UNKNOWN", deadline=1)
    assert tls_server.connections == 0


def test_a_token_from_a_pipe_is_read(server: Server, token_file: str) -> None:
    """Like that of `<(command)` in bash."""
    server.play(SOUND)
    prefix = ("bash", "-c", f'"$@" --token-file <(sleep 0.2; cat {token_file})', "bash")
    assert report(run("-H", server.url, prefix=prefix)).state == "OK"


#: A library that takes as many seconds to load.
SLOW = """
import importlib, sys, time
time.sleep({})
sys.path.remove({!r})
del sys.modules["requests"]
importlib.import_module("requests")
"""


@pytest.mark.parametrize(("loading", "state"), [(1, "CRITICAL"), (9, "UNKNOWN")])
def test_the_time_for_loading_the_libraries_counts(
    loading: float, state: str, server: Server, tmp_path: Path, ask: Ask
) -> None:
    """It can be over before the server is asked, on an overloaded monitoring host."""
    (tmp_path / "requests.py").write_text(SLOW.format(loading, str(tmp_path)), encoding="ascii")
    late(lambda: ask("-H", server.url, PYTHONPATH=str(tmp_path)), state=state)
    assert server.connections == (state == "CRITICAL")


# --- a later look, and a run that is disturbed --------------------------------------------------


def test_the_deadline_does_not_fall_into_a_later_look(server: Server, ask: Ask) -> None:
    stalled = http("200 OK", site(mesh=queue(2, 7, 0)))

    def attempt() -> Outcome:
        server.play(stalled, stalled, [head("200 OK", "Content-Length: 999"), *drip(BODY)])
        return ask("-H", server.url, "-t", "5")

    assert report(in_time(attempt, 5)).conditions == ("stalled",)
    assert server.connections == 3


def test_a_run_that_is_stopped_beyond_its_deadline(server: Server, token_file: str) -> None:
    """By kill -STOP, or by a container that is paused."""
    process = start("-H", server.url, "--token-file", token_file, "-t", "2.5")
    server.wait_for_request()
    process.send_signal(signal.SIGSTOP)
    time.sleep(5.8)  # longer than the last resort waits
    process.send_signal(signal.SIGCONT)
    outcome = finish(process)
    assert report(outcome).conditions == ("timeout",)
    assert outcome.seconds < 1.5


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
    env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(stamp)}
    env.update(FAKETIME_NO_CACHE="1", DONT_FAKE_MONOTONIC="1")
    late(lambda: ask("-H", server.url, **env))


def test_a_package_that_is_removed_while_it_waits(server: Server, tmp_path: Path) -> None:
    """By an upgrade: to report the timeout nothing has to be read from a disk."""
    server.play([OK, HOLD])
    copy = shutil.copytree(check_rodin_queues.__path__[0], tmp_path / "check_rodin_queues")
    env = {"RODIN_API_KEY": TOKEN, "PYTHONPATH": str(tmp_path)}
    process = start("-H", server.url, "-t", "2", "-vvv", env=env)
    server.wait_for_request()
    shutil.rmtree(copy)
    assert report(finish(process), verbose=True).conditions == ("timeout",)
