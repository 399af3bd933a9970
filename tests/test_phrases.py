"""The words of each problem, whole: which queue, which value, which limit, what to do."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Tuple

import pytest

from tests import live, report, stub
from tests.answers import answer, queue, site
from tests.console import Outcome, run
from tests.saved import judge
from tests.tokens import expiring

#: The queue `a` of an answer, arguments beside `--require=`, and the whole status text.
TEXTS: Dict[str, Tuple[Mapping[str, object], List[str], str]] = {
    "above": (
        queue(1, 6, 1),
        ["-w", "5"],
        "a: job_awaiting is 6 (warning above 5). Add workers for a, or see what holds them up",
    ),
    "above an end": (
        queue(1, 6, 1),
        ["-c", "2:5"],
        "a: job_awaiting is 6 (critical above 5). Add workers for a, or see what holds them up",
    ),
    "below a start": (
        queue(1, 1, 1),
        ["-w", "2:5"],
        "a: job_awaiting is 1 (warning below 2). See why so few jobs reach a",
    ),
    "inside": (
        queue(1, 5, 1),
        ["-w", "@5:7"],
        "a: job_awaiting is 5 (warning inside 5:7). Add workers for a, or see what holds them up",
    ),
    "too few consumers": (
        queue(1, 5, 1),
        ["-c", "consumers=2:"],
        "a: consumers is 1 (critical below 2). Start workers for a",
    ),
    "consumers, with the colon forgotten": (
        queue(3, 0, 0),
        ["-c", "consumers=2"],
        "a: consumers is 3 (critical above 2). If a minimum is meant, write it N:",
    ),
    "consumers, inside": (
        queue(3, 0, 0),
        ["-c", "consumers=@3"],
        "a: consumers is 3 (critical inside 3). Start workers for a",
    ),
    "too few that run": (
        queue(3, 0, 1),
        ["-w", "total.job_running=2:"],
        "total.job_running is 1 (warning below 2). See why so few jobs reach the queues",
    ),
    "too little load": (
        queue(2, 1, 1),
        ["-w", "awaiting_per_consumer=1:"],
        "a: awaiting_per_consumer is 0.5 (warning below 1). See why so few jobs reach a",
    ),
    "workers with little to do": (
        queue(2, 0, 1),
        ["-w", "busy_ratio=1:"],
        "a: busy_ratio is 0.5 (warning below 1). See why so few jobs reach a",
    ),
    "two of one queue": (
        queue(1, 6, 3),
        ["-w", "5", "-w", "job_running=2"],
        (
            "a: job_awaiting is 6 (warning above 5) and job_running is 3 (warning above 2). "
            "Add workers for a, or see what holds them up"
        ),
    ),
    "stalled": (
        queue(2, 1, 0),
        [],
        (
            "a: 1 job waiting, 2 consumers, none running (stalled). "
            "See the log of the workers of a: they take no job"
        ),
    ),
    "stalled, beside a threshold": (
        queue(1, 2, 0),
        ["-w", "1"],
        (
            "a: job_awaiting is 2 (warning above 1) and 2 jobs waiting, 1 consumer, none running "
            "(stalled). Add workers for a, or see what holds them up"
        ),
    ),
    "dead, no job": (
        queue(0, 0, 0),
        [],
        "a: no consumer (critical below 1). Start workers for a",
    ),
    "dead, a job": (
        queue(0, 1, 0),
        [],
        "a: no consumer for 1 waiting job (critical below 1). Start workers for a",
    ),
    "dead, by stranded alone": (
        queue(0, 2, 0),
        ["-c", "consumers="],
        "a: no consumer for 2 waiting jobs. Start a worker for a",
    ),
    "dead, by an infinite load alone": (
        queue(0, 2, 0),
        ["-c", "consumers=", "--state", "stranded=ok", "-c", "awaiting_per_consumer=5"],
        "a: no consumer for 2 waiting jobs. Add workers for a, or see what holds them up",
    ),
    "dead, by both and by the default": (
        queue(0, 2, 0),
        ["-c", "awaiting_per_consumer=5"],
        "a: no consumer for 2 waiting jobs (critical below 1). Start workers for a",
    ),
    "dead, and more": (
        queue(0, 2, 3),
        ["-w", "1", "-w", "job_running=2"],
        (
            "a: no consumer for 2 waiting jobs (critical below 1) and job_awaiting is 2 (warning "
            "above 1) and job_running is 3 (warning above 2). Start workers for a"
        ),
    ),
    "without a consumer, but that is allowed": (
        queue(0, 0, 3),
        ["-c", "consumers=", "-w", "job_running=2"],
        "a: job_running is 3 (warning above 2). See what the workers of a do",
    ),
    "a load that is not infinite": (
        queue(2, 3, 2),
        ["-w", "awaiting_per_consumer=1"],
        (
            "a: awaiting_per_consumer is 1.5 (warning above 1). "
            "Add workers for a, or see what holds them up"
        ),
    ),
    "a sum": (
        queue(1, 6, 1),
        ["-w", "total.job_awaiting=5"],
        (
            "total.job_awaiting is 6 (warning above 5). "
            "Add workers for the queues, or see what holds them up"
        ),
    ),
    "no value is well": (
        queue(1, 6, 1),
        ["-w", "@~:"],
        "a: job_awaiting is 6 (warning inside ~:). Add workers for a, or see what holds them up",
    ),
    "missing": (
        queue(1, 0, 0),
        ["--require", "b"],
        "b is missing from the answer. Check --require and -q, and what the server offers (-v)",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_the_words_of_a_problem(case: str) -> None:
    fields, args, expected = TEXTS[case]
    require = [] if "--require" in args else ["--require="]
    assert judge(answer({"a": fields}), *require, *args).text == expected


def test_the_advice_on_the_other_side_of_a_limit_on_the_run() -> None:
    with live.site(token=expiring(1000)) as asked:
        quick = report.read(asked.run("-w", "time=8:"))
        late = report.read(asked.run("-c", "token_expires_in=10"))
    assert quick.text.endswith(" (warning below 8). If a maximum is meant, write it N")
    assert late.text.endswith(" (critical above 10). If a minimum is meant, write it N:")


@pytest.mark.parametrize("_", range(3))
def test_a_time_has_three_decimals_in_the_text(_: int) -> None:
    with live.site() as asked:
        found = report.read(asked.run("-w", "time=0"))
    time = round(float(found.metrics["time"].value), 3)
    then = "See the server's load and the network"
    assert found.text == f"time is {time:g}s (warning above 0). {then}"


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        ("100", r"-6\ds \(warning below 0\)\. Renew the token"),
        ("~:-100", r"-6\ds \(warning above -100\)\. If a minimum is meant, write it N:"),
        ("-50:", r"-6\ds \(warning below -50\)\. Renew the token"),
    ],
)
def test_a_token_that_has_expired(threshold: str, words: str) -> None:
    env = {"RODIN_API_KEY": expiring(-60)}
    with stub.stub(stub.http("200 OK", site())) as server:
        found = report.read(run("-H", server.url, "-w", f"token_expires_in={threshold}", env=env))
    assert found.state == "WARNING"
    assert re.fullmatch(rf"token_expires_in is {words}", found.text)


def of_a_file(path: str) -> Outcome:
    """Ask for the options of a file that is not there; its path is no secret, and is shown."""
    return run("--extra-opts", env={"MP_CONFIG_FILE": path})


def test_what_would_begin_perfdata_becomes_an_underscore() -> None:
    outcome = of_a_file("/nowhere/a | b=1")
    report.read(outcome)
    assert outcome.stdout == (
        "RODIN_QUEUES UNKNOWN - --extra-opts /nowhere/a _ b=1: "
        "cannot read the file: no such file or directory. Check the path\n"
    )


def test_254_bytes_stand_before_the_perfdata() -> None:
    """What is longer is cut there."""
    start, end = (
        "RODIN_QUEUES UNKNOWN - --extra-opts ",
        ": cannot read the file: no such file or directory. Check the path",
    )
    whole = "/nowhere/" + "x" * (254 - len(start + end + "/nowhere/"))
    assert of_a_file(whole).stdout == f"{start}{whole}{end}\n"
    assert of_a_file(f"{whole}x").stdout == f"{f'{start}{whole}x{end}'[:251]}...\n"
