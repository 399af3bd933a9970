"""Wrong values in documented fields, and members that are given twice."""

from __future__ import annotations

from typing import Iterator

from tests.faults.document import (
    DEAD,
    FIELDS,
    SOUND,
    answer,
    named,
    queue,
    queue_with,
    queue_without,
)
from tests.faults.row import Row, invalid, judged

#: Values that no documented field may have, as JSON or what looks like it.
WRONG = {
    "string": '"1"',
    "empty_string": '""',
    "float": "1.0",
    "exponent": "1e2",
    "true": "true",
    "false": "false",
    "null": "null",
    "list": "[1]",
    "object": '{"value": 1}',
    "negative": "-1",
    "above_2_63": str(2**63),
    "of_5000_digits": "9" * 5000,
    "nan": "NaN",
    "infinity": "Infinity",
    "minus_infinity": "-Infinity",
    "float_overflow": "1e999",
}

#: What is no JSON at all; one field is enough.
NO_JSON = {"leading_zero": "01", "plus": "+1", "hex": "0x1", "underscore": "1_0", "dot": "1."}


def fields() -> Iterator[Row]:
    """Wrong values in every documented field."""
    for field in FIELDS:
        for name, value in WRONG.items():
            yield invalid(
                f"{field}_{name}",
                f"gives {value[:20]} as {field}",
                answer(mesh=queue(field, value)),
                *([] if name in {"nan", "infinity", "minus_infinity"} else ["rodin.mesh"]),
            )
        yield invalid(
            f"{field}_left_out",
            f"leaves {field} out",
            answer(mesh=queue_without(field)),
            "rodin.mesh",
        )
        yield invalid(
            f"{field}_capitalised",
            f"spells {field} with a capital",
            answer(mesh=SOUND.replace(field, field.title())),
            "rodin.mesh",
        )
    for name, value in NO_JSON.items():
        yield invalid(
            f"number_{name}", f"writes a number as {value}", answer(mesh=queue("consumers", value))
        )
    for name, value in {**WRONG, "empty_object": "{}"}.items():
        if name not in {"nan", "infinity", "minus_infinity", "object"}:
            yield invalid(
                f"queue_{name}", f"gives {value[:20]} as a queue", answer(mesh=value), "rodin.mesh"
            )
    yield judged(
        "largest_integer", "gives 2^63-1 consumers", answer(mesh=queue("consumers", str(2**63 - 1)))
    )


def twins() -> Iterator[Row]:
    """Members that are given twice, of which one could hide the other."""
    for name, members in {
        "dead_then_alive": ('"consumers": 0', '"consumers": 1'),
        "alive_then_dead": ('"consumers": 1', '"consumers": 0'),
        "the_same": ('"consumers": 1', '"consumers": 1'),
        "escaped": ('"consumers": 0', '"consum\\u0065rs": 1'),
        "null_then_number": ('"consumers": null', '"consumers": 1'),
    }.items():
        raw_queue = "{" + ", ".join([*members, '"job_awaiting": 0', '"job_running": 0']) + "}"
        yield invalid(
            f"field_twice_{name}", "gives consumers twice", answer(mesh=raw_queue), "rodin.mesh"
        )
    yield invalid(
        "field_twice_in_a_new_queue",
        "gives a field twice in a queue of its own",
        answer(named("x", queue_with('"job_running": 0'))),
    )
    yield invalid(
        "queue_twice",
        "gives a queue twice, dead and alive",
        answer(named("rodin.mesh"), mesh=DEAD),
        "rodin.mesh",
    )
    yield invalid(
        "queue_twice_escaped",
        "gives a queue twice, spelled in two ways",
        answer('"rodin\\u002emesh": ' + SOUND, mesh=DEAD),
        "rodin.mesh",
    )
    yield invalid(
        "queue_twice_and_null",
        "gives a queue twice, once as null",
        answer(named("rodin.mesh"), mesh="null"),
        "rodin.mesh",
    )
    yield judged(
        "unknown_field_twice",
        "gives an unknown field twice",
        answer(mesh=queue_with('"a": 1', '"a": 2')),
    )
