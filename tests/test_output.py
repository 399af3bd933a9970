"""What is printed: whole outputs, their limits, and the exit code where nothing can be printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import List

import pytest

from tests import live, report, stub
from tests.answers import IDLE, answer, queue, site, without
from tests.console import SCRIPT, environment, run
from tests.saved import ask, judge

#: Perfdata of the idle site.
IDLE_PERFDATA = " ".join(
    f"'{name}.consumers'=1;;1:;0 '{name}.job_awaiting'=0;;;0 '{name}.job_running'=0;;;0"
    for name in sorted(IDLE)
)
MESH = "'rodin.mesh.consumers'=1;;1:;0 'rodin.mesh.job_awaiting'=0;;;0 'rodin.mesh.job_running'=0"

#: Saved answers, arguments and the whole output.
WHOLE = {
    "idle": (
        site(),
        [],
        0,
        (
            "RODIN_QUEUES OK - 4 queues, 4 consumers, 0 jobs waiting, 0 jobs running | "
            f"{IDLE_PERFDATA}\n"
        ),
    ),
    "idle, verbose": (
        site(),
        ["-v"],
        0,
        (
            "RODIN_QUEUES OK - 4 queues, 4 consumers, 0 jobs waiting, 0 jobs running | "
            f"{IDLE_PERFDATA}\n"
            "[OK] rodin.mesh     consumers 1 (critical 1:)  job_awaiting 0  job_running 0\n"
            "[OK] rodin.pack     consumers 1 (critical 1:)  job_awaiting 0  job_running 0\n"
            "[OK] rodin.remesh   consumers 1 (critical 1:)  job_awaiting 0  job_running 0\n"
            "[OK] rodin.texture  consumers 1 (critical 1:)  job_awaiting 0  job_running 0\n"
        ),
    ),
    "one of each": (
        answer({"rodin.mesh": queue(1, 1, 1)}),
        ["-q", "rodin.mesh"],
        0,
        (
            "RODIN_QUEUES OK - 1 queue, 1 consumer, 1 job waiting, 1 job running | "
            "'rodin.mesh.consumers'=1;;1:;0 'rodin.mesh.job_awaiting'=1;;;0 "
            "'rodin.mesh.job_running'=1;;;0\n"
        ),
    ),
    "a backlog": (
        answer({"rodin.mesh": queue(2, 30, 2)}),
        ["-q", "rodin.mesh", "-w", "20", "-c", "100"],
        1,
        (
            "RODIN_QUEUES WARNING - rodin.mesh: job_awaiting is 30 (warning above 20). "
            "Add workers for rodin.mesh, or see what holds them up | "
            "'rodin.mesh.consumers'=2;;1:;0 'rodin.mesh.job_awaiting'=30;20;100;0 "
            "'rodin.mesh.job_running'=2;;;0\n"
        ),
    ),
    "a dead worker": (
        answer({"rodin.mesh": queue(0, 7, 0)}),
        ["-q", "rodin.mesh"],
        2,
        (
            "RODIN_QUEUES CRITICAL - rodin.mesh: no consumer for 7 waiting jobs "
            "(critical below 1). Start workers for rodin.mesh | "
            "'rodin.mesh.consumers'=0;;1:;0 'rodin.mesh.job_awaiting'=7;;;0 "
            "'rodin.mesh.job_running'=0;;;0\n"
        ),
    ),
    "a metric that is calculated": (
        answer({"rodin.mesh": queue(3, 10, 2)}),
        ["-q", "rodin.mesh", "-w", "busy_ratio=0.5", "-c", "awaiting_per_consumer=5"],
        1,
        (
            "RODIN_QUEUES WARNING - rodin.mesh: busy_ratio is 0.666667 (warning above 0.5). "
            "See whether the workers of rodin.mesh keep up | "
            "'rodin.mesh.awaiting_per_consumer'=3.333333;;5;0 "
            "'rodin.mesh.busy_ratio'=0.666667;0.5;;0 "
            "'rodin.mesh.consumers'=3;;1:;0 'rodin.mesh.job_awaiting'=10;;;0 "
            "'rodin.mesh.job_running'=2;;;0\n"
        ),
    ),
}


@pytest.mark.parametrize("case", WHOLE)
def test_the_whole_output_for_a_saved_answer(case: str) -> None:
    body, args, code, expected = WHOLE[case]
    outcome = ask(body, *args)
    report.read(outcome, verbose="-v" in args)
    assert outcome.stdout == expected
    assert outcome.code == code


#: Scenarios of the simulator, the exit code and the whole output; T is the time, P the port.
ASKED = {
    "idle": (
        0,
        (
            "RODIN_QUEUES OK - 4 queues, 4 consumers, 0 jobs waiting, 0 jobs running | "
            f"{IDLE_PERFDATA} time=Ts;;;0;10\n"
        ),
    ),
    "stalled": (
        1,
        "RODIN_QUEUES WARNING - rodin.mesh: 7 jobs waiting, 2 consumers, none running (stalled). "
        "See the log of the workers of rodin.mesh: they take no job | "
        + IDLE_PERFDATA.replace(
            f"{MESH};;;0",
            "'rodin.mesh.consumers'=2;;1:;0 'rodin.mesh.job_awaiting'=7;;;0 "
            "'rodin.mesh.job_running'=0;;;0",
        )
        + " time=Ts;;;0;10\n",
    ),
    "rejected": (
        3,
        (
            "RODIN_QUEUES UNKNOWN - auth: HTTP 401 Unauthorized: the server refuses the token. "
            "Renew it | time=Ts;;;0;10\n"
        ),
    ),
    "server-error": (
        2,
        (
            "RODIN_QUEUES CRITICAL - unreachable: HTTP 500 Internal Server Error. "
            "See the log of the server or of its gateway | time=Ts;;;0;10\n"
        ),
    ),
    "throttled": (
        3,
        (
            "RODIN_QUEUES UNKNOWN - throttled: HTTP 429 Too Many Requests, retry after 60 s. "
            "Check less often | time=Ts;;;0;10\n"
        ),
    ),
    "hang-up": (
        2,
        (
            "RODIN_QUEUES CRITICAL - unreachable: 127.0.0.1:P closed the connection without an "
            "answer. See the server's log; if it speaks TLS, say https:// in -H | time=Ts;;;0;10\n"
        ),
    ),
}


@pytest.mark.parametrize("scenario", ASKED)
def test_the_whole_output_for_a_server(scenario: str) -> None:
    code, expected = ASKED[scenario]
    with live.site(scenario) as asked:
        outcome = asked.run()
        port = str(asked.server.server_port)
    assert re.sub(r"time=[0-9.]+s", "time=Ts", outcome.stdout).replace(port, "P") == expected
    assert outcome.code == code


def documented(count: int) -> List[str]:
    """Return *count* names, as long as the longest documented one."""
    return [f"rodin.queue{number:02}" for number in range(count)]


def one(**fields: str) -> bytes:
    """Return an answer with one queue, `a`, of these raw values."""
    return ('{"a": {' + ", ".join(f'"{k}": {v}' for k, v in fields.items()) + "}}").encode()


NINES = "9" * 30
AN_OBJECT = " where an object is documented"
AN_INTEGER = " where an integer is documented"

#: Answers that cannot be used, and all that is said of them before the next step.
REASONS = {
    b"": "no queue status: it is empty",
    b" \n": "no queue status: it is empty",
    b"x": "no queue status: no JSON at line 1 column 1",
    b"{\n": "no queue status: no JSON at line 2 column 1",
    b"NaN": "no queue status: NaN is not JSON",
    b"\xff": "no queue status: byte 0 is not UTF-8",
    b"[" * 60000: "no queue status: it is nested too deeply",
    b'{"a": [' + b"[]," * 300_000 + b"0]}": "no queue status: it is too large to be held in memory",
    b"null": f"no queue status: null{AN_OBJECT}",
    b"5": f"no queue status: an integer{AN_OBJECT}",
    b'"5"': f"no queue status: a string{AN_OBJECT}",
    b"true": f"no queue status: a boolean{AN_OBJECT}",
    b"[]": f"no queue status: an array{AN_OBJECT}",
    b"1.5": f"no queue status: a number with a fraction or an exponent{AN_OBJECT}",
    b'{"a": 5}': f"a: an integer{AN_OBJECT}",
    b'{"a": 5, "a": 5}': "a: it is given twice",
    one(consumers="{}"): f"a: consumers is an object{AN_INTEGER}",
    one(consumers="1"): "a: job_awaiting is not there",
    one(consumers="1", job_awaiting="1"): "a: job_running is not there",
    one(consumers="-1"): "a: consumers is negative",
    one(job_awaiting=f"-{NINES}"): "a: job_awaiting is negative",
    one(job_awaiting=NINES): "a: job_awaiting is above 2^63-1",
}


@pytest.mark.parametrize("body", REASONS, ids=lambda body: str(REASONS[body]))
def test_an_answer_that_cannot_be_used_gets_its_reason(body: bytes, tmp_path: Path) -> None:
    saved = tmp_path / "answer.json"
    saved.write_bytes(body)
    found = report.read(run("--input", str(saved), "--require="))
    about_a_queue = REASONS[body].startswith("a:")
    then = "Ask who runs the server, or leave the queue out with -x"
    if not about_a_queue:
        then = "Run with -vvv to see what came"
    assert (found.state, found.text) == ("UNKNOWN", f"invalid: {REASONS[body]}. {then}")


def test_a_saved_answer_may_have_a_mebibyte(tmp_path: Path) -> None:
    saved = tmp_path / "answer.json"
    for more, said in ((0, "4 queues, "), (1, "invalid: no queue status: it is larger than 1 MiB")):
        saved.write_text(site().ljust(1024 * 1024 + more))
        assert report.read(run("--input", str(saved))).text.startswith(said)


def test_perfdata_is_sorted_by_what_it_shows() -> None:
    """And not by the names of the server, in which the tab stands before the capital."""
    found = judge(answer({"a\tb": queue(1, 2, 3), "aAb": queue()}), "--require=")
    assert list(found.metrics) == [
        f"{name}.{metric}" for name in ("aAb", "a_b") for metric in queue()
    ]


def test_that_no_queue_is_selected_is_said_of_all_there_are() -> None:
    then = ". Check what the server offers (-v), and -q and -x"
    assert judge(site(), "-x", "*").text == f"no queue of 4 is selected{then}"
    assert judge("{}").text == f"no queue is selected: the answer has none{then}"
    assert "no queue" not in judge(site(mesh=5), "-q", "rodin.mesh").text


def test_vv_says_why_each_metric_has_its_state() -> None:
    """Which option gave each limit, what it said, and what a condition has its state from."""
    body = answer({"b": queue(0, 7, 0), "a": queue(1, 7, 1)})
    args = ("--require", "", "-w", "5", "-c", "9", "--state", "stranded=warning", "-vv")
    found = report.read(ask(body, *args, "-w", "b.job_running=@0"), verbose=True)
    assert [line for line in found.more.splitlines() if line.startswith("why: ")] == [
        "why: b.consumers is 0: CRITICAL, below 1, by the default -c consumers=1:",
        "why: b.job_awaiting is 7: WARNING, above 5, by -w 5",
        "why: b.job_awaiting is 7: OK, by -c 9",
        "why: b.job_running is 0: WARNING, inside 0, by -w b.job_running=@0",
        "why: b: stranded is WARNING, by --state",
        "why: a.consumers is 1: OK, by the default -c consumers=1:",
        "why: a.job_awaiting is 7: WARNING, above 5, by -w 5",
        "why: a.job_awaiting is 7: OK, by -c 9",
        "why: a.job_running is 1: no threshold",
    ]


def test_vv_says_it_of_what_is_missing_too() -> None:
    found = report.read(ask(site(), "--require", "x", "-vv"), verbose=True)
    assert "why: missing is CRITICAL, as by default" in found.more.splitlines()


def test_rows_stand_in_the_order_of_shown_names() -> None:
    body = answer({"a`": queue(), "a|": queue()})
    found = report.read(ask(body, "--require=", "-v"), verbose=True)
    assert [line.split()[1] for line in found.more.splitlines()] == ["a_", "a`"]


def test_an_infinite_value_is_shown_as_such() -> None:
    args = ("--require=", "-c", "consumers=", "-w", "awaiting_per_consumer=5", "-v")
    found = report.read(ask(answer({"a": queue(0, 3, 0)}), *args), verbose=True)
    assert "awaiting_per_consumer infinite (WARNING 5)" in found.more


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["-w", "100", "-c", "1000"],
        ["-w", "consumers=2:", "-w", "job_running=100", "-w", "100", "-c", "1000"],
    ],
    ids=["defaults", "thresholds", "thresholds everywhere"],
)
def test_40_queues_stay_below_8_kb(args: List[str]) -> None:
    names = documented(40)
    assert all(len(name) == len("rodin.texture") for name in names)
    body = answer({name: queue(10, 12345, 10) for name in names})
    with live.site(body=body) as asked:
        outcome = asked.run("--require=", *args)
    assert len(report.read(outcome).metrics) == 121
    assert len(outcome.stdout.encode()) < 8192


#: Answers with more problems than a line can hold, or with longer ones.
CROWDED = {
    "40 dead queues": answer({name: queue(0, 99999, 0) for name in documented(40)}),
    "5,000 dead queues": answer({f"q{number}": queue(0, 1, 0) for number in range(4999)}),
    "long names": answer({f"{number}" * 58: queue(0, 10**18, 0) for number in range(10)}),
    "wide characters": answer(
        {"\U0001f980" * 50 + str(number): queue(0, 9, 0) for number in range(9)}
    ),
    "malformed long names": answer({"é" * 50 + str(number): None for number in range(20)}),
    "large numbers": answer({"a" * 60: queue(2**63 - 1, 2**63 - 1, 0), "b": queue(0, 2**63 - 1)}),
}


@pytest.mark.parametrize("case", CROWDED)
@pytest.mark.parametrize("args", [[], ["-c", "0", "-w", "awaiting_per_consumer=0"]])
def test_all_before_the_perfdata_stays_below_255_bytes(case: str, args: List[str]) -> None:
    """`report.read` counts them."""
    found = judge(CROWDED[case], *args)
    assert found.state != "OK"


#: Servers that talk much, or into the perfdata; each is one problem, too long for the line.
TALKATIVE = {
    "a long reason": stub.http(f"500 {'x' * 1000}"),
    "a reason with perfdata": stub.http("500 no | up=1;2;3 'x'=5"),
    "a reason that colours": stub.http("500 \x1b[31mred\x07\x9b0m"),
    "a long redirect": stub.http("302 Found", "", f"Location: /{'x' * 1000}"),
    "a redirect with perfdata": stub.http("302 Found", "", "Location: /a|up=1 | down=2"),
    "a body with perfdata": stub.http("200 OK", '{"a | up=1": "\\u001b[31m | down=2"}\n| x=1\n'),
    "a queue with perfdata": stub.http("200 OK", '{"a | up=1": 5, "\\n[OK] b | x=2": null}'),
    "a header with perfdata": stub.http("401 Who", "x | y=1", "X-Evil: a | up=1 \x1b[31m"),
}


@pytest.mark.parametrize("case", TALKATIVE)
@pytest.mark.parametrize("verbosity", [[], ["-v"], ["-vvv"]])
def test_what_a_server_says_stays_in_its_place(case: str, verbosity: List[str]) -> None:
    with stub.stub(TALKATIVE[case]) as server:
        env = {"RODIN_API_KEY": "made-up"}
        outcome = run("-H", server.url, *verbosity, env=env)
    found = report.read(outcome, verbose=bool(verbosity))
    assert found.state in {"CRITICAL", "UNKNOWN"}
    assert set(found.metrics) == {"time"}
    assert outcome.stdout.count("|") == 1


def test_a_long_list_is_cut_and_counted() -> None:
    found = judge(CROWDED["40 dead queues"], "--require=")
    named = [name for name in documented(40) if name in found.text]
    counted = re.search(r"and (\d+) more", found.text)
    assert counted
    assert len(named) + int(counted[1]) == 40
    assert named == documented(len(named))


def test_many_missing_queues_are_cut_too() -> None:
    names = [f"queue-{number:03}" for number in range(200)]
    found = judge(site(), "--require", ",".join(names))
    assert found.state == "CRITICAL"
    counted = re.search(r"and (\d+) more", found.text)
    assert counted
    assert len(re.findall(r"queue-\d{3}", found.text)) + int(counted[1]) == 200


def test_a_long_argument_does_not_lengthen_the_line() -> None:
    for args in (["-w", "x" * 5000], ["--state", "y" * 5000], ["--" + "z" * 5000]):
        report.refused(ask(site(), *args))


#: Problems of different states; the order of the names in the text.
MIXED = answer(
    {
        "a-stalled": queue(1, 5, 0),
        "b-malformed": 5,
        "c-dead": queue(0, 5, 0),
        "d-full": queue(1, 50, 1),
    }
)


@pytest.mark.parametrize(
    ("args", "order"),
    [
        pytest.param([], ["c-dead", "b-malformed", "a-stalled"], id="by the defaults"),
        pytest.param(
            ["--state", "invalid=critical,stalled=unknown", "-c", "consumers=", "-w", "0"],
            ["b-malformed", "c-dead", "a-stalled", "d-full"],
            id="by --state",
        ),
        pytest.param(
            ["-c", "d*.job_awaiting=40"],
            ["c-dead", "d-full", "b-malformed", "a-stalled"],
            id="a threshold",
        ),
        pytest.param(
            ["--require", "gone"],
            ["gone", "c-dead", "b-malformed", "a-stalled"],
            id="a missing queue",
        ),
        pytest.param(
            ["--require", "gone", "--state", "invalid=ok,missing=warning"],
            ["c-dead", "gone", "a-stalled"],
            id="a missing queue that warns",
        ),
    ],
)
def test_the_worst_comes_first(args: List[str], order: List[str]) -> None:
    """And none is lost: what finds no room is counted."""
    given = args if "--require" in args else ["--require=", *args]
    problems = judge(MIXED, *given).text.partition(". ")[0]
    shown = re.findall("a-stalled|b-malformed|c-dead|d-full|gone", problems)
    left = re.search(r" and (\d+) more$", problems)
    assert len(shown) >= 2
    assert shown == order[: len(shown)]
    assert len(shown) + int(left[1] if left else 0) == len(order)


def test_a_queue_without_consumer_is_named_once() -> None:
    """Though it is stranded, out of the default range, and infinitely loaded."""
    found = judge(
        site(mesh=queue(0, 7, 0)), "-w", "5", "-c", "awaiting_per_consumer=5", "-c", "consumers=1:"
    )
    assert found.text.count("rodin.mesh:") == 1
    assert found.text.count("no consumer") == 1


def test_a_problem_has_queue_value_and_limit() -> None:
    found = judge(site(mesh=queue(3, 42, 3)), "-w", "17", "-c", "job_running=@3")
    for word in ("rodin.mesh", "42", "17", "job_running", "3"):
        assert word in found.text
    total = judge(site(), "-c", "total.consumers=9:")
    for word in ("total", "consumers", "4", "9"):
        assert word in total.text


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        ("10", "above 10"),
        ("50:", "below 50"),
        ("~:10", "above 10"),
        ("50:60", "below 50"),
        ("10:20", "above 20"),
        ("@40:45", "inside 40:45"),
    ],
)
def test_a_limit_is_said_in_words(threshold: str, words: str) -> None:
    text = judge(site(mesh=queue(3, 42, 3)), "-w", f"rodin.mesh.job_awaiting={threshold}").text
    assert words in text


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("rejected", ["auth", "401", "token"]),
        ("forbidden", ["auth", "403", "token"]),
        ("throttled", ["throttled", "429"]),
        ("server-error", ["unreachable", "500"]),
        ("redirect", ["invalid", "302", "-H"]),
        ("bad-answer", ["invalid", "JSON"]),
        ("cut-off", ["unreachable"]),
        ("hang-up", ["unreachable"]),
        ("malformed-queue", ["invalid", "rodin.pack", "job_awaiting"]),
        ("missing-queue", ["missing", "rodin.remesh"]),
        ("silent", ["timeout", "1 s", "-t"]),
    ],
)
def test_an_error_says_class_cause_and_next_step(scenario: str, words: List[str]) -> None:
    with live.site(scenario) as asked:
        found = asked.judge("-t", "1" if scenario == "silent" else "20")
    for word in words:
        assert word in found.text
    assert re.search(r"[.;] [A-Z][a-z]+ ", found.text), f"no next step: {found.text}"


@pytest.mark.parametrize("verbosity", [[], ["-v"], ["-vv"], ["-vvv"]])
def test_perfdata_is_the_same_at_every_verbosity(verbosity: List[str]) -> None:
    args = ("-w", "5", "-w", "busy_ratio=0.9", "-c", "total.job_awaiting=50")
    found = report.read(ask(site(mesh=queue(1, 2, 1)), *args, *verbosity), verbose=True)
    assert found.metrics == judge(site(mesh=queue(1, 2, 1)), *args).metrics


def test_perfdata_do_not_depend_on_the_order_of_the_answer() -> None:
    names = ["b", "a.z", "a", "a-b", "B", "a.b", "\u00e9", "a b", "10", "9"]
    queues = {name: queue() for name in names}
    turned = {name: queues[name] for name in reversed(names)}
    assert ask(answer(queues), "--require=").stdout == ask(answer(turned), "--require=").stdout


@pytest.mark.parametrize(
    ("body", "args", "mark"),
    [
        pytest.param(site(), [], "[OK]", id="ok"),
        pytest.param(site(mesh=queue(1, 5, 0)), [], "[WARNING]", id="warning"),
        pytest.param(site(mesh=queue(0, 5, 0)), [], "[CRITICAL]", id="critical"),
        pytest.param(site(mesh=5), [], "[UNKNOWN]", id="unknown"),
        pytest.param(without("rodin.mesh"), [], "[CRITICAL]", id="missing"),
        pytest.param(site(mesh=queue(1, 5, 1)), ["-w", "4"], "[WARNING]", id="a threshold"),
        pytest.param(
            site(mesh=queue(1, 5, 1)), ["-w", "4", "-c", "4"], "[CRITICAL]", id="the worse one"
        ),
    ],
)
def test_a_line_for_a_queue_begins_with_its_state(body: str, args: List[str], mark: str) -> None:
    found = report.read(ask(body, "-v", *args), verbose=True)
    lines = [line for line in found.more.splitlines() if "rodin.mesh" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"{mark} ")
    others = [line for line in found.more.splitlines() if "rodin.pack" in line]
    assert len(others) == 1
    assert others[0].startswith("[OK] ")


def test_output_is_utf_8_in_any_locale() -> None:
    body = answer({"gr\u00fcn \u7db2\u683c": queue()})
    for locale in ("C", "POSIX", "de_DE.ISO-8859-1"):
        done = subprocess.run(
            [str(SCRIPT), "--input", "-", "--require="],
            input=json.dumps(json.loads(body), ensure_ascii=False).encode(),
            capture_output=True,
            env=environment({"LC_ALL": locale, "LANG": locale, "PYTHONIOENCODING": "latin-1"}),
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert "gr\u00fcn \u7db2\u683c.consumers" in done.stdout.decode()


#: Answers and the exit code that stays where the output cannot be written.
EXITS = {"OK": site(), "WARNING": site(mesh=queue(1, 5, 0)), "CRITICAL": site(mesh=queue(0, 5, 0))}
EXITS["UNKNOWN"] = "[]"


@pytest.mark.parametrize("state", EXITS)
@pytest.mark.parametrize("stdout", ["closed", "full", "a broken pipe"])
def test_the_exit_code_stays_where_nothing_can_be_written(stdout: str, state: str) -> None:
    redirection = {"closed": ">&-", "full": ">/dev/full", "a broken pipe": ""}[stdout]
    command = ["sh", "-c", f'exec "$0" --input - -v {redirection}', str(SCRIPT)]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command,
            input=EXITS[state].encode(),
            stdout=writing,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == report.CODES[state]
    assert done.stderr == b""
