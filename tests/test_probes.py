"""Kubernetes probes: which verdict fails which kind, and what the command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from check_rodin_queues.errors import RequestError
from check_rodin_queues.output import fails
from tests.console import probed, refused, run
from tests.domain import judge
from tests.server import queue, site, without

KINDS = ("readiness", "startup", "liveness")
NONE, NOT_LIVENESS, ALL = "", "readiness startup", "readiness startup liveness"
STRANDED = site(mesh=queue(0, 7, 0))

#: A response for each condition that the queue data prove.
PROVEN = {
    "stranded": STRANDED,
    "stalled": site(mesh=queue(2, 7, 0)),
    "missing": without("rodin.mesh"),
}
#: A response, options, and the kinds that the verdict fails.
RESPONSES: list[tuple[str, str, str]] = [
    (site(), "", NONE),
    (site(), "-w consumers=2:", NONE),
    (site(), "-c consumers=2:", ALL),
    (STRANDED, "--state stranded=ok -c awaiting_per_consumer=9", ALL),
    (site(), "-c total.consumers=5:", ALL),
    *((body, f"--state {name}=critical", ALL) for name, body in PROVEN.items()),
    *((body, f"--state {name}=unknown", NOT_LIVENESS) for name, body in PROVEN.items()),
    *((body, f"--state {name}=warning", NONE) for name, body in PROVEN.items()),
    ("{}", "--state empty=critical", NOT_LIVENESS),
    ("[]", "--state invalid=critical", NOT_LIVENESS),
    (site(mesh=5), "--state invalid=critical", NOT_LIVENESS),
    (site(mesh=5, pack=queue(0, 3, 0)), "--state stranded=critical", ALL),
    (site(), "-c time=@0:9", NOT_LIVENESS),
    (site(), "-c token_expires_in=9:", NOT_LIVENESS),
]


@pytest.mark.parametrize(
    ("body", "args", "kinds"), RESPONSES, ids=[args or "ok" for _, args, _ in RESPONSES]
)
def test_which_kinds_a_response_fails(body: str, args: str, kinds: str) -> None:
    run = {"elapsed": 1, "timeout": 10, "token_expires_in": 5}
    verdict = judge(body, "-c", "consumers=", *args.split(), **run).verdict
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


#: Words, variables among them, and whether they alone are wrong; TMP is a directory.
MISTAKES = {
    "-H x --frobnicate": True,
    "-H x -w y": True,
    "-H x:1 -p 2": True,
    "-H x -4 -6": True,
    "RODIN_URL=": True,
    "RODIN_URL=http://user@127.0.0.1": True,
    "-H x --extra-opts @": True,
    "RODIN_API_KEY=": False,
    "--token-file TMP/no": False,
    "--ca-file TMP/empty": False,
    "--client-cert TMP/no": False,
    "--input TMP/no": False,
    "--extra-opts x@TMP/no": False,
    "--extra-opts x@TMP/bad": False,
    "-w token_expires_in=5:": False,
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_file_or_a_token_never_fails_liveness_but_a_mistake_in_the_manifest(
    case: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "bad").write_text("[x]\nprobe = liveness\ntimeout = soon\n", encoding="ascii")
    env = {"RODIN_URL": "https://127.0.0.1:9", "RODIN_API_KEY": "made-up"}
    words = case.replace("TMP", str(tmp_path)).split()
    if case.startswith("RODIN"):
        name, _, env[name] = words.pop().partition("=")
    assert probed(run("--probe", "liveness", *words, env=env)) == MISTAKES[case]
    if not MISTAKES[case]:
        assert probed(run("--probe", "startup", *words, env=env)) == 1


def test_a_kind_that_does_not_exist_exits_3() -> None:
    refused(run("--probe", "live"), *KINDS)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_exit_3_also_for_a_probe(option: str) -> None:
    outcome = run("--probe", "liveness", option)
    assert (outcome.code, outcome.stderr) == (3, "")
    assert "check_rodin_queues" in outcome.stdout


def test_an_ini_file_can_ask_for_a_probe(tmp_path: Path) -> None:
    (tmp_path / "ini").write_text("[check_rodin_queues]\nprobe = readiness\n", encoding="ascii")
    passed = run("--input", "-", f"--extra-opts=@{tmp_path}/ini", stdin=site())
    assert (probed(passed), passed.line.endswith(" (readiness probe passes)")) == (0, True)
