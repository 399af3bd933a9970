"""Stop at every stage of an answer, or go on so slowly that it never ends."""

from __future__ import annotations

from typing import Iterator

from tests.faults.behaviour import (
    CHUNKED,
    JSON,
    OK,
    at_once,
    chunk,
    chunked,
    dripped,
    endless,
    head,
    message,
    raw,
)
from tests.faults.document import (
    packed,
)
from tests.faults.row import BODY, HALF, Row, fault, silent
from tests.faults.server import Exchange

#: How far an answer comes before it stops.
STAGES = {
    "before_anything": b"",
    "in_the_status_line": b"HTTP/1.1 2",
    "after_the_status_line": OK,
    "in_a_header": OK + b"Content-Ty",
    "between_headers": OK + JSON,
    "after_the_headers": head("200 OK", f"Content-Length: {len(BODY)}"),
    "in_the_body": message(BODY)[: -len(HALF)],
    "before_the_last_byte": message(BODY)[:-1],
    "before_the_first_chunk": OK + CHUNKED + b"\r\n",
    "in_a_chunk_size": OK + CHUNKED + b"\r\n1",
    "in_a_chunk": OK + CHUNKED + b"\r\n" + chunk(BODY)[:-20],
    "after_a_chunk": OK + CHUNKED + b"\r\n" + chunk(HALF),
    "before_the_last_chunk": OK + CHUNKED + b"\r\n" + chunk(BODY),
}

#: Stages that are also tried over TLS.
TLS_STAGES = {"before_anything", "between_headers", "in_the_body", "before_the_last_chunk"}


def stages() -> Iterator[Row]:
    """Stop at every stage: closed, reset or silent."""
    for row in (
        fault("unreachable", "closed_on_accept", "closes at once", at_once(Exchange.close)),
        fault("unreachable", "reset_on_accept", "resets at once", at_once(Exchange.reset)),
        silent("silent_on_accept", "never reads nor writes", at_once(lambda e: e.hold())),
    ):
        yield row._replace(asked=False)
    for stage, sent in STAGES.items():
        where = stage.replace("_", " ")
        tls = stage in TLS_STAGES
        yield fault(
            "unreachable",
            f"closed_{stage}",
            f"closes {where}",
            raw(sent, end=Exchange.close),
            tls=tls,
        )
        yield fault(
            "unreachable",
            f"reset_{stage}",
            f"resets {where}",
            raw(sent, end=Exchange.reset),
            tls=tls,
        )
        yield silent(f"silent_{stage}", f"is silent {where}", raw(sent, end=Exchange.hold), tls=tls)
    yield silent(
        "silent_without_length",
        "sends a whole body of unknown length and never ends it",
        raw(head(), BODY, end=Exchange.hold),
    )
    yield silent(
        "silent_before_the_last_blank_line",
        "ends the chunks and never the trailer",
        chunked(chunk(BODY), b"0\r\n", end=Exchange.hold),
    )
    yield fault(
        "unreachable",
        "reset_without_length",
        "sends a whole body of unknown length and resets",
        raw(head(), HALF, end=Exchange.reset),
    )


def drips() -> Iterator[Row]:
    """Send something just often enough that no single wait runs out."""
    length = f"Content-Length: {len(BODY)}"
    yield silent(
        "dripped_status_line", "drips all from the first byte", dripped(b"", message(BODY))
    )
    yield silent("dripped_headers", "drips the headers", dripped(OK, message(BODY)[len(OK) :]))
    yield silent("dripped_body", "drips the body", dripped(head("200 OK", length), BODY), tls=True)
    yield silent("dripped_unknown_length", "drips a body without length", dripped(head(), BODY))
    pieces = b"".join(chunk(BODY[i : i + 1]) for i in range(len(BODY)))
    yield silent(
        "dripped_chunks",
        "drips chunks of one byte",
        dripped(OK + CHUNKED + b"\r\n", pieces + chunk(b""), 0.02),
        tls=True,
    )
    yield silent(
        "dripped_gzip",
        "drips a packed body",
        dripped(head("200 OK", "Content-Encoding: gzip"), packed(BODY)),
    )
    yield silent(
        "dripped_continue",
        "says 100 Continue ten times a second",
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.1),
    )
    yield silent(
        "dripped_headers_without_end",
        "sends a header every half second",
        endless(OK, b"X-More: 1\r\n", 0.5),
    )
    yield silent(
        "dripped_chunk_size",
        "sends a chunk size without end, digit by digit",
        endless(OK + CHUNKED + b"\r\n", b"0", 0.1),
    )
    yield silent(
        "dripped_blanks", "sends white space before the JSON for ever", endless(head(), b" ", 0.05)
    )
