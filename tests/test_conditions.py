"""The conditions: when each applies, which state it has, and that `--state` changes it."""

from __future__ import annotations

import pytest

from check_rodin_queues.errors import RequestError
from check_rodin_queues.output import long_output
from tests.console import CODES, STATES
from tests.domain import Judged, judge, policy, refused
from tests.server import answer, queue, site, without

#: A response for each condition that a response can have; the others are failures.
RESPONSES = {
    "stranded": site(mesh=queue(0, 7, 0)),
    "stalled": site(mesh=queue(2, 7, 0)),
    "missing": without("rodin.mesh"),
    "empty": "{}",
    "invalid": site(mesh=5),
}
#: No threshold decides beside the condition.
ALONE = ("-c", "consumers=")


def bring_about(condition: str, *args: str) -> Judged:
    """Return the verdict where *condition* applies and nothing else does."""
    if condition in RESPONSES:
        return judge(RESPONSES[condition], *ALONE, *args)
    return judge("", *ALONE, *args, failure=RequestError(condition, "no response", "Look"))


def test_the_conditions_and_their_default_states_are_those_of_the_interface() -> None:
    assert {name: state.name for name, state in policy().states.items()} == STATES


@pytest.mark.parametrize("condition", STATES)
def test_a_condition_has_the_state_of_the_table_or_of_state(condition: str) -> None:
    found = bring_about(condition)
    assert [name.split()[0] for name in found.conditions] == [condition]
    assert found.state == STATES[condition]
    others = ",".join(f"{other}=ok" for other in STATES if other != condition)
    assert bring_about(condition, "--state", others).state == STATES[condition]
    for state in CODES:
        changed = bring_about(condition, "--state", f"{condition}={state.lower()}")
        assert (changed.state, *changed.conditions.values()) == (state, state)
        assert changed.metrics == found.metrics


@pytest.mark.parametrize("condition", STATES)
def test_a_condition_that_is_ok_is_told(condition: str) -> None:
    """By the text, if there is no queue whose numbers it could have; and by -v."""
    found = bring_about(condition)
    assert f"({condition})" in found.verdict.problems[0]
    assert found.verdict.next_step
    changed = bring_about(condition, "--state", f"{condition}=ok").verdict
    has_queues = condition in ("stranded", "stalled", "missing", "invalid")
    assert (f"({condition})" in changed.problems[0]) != has_queues
    assert len(changed.problems) == 1
    assert not changed.next_step
    assert condition in " ".join(long_output(changed.findings))


#: Values of --state, given one after the other, and what they set.
GIVEN: dict[str, tuple[list[str], dict[str, str]]] = {
    "one": (["stalled=critical"], {"stalled": "CRITICAL"}),
    "commas": (["stalled=critical,stranded=ok"], {"stalled": "CRITICAL", "stranded": "OK"}),
    "repeated": (["stranded=ok", "stalled=unknown"], {"stalled": "UNKNOWN", "stranded": "OK"}),
    "the last one counts": (["stalled=critical", "stalled=ok"], {"stalled": "OK"}),
    "also within commas": (["stalled=ok,stalled=critical"], {"stalled": "CRITICAL"}),
    "white space": ([" stalled = ok , stranded=\tok"], {"stalled": "OK", "stranded": "OK"}),
    "capitals": (["stalled=Critical"], {"stalled": "CRITICAL"}),
}


@pytest.mark.parametrize("case", GIVEN)
def test_states_can_be_given_together_and_repeated(case: str) -> None:
    values, expected = GIVEN[case]
    states = policy(*(word for value in values for word in ("--state", value))).states
    assert {name: state.name for name, state in states.items()} == {**STATES, **expected}


BAD_STATES = [
    *("stalled", "stalled=", "stalled=fine", "stalled=2", "=ok", "idle=ok", "stalled=ok;empty=ok"),
    *("stalled=ok,idle=ok", "stalled=ok=ok", "consumers=ok", "", ",", "stalled=ok,", "Stalled=ok"),
]


@pytest.mark.parametrize("value", BAD_STATES)
def test_another_condition_or_state_is_an_error_of_its_option(value: str) -> None:
    text = refused("--state", value)
    assert text.startswith("--state: ")
    assert "stranded" in text or "critical" in text


#: Consumers, jobs waiting and jobs running of a queue, and the condition that applies.
COUNTS = {
    (0, 0, 0): "",
    (0, 1, 0): "stranded",
    (0, 1, 1): "stranded",
    (0, 0, 1): "",
    (1, 0, 0): "",
    (1, 0, 1): "",
    (1, 1, 0): "stalled",
    (1, 1, 1): "",
    (2**63 - 1, 2**63 - 1, 0): "stalled",
}


@pytest.mark.parametrize("counts", COUNTS)
def test_when_a_queue_is_stranded_or_stalled(counts: tuple[int, int, int]) -> None:
    found = judge(site(pack=queue(*counts)), *ALONE)
    condition = COUNTS[counts]
    assert [*found.conditions] == ([f"{condition} rodin.pack"] if condition else [])


MIXED = site(mesh=queue(0, 1, 0), pack=queue(1, 1, 0), texture=5)
#: A response, options, and all conditions that apply.
APPLYING: dict[str, tuple[str, str, str]] = {
    "nothing is wrong": (site(), "", ""),
    "a malformed queue is not missing": (site(mesh=5), "", "invalid rodin.mesh"),
    "missing beside it": (site(mesh=5), "--require a", "invalid rodin.mesh, missing a"),
    "no sound queue": (answer({"a": 5}), "", "invalid a"),
    "no sound queue, malformed excluded": (answer({"a": 5}), "-x a", "empty"),
    "an error object": (answer({"error": "x"}), "", "invalid"),
    "one of each": (MIXED, "", "stranded rodin.mesh, stalled rodin.pack, invalid rodin.texture"),
    "not of an excluded queue": (MIXED, "-x *.mesh,*.texture", "stalled rodin.pack"),
}


@pytest.mark.parametrize("case", APPLYING)
def test_which_conditions_apply(case: str) -> None:
    body, args, expected = APPLYING[case]
    assert ", ".join(judge(body, *ALONE, *args.split()).conditions) == expected


def test_a_queue_is_stalled_only_if_it_was_so_in_every_look() -> None:
    body = site(mesh=queue(1, 1, 0), pack=queue(1, 1, 0))
    assert [*judge(body, stalled={"rodin.pack"}).conditions] == ["stalled rodin.pack"]


def test_a_site_that_scales_to_zero_allows_0_consumers_and_keeps_stranded() -> None:
    assert judge(site(mesh=queue(0)), *ALONE).state == "OK"
    assert judge(site(mesh=queue(0, 1)), *ALONE).state == STATES["stranded"]
