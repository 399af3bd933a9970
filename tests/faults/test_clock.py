"""The wall clock holds, wherever the run hangs."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from tests.console import SCRIPT, Outcome, environment
from tests.faults.behaviour import HEALTHY, dripped, raw, reply
from tests.faults.document import crowd
from tests.faults.invariants import check_output, check_run
from tests.faults.namespaces import needs_namespace
from tests.faults.proxy import Proxy
from tests.faults.punctuality import in_time, stopwatch
from tests.faults.server import Behaviour, Exchange, FaultServer
from tests.faults.trial import Launcher
from tests.perfdata import parse
from tests.pipes import full_pipe

DEADLINE = 1.2


@pytest.mark.parametrize("deadline", ["0.5", "0.75", "1", "2.5"])
def test_a_silent_server_is_left_on_time(
    launcher: Launcher, plain_server: FaultServer, token_file: str, deadline: str
) -> None:
    plain_server.prepare(raw(end=Exchange.hold))
    args = ("-H", plain_server.url, "--token-file", token_file, "-t", deadline)
    seconds = float(deadline)
    trial = in_time(lambda: launcher.run(*args), seconds, earliest=seconds)
    assert check_run(trial) == "CRITICAL"
    assert f" {deadline} s" in trial.outcome.text


@pytest.mark.parametrize("state", ["ok", "warning", "critical", "unknown"])
def test_the_state_of_a_timeout_can_be_chosen(
    launcher: Launcher, plain_server: FaultServer, token_file: str, state: str
) -> None:
    plain_server.prepare(raw(end=Exchange.hold))
    args = ("-H", plain_server.url, "--token-file", token_file, "-t", "0.5", "--state")
    trial = in_time(lambda: launcher.run(*args, f"timeout={state}"), 0.5, earliest=0.5)
    assert check_run(trial) == state.upper()


# --- proxies ------------------------------------------------------------------------------------

HANGING: Dict[str, Behaviour] = {
    "silent": raw(end=Exchange.hold),
    "silent_on_accept": Exchange.hold,
    "dripping": dripped(b"", b"HTTP/1.1 200 Connected " + b"y" * 1000),
    "silent_in_the_tunnel": raw(b"HTTP/1.1 200 Connected\r\n\r\n", end=Exchange.hold),
    "silent_in_the_headers": raw(b"HTTP/1.1 200 Connected\r\nX: y\r\n", end=Exchange.hold),
}


@pytest.mark.parametrize("name", HANGING)
def test_a_proxy_that_hangs(
    launcher: Launcher, plain_server: FaultServer, token_file: str, name: str
) -> None:
    plain_server.prepare(HANGING[name])
    args = ("-H", "https://rodin.example", "--token-file", token_file, "-t", str(DEADLINE))
    env = {"HTTPS_PROXY": plain_server.url}
    trial = in_time(lambda: launcher.run(*args, env=env), DEADLINE, earliest=DEADLINE)
    assert check_run(trial) == "CRITICAL"
    assert "time=" in trial.outcome.perfdata


def test_a_server_that_hangs_behind_a_proxy(
    launcher: Launcher, tls_server: FaultServer, token_file: str, ca_file: str
) -> None:
    tls_server.prepare(raw(end=Exchange.hold))
    args = ("-H", tls_server.url, "--token-file", token_file, "--ca-file", ca_file)
    with Proxy() as proxy:
        env = {"HTTPS_PROXY": proxy.url}
        trial = in_time(
            lambda: launcher.run(*args, "-t", str(DEADLINE), env=env), DEADLINE, earliest=DEADLINE
        )
    assert check_run(trial) == "CRITICAL"


# --- names that nobody resolves -----------------------------------------------------------------

#: A loopback of its own, where port 53 takes every question and answers none.
SWALLOWING = """
set -e
ip link set lo up
mount --bind "$RESOLV" /etc/resolv.conf
exec 3>"$READY.out"
"$PYTHON" -I -c 'import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
open(sys.argv[1], "w").close()
while os.getppid() == int(sys.argv[2]): time.sleep(0.05)' "$READY" $$ 3>&- >/dev/null 2>&1 &
while ! test -e "$READY"; do sleep 0.01; done
"$@"
"""


@needs_namespace
@pytest.mark.parametrize("url", ["https://rodin.example", "http://rodin.example:8080"])
def test_a_resolver_that_never_answers(tmp_path: Path, token_file: str, url: str) -> None:
    """In a network of its own; the time is taken inside, around the check alone."""
    assert _resolve_in_time(tmp_path, token_file, url) == "CRITICAL"


@needs_namespace
def test_a_resolver_that_never_answers_for_the_proxy(tmp_path: Path, token_file: str) -> None:
    proxy = {"HTTPS_PROXY": "http://proxy.example:3128"}
    assert _resolve_in_time(tmp_path, token_file, "https://rodin.example", proxy) == "CRITICAL"


#: Runs its arguments and writes how long they took.
_STOPWATCH = """
import subprocess, sys, time
start = time.monotonic()
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(time.monotonic() - start))
sys.exit(code)
"""


def _resolve_in_time(
    folder: Path,
    token_file: str,
    url: str,
    env: Dict[str, str] = {},  # noqa: B006 — only read
) -> str:
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="ascii")
    python = str(SCRIPT.parent / "python")
    variables = {"RESOLV": str(folder / "resolv.conf"), "PYTHON": python, **env}
    measured, ready = folder / "seconds", folder / "ready"
    variables["READY"] = str(ready)
    watch = [python, "-I", "-S", "-c", _STOPWATCH, str(measured), str(SCRIPT)]
    space = ["unshare", "--net", "--mount", "sh", "-c", SWALLOWING, "ns"]
    options = ["-H", url, "--token-file", token_file, "-t", str(DEADLINE)]

    def resolve() -> Outcome:
        ready.unlink(missing_ok=True)
        outcome = stopwatch([*space, *watch, *options], environment(variables))
        return outcome._replace(seconds=float(measured.read_text()))

    outcome = in_time(resolve, DEADLINE, earliest=DEADLINE)
    assert outcome.stderr == ""
    assert "time=" in outcome.perfdata
    return check_output(outcome.stdout)


# --- files that never end, or never begin -------------------------------------------------------


#: What is done when a file is read, and where it is named; `{}` is its place.
FILES: Dict[str, Tuple[str, ...]] = {
    "token_file": ("reading the token", "--token-file", "{}"),
    "input": ("reading --input", "--input", "{}"),
    "extra_opts": ("reading --extra-opts", "--extra-opts=@{}"),
    "ca_file": ("reading the certificates", "--ca-file", "{}"),
    "client_cert": ("reading the certificates", "--client-cert", "{}"),
    "client_key": ("reading the certificates", "--client-cert", "{cert}", "--client-key", "{}"),
}


def _options(name: str, path: str, cert: str) -> List[str]:
    return [part.replace("{cert}", cert).replace("{}", path) for part in FILES[name][1:]]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "/dev/tty"])
def test_a_file_that_never_ends_or_begins(
    *,
    launcher: Launcher,
    tls_server: FaultServer,
    token_file: str,
    fifo: str,
    ca_file: str,
    name: str,
    kind: str,
) -> None:
    """Refused at once or ended by the clock, within the memory that any run has."""
    tls_server.prepare(HEALTHY)
    options = _options(name, fifo if kind == "fifo" else kind, ca_file)
    args = ("-H", tls_server.url, "--token-file", token_file, "-t", str(DEADLINE), *options)
    trial = in_time(lambda: launcher.run(*args), DEADLINE)
    state = check_run(trial)
    if kind == "fifo":
        assert state == "CRITICAL"
        assert f" - timeout: {FILES[name][0]} took longer" in trial.outcome.text
    else:
        words = {f"--{name.replace('_', '-')}: ", *({" - invalid: "} if name == "input" else ())}
        assert state == "UNKNOWN"
        assert any(word in trial.outcome.text for word in words), trial.outcome
        assert "is no option" not in trial.outcome.text
    assert tls_server.requests == []


def test_the_state_of_a_timeout_counts_before_the_server_is_asked(
    launcher: Launcher, fifo: str
) -> None:
    args = ("-H", "h.example", "--token-file", fifo, "-t", "0.5", "--state", "timeout=warning")
    assert check_run(in_time(lambda: launcher.run(*args), 0.5, earliest=0.5)) == "WARNING"


def test_a_token_from_a_pipe_is_read(plain_server: FaultServer, token_file: str) -> None:
    """As bash's `<(command)` gives it."""
    plain_server.prepare(HEALTHY)
    script = f'"$@" --token-file <(sleep 0.2; cat {token_file})'
    command = ["bash", "-c", script, "bash", str(SCRIPT), "-H", plain_server.url]
    done = subprocess.run(command, capture_output=True, env=environment(), timeout=30, check=False)
    assert check_output(done.stdout.decode()) == "OK"


def test_a_standard_input_that_never_ends() -> None:
    """Somebody holds the other end of the pipe and says nothing."""
    reading, writing = os.pipe()
    command = [str(SCRIPT), "--input", "-", "-t", str(DEADLINE)]
    outcome = in_time(
        lambda: stopwatch(command, environment(), stdin=reading), DEADLINE, earliest=DEADLINE
    )
    os.close(writing)
    os.close(reading)
    assert (outcome.code, outcome.stderr) == (2, "")
    assert check_output(outcome.stdout) == "CRITICAL"
    assert " - timeout: " in outcome.text


# --- an output that nobody reads ----------------------------------------------------------------


@pytest.mark.parametrize("verbosity", ["", "-vvv"])
@pytest.mark.parametrize(("healthy", "code"), [(True, 0), (False, 2)])
def test_an_output_that_nobody_reads_changes_neither_time_nor_code(
    *, plain_server: FaultServer, token_file: str, healthy: bool, code: int, verbosity: str
) -> None:
    plain_server.prepare(HEALTHY if healthy else raw(end=Exchange.hold))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file]
    command += ["-t", str(DEADLINE), *([verbosity] if verbosity else [])]
    with full_pipe() as (_, writing):
        outcome = in_time(
            lambda: stopwatch(command, environment(), stdout=writing), DEADLINE, earliest=DEADLINE
        )
    assert (outcome.code, outcome.stderr) == (code, "")


def test_an_output_that_is_read_slowly_comes_whole(
    plain_server: FaultServer, token_file: str
) -> None:
    """The reader waits until the pipe is full, and then takes everything."""
    plain_server.prepare(reply(crowd(2000)))
    command = [str(SCRIPT), "-H", plain_server.url, "--token-file", token_file, "-vvv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout
        time.sleep(1)
        output = process.stdout.read().decode()
    assert process.returncode == 0
    assert check_output(output, lines=None) == "OK"
    first, *more = output.splitlines()
    assert len(parse(first.partition(" | ")[2])) == 3 * 2000 + 1
    assert any(line.startswith("body: ") for line in more)


# --- a disk that hangs while a module is read ----------------------------------------------------

#: The module that takes long to load, and the number of queues in the answer.
SLOW: Dict[str, int] = {"resource": 2000, "nagiosplugin": 4}


@pytest.mark.parametrize("module", SLOW)
@pytest.mark.parametrize("more", [(), ("-v",), ("--probe", "readiness")], ids=str)
def test_a_module_that_takes_long_to_load(
    launcher: Launcher, tmp_path: Path, module: str, more: Tuple[str, ...]
) -> None:
    """The thread that ends the run needs nothing that the other one is loading."""
    (tmp_path / f"{module}.py").write_text("import time; time.sleep(4); raise ImportError\n")
    saved = tmp_path / "answer.json"
    queue = '{"consumers": 1, "job_awaiting": 0, "job_running": 0}'
    saved.write_text("{" + ", ".join(f'"q{n}": {queue}' for n in range(SLOW[module])) + "}")
    args = ("--input", str(saved), "--require", "", "-t", "0.8", *more)
    env = {"PYTHONPATH": str(tmp_path)}
    trial = in_time(lambda: launcher.run(*args, env=env), 0.8, earliest=0.8)
    assert trial.outcome.stderr == ""
    assert trial.outcome.stdout.startswith("RODIN_QUEUES CRITICAL - timeout: ")
    assert trial.outcome.code == (1 if more[:1] == ("--probe",) else 2)
    assert not trial.left


def test_the_time_of_the_start_counts(
    launcher: Launcher, plain_server: FaultServer, token_file: str, tmp_path: Path
) -> None:
    """Here a module takes a second, before the options are read."""
    plain_server.prepare(Exchange.hold)
    source = "import os, time; time.sleep(1); _folder = os.path.dirname(os.__file__)\n"
    source += "exec(open(os.path.join(_folder, 'argparse.py'), encoding='utf-8').read())\n"
    (tmp_path / "argparse.py").write_text(source, encoding="ascii")
    args = ("-H", plain_server.url, "--token-file", token_file, "-t", "1.5")
    env = {"PYTHONPATH": str(tmp_path)}
    trial = in_time(lambda: launcher.run(*args, env=env), 1.5, earliest=1.5)
    assert check_run(trial) == "CRITICAL"
    assert " - timeout: " in trial.outcome.text
    assert parse(trial.outcome.perfdata)["time"].value >= 1
