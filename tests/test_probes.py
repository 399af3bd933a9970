"""Kubernetes probes: which verdict fails which kind, and what the command prints."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from check_rodin_queues.errors import RequestError, State
from check_rodin_queues.output import fails
from check_rodin_queues.verdict import Verdict
from tests.console import probed, refused, run
from tests.domain import judge
from tests.server import queue, site, without

KINDS = ("readiness", "startup", "liveness")
NONE, NOT_LIVENESS, ALL = "", "readiness startup", "readiness startup liveness"

STRANDED = site(mesh=queue(0, 7, 0))
STALLED = site(mesh=queue(2, 7, 0))
MISSING = without("rodin.mesh")
MALFORMED = site(mesh=5, pack=queue(1, 3, 0))
DEAD_TOO = site(mesh=5, pack=queue(0, 3, 0))

#: A response and options, and the kinds that the verdict fails.
RESPONSES: Dict[str, Tuple[str, List[str], str]] = {
    "ok": (site(), [], NONE),
    "a warning by a threshold": (site(), ["-w", "consumers=2:"], NONE),
    "critical by a threshold on a queue": (site(), ["-c", "consumers=2:"], ALL),
    "critical by a ratio": (site(mesh=queue(1, 0, 1)), ["-c", "busy_ratio=0.5"], ALL),
    "critical by an infinite ratio": (STRANDED, ["-c", "awaiting_per_consumer=9"], ALL),
    "critical by a sum": (site(), ["-c", "total.consumers=5:"], ALL),
    "stranded is critical": (STRANDED, ["--state", "stranded=critical"], ALL),
    "stranded is unknown": (STRANDED, ["--state", "stranded=unknown"], NOT_LIVENESS),
    "stranded is a warning": (STRANDED, ["--state", "stranded=warning"], NONE),
    "stranded is ok": (STRANDED, ["--state", "stranded=ok"], NONE),
    "stalled is critical": (STALLED, ["--state", "stalled=critical"], ALL),
    "stalled is unknown": (STALLED, ["--state", "stalled=unknown"], NOT_LIVENESS),
    "stalled is a warning": (STALLED, ["--state", "stalled=warning"], NONE),
    "missing is critical": (MISSING, ["--state", "missing=critical"], ALL),
    "missing is unknown": (MISSING, ["--state", "missing=unknown"], NOT_LIVENESS),
    "missing is a warning": (MISSING, ["--state", "missing=warning"], NONE),
    "empty is unknown": ("{}", ["--state", "empty=unknown"], NOT_LIVENESS),
    "empty is critical": ("{}", ["--state", "empty=critical"], NOT_LIVENESS),
    "invalid is unknown": ("[]", ["--state", "invalid=unknown"], NOT_LIVENESS),
    "invalid is critical": ("[]", ["--state", "invalid=critical"], NOT_LIVENESS),
    "a malformed queue": (MALFORMED, ["--state", "invalid=unknown"], NOT_LIVENESS),
    "a malformed queue is critical": (MALFORMED, ["--state", "invalid=critical"], NOT_LIVENESS),
    "a malformed queue beside a stranded one": (DEAD_TOO, ["--state", "stranded=critical"], ALL),
    "no threshold decides time": (site(), ["-c", "time=@0:9"], NOT_LIVENESS),
    "nor the token": (site(), ["-c", "token_expires_in=9:"], NOT_LIVENESS),
}


@pytest.mark.parametrize("case", RESPONSES)
def test_which_kinds_a_response_fails(case: str) -> None:
    body, args, kinds = RESPONSES[case]
    found = {"elapsed": 1, "timeout": 10, "token_expires_in": 5}
    states = ("-c", "consumers=", "--state", "stalled=warning")
    verdict = judge(body, *states, *args, **found).verdict
    assert [kind for kind in KINDS if fails(verdict, kind)] == kinds.split()


@pytest.mark.parametrize("condition", ["unreachable", "timeout", "auth", "throttled", "invalid"])
@pytest.mark.parametrize(
    ("state", "kinds"),
    [("ok", NONE), ("warning", NONE), ("critical", NOT_LIVENESS), ("unknown", NOT_LIVENESS)],
)
def test_no_failure_of_the_request_fails_liveness(condition: str, state: str, kinds: str) -> None:
    """A server that cannot be reached must not restart the workers."""
    failure = RequestError(condition, "no response")
    verdict = judge("", "--state", f"{condition}={state}", failure=failure).verdict
    assert [kind for kind in KINDS if fails(verdict, kind)] == kinds.split()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", KINDS)
def test_only_wrong_arguments_fail_liveness_without_a_critical_queue(
    kind: str, state: State
) -> None:
    assert fails(Verdict(State.UNKNOWN, ("wrong",), mistaken=True), kind)
    bad = state in (State.CRITICAL, State.UNKNOWN)
    assert fails(Verdict(state, ("broken",)), kind) == (bad and kind != "liveness")


#: What the arguments and RODIN_URL alone show to be wrong.
MANIFEST: Dict[str, Tuple[List[str], Dict[str, str]]] = {
    "an unknown option": (["-H", "x", "--frobnicate"], {}),
    "a stray argument": (["rodin.example"], {}),
    "a bad range": (["-H", "x", "-w", "y"], {}),
    "a bad state": (["-H", "x", "--state", "y=ok"], {}),
    "a missing value": (["-H", "x", "-q"], {}),
    "a port beside the one in the host": (["-H", "x:1", "-p", "2"], {}),
    "both families": (["-H", "x", "-4", "-6"], {}),
    "no host": ([], {}),
    "an empty RODIN_URL": ([], {"RODIN_URL": " \n"}),
    "a bad RODIN_URL": ([], {"RODIN_URL": "ftp://x"}),
    "a user in RODIN_URL": ([], {"RODIN_URL": "http://user@127.0.0.1"}),
    "--extra-opts without its file": (["-H", "x", "--extra-opts", "@"], {}),
}


@pytest.mark.parametrize("case", MANIFEST)
def test_a_mistake_in_the_manifest_fails_every_kind(case: str) -> None:
    args, env = MANIFEST[case]
    outcome = run("--probe", "liveness", *args, env={"RODIN_API_KEY": "made-up", **env})
    assert probed(outcome) == 1


#: What depends on a file or a token; {} is a directory.
FILES: Dict[str, Tuple[List[str], Dict[str, str]]] = {
    "no token": ([], {"RODIN_API_KEY": ""}),
    "a token that cannot be sent": ([], {"RODIN_API_KEY": "a\nb"}),
    "no token file": (["--token-file", "{}/no"], {}),
    "an empty token file": (["--token-file", "{}/empty"], {}),
    "no token file in the environment": ([], {"RODIN_API_KEY_FILE": "{}/no"}),
    "no CA file": (["--ca-file", "{}/no"], {}),
    "a CA file without certificates": (["--ca-file", "{}/empty"], {}),
    "no client certificate": (["--client-cert", "{}/no"], {}),
    "no saved response": (["--input", "{}/no"], {}),
    "no INI file": (["--extra-opts", "x@{}/no"], {}),
    "a section without options": (["--extra-opts", "x@{}/empty"], {}),
    "a bad option in an INI file": (["--extra-opts", "x@{}/bad"], {}),
    "a token without an expiry": (["-w", "token_expires_in=5:"], {}),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_or_a_token_never_fails_liveness(case: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "bad").write_text("[x]\nprobe = liveness\ntimeout = soon\n", encoding="ascii")
    args, env = FILES[case]
    words = [word.format(tmp_path) for word in args]
    env = {"RODIN_URL": "https://127.0.0.1:9", "RODIN_API_KEY": "made-up", **env}
    variables = {name: value.format(tmp_path) for name, value in env.items()}
    codes = [probed(run("--probe", kind, *words, env=variables)) for kind in KINDS[1:]]
    assert codes == [1, 0]


@pytest.mark.parametrize("kind", ["live", "", "Readiness", "readiness,liveness", "x=liveness"])
def test_a_kind_that_does_not_exist_exits_3(kind: str) -> None:
    refused(run("--probe", kind), *KINDS)
    refused(run(f"--probe={kind}", "--frobnicate"))


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_exit_3_also_for_a_probe(option: str) -> None:
    outcome = run("--probe", "liveness", option)
    assert (outcome.code, outcome.stderr) == (3, "")
    assert "check_rodin_queues" in outcome.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_prints_one_line_that_says_what_is_wrong_and_its_outcome(kind: str) -> None:
    for options in ((), ("-v",), ("-vvv",)):
        outcome = run("--input", "-", "--probe", kind, *options, stdin=STRANDED)
        assert probed(outcome) == 1
        assert outcome.stdout.startswith("RODIN_QUEUES CRITICAL - rodin.mesh")
        assert outcome.stdout.endswith(f" ({kind} probe fails)\n")
    passed = run("--input", "-", "--probe", kind, stdin=site())
    assert (probed(passed), passed.line.endswith(f" ({kind} probe passes)")) == (0, True)


def test_a_long_line_is_truncated_before_the_outcome() -> None:
    outcome = run("--probe", "startup", "--extra-opts", f"@/tmp/{'x' * 240}")
    assert probed(outcome) == 1
    assert "xxx..." in outcome.stdout
    assert outcome.stdout.endswith(" (startup probe fails)\n")


@pytest.mark.parametrize("kind", KINDS)
def test_an_ini_file_can_ask_for_a_probe(kind: str, tmp_path: Path) -> None:
    ini = tmp_path / "plugins.ini"
    ini.write_text(f"[check_rodin_queues]\nprobe = {kind}\n", encoding="ascii")
    args = (f"--extra-opts=@{ini}", "--input", "-")
    assert probed(run(*args, stdin=STRANDED)) == 1
    assert probed(run(*args, "-x", "*.mesh", stdin=STRANDED)) == 0
