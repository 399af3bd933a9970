"""What stands beside the documented queues and fields, or is missing."""

from __future__ import annotations

from typing import Iterator

from tests.faults.behaviour import (
    OK,
    raw,
    reply,
)
from tests.faults.document import (
    DEAD,
    answer,
    named,
    queue_with,
)
from tests.faults.row import BODY, Row, fault, invalid, judged, silent


def extras() -> Iterator[Row]:
    """Things that are there beside what is documented, and are ignored or left out."""
    unknown = {
        "word": '"x"',
        "null": "null",
        "float": "1.5",
        "overflow": "1e999",
        "of_5000_digits": "9" * 5000,
        "surrogate": '"\\ud800"',
        "object": '{"consumers": 0, "consumers": null}',
    }
    for name, value in unknown.items():
        yield judged(
            f"unknown_field_{name}",
            f"adds a field with {value[:20]}",
            answer(mesh=queue_with(f'"more": {value}')),
        )
    yield invalid(
        "unknown_field_nan", "adds a field with NaN", answer(mesh=queue_with('"more": NaN'))
    )
    yield judged(
        "malformed_but_left_out",
        "spoils a queue that is excluded",
        answer('"status": "ok"'),
        "-x",
        "status",
    )
    yield judged(
        "malformed_but_not_selected",
        "spoils a queue that is not selected",
        answer('"status": {"consumers": null}'),
        "-q",
        "rodin.*",
    )
    yield invalid(
        "left_out_but_nan", "has NaN in a queue that is excluded", answer('"status": NaN')
    )._replace(args=("-x", "status"))
    yield fault(
        "missing",
        "queue_missing",
        "leaves out a documented queue",
        reply(answer().replace(b"rodin.pack", b"other")),
        "rodin.pack",
    )
    yield fault(
        "missing",
        "queue_in_capitals",
        "spells a queue in capitals",
        reply(answer().replace(b"rodin.pack", b"Rodin.Pack")),
        "rodin.pack",
    )
    yield Row(
        "queue_dead",
        "lets a queue die",
        reply(answer(mesh=DEAD)),
        "CRITICAL",
        ("rodin.mesh",),
        tls=True,
    )
    yield Row(
        "queue_dead_beside_malformed",
        "lets a queue die beside a malformed one",
        reply(answer('"x": null', mesh=DEAD)),
        "CRITICAL",
        ("rodin.mesh", "x"),
    )
    yield Row("text_type", "calls it text", raw(OK, b"Content-Type: text/html\r\n\r\n", BODY), "OK")
    yield Row("no_type", "gives no type", raw(OK, b"\r\n", BODY), "OK")
    yield Row(
        "unknown_charset",
        "names a charset that does not exist",
        raw(OK, b"Content-Type: application/json; charset=none\r\n\r\n", BODY),
        "OK",
    )
    yield Row("cookies", "sets cookies", reply(BODY, "200 OK", "Set-Cookie: a=b; Max-Age=1"), "OK")
    yield Row(
        "binary_header",
        "sends a header of raw bytes",
        raw(OK, b"X-Raw: \xfe\xff\xc3\r\n\r\n", BODY),
        "OK",
    )
    yield fault(
        "unreachable",
        "binary_header_name",
        "sends a header whose name no token of HTTP allows",
        raw(OK, b"X-\xff\0: 1\r\n\r\n", BODY),
    )
    yield silent(
        "long_name",
        "names a queue with a million letters, which a glob of the administrator's has to match",
        reply(answer(named("a" * 1_000_000))),
    )._replace(
        args=("-q", "*" + "?" * 2500 + "x"),
        words=("judging the answer took longer", "check the load and the disks of this host"),
    )
