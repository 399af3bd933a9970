"""Answers that are within the limits and meant to eat memory, or just beyond."""

from __future__ import annotations

from typing import Iterator

from tests.faults import document
from tests.faults.behaviour import (
    reply,
)
from tests.faults.document import (
    MEBIBYTE,
    answer,
    queue_with,
)
from tests.faults.row import Row, fault, invalid, judged

#: What an unknown field may hold below the limit of the whole answer.
ROOM = MEBIBYTE - 500


def masses() -> Iterator[Row]:
    """Answers that are within the limits and meant to eat memory, or just beyond."""
    yield Row(
        "queues_5000",
        "sends 5,000 queues",
        reply(document.crowd(5000)),
        "OK",
        ("5000",),
        queues=5000,
    )
    for count in (5001, 10_000):
        yield fault(
            "invalid",
            f"queues_{count}",
            f"sends {count} queues",
            reply(document.crowd(count)),
            f"it has {count} queues, more than 5000",
        )
    yield judged(
        "mass_of_text",
        "fills an unknown field with wide text",
        answer(mesh=queue_with('"more": "' + "a" * (ROOM - 4) + '\U0001f600"')),
    )


def heaps() -> Iterator[Row]:
    """Fill an unknown field with what takes many times its size in memory.

    Whether that still fits depends on the Python that holds it: the check judges the answer or says
    that it cannot, and either way within its memory. The state is that of the refusal.
    """
    full = {
        "lists": ",".join(["[]"] * (ROOM // 3)),
        "objects": ",".join(["{}"] * (ROOM // 3)),
        "floats": ",".join(["1.5"] * (ROOM // 4)),
        "strings": ",".join(f'"{n:x}"' for n in range(ROOM // 9)),
        "deep_lists": ",".join(["[" * 400 + "]" * 400] * (ROOM // 801)),
        "deep_objects": ",".join(['{"":' * 400 + "0" + "}" * 400] * (ROOM // 2002)),
        "wide_objects": ",".join(['{"":0}'] * (ROOM // 7)),
        "members": ",".join(f'{{"{n:x}":0}}' for n in range(ROOM // 13)),
    }
    for name, text in full.items():
        yield invalid(
            f"heap_of_{name}",
            f"fills an unknown field with {name}",
            answer(mesh=queue_with(f'"more": [{text}]')),
            "memory",
        )
