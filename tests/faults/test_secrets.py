"""The token stays secret, whatever a server, an environment or an administrator does with it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

from tests.console import SCRIPT, environment
from tests.faults import spawner
from tests.faults.behaviour import HEALTHY, raw, reply
from tests.faults.canary import TOKEN, traces
from tests.faults.document import answer
from tests.faults.echo import ALWAYS_SHOWN, PLACES, RARE_SPELLINGS, SPELLINGS, echo, is_shown
from tests.faults.invariants import check_run
from tests.faults.proxy import Proxy
from tests.faults.server import Exchange, FaultServer
from tests.faults.trial import Launcher, Trial
from tests.faults.writes import asked_alone, left, watching, written

AUTHORIZATION = f"Authorization: Bearer {TOKEN}\r\n".encode()

#: All headers that a server of Rodin gets, sorted.
HEADERS = [
    *(b"Accept", b"Accept-Encoding", b"Authorization", b"Connection", b"Host", b"User-Agent")
]

Ask = Callable[..., Trial]


@pytest.fixture
def ask(launcher: Launcher, plain_server: FaultServer, token_file: str) -> Ask:
    """Return what asks the plain server with the canary."""
    return lambda *args, **more: launcher.run(
        "-H", plain_server.url, "--token-file", token_file, *args, **more
    )


def _headers(request: bytes) -> List[bytes]:
    """Return the names of the request's headers, sorted."""
    return sorted(line.partition(b":")[0] for line in request.split(b"\r\n")[1:-2])


def _echoes() -> Iterator[object]:
    """Pair every place with every spelling, silent and at -vvv.

    The daily run tries one spelling where a place is shown, if it ever is.
    """
    spellings = {**SPELLINGS, **RARE_SPELLINGS}
    for row, place in enumerate(PLACES):
        for column, spelling in enumerate(spellings):
            for verbosity in (0, 3):
                daily = column == (row + verbosity) % len(SPELLINGS) and (
                    verbosity or place in ALWAYS_SHOWN
                )
                marks = () if daily else pytest.mark.slow
                name = f"{place}-{spelling}-{verbosity}"
                yield pytest.param(place, spelling, verbosity, marks=marks, id=name)


@pytest.mark.parametrize(("place", "spelling", "verbosity"), list(_echoes()))
def test_an_echoed_token_is_not_shown(
    place: str, spelling: str, verbosity: int, plain_server: FaultServer, ask: Ask
) -> None:
    plain_server.prepare(echo(PLACES[place], {**SPELLINGS, **RARE_SPELLINGS}[spelling]))
    trial = ask(*["-v"] * verbosity)
    assert AUTHORIZATION in plain_server.requests[0]
    check_run(trial, lines=None if verbosity else 1)
    if is_shown(place, spelling, verbosity):
        assert "***" in trial.outcome.stdout


@pytest.mark.parametrize("verbosity", range(4))
def test_a_web_token_is_not_shown_either(
    launcher: Launcher, plain_server: FaultServer, tmp_path: Path, verbosity: int
) -> None:
    """A JWT has three parts, of which each is as secret as the whole."""
    token = _web_token()
    path = tmp_path / "token"
    path.write_text(token, encoding="ascii")
    for place in (PLACES["error_object"], PLACES["dead_queue"], PLACES["status_line"]):
        plain_server.prepare(echo(place, str))
        args = ("-H", plain_server.url, "--token-file", str(path), *["-v"] * verbosity)
        trial = launcher.run(*args)
        check_run(trial, lines=None if verbosity else 1, token=token)
        assert "token_expires_in" in trial.outcome.perfdata


@pytest.mark.parametrize("place", ["text_body", "own_header", "dead_queue"])
@pytest.mark.parametrize("part", range(3))
def test_no_part_of_a_web_token_is_shown_alone(
    launcher: Launcher, plain_server: FaultServer, tmp_path: Path, part: int, place: str
) -> None:
    """A server that takes it apart may send any of its parts back."""
    token = _web_token()
    path = tmp_path / "token"
    path.write_text(token, encoding="ascii")
    plain_server.prepare(echo(PLACES[place], lambda text: text.split(".")[part]))
    trial = launcher.run("-H", plain_server.url, "--token-file", str(path), "-vvv")
    assert token.encode() in plain_server.requests[0]
    check_run(trial, lines=None, token=token.split(".")[part])
    assert "***" in trial.outcome.stdout


def _web_token() -> str:
    """Return a token that expires, with the signature of nobody."""

    def part(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    claims = {"exp": int(time.time()) + 86400, "sub": "a customer who wants to stay unknown"}
    return ".".join([part({"alg": "HS256"}), part(claims), "s1gNaTuRe" * 5])


@pytest.mark.parametrize("verbosity", ["-v", "-vvv"])
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://[::1]:1", "https://127.0.0.1:{port}"],
)
def test_a_connection_that_fails_shows_no_token(
    launcher: Launcher, plain_server: FaultServer, token_file: str, url: str, verbosity: str
) -> None:
    plain_server.prepare(Exchange.close)
    host = url.format(port=plain_server.port)
    trial = launcher.run("-H", host, "--token-file", token_file, verbosity)
    assert check_run(trial, lines=None) == "CRITICAL"


def test_the_token_is_on_no_command_line_and_in_no_child(
    plain_server: FaultServer, token_file: str
) -> None:
    """Looked at while a silent server holds the run, when all is set up that ever will be."""
    plain_server.prepare(raw(end=Exchange.hold))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file, "-t", "5", "-vvv"]
    spawner.adopt()
    known = spawner.children()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        _wait_for(lambda: bool(plain_server.requests))
        folder = Path(f"/proc/{process.pid}")
        assert traces((folder / "cmdline").read_bytes().decode()) == []
        assert traces((folder / "environ").read_bytes().decode()) == []
        assert traces((folder / "comm").read_text()) == []
        children = [path.read_text() for path in folder.glob("task/*/children")]
        orphans = spawner.children() - known - {process.pid}
        opened = {os.readlink(path) for path in (folder / "fd").iterdir()}
        process.terminate()
        stdout, stderr = process.communicate(timeout=10)
    assert not spawner.remaining(known), "a process is left"
    assert ("".join(children), orphans) == ("", set()), "the check started another process"
    assert not [path for path in opened if path.startswith("/") and not path.startswith("/dev")]
    assert traces(stdout.decode() + stderr.decode()) == []


def _wait_for(fact: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_the_token_is_written_to_no_file(
    launcher: Launcher, plain_server: FaultServer, token_file: str, tmp_path: Path
) -> None:
    """Home, the folder for temporary files and every cache lie in one folder that stays empty.

    Nor does it leave in another way: no program is started, no log told, nobody else asked.
    """
    home = tmp_path / "home"
    home.mkdir()
    plain_server.prepare(echo(PLACES["error_page"], str))
    names = (
        "HOME",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    )
    env = {**watching(tmp_path), **dict.fromkeys(names, str(home))}
    trial = launcher.run("-H", plain_server.url, "--token-file", token_file, "-vvv", env=env)
    assert check_run(trial, lines=None) == "CRITICAL"
    assert AUTHORIZATION in plain_server.requests[0]
    assert written(tmp_path) == []
    assert list(home.iterdir()) == []
    assert left(tmp_path) == asked_alone("127.0.0.1", plain_server.port)


UNSENDABLE: Dict[str, bytes] = {
    "blank": b" \t ",
    "inner_return": TOKEN.encode() + b"\r" + TOKEN.encode(),
    "inner_tab": TOKEN.encode() + b"\t" + TOKEN.encode(),
    "control": TOKEN.encode() + b"\x01x",
    "escape": b"\x1b[31m" + TOKEN.encode(),
    "delete": TOKEN.encode() + b"\x7fx",
    "form_feed": TOKEN.encode() + b"\x0c" + TOKEN.encode(),
    "latin_1": TOKEN.encode() + "\u00e9".encode("latin-1") + b"x",
    "umlaut": TOKEN.encode() + "\u00fc".encode() + b"x",
    "emoji": TOKEN.encode() + "\U0001f600".encode() + b"x",
    "next_line": TOKEN.encode() + "\u0085".encode() + b"x",
    "line_separator": TOKEN.encode() + "\u2028".encode() + b"x",
    "too_long": TOKEN.encode() + b"x" * (16 * 1024 + 1 - len(TOKEN)),
    "much_too_long": TOKEN.encode() * 20_000,
}

#: What only one of the two sources can hold or would refuse.
UNSENDABLE_FILES = {
    "empty": b"",
    "nul": TOKEN.encode() + b"\0x",
    "empty_first_line": b"\n" + TOKEN.encode(),
}
UNSENDABLE_VARIABLES = {
    "inner_newline": TOKEN.encode() + b"\n" + TOKEN.encode(),
    "crlf": TOKEN.encode() + b"\r\nX-Evil: 1",
}


@pytest.mark.parametrize("verbosity", [0, 3])
@pytest.mark.parametrize("name", [*UNSENDABLE, *UNSENDABLE_FILES])
def test_a_file_with_a_token_that_cannot_be_sent_is_refused(
    launcher: Launcher, plain_server: FaultServer, tmp_path: Path, name: str, verbosity: int
) -> None:
    plain_server.prepare(HEALTHY)
    path = tmp_path / "token-file"
    path.write_bytes({**UNSENDABLE, **UNSENDABLE_FILES}[name] + b"\n")
    args = ("-H", plain_server.url, "--token-file", str(path), *["-v"] * verbosity)
    trial = launcher.run(*args)
    assert check_run(trial, lines=None if verbosity else 1) == "UNKNOWN"
    assert "token" in trial.outcome.text.lower()
    assert plain_server.connections == 0


@pytest.mark.parametrize("name", sorted({*UNSENDABLE, *UNSENDABLE_VARIABLES} - {"much_too_long"}))
def test_a_variable_with_a_token_that_cannot_be_sent_is_refused(
    plain_server: FaultServer, name: str
) -> None:
    plain_server.prepare(HEALTHY)
    value = {**UNSENDABLE, **UNSENDABLE_VARIABLES}[name]
    env = {**os.environb, b"RODIN_API_KEY": value}
    done = subprocess.run(
        [str(SCRIPT), "-H", plain_server.url], env=env, capture_output=True, timeout=30, check=False
    )
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (3, b"")
    assert text.startswith("RODIN_QUEUES UNKNOWN - ")
    assert text.count("\n") == 1
    assert traces(text) == []
    assert "token" in text.lower()
    assert "RODIN_API_KEY" in text
    assert plain_server.connections == 0


def test_the_longest_token_is_sent(
    launcher: Launcher, plain_server: FaultServer, tmp_path: Path
) -> None:
    plain_server.prepare(HEALTHY)
    token = TOKEN + "x" * (16 * 1024 - len(TOKEN))
    path = tmp_path / "token"
    path.write_text(f"  {token} \nanother line\n", encoding="ascii")
    trial = launcher.run("-H", plain_server.url, "--token-file", str(path))
    assert check_run(trial) == "OK"
    assert f"Authorization: Bearer {token}\r\n".encode() in plain_server.requests[0]


@pytest.mark.parametrize("env", [{}, {"RODIN_API_KEY": ""}])
def test_without_a_token_nothing_is_asked(
    launcher: Launcher, plain_server: FaultServer, env: Dict[str, str]
) -> None:
    plain_server.prepare(HEALTHY)
    trial = launcher.run("-H", plain_server.url, env=env)
    assert check_run(trial) == "UNKNOWN"
    assert "--token-file" in trial.outcome.text
    assert plain_server.connections == 0


@pytest.mark.parametrize("where", ["home", "variable"])
@pytest.mark.parametrize("machine", ["machine 127.0.0.1", "default"])
def test_netrc_never_replaces_the_token(
    ask: Ask, plain_server: FaultServer, tmp_path: Path, where: str, machine: str
) -> None:
    plain_server.prepare(HEALTHY)
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"{machine} login intruder password hunter2\n", encoding="ascii")
    netrc.chmod(0o600)
    env = {"HOME": str(tmp_path)} if where == "home" else {"NETRC": str(netrc)}
    trial = ask(env=env)
    assert check_run(trial) == "OK"
    assert plain_server.requests[0].count(b"Authorization") == 1
    assert AUTHORIZATION in plain_server.requests[0]


def test_netrc_is_not_used_at_a_redirect_or_a_challenge(
    ask: Ask, plain_server: FaultServer, elsewhere: FaultServer, tmp_path: Path
) -> None:
    elsewhere.prepare(HEALTHY)
    (tmp_path / ".netrc").write_text("default login intruder password hunter2\n", encoding="ascii")
    for header in (f"Location: {elsewhere.url}/", 'WWW-Authenticate: Basic realm="x"'):
        for status in ("302 Found", "401 No"):
            plain_server.prepare(reply(answer(), status, header))
            assert check_run(ask(env={"HOME": str(tmp_path)})) == "UNKNOWN"
            assert len(plain_server.requests) == 1
    assert elsewhere.connections == 0


def test_a_proxy_of_https_sees_no_token(
    launcher: Launcher, tls_server: FaultServer, token_file: str, ca_file: str
) -> None:
    tls_server.prepare(HEALTHY)
    with Proxy() as proxy:
        trial = launcher.run(
            *("-H", tls_server.url, "--token-file", token_file, "--ca-file", ca_file),
            env={"HTTPS_PROXY": proxy.url},
        )
    assert check_run(trial) == "OK"
    assert AUTHORIZATION in tls_server.requests[0]
    assert _headers(tls_server.requests[0]) == HEADERS
    assert proxy.requests[0].startswith(f"CONNECT 127.0.0.1:{tls_server.port} ".encode())
    assert b"authorization" not in proxy.requests[0].lower()
    assert traces(proxy.heard.decode("latin-1")) == []
    assert len(proxy.heard) > 700, "the proxy heard too little to prove anything"


def test_a_proxy_of_plain_http_gets_the_request_that_was_asked_for(
    launcher: Launcher, plain_server: FaultServer, token_file: str
) -> None:
    plain_server.prepare(HEALTHY)
    trial = launcher.run(
        *("-H", "http://rodin.example", "--token-file", token_file),
        env={"HTTP_PROXY": plain_server.url},
    )
    assert check_run(trial) == "OK"
    request = plain_server.requests[0]
    assert request.startswith(b"GET http://rodin.example/api/v2/queue_status_check HTTP/1.1\r\n")
    assert AUTHORIZATION in request


def test_no_proxy_is_kept(ask: Ask, plain_server: FaultServer, elsewhere: FaultServer) -> None:
    plain_server.prepare(HEALTHY)
    elsewhere.prepare(HEALTHY)
    trial = ask(env={"HTTP_PROXY": elsewhere.url, "NO_PROXY": "127.0.0.1"})
    assert check_run(trial) == "OK"
    assert elsewhere.connections == 0


PROXY_SECRET = "pR0xyPa55w0rdOfSomeLength"


@pytest.mark.parametrize("verbosity", range(4))
@pytest.mark.parametrize(
    "refusal", [b"", b"HTTP/1.1 407 Who\r\n\r\n", b"HTTP/1.1 503 No\r\n\r\n", b"junk\r\n\r\n"]
)
def test_the_check_itself_does_not_show_the_password_of_a_proxy(
    *,
    launcher: Launcher,
    tls_server: FaultServer,
    token_file: str,
    ca_file: str,
    refusal: bytes,
    verbosity: int,
) -> None:
    """Whether it names the proxy or tells why it failed, and the server gets no word of it.

    A proxy that sends its own password back is another matter: that would be shown.
    """
    tls_server.prepare(HEALTHY)
    with Proxy(refusal) as proxy:
        trial = launcher.run(
            *("-H", tls_server.url, "--token-file", token_file, "--ca-file", ca_file),
            *["-v"] * verbosity,
            env={"HTTPS_PROXY": proxy.url.replace("//", f"//someone:{PROXY_SECRET}@")},
        )
    lines = None if verbosity else 1
    assert check_run(trial, lines=lines, token=PROXY_SECRET) == ("CRITICAL" if refusal else "OK")
    assert traces(trial.outcome.stdout) == []
    assert b"Proxy-Authorization: Basic " in proxy.requests[0]
    assert tls_server.connections == (0 if refusal else 1)
    assert [_headers(request) for request in tls_server.requests] == ([] if refusal else [HEADERS])


@pytest.mark.parametrize("verbosity", ["-v", "-vvv"])
def test_a_proxy_that_is_not_there_is_named_without_its_password(
    launcher: Launcher, token_file: str, verbosity: str
) -> None:
    env = {"HTTPS_PROXY": f"http://someone:{PROXY_SECRET}@127.0.0.1:1"}
    trial = launcher.run("-H", "rodin.example", "--token-file", token_file, verbosity, env=env)
    assert check_run(trial, lines=None, token=PROXY_SECRET) == "CRITICAL"
    assert "proxy" in trial.outcome.text.lower()


#: Options that take a value, none of which can sensibly be this token.
VALUED = (
    *("-H", "--host", "-p", "--port", "--token-file", "--input", "-t", "--timeout", "--ca-file"),
    *("--client-cert", "--client-key", "-w", "--warning", "-c", "--critical", "--state"),
    *("--probe", "--extra-opts"),
)

ARGUMENTS: Dict[str, Tuple[str, ...]] = {
    "token_option": ("--token", TOKEN),
    "token_option_joined": (f"--token={TOKEN}",),
    "api_key_option": (f"--api-key={TOKEN}",),
    "short_option": ("-T", TOKEN),
    "short_option_joined": (f"-T{TOKEN}",),
    "short_option_of_ours_joined": (f"-t{TOKEN}",),
    "flag_with_value": (f"--insecure={TOKEN}",),
    "verbose_with_value": (f"--verbose={TOKEN}",),
    "flag_joined": (f"-v{TOKEN}",),
    "positional": (TOKEN,),
    "header": ("-H", f"Authorization: Bearer {TOKEN}"),
    "after_dashes": ("--", TOKEN),
    "user_in_host": ("-H", f"https://someone:{TOKEN}@127.0.0.1"),
    "token_as_user": ("-H", f"https://{TOKEN}@127.0.0.1"),
    "user_without_scheme": ("-H", f"someone:{TOKEN}@127.0.0.1"),
    "query_in_host": ("-H", f"https://127.0.0.1/?token={TOKEN}"),
    "fragment_in_host": ("-H", f"https://127.0.0.1/#{TOKEN}"),
    "token_as_port": ("-H", f"127.0.0.1:{TOKEN}"),
    "token_in_scheme": ("-H", f"{TOKEN}://127.0.0.1"),
    "condition": ("--state", f"{TOKEN}=ok"),
    "state": ("--state", f"auth={TOKEN}"),
    "metric": ("-w", f"{TOKEN}=1:2"),
    "range": ("-c", f"job_awaiting={TOKEN}"),
    "abbreviated": (f"--token-fil={TOKEN}",),
    "section_file": ("--extra-opts", f"x@{TOKEN}"),
    **{f"value_of_{option}": (option, TOKEN) for option in VALUED},
    **{f"joined_to_{option}": (f"{option}={TOKEN}",) for option in VALUED if option[1] == "-"},
}


@pytest.mark.parametrize("verbosity", [(), ("-vvv",)], ids=["", "vvv"])
@pytest.mark.parametrize("args", ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_secret_given_as_an_argument_is_not_echoed(
    launcher: Launcher, tmp_path: Path, args: Tuple[str, ...], verbosity: Tuple[str, ...]
) -> None:
    """Whoever gives the token as an argument is told what is wrong without seeing it again."""
    path = tmp_path / "token-file"
    path.write_text("another-token-that-is-not-shown-either", encoding="ascii")
    common = ("-H", "https://127.0.0.1:1", "--token-file", str(path), "-t", "2")
    trial = launcher.run(*verbosity, *common, *args)
    assert check_run(trial, lines=None if verbosity else 1) == "UNKNOWN", trial.outcome


#: Unlike TOKEN it may be the name of a host, of a file and of a queue in a selector.
WORD = "c4n4ry0fL3tt3rsAndD1g1ts0nly5x7Q9w"

#: Places where it is the token as well as an argument or the environment; {} is the server, {port}
#: its port, and @ a file with certificates under this name. From which verbosity on it is shown.
TWICE: Dict[str, Tuple[int, Dict[str, str], Tuple[str, ...]]] = {
    "host": (0, {}, ("-H", WORD)),
    "host_of_http": (0, {}, ("-H", f"http://{WORD}")),
    "prefix": (2, {}, ("-H", f"{{}}/{WORD}")),
    "prefix_at_a_cut": (2, {}, ("-H", f"http://127.0.0.1:1/{'x' * 870}{WORD}")),
    "selector": (0, {}, ("-H", "{}", "-w", f"{WORD}.job_awaiting=5")),
    "selector_of_no_queue": (1, {}, ("-H", "{}", "-w", f"{WORD}*.job_awaiting=5")),
    "selector_of_all": (2, {}, ("-H", "{}", "-w", f"[{WORD}r]*.job_awaiting=5")),
    "required": (0, {}, ("-H", "{}", "--require", WORD)),
    # the server waits for more than a TLS greeting
    "store": (2, {}, ("-H", "https://127.0.0.1:{port}", "--ca-file", "@", "-t", "2")),
    "proxy": (2, {"HTTP_PROXY": f"http://{WORD}:9"}, ("-H", "{}")),
    "password": (4, {"HTTP_PROXY": f"http://a:{WORD}@127.0.0.1:1"}, ("-H", "{}")),
}


@pytest.mark.parametrize("verbosity", range(4))
@pytest.mark.parametrize("case", TWICE)
def test_the_token_is_masked_where_it_stands_for_something_else_too(
    *,
    launcher: Launcher,
    plain_server: FaultServer,
    ca_file: str,
    tmp_path: Path,
    case: str,
    verbosity: int,
) -> None:
    plain_server.prepare(HEALTHY)
    shown_from, env, words = TWICE[case]
    token_file, store = tmp_path / "token", tmp_path / WORD
    token_file.write_text(WORD, encoding="ascii")
    store.write_bytes(Path(ca_file).read_bytes())
    args = [
        word.replace("{}", plain_server.url)
        .replace("{port}", str(plain_server.port))
        .replace("@", str(store))
        for word in words
    ]
    flags = ["-v"] * verbosity
    trial = launcher.run("--token-file", str(token_file), "-t", "5", *args, *flags, env=env)
    check_run(trial, lines=None if verbosity else 1, token=WORD)
    assert traces(trial.outcome.stdout, WORD) == []
    assert ("***" in trial.outcome.stdout) == (verbosity >= shown_from)


@pytest.mark.parametrize("option", ["-q", "-x", "--require"])
def test_the_token_as_the_name_of_a_queue_is_masked(
    ask: Ask, plain_server: FaultServer, option: str
) -> None:
    plain_server.prepare(HEALTHY)
    state = check_run(ask(option, TOKEN, "-vvv"), lines=None)
    assert state == ("OK" if option == "-x" else "CRITICAL")


def test_a_password_in_the_url_of_the_environment_is_not_echoed(
    launcher: Launcher, token_file: str
) -> None:
    env = {"RODIN_URL": f"https://someone:{TOKEN}@127.0.0.1"}
    assert check_run(launcher.run("--token-file", token_file, env=env)) == "UNKNOWN"


INI: Dict[str, List[str]] = {
    "unknown_option": [f"token = {TOKEN}"],
    "bad_value": [f"timeout = {TOKEN}"],
    "no_value": [TOKEN],
    "no_section": [],
    "option_of_the_file": [f"token-file = {TOKEN}"],
}


@pytest.mark.parametrize("lines", INI.values(), ids=INI)
def test_a_secret_in_an_ini_file_is_not_echoed(
    launcher: Launcher, tmp_path: Path, lines: List[str]
) -> None:
    path = tmp_path / "plugins.ini"
    section = "[check_rodin_queues]" if lines else f"[{TOKEN}]"
    path.write_text("\n".join([section, *lines, ""]), encoding="ascii")
    trial = launcher.run(f"--extra-opts=@{path}", "-H", "http://127.0.0.1:1", "-vvv")
    assert check_run(trial, lines=None) == "UNKNOWN"


def test_the_request_is_sent_once_and_holds_nothing_of_the_machine(
    ask: Ask, plain_server: FaultServer
) -> None:
    plain_server.prepare(HEALTHY)
    assert check_run(ask("-vvv"), lines=None) == "OK"
    (request,) = plain_server.requests
    assert request.startswith(b"GET /api/v2/queue_status_check HTTP/1.1\r\n")
    assert _headers(request) == HEADERS
    assert os.uname().nodename.encode() not in request
