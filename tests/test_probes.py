"""Kubernetes probes: which state fails which kind, and what they print."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path
from typing import List, Tuple

import pytest

from tests import live, report, stub
from tests.answers import queue, site, without
from tests.console import SCRIPT, environment, run
from tests.saved import ask
from tests.tokens import expiring

KINDS = ("readiness", "startup", "liveness")

#: Saved answers and arguments; the state; and whether it fails readiness, startup and liveness.
JUDGED = {
    "ok": (site(), [], "OK", (0, 0, 0)),
    "warning by a condition": (site(mesh=queue(2, 7, 0)), [], "WARNING", (0, 0, 0)),
    "warning by a threshold": (site(mesh=queue(1, 5, 1)), ["-w", "1"], "WARNING", (0, 0, 0)),
    "critical by a threshold": (site(mesh=queue(1, 5, 1)), ["-c", "1"], "CRITICAL", (1, 1, 1)),
    "critical by the default": (site(mesh=queue(0, 0, 0)), [], "CRITICAL", (1, 1, 1)),
    "critical by a sum": (site(), ["-c", "total.consumers=5:"], "CRITICAL", (1, 1, 1)),
    "critical by a ratio": (
        site(mesh=queue(1, 0, 1)),
        ["-c", "busy_ratio=0.5"],
        "CRITICAL",
        (1, 1, 1),
    ),
    "stranded": (site(mesh=queue(0, 7, 0)), ["-c", "consumers="], "CRITICAL", (1, 1, 1)),
    "stranded as unknown": (
        site(mesh=queue(0, 7, 0)),
        ["-c", "consumers=", "--state", "stranded=unknown"],
        "UNKNOWN",
        (1, 1, 0),
    ),
    "stranded as warning": (
        site(mesh=queue(0, 7, 0)),
        ["-c", "consumers=", "--state", "stranded=warning"],
        "WARNING",
        (0, 0, 0),
    ),
    "stalled as critical": (
        site(mesh=queue(2, 7, 0)),
        ["--state", "stalled=critical"],
        "CRITICAL",
        (1, 1, 1),
    ),
    "missing": (without("rodin.mesh"), [], "CRITICAL", (1, 1, 1)),
    "missing as unknown": (
        without("rodin.mesh"),
        ["--state", "missing=unknown"],
        "UNKNOWN",
        (1, 1, 0),
    ),
    "empty": ("{}", [], "UNKNOWN", (1, 1, 0)),
    "empty as critical": ("{}", ["--state", "empty=critical"], "CRITICAL", (1, 1, 0)),
    "invalid": ("[]", [], "UNKNOWN", (1, 1, 0)),
    "invalid as critical": ("[]", ["--state", "invalid=critical"], "CRITICAL", (1, 1, 0)),
    "a malformed queue": (site(mesh=5), [], "UNKNOWN", (1, 1, 0)),
    "a malformed queue as critical": (
        site(mesh=5),
        ["--state", "invalid=critical"],
        "CRITICAL",
        (1, 1, 0),
    ),
    "a malformed queue beside a dead one": (
        site(mesh=5, pack=queue(0, 3, 0)),
        [],
        "CRITICAL",
        (1, 1, 1),
    ),
    "a warning beside a malformed queue": (
        site(mesh=5, pack=queue(1, 3, 0)),
        [],
        "UNKNOWN",
        (1, 1, 0),
    ),
    "warning, and critical that cannot be proven": (
        site(mesh=5, pack=queue(1, 3, 0)),
        ["--state", "invalid=critical"],
        "CRITICAL",
        (1, 1, 0),
    ),
}


def test_what_stands_behind_two_signs_is_no_kind() -> None:
    """Nor is it in arguments of which another one is wrong, too."""
    assert run("--probe=x=liveness").code == run("--probe=x=liveness", "--wrong").code == 3


@pytest.mark.parametrize("case", JUDGED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_of_an_answer(kind: str, case: str) -> None:
    body, args, state, fails = JUDGED[case]
    outcome = ask(body, *args, "--probe", kind)
    assert report.probed(outcome) == fails[KINDS.index(kind)]
    assert outcome.line.startswith(f"RODIN_QUEUES {state} - ")


#: Scenarios of the simulator, arguments, and whether it fails readiness, startup and liveness.
ASKED = {
    "idle": ("idle", [], (0, 0, 0)),
    "dead worker": ("dead-worker", [], (1, 1, 1)),
    "unreachable": ("server-error", [], (1, 1, 0)),
    "unreachable as warning": ("server-error", ["--state", "unreachable=warning"], (0, 0, 0)),
    "timeout": ("silent", ["-t", "1"], (1, 1, 0)),
    "auth": ("rejected", [], (1, 1, 0)),
    "auth as critical": ("rejected", ["--state", "auth=critical"], (1, 1, 0)),
    "throttled": ("throttled", [], (1, 1, 0)),
    "throttled as critical": ("throttled", ["--state", "throttled=critical"], (1, 1, 0)),
    "critical by time": ("idle", ["-c", "time=@0:100"], (1, 1, 0)),
    "critical by the token": ("idle", ["-c", "token_expires_in=@0:99999"], (1, 1, 0)),
    "cut off": ("cut-off", [], (1, 1, 0)),
}


@pytest.mark.parametrize("case", ASKED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_of_a_server(kind: str, case: str) -> None:
    scenario, args, fails = ASKED[case]
    with live.site(scenario, token=expiring(5000)) as asked:
        outcome = asked.run(*args, "--probe", kind)
    assert report.probed(outcome) == fails[KINDS.index(kind)]


#: What the arguments and RODIN_URL alone show to be wrong.
MANIFEST = {
    "an unknown option": ["--frobnicate"],
    "a stray argument": ["rodin.example"],
    "a bad range": ["-w", "x"],
    "an unknown metric": ["-w", "x=5"],
    "a bad state": ["--state", "x=ok"],
    "a bad timeout": ["-t", "0"],
    "a bad port": ["-p", "x"],
    "a second port": ["-p", "5"],
    "a user in the URL": ["-H", "http://user@127.0.0.1"],
    "a value that is missing": ["--queue"],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", MANIFEST)
def test_a_mistake_in_the_manifest_fails_each_kind(case: str, kind: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("made-up")
    args = ["-H", "http://127.0.0.1:9", "--token-file", str(token), "--probe", kind]
    assert report.probed(run(*args, *MANIFEST[case])) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_server_fails_each_kind(kind: str) -> None:
    assert report.probed(run("--probe", kind, env={"RODIN_API_KEY": "made-up"})) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("url", ["http://user@127.0.0.1", "ftp://x", "http://127.0.0.1:x", ""])
def test_a_bad_url_in_the_environment_fails_each_kind(url: str, kind: str) -> None:
    env = {"RODIN_API_KEY": "made-up", "RODIN_URL": url}
    assert report.probed(run("--probe", kind, env=env)) == 1


#: What depends on a file or a token; and whether it fails readiness, startup and liveness.
FILES: List[Tuple[str, List[str], str]] = [
    ("an absent token", [], ""),
    ("a token that cannot be sent", [], "a\nb"),
    ("no token file", ["--token-file", "{}/absent"], "made-up"),
    ("an empty token file", ["--token-file", "{}/empty"], "made-up"),
    ("no CA file", ["--ca-file", "{}/absent"], "made-up"),
    ("a CA file without certificates", ["--ca-file", "{}/empty"], "made-up"),
    ("no client certificate", ["--client-cert", "{}/absent"], "made-up"),
    ("no saved answer", ["--input", "{}/absent"], "made-up"),
    ("no INI", ["--extra-opts", "x@{}/absent"], "made-up"),
    ("a bad INI", ["--extra-opts", "x@{}/bad.ini"], "made-up"),
    ("a token without expiry", ["-w", "token_expires_in=5:"], "made-up"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("case", "args", "token"), FILES, ids=[row[0] for row in FILES])
def test_a_file_or_a_token_never_fails_liveness(
    case: str, args: List[str], token: str, kind: str, tmp_path: Path
) -> None:
    del case
    (tmp_path / "empty").touch()
    (tmp_path / "bad.ini").write_text("nonsense\n")
    given = [arg.replace("{}", str(tmp_path)) for arg in args]
    env = {"RODIN_API_KEY": token, "RODIN_URL": "https://127.0.0.1:9"}
    outcome = run(*given, "--probe", kind, env=env)
    assert report.probed(outcome) == int(kind != "liveness"), outcome


@pytest.mark.parametrize(
    "kind", ["live=liveness", "live", "", "Readiness", "readiness,liveness", "ready"]
)
def test_a_kind_that_does_not_exist_is_a_usage_error(kind: str) -> None:
    text = report.refused(ask(site(), "--probe", kind), "--probe")
    for known in KINDS:
        assert known in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_exit_3_also_for_a_probe(option: str, kind: str) -> None:
    outcome = run("--probe", kind, option)
    assert outcome.code == 3
    assert outcome.stdout
    assert not outcome.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_sigterm_fails_readiness_and_startup_only(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        env = environment({"RODIN_API_KEY": "made-up", "RODIN_URL": url})
        with subprocess.Popen(
            [str(SCRIPT), "--probe", kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
        ) as process:
            connection, _ = listener.accept()
            process.send_signal(signal.SIGTERM)
            stdout, stderr = process.communicate(timeout=10)
            connection.close()
    assert process.returncode == int(kind != "liveness")
    assert stderr == b""
    assert stdout.count(b"\n") == 1


def test_a_probe_says_what_is_wrong() -> None:
    outcome = ask(site(mesh=queue(0, 7, 0)), "--probe", "readiness")
    assert report.probed(outcome) == 1
    assert "CRITICAL" in outcome.stdout
    assert "rodin.mesh" in outcome.stdout


def test_a_probe_is_one_line_at_every_verbosity() -> None:
    for verbosity in ("-v", "-vv", "-vvv"):
        assert report.probed(ask(site(), "--probe", "liveness", verbosity)) == 0


def test_a_refused_connection_does_not_restart_the_workers(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("made-up")
    url = f"http://127.0.0.1:{stub.free_port()}"
    args = ("-H", url, "--token-file", str(token), "--probe")
    assert [report.probed(run(*args, kind)) for kind in KINDS] == [1, 1, 0]


def test_an_extra_opts_without_its_file_fails_even_liveness() -> None:
    """The arguments alone show it, whatever any file holds."""
    assert report.probed(run("--probe", "liveness", "--extra-opts", "@")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_in_an_ini_file_counts_where_another_line_is_wrong(
    kind: str, tmp_path: Path
) -> None:
    """The mistake is the file's: it restarts no workers."""
    ini = tmp_path / "plugins.ini"
    ini.write_text(f"[check_rodin_queues]\nprobe = {kind}\ntimeout = soon\n")
    outcome = run("--extra-opts", f"@{ini}", "-H", "127.0.0.1")
    assert report.probed(outcome) == int(kind != "liveness")
    assert f"({kind} probe " in outcome.stdout
    assert "--extra-opts: in the file: -t/--timeout" in outcome.stdout


@pytest.mark.parametrize("line", ["foo=1", "insecure=yes", "verbose", "=", "[x"])
@pytest.mark.parametrize("first", [True, False])
def test_a_kind_in_an_ini_file_counts_where_a_line_cannot_be_read(
    line: str, first: bool, tmp_path: Path
) -> None:
    ini = tmp_path / "plugins.ini"
    lines = [f"{line}\n[check_rodin_queues]", "probe = liveness"]
    ini.write_text("\n".join(["[check_rodin_queues]", *(lines if first else lines[::-1])]))
    outcome = run("--extra-opts", f"@{ini}", "-H", "127.0.0.1")
    assert report.probed(outcome) == 0
    assert f"line {2 if first else 3} of the file: " in outcome.stdout


def test_a_kind_below_what_stands_before_the_first_section_counts(tmp_path: Path) -> None:
    ini = tmp_path / "plugins.ini"
    ini.write_text("w=1\n[check_rodin_queues]\nprobe = liveness\n[other]\nprobe = readiness\n")
    assert report.probed(run("--extra-opts", f"@{ini}", "-H", "127.0.0.1")) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_line_of_a_probe_is_cut_before_the_outcome(kind: str) -> None:
    outcome = run("--probe", kind, "--extra-opts", env={"MP_CONFIG_FILE": f"/{'x' * 240}"})
    failed = report.probed(outcome)
    assert failed == int(kind != "liveness")
    assert outcome.stdout.endswith(f"... ({kind} probe {'fails' if failed else 'passes'})\n")
    assert len(outcome.stdout) == 255
