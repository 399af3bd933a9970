"""The token stays secret from the output, also if a server or an environment repeats it.

`console.report` searches every output for TOKEN. Here the token is put where it could be shown.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Callable

import pytest

from tests.console import TOKEN, Report, finish, report, run, start, traces
from tests.server import Proxy, Script, Server, answer, head, http, queue, refusing_port, site
from tests.tokens import FORMS, expiring

AUTHORIZATION = f"Authorization: Bearer {TOKEN}\r\n".encode()
SOUND = http("200 OK", site())

Ask = Callable[..., Report]
#: What a server does with a token.
Place = Callable[[str], bytes]


def all_forms(token: str) -> list[str]:
    """Return *token* in each of the FORMS, and in base64: alone, as a login, as in its header."""
    texts = (token, f"a:{token}", f"Bearer {token}")
    encoded = (base64.b64encode(text.encode()).decode() for text in texts)
    return [*(form(token) for form in FORMS.values()), *encoded]


def queues(value: object) -> Place:
    """Return a place where the token is the name of queues."""
    names = ("as it is", "capitals", "hex", "percent, all")
    return lambda token: http(
        "200 OK", site()[:-1] + ", " + answer({FORMS[name](token): value for name in names})[1:]
    )


def body(status: str, text: str) -> Place:
    """Return a place where all forms stand in a body, at `{}`."""
    return lambda token: http(status, text.replace("{}", " ".join(all_forms(token))))


def headers(status: str, line: str) -> Place:
    """Return a place where all forms stand in header lines, at `{}`."""
    return lambda token: http(status, "", *(line.replace("{}", form) for form in all_forms(token)))


def redirect(form: str) -> Place:
    """Return a place where a *form* is truncated in the status line."""
    location = f"Location: https://login.example/{'x' * 20}/{{}}"
    return lambda token: http("302 Found", "", location.format(FORMS[form](token)))


#: Where an echoing server puts the token, and whether -vvv has to show that something stood there.
PLACES: dict[str, tuple[Place, bool]] = {
    "queues without consumers": (queues(queue(0, 7, 0)), True),
    "malformed queues": (queues(None), True),
    "a queue in JSON escapes": (lambda t: b'{"' + FORMS["JSON, all"](t).encode() + b'":1}', False),
    "a long queue": (lambda t: http("200 OK", answer({"n" * 40 + t: queue(0, 7, 0)})), True),
    "a field": (lambda t: http("200 OK", site(mesh=queue(t))), False),
    "a text": (body("200 OK", "{}"), True),
    "a text at 2,000 bytes": (body("200 OK", "x" * 1970 + "{}"), False),
    "the reason of a rejection": (body("401 No", '{"error": "{} is not valid"}'), True),
    "an error page": (body("502 Bad", "<html><pre>Authorization: {}</pre></html>"), True),
    "an error page at 64 KiB": (body("500 No", "x" * 65_500 + "{}"), False),
    "headers": (headers("200 OK", "X-Token: {}"), True),
    "headers at 400 characters": (headers("404 No", "X-Token: " + "x" * 360 + "{}"), False),
    "the encoding": (headers("200 OK", "Content-Encoding: {}"), True),
    **{f"a redirect, {form}": (redirect(form), True) for form in ("as it is", "percent", "hex")},
    "the reason phrase": (lambda t: http(f"403 {t}"), False),
    "the status line": (lambda t: f"{' '.join(all_forms(t))}\r\n\r\n".encode(), False),
    "a chunk size": (lambda t: head("200 OK", "Transfer-Encoding: chunked") + t.encode(), False),
}


@pytest.fixture(name="ask")
def fixture_ask(token_file: str) -> Ask:
    """Return what runs the check with the token and asserts that it is not shown."""

    def ask(url: str, *args: str, **env: str) -> Report:
        outcome = run("-H", url, "--token-file", token_file, *args, env=env)
        return report(outcome, verbose="-vvv" in args)

    return ask


def echo(place: Place) -> Callable[[bytes], bytes]:
    """Return what puts the token of a request into the *place* of its response."""
    return lambda request: place(request.split(b"Bearer ")[1].split(b"\r\n")[0].decode())


@pytest.mark.parametrize("place", PLACES)
def test_an_echoed_token_is_not_shown(place: str, server: Server, ask: Ask) -> None:
    respond, is_shown = PLACES[place]
    server.play(echo(respond))
    found = ask(server.url, "-vvv")
    assert AUTHORIZATION in server.requests[0]
    assert "***" in found.text + found.more or not is_shown


def test_no_part_of_a_jwt_is_shown(server: Server) -> None:
    """Each part is as secret as the whole: the claims name a customer."""
    token = expiring(86400)
    for part in token.split(".")[:2]:
        server.play(PLACES["a text"][0](part))
        outcome = run("-H", server.url, "-vvv", env={"RODIN_API_KEY": token})
        found = report(outcome, verbose=True, token=part)
        assert "***" in found.more
        assert "token_expires_in" in found.metrics


# --- the request --------------------------------------------------------------------------------


def test_a_tunnel_does_not_get_the_token(tls_server: Server, ca_file: str, ask: Ask) -> None:
    tls_server.play(SOUND)
    with Proxy() as proxy:
        found = ask(tls_server.url, "--ca-file", ca_file, HTTPS_PROXY=proxy.url)
    assert found.state == "OK"
    assert AUTHORIZATION in tls_server.requests[0]
    assert b"authorization" not in proxy.requests[0].lower()
    assert traces(proxy.heard.decode("latin-1")) == []
    assert len(proxy.heard) > 700, "the proxy received too little to prove anything"


@pytest.mark.parametrize("variable", ["HOME", "NETRC"])
def test_netrc_is_not_used(variable: str, server: Server, tmp_path: Path, ask: Ask) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login intruder password hunter2\n", encoding="ascii")
    netrc.chmod(0o600)
    server.play(http("401 No", site(), 'WWW-Authenticate: Basic realm="x"'))
    ask(server.url, **{variable: str(tmp_path if variable == "HOME" else netrc)})
    (request,) = server.requests
    assert request.count(b"Authorization") == 1
    assert AUTHORIZATION in request


def test_no_key_of_the_connection_is_written(
    tls_server: Server, ca_file: str, tmp_path: Path, ask: Ask
) -> None:
    """With the keys, recorded traffic shows the token."""
    tls_server.play(SOUND)
    keys = tmp_path / "keys"
    assert ask(tls_server.url, "--ca-file", ca_file, SSLKEYLOGFILE=str(keys)).state == "OK"
    assert not keys.exists()


PASSWORD = "pR0xyPa55w0rdOfSomeLength"


@pytest.mark.parametrize("script", [None, http("407 Who"), b"junk\r\n\r\n"], ids=ascii)
def test_the_password_of_a_proxy_is_not_shown(
    script: Script, tls_server: Server, ca_file: str, token_file: str
) -> None:
    """A proxy that opens a tunnel, one that wants another login, and one that is broken."""
    tls_server.play(SOUND)
    args = ["-H", tls_server.url, "--token-file", token_file, "--ca-file", ca_file, "-vvv"]
    with Server(script) if script else Proxy() as proxy:
        env = {"HTTPS_PROXY": f"http://someone:{PASSWORD}@{proxy.address}"}
        found = report(run(*args, env=env), verbose=True, token=PASSWORD)
        assert b"Proxy-Authorization: Basic " in proxy.requests[0]
    assert found.conditions == (("unreachable",) if script else ())
    assert all(b"Proxy-Authorization" not in request for request in tls_server.requests)


#: Proxies that cannot be used; `{}` is a port that refuses.
UNUSABLE = {
    "a proxy that refuses": f"http://someone:{PASSWORD}@127.0.0.1:{{}}",
    "a SOCKS proxy": f"socks5://someone:{PASSWORD}@127.0.0.1:{{}}",
    "not a proxy": f"someone:{PASSWORD}",
    "not ASCII": f"http://someone:{PASSWORD}\u20ac@127.0.0.1:{{}}",
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_the_password_of_a_proxy_that_cannot_be_used_is_not_shown(
    case: str, server: Server, token_file: str
) -> None:
    with refusing_port() as port:
        args = ("-H", server.url, "--token-file", token_file, "-vvv")
        outcome = run(*args, env={"HTTP_PROXY": UNUSABLE[case].format(port)})
    assert report(outcome, verbose=True, token=PASSWORD).conditions == ("unreachable",)
    assert server.connections == 0


# --- the machine --------------------------------------------------------------------------------


def test_the_token_is_in_no_command_line_and_no_child(server: Server, token_file: str) -> None:
    """While a silent server holds the run."""
    process = start("-H", server.url, "--token-file", token_file, "-vvv")
    server.wait_for_request()
    folder = Path(f"/proc/{process.pid}")
    shown = [(folder / name).read_text() for name in ("cmdline", "environ", "comm")]
    children = "".join(path.read_text() for path in folder.glob("task/*/children"))
    opened = {os.readlink(path) for path in (folder / "fd").iterdir()}
    process.terminate()
    report(finish(process), verbose=True)
    assert traces("".join(shown)) == []
    assert children == ""
    assert [path for path in opened if path.startswith("/") and not path.startswith("/dev")] == []


#: Reports each file that Python opens for writing, each program, and each connection.
HOOK = """
import os, sys
_log = os.open(os.environ["LOG"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
_writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_leaving = ("subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system",
            "os.mkdir", "os.link", "os.symlink", "os.rename", "syslog.", "socket.connect")
def _hook(event, args):
    opened = event == "open" and args[2] & _writing and not isinstance(args[0], int)
    if event.startswith(_leaving) or (opened and not str(args[0]).startswith(("/dev/", "/proc/"))):
        shown = args[1:] if event.startswith("socket.") else args
        os.write(_log, f"{event} {shown}\\n".encode())
sys.addaudithook(_hook)
"""


def test_nothing_leaves_the_process_but_one_request(
    server: Server, tmp_path: Path, ask: Ask
) -> None:
    """No file, no program, no log, and no other server gets anything."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "sitecustomize.py").write_text(HOOK, encoding="ascii")
    server.play(echo(PLACES["an error page"][0]))
    env = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), str(home))
    env.update(PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1", LOG=str(tmp_path / "log"))
    assert ask(server.url, "-vvv", **env).conditions == ("unreachable",)
    expected = f"socket.connect {(('127.0.0.1', server.port),)}\n"
    assert (tmp_path / "log").read_text() == expected
    assert list(home.iterdir()) == []


#: A token that can also be the name of a host and of a queue.
WORD = "c4n4ry0fL3tt3rsAndD1g1ts0nly5x7Q9w"


@pytest.mark.parametrize(
    "words",
    [
        *(f"-H {WORD}", f"-H http://127.0.0.1:1/{WORD}", f"-w {WORD}.job_awaiting=5"),
        *(f"-q {WORD}*", f"--require {WORD}", f"HTTP_PROXY=http://{WORD}:9"),
    ],
)
def test_a_token_that_is_also_a_name_is_not_shown(words: str, server: Server) -> None:
    server.play(SOUND)
    args, env = words.split(), {"RODIN_API_KEY": WORD}
    if "PROXY" in words:
        args, env["HTTP_PROXY"] = [], words.partition("=")[2]
    outcome = run("-H", server.url, "-t", "3", "-vvv", *args, env=env)
    report(outcome, verbose=True, token=WORD)
