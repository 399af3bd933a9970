"""The output: whole outputs, the limits of the status line, display names, and what -v adds."""

from __future__ import annotations

import re

import pytest

from check_rodin_queues.errors import State
from check_rodin_queues.messages import Verdict
from check_rodin_queues.output import display_names, long_output, report, status_line, why
from check_rodin_queues.token import Token
from tests import console
from tests.console import run
from tests.domain import judge, line_of
from tests.server import Server, answer, body_of, http, queue, site

# --- whole outputs ------------------------------------------------------------------------------

#: The exit code, arguments and a response; and below them all that is printed.
WHOLE = """\
$ 0 | -q rodin.mesh | {"rodin.mesh": 1 0 0}
RODIN_QUEUES OK - 1 queue, 1 consumer, 0 jobs waiting, 0 jobs running | rodin.mesh.consumers=1;;1:;0 rodin.mesh.job_awaiting=0;;;0 rodin.mesh.job_running=0;;;0
$ 1 | --require= -w busy_ratio=0.5 -c awaiting_per_consumer=~:5 | {"mesh a": 3 10 2}
RODIN_QUEUES WARNING - mesh a: busy_ratio 0.666667 (warning above 0.5). Add workers if jobs are waiting | 'mesh a.awaiting_per_consumer'=3.333333;;5;0 'mesh a.busy_ratio'=0.666667;0.5;;0 'mesh a.consumers'=3;;1:;0 'mesh a.job_awaiting'=10;;;0 'mesh a.job_running'=2;;;0
$ 2 | -vv --require= -w 20 -c 100 -w total.consumers=20: -c busy_ratio=0.9 -w z*.consumers=5 | {"a": 0 7 0, "rodin.mesh": 2 130 2, "stalled": 1 3 0, "x|y": 10 0 5}
RODIN_QUEUES CRITICAL - a: no consumers (critical below 1), 7 jobs waiting (stranded); rodin.mesh: 130 jobs waiting (critical above 100), all consumers busy, busy_ratio 1 (critical above 0.9); and 2 more. Start the workers of a | a.consumers=0;;1:;0 a.job_awaiting=7;20;100;0 a.job_running=0;;;0 rodin.mesh.busy_ratio=1;;0.9;0 rodin.mesh.consumers=2;;1:;0 rodin.mesh.job_awaiting=130;20;100;0 rodin.mesh.job_running=2;;;0 stalled.busy_ratio=0;;0.9;0 stalled.consumers=1;;1:;0 stalled.job_awaiting=3;20;100;0 stalled.job_running=0;;;0 total.consumers=13;20:;;0 x_y.busy_ratio=0.5;;0.9;0 x_y.consumers=10;;1:;0 x_y.job_awaiting=0;20;100;0 x_y.job_running=5;;;0
[CRITICAL] a           consumers 0 (CRITICAL below 1)   job_awaiting 7 (warning above 20, critical above 100)    job_running 0                                       stranded
[CRITICAL] rodin.mesh  consumers 2 (critical below 1)   job_awaiting 130 (WARNING above 20, CRITICAL above 100)  job_running 2  busy_ratio 1 (CRITICAL above 0.9)
[WARNING] stalled     consumers 1 (critical below 1)   job_awaiting 3 (warning above 20, critical above 100)    job_running 0  busy_ratio 0 (critical above 0.9)    stalled
[WARNING] total.consumers 13 (WARNING below 20)
[OK] x_y         consumers 10 (critical below 1)  job_awaiting 0 (warning above 20, critical above 100)    job_running 5  busy_ratio 0.5 (critical above 0.9)
no queue matches -w z*.consumers=5
why: a.consumers 0: CRITICAL, below 1, by -c consumers=1:
why: a: stranded is CRITICAL
why: rodin.mesh.job_awaiting 130: CRITICAL, above 100, by -c 100
why: rodin.mesh.job_awaiting 130: WARNING, above 20, by -w 20
why: rodin.mesh.busy_ratio 1: CRITICAL, above 0.9, by -c busy_ratio=0.9
why: stalled: stalled is WARNING
why: total.consumers 13: WARNING, below 20, by -w total.consumers=20:
why: a.job_awaiting 7: not above 100, by -c 100
why: a.job_awaiting 7: not above 20, by -w 20
why: rodin.mesh.consumers 2: not below 1, by -c consumers=1:
why: stalled.consumers 1: not below 1, by -c consumers=1:
why: stalled.job_awaiting 3: not above 100, by -c 100
why: stalled.job_awaiting 3: not above 20, by -w 20
why: stalled.busy_ratio 0: not above 0.9, by -c busy_ratio=0.9
why: x_y.consumers 10: not below 1, by -c consumers=1:
why: x_y.job_awaiting 0: not above 100, by -c 100
why: x_y.job_awaiting 0: not above 20, by -w 20
why: x_y.busy_ratio 0.5: not above 0.9, by -c busy_ratio=0.9
$ 2 | -v -x left --require c | {"rodin.mesh": 1 0 0, "b": 5, "left": 1 0 0}
RODIN_QUEUES CRITICAL - queue c is not on the server (missing); b: an integer, expected an object (invalid). Check the Rodin deployment, or change --require | rodin.mesh.consumers=1;;1:;0 rodin.mesh.job_awaiting=0;;;0 rodin.mesh.job_running=0;;;0
[CRITICAL] queue c is not on the server (missing)
[UNKNOWN] b: an integer, expected an object (invalid)
[OK] rodin.mesh  consumers 1 (critical below 1)  job_awaiting 0  job_running 0
excluded by -q and -x: left
$ 2 | --require= -c consumers= -w awaiting_per_consumer=5 -v | {"a": 0 3 0}
RODIN_QUEUES CRITICAL - a: no consumers, 3 jobs waiting (warning above 5 per consumer) (stranded). Start its workers | a.consumers=0;;;0 a.job_awaiting=3;;;0 a.job_running=0;;;0
[CRITICAL] a  consumers 0  job_awaiting 3  job_running 0  awaiting_per_consumer infinite (WARNING above 5)  stranded
$ 3 | -vv | {}
RODIN_QUEUES UNKNOWN - the response has no queues at all (empty). Check that it is from the right Rodin server
[UNKNOWN] the response has no queues at all (empty)
why: empty is UNKNOWN
$ 0 | -q rodin.mesh --probe startup | {"rodin.mesh": 1 0 0}
RODIN_QUEUES OK - 1 queue, 1 consumer, 0 jobs waiting, 0 jobs running (startup probe passes)
$ 1 | -q rodin.mesh --probe liveness -vvv | {"rodin.mesh": 0 0 0}
RODIN_QUEUES CRITICAL - rodin.mesh: no consumers (critical below 1). Start its workers (liveness probe fails)
"""  # noqa: E501


def each_run(text: str) -> pytest.MarkDecorator:
    """Run a test with each `case` of a table, which stands behind `$ `, and what is `printed`."""
    rows = [row.split("\n", 1) for row in text.split("$ ")[1:]]
    return pytest.mark.parametrize(("case", "printed"), rows, ids=[case for case, _ in rows])


@each_run(WHOLE)
def test_the_whole_output(case: str, printed: str) -> None:
    code, args, form = case.split(" | ")
    outcome = run("--input", "-", *args.split(), stdin=body_of(form))
    assert (outcome.stdout, outcome.stderr, outcome.code) == (printed, "", int(code))


#: The exit code and the status of a response with that queue; and all that is printed.
ASKED = """\
$ 1 | 200 OK
RODIN_QUEUES WARNING - the check took T s (warning above 0 s). Check the server's load and the network | rodin.mesh.consumers=1;;1:;0 rodin.mesh.job_awaiting=0;;;0 rodin.mesh.job_running=0;;;0 time=Ts;0;;0;10
[WARNING] time T s (WARNING above 0 s)
[OK] rodin.mesh  consumers 1 (critical below 1)  job_awaiting 0  job_running 0
no TLS: http:// was requested
request: GET http://SERVER/api/v2/queue_status_check
connected to SERVER
response: HTTP 200
response: 69 bytes
why: time T s: WARNING, above 0 s, by -w time=0
why: rodin.mesh.consumers 1: not below 1, by -c consumers=1:
$ 3 | 401 No
RODIN_QUEUES UNKNOWN - HTTP 401 Unauthorized: the server rejected the API token (auth). Replace it in RODIN_API_KEY | time=Ts;0;;0;10
[UNKNOWN] HTTP 401 Unauthorized: the server rejected the API token (auth)
[OK] time T s (warning above 0 s)
no TLS: http:// was requested
request: GET http://SERVER/api/v2/queue_status_check
connected to SERVER
response: HTTP 401
why: auth is UNKNOWN
why: time T s: not judged without a complete response, by -w time=0
"""  # noqa: E501


@each_run(ASKED)
def test_the_whole_output_for_a_server(case: str, printed: str, server: Server) -> None:
    code, status = case.split(" | ")
    server.play(http(status, body_of('{"rodin.mesh": 1 0 0}')))
    args = ("-H", server.url, "-t", "10", "-vv", "-w", "time=0", "-q", "rodin.mesh")
    outcome = run(*args, env={"RODIN_API_KEY": "made-up"})
    shown = outcome.stdout.replace(server.address, "SERVER")
    shown = re.sub(r"\b[0-9]+\.[0-9]+(?= ?s\b)", "T", shown)
    assert (shown, outcome.stderr, outcome.code) == (printed, "", int(code))


# --- the status line ----------------------------------------------------------------------------

START = "RODIN_QUEUES CRITICAL - "
A, B = "a" * 100, "b" * 50

#: Problems, the next step, and the 230 bytes after START.
FITTED: list[tuple[list[str], str, str]] = [
    (["x"], "", "x"),
    (["x", "y", "z"], "Do", "x; y; z. Do"),
    (["x" * 230], "", "x" * 230),
    (["x" * 231], "", "x" * 227 + "..."),
    (["\xe9" * 115], "", "\xe9" * 115),
    (["\xe9" * 116], "", "\xe9" * 113 + "..."),
    # the next step stays behind a problem of at least 80 bytes
    (["x" * 226], "Do", "x" * 226 + ". Do"),
    (["x" * 227], "Do", "x" * 223 + "... Do"),
    (["x" * 231], "D" * 148, "x" * 77 + "... " + "D" * 148),
    (["x" * 231], "D" * 149, "x" * 227 + "..."),
    # the problems that do not fit are counted
    ([A, "y" * 128], "", f"{A}; {'y' * 128}"),
    ([A, "y" * 129], "", f"{A}; and 1 more"),
    ([A, "y" * 124], "Do", f"{A}; {'y' * 124}. Do"),
    ([A, "y" * 125], "Do", f"{A}; and 1 more. Do"),
    ([A, "\xe9" * 64, B], "", f"{A}; and 2 more"),
    ([A, "y" * 116, B], "", f"{A}; {'y' * 116}; and 1 more"),
    ([A, "y" * 115, *[B] * 10], "", f"{A}; {'y' * 115}; and 10 more"),
    ([A, "y" * 116, *[B] * 10], "", f"{A}; and 11 more"),
    (["x" * 219, B], "", "x" * 215 + "...; and 1 more"),
]


@pytest.mark.parametrize("case", range(len(FITTED)))
def test_the_status_line_has_254_bytes_at_most(case: int) -> None:
    problems, next_step, expected = FITTED[case]
    verdict = Verdict(State.CRITICAL, tuple(problems), next_step)
    assert status_line(verdict, 254) == START + expected
    assert len((START + expected).encode()) <= 254


def many(number: int, value: object, **others: object) -> str:
    """Return a response of *number* queues with the same *value* after the *others*."""
    return answer({**others, **{f"queue{index:02}": value for index in range(number)}})


REQUIRED = ",".join(f"queue-{number:03}" for number in range(200))
#: A response with more problems than a line can hold, or with longer ones; and a part of the line.
CROWDED: list[tuple[str, str]] = [
    (many(40, queue(0)), "queue08 and 31 more. Start their workers; if all stopped at once"),
    (many(40, queue(1, 999, 1), a=queue(0)), "queue05 999 and 34 more. Start the workers of a"),
    (many(40, queue(0), a=queue(1, 99, 1)), "queue13 and 26 more; and 1 more. Start their workers"),
    (answer({"x" * 99: queue(0, 10**18, 0)}), f"{'x' * 58}: no consumers"),
    (answer({f"{one}" * 99: queue(0) for one in range(9)}), "0000 and 8 more. Start their workers"),
    (
        answer({f"{n}" * 99: queue(-n, 9) for n in (0, 1, 2)}),
        "; and 1 more. Start the workers of 0",
    ),
    (answer({f"{n}" * 99: queue(-n) for n in (1, 2)}), f"{'1' * 58} and 1 more. Report it"),
    (answer({"\xe9" * 50 + str(one): None for one in range(20)}), "20 queues: null, expected an "),
    (site(), "queue-010 and 189 more. Check"),
]


@pytest.mark.parametrize("case", range(len(CROWDED)))
def test_a_long_list_is_counted(case: int) -> None:
    body, part = CROWDED[case]
    require = f"--require={REQUIRED if body == site() else ''}"
    assert part in line_of(judge(body, require, "-w", "20").verdict)


def test_a_probe_has_room_for_its_outcome() -> None:
    verdict = Verdict(State.UNKNOWN, ("x" * 300,), "Do")
    found = report(verdict, "readiness", ("more",), str).output.decode()
    assert found.endswith("x... Do (readiness probe fails)\n")
    assert len(found) == 254


@pytest.mark.parametrize("limits", [[], ["consumers=2:", "job_running=100", "100"]], ids=len)
def test_40_queues_stay_below_8_kb(limits: list[str]) -> None:
    body = answer({f"rodin.queue{number:02}": queue(10, 12345, 10) for number in range(40)})
    args = [word for limit in limits for word in ("-w", limit, "-c", limit.replace("1", "10"))]
    outcome = run("--input", "-", "--require=", *args, stdin=body)
    assert len(console.report(outcome).metrics) == 120
    assert len(outcome.stdout.encode()) < 8192


# --- names --------------------------------------------------------------------------------------

#: A raw name and its display name, where it is alone.
NAMES: dict[str, str] = {
    "rodin.mesh": "rodin.mesh",
    **{name: name for name in ("a b", "a,b", 'a"b', "a\\b", "%s{0}$H`id`", "gr\xfcn", "time")},
    **{f"a{char}b": "a_b" for char in "'=|;\n\t\0\x7f\x85\u2028\u200b\u202e\ufeff\ud800"},
    "a\x1b[31mb": "a_[31mb",
    "a::b": "a__b",
    "a:::b": "a__:b",
    "x" * 59: "x" * 58,
    "\u7db2" * 99: "\u7db2" * 58,
    "total": "total_2",
    "Total": "Total",
    "": "_",
}


@pytest.mark.parametrize("raw", NAMES, ids=lambda raw: ascii(raw).replace("\\", "/"))
def test_a_display_name_is_fit_for_label_and_text(raw: str) -> None:
    found = judge(answer({raw: queue(0, 3, 0)}), "--require=", "-w", "awaiting_per_consumer=5")
    shown = NAMES[raw]
    assert {label.rpartition(".")[0] for label in found.metrics} == {shown}
    assert found.verdict.problems[0].startswith(f"{shown}: no consumers")
    assert long_output(found.verdict.findings)[0].startswith(f"[CRITICAL] {shown}  ")


#: Raw names and their display names, where they are together.
TOGETHER: dict[str, dict[str, str]] = {
    "names that need no change are first": {"a_b": "a_b", "a'b": "a_b_2", "a|b": "a_b_3"},
    "a number can be taken": {"a_b_2": "a_b_2", "a'b": "a_b", "a|b": "a_b_3"},
    "the number has room": {"x" * 58: "x" * 58, "x" * 59: "x" * 56 + "_2"},
    "equal beginnings": {"x" * 58 + "a": "x" * 58, "x" * 58 + "b": "x" * 56 + "_2"},
    "total is the sum": {"total": "total_2", "a": "a"},
    "ten names": {"a\1": "a_", **{f"a{chr(n)}": f"a__{n}" for n in range(2, 11)}},
}


@pytest.mark.parametrize("case", TOGETHER)
def test_a_taken_name_gets_a_number(case: str) -> None:
    assert display_names(reversed(TOGETHER[case]), str) == TOGETHER[case]


def test_a_number_makes_no_secret_of_a_name() -> None:
    """It would be redacted, and two queues would have one label."""
    redact = Token("a_b_2", "").redact
    names = display_names(["a=b", "a|b"], redact)
    assert len({redact(name) for name in names.values()}) == 2


@pytest.mark.parametrize(
    "char", [*"\n\r\x1b\x9b\u2028\u202e\t|\ud800"], ids=lambda char: f"U+{ord(char):04X}"
)
def test_a_line_has_nothing_that_ends_it_or_steers_a_terminal(char: str) -> None:
    verdict = Verdict(State.UNKNOWN, (f"a{char}b",), f"Do{char}it")
    assert report(verdict, None, (f"x{char}y",), str).output == (
        b"RODIN_QUEUES UNKNOWN - a_b. Do_it\nx_y\n"
    )


def test_redacting_again_finds_what_sanitizing_completes() -> None:
    verdict = Verdict(State.UNKNOWN, ("a|secret|token",))
    shown = report(verdict, None, (), Token("a_secret_token", "").redact).output
    assert shown == b"RODIN_QUEUES UNKNOWN - ***\n"


# --- long output --------------------------------------------------------------------------------


def test_each_of_many_queues_has_its_line() -> None:
    names = [f"q{number:04}" for number in range(2000)]
    findings = judge(answer(dict.fromkeys(names, queue())), "--require=").verdict.findings
    assert [row.split()[1] for row in long_output(findings)] == names
    assert [row.split()[1] for row in why(findings)] == [f"{name}.consumers" for name in names]


@pytest.mark.parametrize(("number", "more"), [(20, ""), (21, " and 1 more")])
def test_of_the_excluded_queues_20_are_named(number: int, more: str) -> None:
    names = [f"q{place:02}" for place in range(number)]
    body = answer({"a": queue(), **{name: queue() for name in reversed(names)}})
    outcome = run("--input", "-", "-v", "--require=", "-x", "q*", stdin=body)
    last = outcome.stdout.splitlines()[-1]
    assert last == f"excluded by -q and -x: {', '.join(names[:20])}{more}"
