"""Which queues are judged, and which have to be there."""

from __future__ import annotations

from typing import List, Set

import pytest

from tests import report
from tests.answers import IDLE, answer, queue, site, without
from tests.report import Report
from tests.saved import ask, judge

#: Seven queues, the documented four among them.
MANY = answer({**IDLE, "other.a": queue(), "other.B": queue(), "x*y": queue()})
ALL = {*IDLE, "other.a", "other.B", "x*y"}
MISSING_ONLY = "--state=missing=critical,empty=warning"


def judged(found: Report) -> Set[str]:
    """Return the shown names of the queues that have perfdata."""
    return {label.rpartition(".")[0] for label in found.metrics}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        pytest.param([], ALL, id="all without an option"),
        pytest.param(["-q", "rodin.mesh"], {"rodin.mesh"}, id="a plain name"),
        pytest.param(["--queue", "rodin.mesh"], {"rodin.mesh"}, id="the long option"),
        pytest.param(["-q", "rodin.*"], set(IDLE), id="a star"),
        pytest.param(["-q", "*"], ALL, id="a star for all"),
        pytest.param(["-q", "other.?"], {"other.a", "other.B"}, id="a question mark"),
        pytest.param(["-q", "other.[a-c]"], {"other.a"}, id="a set; case counts"),
        pytest.param(["-q", "other.[!a-c]"], {"other.B"}, id="a negated set"),
        pytest.param(["-q", "*mesh"], {"rodin.mesh", "rodin.remesh"}, id="a star in front"),
        pytest.param(["-q", "x[*]y"], {"x*y"}, id="a star in a set is itself"),
        pytest.param(["-q", "x*y"], {"x*y"}, id="a star matches a star"),
        pytest.param(["-q", "Rodin.*", "-q", "*.B"], {"other.B"}, id="case counts"),
        pytest.param(
            ["-q", "rodin.mesh", "-q", "other.*"],
            {"rodin.mesh", "other.a", "other.B"},
            id="repeated",
        ),
        pytest.param(["-x", "rodin.*"], {"other.a", "other.B", "x*y"}, id="left out"),
        pytest.param(["--exclude", "*.*"], {"x*y"}, id="left out, the long option"),
        pytest.param(["-x", "rodin.mesh"], ALL - {"rodin.mesh"}, id="a plain one left out"),
        pytest.param(["-x", "rodin.*", "-x", "x*"], {"other.a", "other.B"}, id="-x repeated"),
        pytest.param(
            ["-q", "rodin.*", "-x", "*mesh"], {"rodin.pack", "rodin.texture"}, id="-x after -q"
        ),
        pytest.param(
            ["-x", "*mesh", "-q", "rodin.*"],
            {"rodin.pack", "rodin.texture"},
            id="-x after -q in any order",
        ),
    ],
)
def test_which_queues_are_judged(args: List[str], expected: Set[str]) -> None:
    found = judge(MANY, *args)
    assert found.state == "OK"
    assert judged(found) == expected


def test_one_glob_to_an_option() -> None:
    """A comma is a part of the glob."""
    found = judge(answer({"a,b": queue(), "a": queue(), "b": queue()}), "-q", "a,b")
    assert judged(found) == {"a,b"}


def test_a_glob_matches_the_name_that_the_server_gives() -> None:
    """Not the shown name."""
    body = answer({"a::b": queue(), "c": queue()})
    assert judged(judge(body, "-q", "a::b")) == {"a__b"}
    assert judge(body, "-q", "a__b", MISSING_ONLY).state == "CRITICAL"


def test_a_backlog_of_a_queue_that_is_left_out_is_not_judged() -> None:
    body = site(mesh=queue(0, 9, 0))
    assert judge(body).state == "CRITICAL"
    assert judge(body, "-x", "rodin.mesh").state == "OK"
    assert judge(body, "-q", "rodin.pack").state == "OK"


@pytest.mark.parametrize(
    ("body", "args", "missing"),
    [
        pytest.param(without("rodin.mesh"), [], "rodin.mesh", id="mesh by default"),
        pytest.param(without("rodin.pack"), [], "rodin.pack", id="pack by default"),
        pytest.param(without("rodin.remesh"), [], "rodin.remesh", id="remesh by default"),
        pytest.param(without("rodin.texture"), [], "rodin.texture", id="texture by default"),
        pytest.param(MANY, [], "", id="more than the documented ones"),
        pytest.param(
            without("rodin.mesh"), ["-x", "rodin.mesh"], "", id="a documented one is left out"
        ),
        pytest.param(
            without("rodin.mesh"), ["-q", "*pack"], "", id="a documented one is not selected"
        ),
        pytest.param(
            without("rodin.mesh"), ["-q", "*mesh"], "rodin.mesh", id="a documented one is selected"
        ),
        pytest.param(answer({"a": queue()}), ["-q", "a"], "", id="another one is selected"),
        pytest.param(site(), ["--require", "other"], "other", id="required"),
        pytest.param(
            without("rodin.mesh"), ["--require", "rodin.pack"], "", id="it replaces the default"
        ),
        pytest.param(without("rodin.mesh"), ["--require", ""], "", id="an empty one requires none"),
        pytest.param(
            site(), ["--require", "rodin.pack", "--require", "other"], "other", id="repeated"
        ),
        pytest.param(
            site(), ["--require", "other", "--require", "rodin.pack"], "other", id="added up"
        ),
        pytest.param(site(), ["--require", "rodin.pack,other"], "other", id="commas"),
        pytest.param(site(), ["--require", "rodin.pack,rodin.mesh"], "", id="commas, all there"),
        pytest.param(site(), ["--require", " rodin.pack , rodin.mesh"], "", id="commas and spaces"),
        pytest.param(
            site(), ["--require", "other", "-x", "other"], "other", id="left out, and required"
        ),
        pytest.param(
            MANY, ["--require", "other.a", "-q", "rodin.*"], "", id="not selected, and there"
        ),
        pytest.param(
            site(), ["--require", "other.a", "-q", "rodin.*"], "other.a", id="not selected, missing"
        ),
        pytest.param(
            answer({**IDLE, "other": 5}),
            ["--require", "other", "-q", "rodin.*"],
            "",
            id="only its presence counts",
        ),
        pytest.param(site(), ["-q", "other", "-q", "*"], "other", id="-q names it"),
        pytest.param(
            site(), ["-q", "other", "-q", "*", "--require", "rodin.mesh"], "other", id="-q beside"
        ),
        pytest.param(
            site(), ["-q", "other", "-q", "*", "--require", ""], "other", id="-q beside none"
        ),
        pytest.param(site(), ["-q", "XX", "-q", "*"], "XX", id="-q names it in capitals"),
        pytest.param(site(), ["-q", "other*", "-q", "*"], "", id="a glob of -q requires nothing"),
        pytest.param(site(), ["-w", "other.consumers=5"], "other", id="a warning names it"),
        pytest.param(site(), ["-c", "other.consumers=5"], "other", id="a critical names it"),
        pytest.param(
            site(), ["--require", "", "-w", "other.busy_ratio=5"], "other", id="beside --require"
        ),
        pytest.param(site(), ["-w", "other*.consumers=5"], "", id="a glob of -w requires nothing"),
        pytest.param(site(), ["-w", "consumers=5"], "", id="no queue is named"),
        pytest.param(site(), ["-w", "total.consumers=5"], "", id="the sum is no queue"),
        pytest.param(
            site(), ["-w", "other.consumers=5", "-q", "rodin.*"], "", id="-w of one not selected"
        ),
        pytest.param(
            site(), ["-w", "other.consumers=5", "-x", "other"], "", id="-w of one left out"
        ),
    ],
)
def test_which_queues_are_required(body: str, args: List[str], missing: str) -> None:
    found = judge(body, *args, MISSING_ONLY)
    assert found.state == ("CRITICAL" if missing else "OK"), found.text
    assert missing in found.text


def test_a_threshold_of_a_queue_that_is_left_out_is_not_used() -> None:
    body = site(mesh=queue(1, 9, 1))
    shared = ("-w", "rodin.mesh.job_awaiting=5", "-c", "rodin.texture.job_awaiting=5")
    assert judge(body, *shared).state == "WARNING"
    assert judge(body, *shared, "-q", "rodin.pack").state == "OK"
    assert judge(body, *shared, "-x", "rodin.mesh").state == "OK"


def test_a_queue_that_is_required_and_left_out_is_not_judged() -> None:
    body = site(mesh=queue(0, 9, 0))
    found = judge(body, "-q", "rodin.pack", "--require", "rodin.mesh")
    assert found.state == "OK"
    assert judged(found) == {"rodin.pack"}


def test_a_required_queue_is_a_name_and_no_glob() -> None:
    report.refused(ask(site(), "--require", "rodin.*"), "--require")


@pytest.mark.parametrize("blank", [" ", "\t", ",", " , "])
def test_what_is_not_empty_and_no_name_is_no_way_to_require_none(blank: str) -> None:
    """Else a slip would take the default away, and a queue that is gone would be OK."""
    report.refused(ask(site(), "--require", blank), "--require")


@pytest.mark.parametrize("option", ["-q", "-x", "--queue", "--exclude", "--require"])
def test_an_option_needs_its_value(option: str) -> None:
    report.refused(ask(site(), option), option)
