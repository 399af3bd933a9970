"""Every condition: when it is, which state it has by default, and that `--state` changes it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

from tests import live, report, stub
from tests.answers import IDLE, answer, doubled, queue, site, without
from tests.console import run
from tests.report import Report
from tests.saved import ask, judge

STATES = ("ok", "warning", "critical", "unknown")

#: What the interface sets, row by row.
DEFAULTS = {
    "stranded": "CRITICAL",
    "stalled": "WARNING",
    "missing": "CRITICAL",
    "empty": "UNKNOWN",
    "unreachable": "CRITICAL",
    "timeout": "CRITICAL",
    "auth": "UNKNOWN",
    "throttled": "UNKNOWN",
    "invalid": "UNKNOWN",
}

STRANDED = site(mesh=queue(0, 7, 0))
STALLED = site(mesh=queue(2, 7, 0))
BROKEN = site(mesh=5)

#: An answer for each condition that a saved answer can have; `-c consumers=` leaves it alone.
SAVED = {
    "stranded": STRANDED,
    "stalled": STALLED,
    "missing": without("rodin.remesh"),
    "empty": "{}",
    "invalid": BROKEN,
}

#: A scenario of the simulator for each condition that needs a server.
LIVE = {
    "unreachable": "server-error",
    "timeout": "silent",
    "auth": "rejected",
    "throttled": "throttled",
}


def provoke(condition: str, *args: str) -> Report:
    """Bring about *condition* and nothing else."""
    if condition in SAVED:
        return judge(SAVED[condition], "-c", "consumers=", *args)
    with live.site(LIVE[condition]) as asked:
        patience = "1" if condition == "timeout" else "10"
        return asked.judge("-t", patience, *args)


@pytest.mark.parametrize("condition", DEFAULTS)
def test_a_condition_has_its_default_state(condition: str) -> None:
    found = provoke(condition)
    assert found.state == DEFAULTS[condition]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("condition", DEFAULTS)
def test_state_of_a_condition_can_be_set(condition: str, state: str) -> None:
    found = provoke(condition, "--state", f"{condition}={state}")
    assert found.state == state.upper()


@pytest.mark.parametrize("condition", DEFAULTS)
def test_other_conditions_keep_their_state(condition: str) -> None:
    others = ",".join(f"{other}=ok" for other in DEFAULTS if other != condition)
    assert provoke(condition, "--state", others).state == DEFAULTS[condition]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["stalled=critical,stranded=ok"], "CRITICAL", id="commas"),
        pytest.param(["stranded=ok", "stalled=critical"], "CRITICAL", id="repeated"),
        pytest.param(["stalled=critical", "stalled=ok"], "OK", id="the last one wins"),
        pytest.param(["stalled=critical,stalled=unknown"], "UNKNOWN", id="last within commas"),
        pytest.param([" stalled = critical , stranded = ok "], "CRITICAL", id="white space"),
    ],
)
def test_states_are_given_in_several_ways(given: List[str], expected: str) -> None:
    args = [item for state in given for item in ("--state", state)]
    assert judge(STALLED, *args).state == expected


@pytest.mark.parametrize(
    "state",
    [
        "stalled",
        "stalled=",
        "stalled=fine",
        "stalled=2",
        "=ok",
        "idle=ok",
        "stalled=ok;stranded=ok",
        "stalled=ok,idle=ok",
        "stalled=ok=ok",
        "stalled = ok=",
        "consumers=ok",
        "",
    ],
)
def test_a_state_that_is_none_is_a_usage_error(state: str) -> None:
    text = report.refused(ask(site(), "--state", state), "--state")
    assert "stranded" in text
    assert "unknown" in text


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        pytest.param((0, 0, 0), [], id="no consumer and no job"),
        pytest.param((0, 1, 0), ["stranded"], id="a job without consumer"),
        pytest.param((0, 1, 1), ["stranded"], id="a job without consumer, one running"),
        pytest.param((1, 0, 0), [], id="nothing to do"),
        pytest.param((1, 1, 0), ["stalled"], id="a job waits and none runs"),
        pytest.param((1, 1, 1), [], id="a job waits and one runs"),
        pytest.param((1, 0, 1), [], id="the last job runs"),
    ],
)
def test_when_a_queue_is_stranded_or_stalled(
    numbers: Tuple[int, int, int], expected: List[str]
) -> None:
    states = "stranded=critical,stalled=warning"
    found = judge(site(pack=queue(*numbers)), "-c", "consumers=", "--state", states)
    wanted = {"stranded": "CRITICAL", "stalled": "WARNING"}
    assert found.state == (wanted[expected[0]] if expected else "OK")
    assert ("rodin.pack" in found.text) == bool(expected)


def test_scale_to_zero_keeps_stranded() -> None:
    """The page's sentence about sites that allow 0 consumers."""
    idle = judge(site(mesh=queue(0)), "-c", "consumers=")
    assert idle.state == "OK"
    assert judge(STRANDED, "-c", "consumers=").state == "CRITICAL"


@pytest.mark.parametrize(
    ("body", "args", "expected"),
    [
        pytest.param(without("rodin.pack"), [], "CRITICAL", id="a documented queue"),
        pytest.param(
            answer({**IDLE, "rodin.pack": 5}), [], "UNKNOWN", id="malformed, so it is there"
        ),
        pytest.param(
            answer({"rodin.mesh": 5}), [], "UNKNOWN", id="no sound queue, so nothing is missing"
        ),
        pytest.param(
            answer({"error": "x"}), ["-q", "a"], "UNKNOWN", id="no sound queue among the others"
        ),
        pytest.param(
            answer({"rodin.mesh": 5, "a": queue()}),
            ["-q", "a", "--require", "b"],
            "CRITICAL",
            id="a sound queue beside",
        ),
        pytest.param(
            answer({"rodin.mesh": 5, "a": queue()}),
            [],
            "CRITICAL",
            id="missing beside a malformed one",
        ),
    ],
)
def test_when_a_required_queue_is_missing(body: str, args: List[str], expected: str) -> None:
    assert judge(body, *args).state == expected


@pytest.mark.parametrize(
    ("body", "args", "expected"),
    [
        pytest.param("{}", [], "UNKNOWN", id="an empty object"),
        pytest.param(site(), ["-q", "no*", "--require", ""], "UNKNOWN", id="no queue matches"),
        pytest.param(site(), ["-x", "*"], "UNKNOWN", id="all are left out"),
        pytest.param(answer({"a": 5}), ["-x", "a"], "UNKNOWN", id="the malformed one is left out"),
        pytest.param(site(), ["-q", "no"], "CRITICAL", id="a plain name is missing too"),
    ],
)
def test_when_no_queue_is_selected(body: str, args: List[str], expected: str) -> None:
    assert judge(body, *args).state == expected


def closed_port() -> Iterator[str]:
    """Nobody listens."""
    yield f"http://127.0.0.1:{stub.free_port()}"


def sends(answer: bytes) -> Callable[[], Iterator[str]]:
    """Return a way to serve *answer*."""

    def serve() -> Iterator[str]:
        with stub.stub(answer) as server:
            yield server.url

    return serve


def plays(scenario: str) -> Callable[[], Iterator[str]]:
    """Return a way to serve *scenario*."""

    def serve() -> Iterator[str]:
        with live.site(scenario) as asked:
            yield asked.server.url

    return serve


def unresolvable() -> Iterator[str]:
    """No resolver knows the name."""
    yield "http://rodin.invalid"


def no_tls() -> Iterator[str]:
    """No TLS is spoken where it is asked for."""
    with live.site() as asked:
        yield asked.server.url.replace("http:", "https:")


HEALTHY = site()

#: How a server can fail, and the condition that it is.
FAILURES: Dict[str, Tuple[str, Callable[[], Iterator[str]]]] = {
    "a closed port": ("unreachable", closed_port),
    "a name that DNS does not know": ("unreachable", unresolvable),
    "no TLS": ("unreachable", no_tls),
    "not HTTP": ("unreachable", sends(b"220 mail.example ESMTP\r\n")),
    "no answer": ("unreachable", plays("hang-up")),
    "a short body": ("unreachable", plays("cut-off")),
    "HTTP 500": ("unreachable", sends(stub.http("500 Broken", HEALTHY))),
    "HTTP 502": ("unreachable", plays("bad-gateway")),
    "HTTP 503": ("unreachable", sends(stub.http("503 Later", HEALTHY))),
    "HTTP 599": ("unreachable", sends(stub.http("599 Odd", HEALTHY))),
    "HTTP 401": ("auth", sends(stub.http("401 Who", HEALTHY))),
    "HTTP 403": ("auth", sends(stub.http("403 No", HEALTHY))),
    "HTTP 429": ("throttled", sends(stub.http("429 Slower", HEALTHY))),
    "HTTP 200 without JSON": ("invalid", plays("bad-answer")),
    "HTTP 201": ("invalid", sends(stub.http("201 Made", HEALTHY))),
    "HTTP 204": ("invalid", sends(b"HTTP/1.1 204 Nothing\r\n\r\n")),
    "HTTP 206": ("invalid", sends(stub.http("206 Part", HEALTHY))),
    "HTTP 302": ("invalid", plays("redirect")),
    "HTTP 308": ("invalid", sends(stub.http("308 Moved", HEALTHY, "Location: /other"))),
    "HTTP 400": ("invalid", sends(stub.http("400 Bad", HEALTHY))),
    "HTTP 402": ("invalid", sends(stub.http("402 Pay", HEALTHY))),
    "HTTP 404": ("invalid", sends(stub.http("404 Not Found", HEALTHY))),
    "HTTP 418": ("invalid", sends(stub.http("418 Teapot", HEALTHY))),
    "an unknown encoding": (
        "invalid",
        sends(stub.http("200 OK", HEALTHY, "Content-Encoding: foo")),
    ),
    "not the encoding that it says": (
        "invalid",
        sends(stub.http("200 OK", HEALTHY, "Content-Encoding: gzip")),
    ),
    "a byte that is not UTF-8": (
        "invalid",
        sends(stub.http("200 OK", HEALTHY).replace(b"rodin.mesh", b"rodin.mes\xff")),
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_its_condition(failure: str, tmp_path: Path) -> None:
    """Told apart by a state that no other condition of the run has."""
    condition, serve = FAILURES[failure]
    token = tmp_path / "token"
    token.write_text(live.TOKEN)
    states = ",".join(f"{other}=ok" for other in DEFAULTS if other != condition)
    with contextlib.contextmanager(serve)() as url:
        args = ("-H", url, "--token-file", str(token), "--state", states)
        found = report.read(run(*args, "--state", f"{condition}=warning"))
        assert found.state == "WARNING", found.text
        assert report.read(run(*args)).state == DEFAULTS[condition]


def test_a_redirect_is_not_followed() -> None:
    with live.site("redirect") as asked:
        asked.judge()
        assert [request.path for request in asked.server.requests] == ["/api/v2/queue_status_check"]


#: A field of a queue that makes the queue malformed: what stands in the place of a number.
MALFORMED_NUMBERS = {
    "a float": "1.0",
    "an exponent": "1e0",
    "a fraction": "0.5",
    "text": '"1"',
    "true": "true",
    "false": "false",
    "null": "null",
    "a list": "[1]",
    "an object": "{}",
    "negative": "-1",
    "2^63": str(2**63),
    "a huge integer": "9" * 5000,
    "a huge negative integer": "-" + "9" * 30,
    "a huge float": "1e999",
}


@pytest.mark.parametrize("field", ["consumers", "job_awaiting", "job_running"])
@pytest.mark.parametrize("kind", MALFORMED_NUMBERS)
def test_a_malformed_number_makes_the_answer_invalid(kind: str, field: str) -> None:
    """The sound queues of the answer are still judged and still give perfdata."""
    body = site(mesh={**queue(1, 0, 0), field: "X"}).replace('"X"', MALFORMED_NUMBERS[kind])
    found = judge(body)
    assert found.state == "UNKNOWN"
    assert "rodin.mesh" in found.text
    assert len(found.metrics) == 9
    assert not any(label.startswith("rodin.mesh.") for label in found.metrics)


#: Whole members of the answer that are malformed.
MALFORMED_QUEUES = {
    "a number": answer({**IDLE, "rodin.mesh": 5}),
    "null": answer({**IDLE, "rodin.mesh": None}),
    "text": answer({**IDLE, "rodin.mesh": "busy"}),
    "a list": answer({**IDLE, "rodin.mesh": [1, 0, 0]}),
    "an empty object": answer({**IDLE, "rodin.mesh": {}}),
    "a missing field": answer({**IDLE, "rodin.mesh": {"consumers": 1, "job_awaiting": 0}}),
    "another case": answer(
        {**IDLE, "rodin.mesh": {"Consumers": 1, "job_awaiting": 0, "job_running": 0}}
    ),
    "a field given twice": doubled('"consumers": 0', '"consumers": 1'),
    "a field given twice alike": doubled('"consumers": 1', '"consumers": 1'),
    "a field given twice, once escaped": doubled('"consumers": 0', '"c\\u006fnsumers": 1'),
    "a queue given twice": (
        '{"rodin.mesh": {"consumers": 0, "job_awaiting": 0, "job_running": 0}, ' + site()[1:]
    ),
    "a queue given twice, once malformed": '{"rodin.mesh": 0, ' + site()[1:],
    "a queue given twice, escaped": (
        '{"rodin.\\u006desh": {"consumers": 1, "job_awaiting": 0, "job_running": 0}, ' + site()[1:]
    ),
}


@pytest.mark.parametrize("kind", MALFORMED_QUEUES)
def test_a_malformed_queue_makes_the_answer_invalid(kind: str) -> None:
    found = judge(MALFORMED_QUEUES[kind])
    assert found.state == "UNKNOWN"
    assert "rodin.mesh" in found.text
    assert len(found.metrics) == 9


@pytest.mark.parametrize("kind", MALFORMED_QUEUES)
def test_a_malformed_queue_that_is_left_out_does_no_harm(kind: str) -> None:
    assert judge(MALFORMED_QUEUES[kind], "-x", "rodin.mesh").state == "OK"


def test_sound_queues_beside_a_malformed_one_decide_too() -> None:
    found = judge(site(mesh=5, pack=queue(0, 3, 0)))
    assert found.state == "CRITICAL"
    assert found.text.index("rodin.pack") < found.text.index("rodin.mesh")


#: Answers that are no object of queues at all.
NO_ANSWERS = {
    "nothing": "",
    "space": " \n",
    "text": "busy",
    "null": "null",
    "true": "true",
    "a number": "5",
    "a string": '"idle"',
    "a list": "[]",
    "a list around it": f"[{site()}]",
    "cut": site()[:-1],
    "doubled": site() * 2,
    "followed by text": site() + "x",
    "followed by NUL": site() + "\0",
    "a comma too many": site()[:-1] + ",}",
    "single quotes": site().replace('"', "'"),
    "NaN in a number's place": site(mesh=queue("X")).replace('"X"', "NaN"),
    "NaN in an unknown field": site(mesh={**queue(), "more": "X"}).replace('"X"', "NaN"),
    "Infinity": site(mesh={**queue(), "more": "X"}).replace('"X"', "Infinity"),
    "-Infinity": site(mesh={**queue(), "more": "X"}).replace('"X"', "-Infinity"),
    "a plus sign": site(mesh=queue("X")).replace('"X"', "+1"),
    "a leading zero": site(mesh=queue("X")).replace('"X"', "01"),
    "hexadecimal": site(mesh=queue("X")).replace('"X"', "0x1"),
    "Arabic digits": site(mesh=queue("X")).replace('"X"', "\u0661"),
    "a bare line break in a string": site(mesh={**queue(), "more": "X"}).replace("X", "\n"),
    "a comment": "// idle\n" + site(),
    "a web page": "<html>Log in</html>",
    "a queue per line": "\n".join(json.dumps({name: value}) for name, value in IDLE.items()),
}


@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_what_is_no_object_is_invalid(kind: str) -> None:
    found = judge(NO_ANSWERS[kind])
    assert found.state == "UNKNOWN"
    assert not found.metrics
    stated = judge(NO_ANSWERS[kind], "--state", "invalid=warning,empty=critical")
    assert stated.state == "WARNING"


@pytest.mark.parametrize(
    ("queues", "state"), [(5000, "OK"), (5001, "UNKNOWN")], ids=["5,000 queues", "5,001 queues"]
)
def test_an_answer_has_at_most_5000_queues(queues: int, state: str) -> None:
    names = [f"q{number}" for number in range(queues - 4)]
    body = json.dumps({**IDLE, **{name: queue() for name in names}}, separators=(",", ":"))
    assert len(body) < 1024 * 1024
    assert judge(body, "-q", "rodin.*").state == state


@pytest.mark.parametrize("surplus", [0, 1])
def test_an_answer_has_at_most_a_mebibyte(surplus: int) -> None:
    body = site()
    padded = body + " " * (1024 * 1024 - len(body) + surplus)
    found = judge(padded)
    assert found.state == ("UNKNOWN" if surplus else "OK")
    with live.site(body=padded) as asked:
        assert asked.judge().state == found.state


def test_a_number_may_be_as_large_as_63_bits() -> None:
    found = judge(site(mesh=queue(2**63 - 1, 2**63 - 1, 2**63 - 1)))
    assert found.state == "OK"
    assert str(found.metrics["rodin.mesh.job_awaiting"].value) == "9223372036854775807"


def test_unknown_fields_of_a_queue_are_ignored() -> None:
    more = {**queue(), "failed": -1, "note": None, "nested": {"consumers": 0, "list": [1.5, True]}}
    assert judge(site(mesh=more)).state == "OK"
    assert judge(doubled('"consumers": 1, "more": 1', '"more": 2')).state == "OK"


@pytest.mark.parametrize(
    ("body", "args", "state"),
    [
        pytest.param(
            answer({**IDLE, "rodin.mesh": 5, "rodin.pack": queue(0, 1, 0)}),
            ["-c", "consumers="],
            "CRITICAL",
            id="critical before unknown",
        ),
        pytest.param(
            answer({**IDLE, "rodin.mesh": 5, "rodin.pack": queue(1, 1, 0)}),
            [],
            "UNKNOWN",
            id="unknown before warning",
        ),
        pytest.param(STALLED, [], "WARNING", id="warning before ok"),
        pytest.param(
            site(mesh=queue(1, 1, 0), pack=queue(0, 1, 0)),
            ["--state", "stalled=critical,stranded=unknown", "-c", "consumers="],
            "CRITICAL",
            id="as --state says: critical before unknown",
        ),
        pytest.param(
            site(mesh=queue(1, 1, 0), pack=queue(0, 1, 0)),
            ["--state", "stranded=warning,stalled=unknown", "-c", "consumers="],
            "UNKNOWN",
            id="as --state says: unknown before warning",
        ),
        pytest.param(
            site(mesh=queue(0, 1, 0), pack=queue(1, 1, 0)),
            ["--state", "stranded=warning,stalled=unknown", "-c", "consumers="],
            "UNKNOWN",
            id="unknown before warning, whichever comes first",
        ),
        pytest.param(
            site(mesh=queue(1, 1, 0)), ["-c", "job_awaiting=0"], "CRITICAL", id="a threshold too"
        ),
    ],
)
def test_the_worst_state_decides(body: str, args: List[str], state: str) -> None:
    assert judge(body, *args).state == state


@pytest.mark.parametrize("condition", ["stranded", "stalled", "missing", "invalid"])
def test_a_condition_that_is_ok_is_told_at_v(condition: str) -> None:
    args = ("-c", "consumers=", "--state", f"{condition}=ok", "-v")
    found = report.read(ask(SAVED[condition], *args), verbose=True)
    assert found.state == "OK"
    name = "rodin.remesh" if condition == "missing" else "rodin.mesh"
    lines = [line for line in found.more.splitlines() if name in line]
    assert lines
    assert lines[0].startswith("[OK] ")
    calm = report.read(ask(site(), *args), verbose=True)
    assert lines[0] not in calm.more.splitlines()


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("empty", "no queue is selected"),
        ("unreachable", "unreachable: HTTP 500"),
        ("auth", "auth: HTTP 401"),
        ("throttled", "throttled: HTTP 429"),
    ],
)
def test_a_failure_that_is_ok_is_told(condition: str, words: str) -> None:
    """OK is said by the administrator's word, and still not as if there had been an answer."""
    args = ("--state", f"{condition}=ok", "-v")
    if condition in SAVED:
        found = report.read(ask(SAVED[condition], *args), verbose=True)
    else:
        with live.site(LIVE[condition]) as asked:
            found = report.read(asked.run(*args), verbose=True)
    assert found.state == "OK"
    assert found.text.startswith(words)
    assert " consumers" not in found.text
