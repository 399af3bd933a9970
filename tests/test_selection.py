"""Which queues are checked, and which are required."""

from __future__ import annotations

import pytest

from check_rodin_queues.response import Queue, Snapshot
from check_rodin_queues.selection import select, unmatched
from tests.domain import judge, policy, refused, snapshot
from tests.server import DOCUMENTED, IDLE, answer, queue, site, without

ALL = (*DOCUMENTED, "other.a", "other.B", "x*y", "a,b", "a", "b", "[z-a]", "with blank")
#: The response of most tests: the documented queues and others.
MANY = answer({name: queue() for name in ALL})


def selected(*args: str, body: str = MANY) -> set[str]:
    """Return the names of the queues that *args* select."""
    return {found.name for found in select(policy(*args), snapshot(body)).queues}


#: Options, and the queues that they select.
SELECTED: dict[str, tuple[list[str], set[str]]] = {
    "all without an option": ([], {*ALL}),
    "a plain name": (["-q", "rodin.mesh"], {"rodin.mesh"}),
    "no part of a name": (["-q", "rodin"], set()),
    "the long option": (["--queue", "rodin.mesh"], {"rodin.mesh"}),
    "a star": (["-q", "rodin.*"], {*DOCUMENTED}),
    "a star in front": (["-q", "*mesh"], {"rodin.mesh", "rodin.remesh"}),
    "a star for all": (["-q", "*"], {*ALL}),
    "a question mark": (["-q", "other.?"], {"other.a", "other.B"}),
    "a set": (["-q", "other.[a-c]"], {"other.a"}),
    "a negated set": (["-q", "other.[!a-c]"], {"other.B"}),
    "a star in a set is itself": (["-q", "x[*]y"], {"x*y"}),
    "case counts": (["-q", "Rodin.*", "-q", "*.b"], set()),
    "repeated": (["-q", "rodin.mesh", "-q", "other.*"], {"rodin.mesh", "other.a", "other.B"}),
    "a comma separates": (["-q", "a,b"], {"a", "b"}),
    "also globs": (["-q", "*.mesh,o*.a,,"], {"rodin.mesh", "other.a"}),
    "white space around an item": (["-q", " a , b\t"], {"a", "b"}),
    "white space within a name": (["-q", "with blank,b"], {"with blank", "b"}),
    "a comma within a set": (["-q", "a[,]b"], {"a,b"}),
    "a comma within a set and one after it": (["-q", "a[,x]b,[!,a]"], {"a,b", "b"}),
    "a comma within a set that begins with a bracket": (["-q", "a[],]b"], {"a,b"}),
    "excluded": (["-x", "rodin.*,*[ABab]*"], {"x*y"}),
    "the long option of exclude": (["--exclude", "*.*", "--exclude", "*[ab]*"], {"x*y"}),
    "a plain name excluded": (["-x", "rodin.mesh"], {*ALL} - {"rodin.mesh"}),
    "-x after -q": (["-q", "rodin.*", "-x", "*mesh"], {"rodin.pack", "rodin.texture"}),
    "in any order": (["-x", "*mesh", "-q", "rodin.*"], {"rodin.pack", "rodin.texture"}),
    "a glob that fnmatch refuses": (["-q", "[z-a]"], set()),
    "also in -x": (["-x", "[z-a]", "-q", "a"], {"a"}),
}


@pytest.mark.parametrize("case", SELECTED)
def test_which_queues_are_selected(case: str) -> None:
    args, expected = SELECTED[case]
    assert selected(*args) == expected


def test_a_glob_matches_the_raw_name_and_not_the_shown_one() -> None:
    body = answer({"a::b": queue(), "c": queue()})
    assert selected("-q", "a::b", body=body) == {"a::b"}
    assert selected("-q", "a__b", body=body) == set()


@pytest.mark.parametrize("args", [("-q", "b"), ("-x", "x*"), ("-q", "x*", "-x", "x*")])
def test_no_glob_is_matched_against_a_name_that_is_too_long(args: tuple[str, ...]) -> None:
    """So nothing can exclude it, and the response is invalid."""
    body = answer({"b": queue(), "x" * 256: queue()})
    chosen = select(policy("--require=", *args), snapshot(body))
    assert [*chosen.malformed] == ["x" * 256]


#: A response, options, and the required queues that are missing from the response.
REQUIRED: dict[str, tuple[str, str, str]] = {
    **{f"{name} by default": (without(name), "", name) for name in DOCUMENTED},
    "other queues do not matter": (MANY, "", ""),
    "excluded by -x": (without("rodin.mesh"), "-x rodin.mesh", ""),
    "not selected by -q": (without("rodin.mesh"), "-q *pack", ""),
    "selected by -q": (without("rodin.mesh"), "-q *mesh", "rodin.mesh"),
    "--require": (site(), "--require o", "o"),
    "--require replaces the default": (without("rodin.mesh"), "--require rodin.pack", ""),
    "an empty --require requires none": (without("rodin.mesh"), "--require=", ""),
    "repeated": (site(), "--require o --require rodin.pack --require p", "o p"),
    "with commas": (site(), "--require o,rodin.pack,,p", "o p"),
    "capitals": (site(), "--require Rodin.mesh", "Rodin.mesh"),
    "required and excluded": (site(), "--require o -x o", "o"),
    "required and not selected": (site(), "--require o -q rodin.*", "o"),
    "excluded and there": (MANY, "--require other.a -x other.a", ""),
    "malformed and there": (answer({**IDLE, "o": 5}), "--require o -q rodin.*", ""),
    "a plain -q": (site(), "-q o -q *", "o"),
    "a plain -q beside a glob": (site(), "-q *,o", "o"),
    "a plain -q beside --require": (site(), "-q o,* --require rodin.mesh", "o"),
    "a plain -q beside an empty --require": (site(), "-q o,* --require=", "o"),
    "a plain -q that -x excludes": (site(), "-q o,* -x o", ""),
    "a glob of -q": (site(), "-q o*,*", ""),
    "a name with a comma": (site(), "-q o[,]o,*", ""),
    "a plain name in -w": (site(), "-w o.consumers=5", "o"),
    "a plain name in -c": (site(), "-c o.busy_ratio=5", "o"),
    "with a comma": (site(), "-c a,b.busy_ratio=5", "a,b"),
    "a plain name in -w beside --require": (site(), "-w o.consumers=5 --require=", "o"),
    "a removed threshold": (site(), "-w o.consumers=", "o"),
    "a glob in -w": (site(), "-w o*.consumers=5", ""),
    "no queue in -w": (site(), "-w consumers=5", ""),
    "the sum": (site(), "-w total.consumers=5", ""),
    "a threshold of a queue not selected": (site(), "-w o.consumers=5 -q rodin.*", ""),
    "a threshold of an excluded queue": (site(), "-w o.consumers=5 -x o", ""),
    "no sound queue": (answer({"a": 5}), "--require o", ""),
    "an excluded sound queue": (answer({"a": 5, "b": queue()}), "-x b --require o", "o"),
    "no queue at all": ("{}", "--require o", ""),
}


@pytest.mark.parametrize("case", REQUIRED)
def test_which_required_queues_are_missing(case: str) -> None:
    body, args, missing = REQUIRED[case]
    assert [*select(policy(*args.split()), snapshot(body)).missing] == missing.split()


def test_a_queue_that_is_not_selected_is_not_judged() -> None:
    """Neither are the thresholds that name it, so that services can share one list."""
    body = site(mesh=queue(1, 9, 1), pack=queue(0, 9, 0))
    shared = ("-w", "rodin.mesh.job_awaiting=5", "-c", "rodin.pack.consumers=1:")
    assert judge(body, *shared).breached == {"rodin.mesh.job_awaiting", "rodin.pack.consumers"}
    for args in ("-x rodin.mesh,rodin.pack", "-q rodin.*e*,rodin.texture -x *.mesh"):
        found = judge(body, *shared, *args.split(), "--require", "rodin.mesh")
        assert (found.state, found.conditions) == ("OK", {})
        assert {label[:9] for label in found.metrics} == {"rodin.rem", "rodin.tex"}


def test_thresholds_whose_glob_matches_no_selected_queue_are_known_for_v() -> None:
    words = "-w o*.consumers=1 -c *.consumers=1: -w x.consumers=1 -x p*"
    given = policy(*words.split())
    snap = Snapshot((Queue("a", 1, 0, 0), Queue("p", 1, 0, 0)), {})
    found = [threshold.origin for threshold in unmatched(given, select(given, snap))]
    assert found == ["-w o*.consumers=1"]


@pytest.mark.parametrize("option", ["-q/--queue", "-x/--exclude"])
@pytest.mark.parametrize("value", ["", " ", ",", " , ,"])
def test_a_list_of_globs_without_an_item_is_an_error(option: str, value: str) -> None:
    for name in option.split("/"):
        assert refused(name, value).startswith(option)


@pytest.mark.parametrize("value", ["rodin.*", "a,b?", "[a]", " ", "\t", ",", " , "])
def test_what_is_not_a_plain_name_cannot_be_required(value: str) -> None:
    """White space alone is not the empty value, which requires none: a slip must not."""
    assert refused("--require", value).startswith("--require: ")
