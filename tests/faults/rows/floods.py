"""Send without end or without measure."""

from __future__ import annotations

from typing import Iterator

from tests.faults import document
from tests.faults.behaviour import (
    CHUNKED,
    OK,
    chunk,
    chunked,
    endless,
    head,
    raw,
    reply,
)
from tests.faults.document import (
    MEBIBYTE,
)
from tests.faults.row import BODY, Row, fault, judged


def floods() -> Iterator[Row]:
    """Send without end or without measure."""
    flood = b"x" * 65536
    yield fault(
        "unreachable",
        "endless_continue",
        "says 100 Continue without end",
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    )._replace(args=("-t", "2"), or_timeout=True)
    yield fault(
        "unreachable",
        "endless_status_line",
        "never ends the status line",
        endless(b"HTTP/1.1 200 ", flood),
    )
    yield fault("unreachable", "endless_garbage", "sends letters for ever", endless(b"", flood))
    yield fault(
        "unreachable",
        "endless_headers",
        "sends headers for ever",
        endless(OK, b"X-More: 1\r\n" * 100),
    )
    yield fault(
        "unreachable",
        "endless_header",
        "sends a header without end",
        endless(OK + b"X-More: ", flood),
    )
    yield fault(
        "unreachable",
        "endless_chunk_size",
        "sends a chunk size without end",
        endless(OK + CHUNKED + b"\r\n", b"0" * 65536),
        tls=True,
    )
    yield fault(
        "unreachable",
        "endless_chunk_extension",
        "sends a chunk extension without end",
        endless(OK + CHUNKED + b"\r\n5;a=", flood),
    )
    yield fault(
        "unreachable",
        "endless_trailer",
        "sends trailers for ever",
        endless(OK + CHUNKED + b"\r\n" + chunk(BODY) + b"0\r\n", b"X-More: 1\r\n" * 100),
    )._replace(args=("-t", "2"), or_timeout=True)
    yield fault(
        "unreachable",
        "endless_trailer_line",
        "sends one trailer without end",
        endless(OK + CHUNKED + b"\r\n" + chunk(BODY) + b"0\r\nX-More: ", flood),
    )
    yield fault(
        "invalid",
        "endless_chunks",
        "sends chunks for ever",
        endless(OK + CHUNKED + b"\r\n", chunk(b" " * 1000)),
        "1 mib",
        tls=True,
    )
    yield fault(
        "invalid", "endless_body", "sends a body for ever", endless(head(), b" " * 65536), "1 mib"
    )
    yield fault(
        "unreachable",
        "headers_101",
        "sends 101 headers",
        reply(BODY, "200 OK", *(f"X-{n}: 1" for n in range(101))),
    )
    yield fault(
        "unreachable",
        "header_of_70_kb",
        "sends a header of 70 KB",
        reply(BODY, "200 OK", "X: " + "x" * 70000),
    )
    yield fault(
        "invalid",
        "body_of_80_mb",
        "sends 80 MB of white space and a healthy answer",
        raw(head("200 OK", f"Content-Length: {80 * MEBIBYTE}"), *[b" " * MEBIBYTE] * 80),
        "1 mib",
        tls=True,
    )
    yield fault(
        "invalid",
        "length_of_80_mb",
        "announces 80 MB and sends nothing more",
        raw(head("200 OK", f"Content-Length: {80 * MEBIBYTE}"), BODY.ljust(2 * MEBIBYTE)),
        "1 mib",
    )
    yield judged("body_of_1_mib", "sends exactly 1 MiB", document.padded(MEBIBYTE))
    yield fault(
        "invalid",
        "body_of_1_mib_and_1",
        "sends one byte too many",
        reply(document.padded(MEBIBYTE + 1)),
        "1 mib",
    )
    yield fault(
        "invalid",
        "chunks_of_1_mib_and_1",
        "sends one byte too many in chunks",
        chunked(chunk(document.padded(MEBIBYTE)), chunk(b" "), chunk(b"")),
        "1 mib",
    )
