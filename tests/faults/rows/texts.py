"""Bodies that are not one JSON object."""

from __future__ import annotations

from typing import Iterator

from tests.faults.behaviour import (
    reply,
)
from tests.faults.document import (
    SOUND,
    answer,
    queue_with,
)
from tests.faults.row import BODY, HALF, Row, fault, invalid

LOGIN = b"<!DOCTYPE html><html><body><form action=/login>password</form></body></html>"


def texts() -> Iterator[Row]:
    """Bodies that are not one JSON object."""
    yield Row(
        "html_login_page",
        "answers 200 with a login page",
        reply(LOGIN, "200 OK", "Content-Type: text/html"),
        "UNKNOWN",
        ("json",),
        "invalid",
        tls=True,
    )
    bodies = {
        "empty": (b"", "sends nothing"),
        "blank": (b" \r\n", "sends white space"),
        "cut_in_the_middle": (HALF, "sends half of it"),
        "cut_before_the_last_brace": (BODY[:-1], "leaves out the last brace"),
        "doubled": (BODY * 2, "sends it twice"),
        "two_lines": (BODY + b"\n" + BODY, "sends it on two lines"),
        "trailing_word": (BODY + b" ok", "adds a word"),
        "trailing_nul": (BODY + b"\0", "adds a NUL"),
        "leading_word": (b"ok " + BODY, "starts with a word"),
        "xssi_guard": (b")]}'," + BODY, "guards it against inclusion"),
        "jsonp": (b"call(" + BODY + b")", "wraps it in a call"),
        "comment": (b"/* all is well */" + BODY, "starts with a comment"),
        "trailing_comma": (BODY[:-1] + b",}", "ends with a comma"),
        "single_quotes": (BODY.replace(b'"', b"'"), "quotes with apostrophes"),
        "newline_in_a_name": (answer('"a\nb": ' + SOUND), "breaks a line in a name"),
        "bad_escape": (answer(r'"a\x62": ' + SOUND), "escapes what JSON does not"),
        "word": (b"OK", "sends a word"),
        "null": (b"null", "sends null"),
        "true": (b"true", "sends true"),
        "number": (b"1", "sends a number"),
        "string": (b'"OK"', "sends a string"),
        "empty_list": (b"[]", "sends an empty list"),
        "in_a_list": (b"[" + BODY + b"]", "wraps it in a list"),
        "in_a_string": (
            b'"' + BODY.replace(b'"', b'\\"') + b'"',
            "wraps it in a string",
        ),
        "in_an_object": (b'{"data": ' + BODY + b"}", "wraps it in an object"),
        "beside_a_status": (answer('"status": "ok"'), "adds a word beside the queues"),
        "error_object": (b'{"error": "token expired"}', "sends an error with status 200"),
        "nested_100000_lists": (b"[" * 100_000 + b"]" * 100_000, "nests 100,000 lists"),
        "nested_100000_objects": (
            b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
            "nests 100,000 objects",
        ),
        "nested_without_end": (b"[" * 1_000_000, "opens a million lists"),
        "nested_in_a_queue": (
            answer(mesh=queue_with('"deep": ' + "[" * 100_000 + "]" * 100_000)),
            "nests 100,000 lists in an unknown field",
        ),
    }
    for name, (body, does) in bodies.items():
        yield invalid(f"body_{name}", does, body)
    yield fault("empty", "body_empty_object", "sends an object without queues", reply(b"{}"))
