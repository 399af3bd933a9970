"""Which responses are read, and which queues in them can be used."""

from __future__ import annotations

import json
from typing import Union

import pytest

from check_rodin_queues.errors import RequestError
from check_rodin_queues.response import Queue, parse
from tests.domain import judge, snapshot
from tests.server import DOCUMENTED, IDLE, answer, queue, site

MIB = 1024 * 1024
FIELDS = ("consumers", "job_awaiting", "job_running")
ERROR_MEMBERS = ("error", "errors", "message", "msg", "detail", "code", "status", "success")
#: A queue as raw JSON members.
RAW = '"consumers": 1, "job_awaiting": 0, "job_running": 0'
OTHERS = {*DOCUMENTED} - {"rodin.mesh"}


def put(raw: str, **fields: object) -> str:
    """Return the idle site in which `rodin.mesh` has *fields*, with *raw* JSON in place of X."""
    return site(mesh={**queue(), **fields} if fields else "X").replace('"X"', raw)


def malformed(body: str) -> dict[str, str]:
    """Return the reason of each malformed queue; the others of the idle site must be sound."""
    found = snapshot(body)
    assert {sound.name for sound in found.queues} >= OTHERS
    return dict(found.malformed)


def test_queues_are_read_in_the_order_of_the_server() -> None:
    body = answer({"b": queue(1, 2, 3), "a": 5, "": queue(4, 5, 6)})
    found = snapshot(body)
    assert found.queues == (Queue("b", 1, 2, 3), Queue("", 4, 5, 6))
    assert sorted(found.names) == ["", "a", "b"]


#: Responses without a malformed queue.
SOUND = {
    "2^63-1": put(str(2**63 - 1), consumers="X"),
    "minus zero": put("-0", consumers="X"),
    "an unknown field": put("null", more="X"),
    "an unknown field with an object": put('{"consumers": 0, "consumers": null}', more="X"),
    "an unknown field that is negative": put("-1", more="X"),
    "an unknown number that is too large": put("1e999", more="X"),
    "an unknown integer of 5,000 digits": put("9" * 5000, more="X"),
    "an unknown field given twice": put(f'{{{RAW}, "more": 1, "more": 2}}'),
    "a lone surrogate in an unknown field": put('"\\ud800"', more="X"),
    "an escaped name": site().replace("rodin.mesh", "rodin.\\u006desh"),
    "a name of 255 characters": answer({**IDLE, "n" * 255: queue()}),
    "white space around it": f" \r\n\t{site()}\n",
    "a byte order mark": f"\ufeff{site()}",
    "5,000 queues": answer({**IDLE, **{f"q{number}": queue() for number in range(4996)}}),
    "1 MiB": site().ljust(MIB),
}


@pytest.mark.parametrize("case", SOUND)
def test_a_response_is_read(case: str) -> None:
    assert malformed(SOUND[case]) == {}


#: What is not a count, as JSON.
NO_COUNT = [
    *("1.0", "1e0", "1e999", '"1"', '""', "true", "false", "null", "[1]", "{}", '{"value": 1}'),
    *("-1", f"-{'9' * 30}", f"{2**63}", "9" * 5000),
]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("raw", NO_COUNT, ids=lambda raw: str(raw)[:12])
def test_a_field_that_is_not_a_count_makes_its_queue_malformed(raw: str, field: str) -> None:
    assert field in malformed(put(raw, **{field: "X"}))["rodin.mesh"]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_missing_makes_its_queue_malformed(field: str) -> None:
    for other in (field.title(), f"{field} ", "more"):
        assert field in malformed(put("{" + RAW.replace(field, other) + "}"))["rodin.mesh"]


#: Responses in which `rodin.mesh` cannot be used.
MALFORMED = {
    **{f"{raw} for a queue": put(raw) for raw in ("5", "1.5", "null", "true", '"x"', "[1]", "{}")},
    "a field given twice": put(f'{{"consumers": 0, {RAW}}}'),
    "twice the same": put(f'{{"consumers": 1, {RAW}}}'),
    "twice, once escaped": put(f'{{"c\\u006fnsumers": 1, {RAW}}}'),
    "twice, once null": put(f'{{"consumers": null, {RAW}}}'),
    "a queue given twice": f'{{"rodin.mesh": {{{RAW}}}, {site()[1:]}',
    "a queue given twice, once malformed": f'{{"rodin.mesh": 0, {site()[1:]}',
    "a queue given twice, once escaped": f'{{"rodin.\\u006desh": {{{RAW}}}, {site()[1:]}',
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_queue_that_cannot_be_used_makes_the_response_invalid(case: str) -> None:
    """The sound queues are still judged and give perfdata; nothing is wrong if it is excluded."""
    body = MALFORMED[case]
    assert [*malformed(body)] == ["rodin.mesh"]
    found = judge(body, "--state", "invalid=warning")
    assert (found.state, found.conditions) == ("WARNING", {"invalid rodin.mesh": "WARNING"})
    assert {label.rpartition(".")[0] for label in found.metrics} == OTHERS
    assert judge(body, "-x", "rodin.mesh").state == "OK"


@pytest.mark.parametrize("more", [{}, {"consumers": 0}])
def test_a_name_of_more_than_255_characters_is_malformed_and_selected(more: dict[str, int]) -> None:
    name = "\U0001f600" * 256
    body = answer({**IDLE, name: {**queue(), **more}})
    assert [*malformed(body)] == [name]
    for args in ((), ("-x", "*"), ("-q", "rodin.*")):
        assert "WARNING" in judge(body, "--state", "invalid=warning", *args).conditions.values()


def test_a_member_beside_the_queues_is_a_malformed_queue() -> None:
    """It is excluded by its name; with sound queues beside it, it is not an error object."""
    assert [*malformed(site()[:-1] + ', "error": "OK"}')] == ["error"]


#: Bodies that are not an object of queues.
INVALID: dict[str, Union[str, bytes]] = {
    **{f"{raw} alone": raw for raw in ("null", "true", "5", "1.5", '"OK"', "[]", "OK")},
    "no bytes": "",
    "white space": " \r\n",
    "a byte order mark alone": "\ufeff",
    "a web page": "\n<!DOCTYPE html><html></html>",
    "the site in an array": f"[{site()}]",
    "the site in a string": json.dumps(site()),
    "half of it": site()[:50],
    "the last brace missing": site()[:-1],
    "twice": site() * 2,
    "an object per line": f"{site()}\n{site()}",
    "a word after it": f"{site()} ok",
    "a NUL after it": f"{site()}\0",
    "two byte order marks": f"\ufeff\ufeff{site()}",
    "a guard in front": f")]}}',\n{site()}",
    "a comment": f"/* ok */{site()}",
    "a trailing comma": f"{site()[:-1]},}}",
    "single quotes": site().replace('"', "'"),
    "a line break in a name": site().replace("mesh", "me\nsh"),
    "an unknown escape": site().replace("mesh", "\\x6desh"),
    **{
        f"the number {raw}": put(raw, more="X")
        for raw in ("01", "+1", "0x1", "1_0", "1.", "\u0661")
    },
    **{
        f"{raw} in an unknown field": put(raw, more="X") for raw in ("NaN", "Infinity", "-Infinity")
    },
    "100,000 nested arrays": "[" * 100_000,
    "100,000 nested objects": '{"":' * 100_000 + "1" + "}" * 100_000,
    "5,001 queues": answer({f"q{number}": queue() for number in range(5001)}),
    "5,001 members of one name": "{" + ",".join(['"a": 1'] * 5001) + "}",
    "1 MiB and a byte": site().ljust(MIB + 1),
    **{name: site().encode(name) for name in ("utf-16", "utf-32", "utf-16-le")},
    "Latin-1": site().encode().replace(b"mesh", b"m\xe9sh"),
    "half a surrogate pair": site().encode().replace(b"mesh", b"\xed\xa0\x80"),
    **{f"an object with {name}": f'{{"{name}": "no"}}' for name in ERROR_MEMBERS},
}


@pytest.mark.parametrize("case", INVALID)
def test_a_body_that_is_not_an_object_of_queues_is_invalid(case: str) -> None:
    body = INVALID[case]
    with pytest.raises(RequestError) as raised:
        parse(body if isinstance(body, bytes) else body.encode(), "rodin.example:443 sent")
    assert raised.value.condition == "invalid"
    assert raised.value.next_step
