"""Chunks and lengths that contradict the body or each other."""

from __future__ import annotations

from typing import Iterator

from tests.faults.behaviour import (
    chunk,
    chunked,
    head,
    raw,
)
from tests.faults.document import (
    packed,
)
from tests.faults.row import BODY, HALF, Row, fault
from tests.faults.server import Exchange


def chunking() -> Iterator[Row]:
    """Chunk sizes that are none, and those that are unusual but right."""
    size = len(BODY)
    bad = {
        "minus_1": b"-1",
        "minus_5": b"-5",
        "prefixed_0x": b"0x%x" % size,
        "with_underscore": b"0_%x" % size,
        "with_plus": b"+%x" % size,
        "word": b"chunk",
        "empty": b"",
        "float": b"%x.0" % size,
        "arabic": "\u0661".encode(),
    }
    for name, text in bad.items():
        yield fault(
            "unreachable",
            f"chunk_size_{name}",
            f"gives the chunk size {text.decode()!r}",
            chunked(text + b"\r\n" + BODY + b"\r\n", chunk(b"")),
        )
    yield fault(
        "unreachable",
        "chunk_size_beyond_the_chunk",
        "gives a chunk size above what follows",
        chunked(b"%x\r\n%s" % (size + 5, BODY)),
    )
    yield fault(
        "unreachable",
        "chunk_size_below_the_chunk",
        "gives a chunk size below what follows",
        chunked(b"%x\r\n%s\r\n" % (size - 7, BODY), chunk(b"")),
    )
    yield fault(
        "unreachable",
        "chunk_size_of_20_digits",
        "gives a chunk size of 80 bits",
        chunked(b"f" * 20 + b"\r\n" + BODY),
    )
    yield fault(
        "unreachable", "no_chunks_at_all", "announces chunks and sends a plain body", chunked(BODY)
    )
    yield Row(
        "chunked",
        "sends a healthy answer in chunks",
        chunked(chunk(HALF), chunk(BODY[len(HALF) :]), chunk(b"")),
        "OK",
        tls=True,
    )
    yield Row(
        "chunk_extension",
        "adds an extension to a chunk",
        chunked(b"%x;a=b\r\n%s\r\n" % (size, BODY), chunk(b"")),
        "OK",
    )
    yield Row(
        "chunk_trailer", "adds a trailer", chunked(chunk(BODY), b"0\r\nX-More: 1\r\n\r\n"), "OK"
    )
    yield Row(
        "chunk_size_in_capitals",
        "gives a chunk size in capitals with zeros",
        chunked(b"00%X\r\n%s\r\n" % (size, BODY), chunk(b"")),
        "OK",
    )


def framing() -> Iterator[Row]:
    """Lengths that contradict the body or each other."""
    size = len(BODY)
    bad = {
        "long": (f"Content-Length: {size + 9}",),
        "of_20_digits": ("Content-Length: 99999999999999999999",),
        "negative": (f"Content-Length: -{size}",),
        "word": ("Content-Length: many",),
        "with_underscore": (f"Content-Length: {str(size)[0]}_{str(size)[1:]}",),
        "with_plus": (f"Content-Length: +{size}",),
        "hexadecimal": (f"Content-Length: {size:#x}",),
        "float": (f"Content-Length: {size}.0",),
        "contradicting": (f"Content-Length: {size}", f"Content-Length: {size - 9}"),
        "contradicting_in_one": (f"Content-Length: {size}, {size - 9}",),
    }
    for name, headers in bad.items():
        yield fault(
            "unreachable",
            f"content_length_{name}",
            f"says {headers}",
            raw(head("200 OK", *headers), BODY),
        )
    yield fault(
        "invalid",
        "content_length_short",
        "announces less than it sends, which cuts the JSON",
        raw(head("200 OK", f"Content-Length: {size - 9}"), BODY),
    )
    yield fault(
        "invalid",
        "content_length_0",
        "announces nothing and sends a body",
        raw(head("200 OK", "Content-Length: 0"), BODY),
    )
    yield fault(
        "unreachable",
        "content_length_twice_the_same",
        "gives the same length twice, which RFC 9110 allows to reject",
        raw(head("200 OK", *[f"Content-Length: {size}"] * 2), BODY),
    )
    yield Row(
        "content_after_its_length",
        "sends more than it announced, after a whole answer",
        raw(head("200 OK", f"Content-Length: {size}"), BODY, b"HTTP/1.1 500 No\r\n\r\n"),
        "OK",
    )
    yield Row("content_without_length", "ends the body by closing", raw(head(), BODY), "OK")
    yield Row(
        "content_kept_alive",
        "sends all and keeps the connection open",
        raw(head("200 OK", f"Content-Length: {size}"), BODY, end=Exchange.hold),
        "OK",
        tls=True,
    )
    yield fault(
        "invalid",
        "content_cut_without_length",
        "cuts a body of unknown length by closing",
        raw(head(), HALF),
    )
    yield Row(
        "chunked_and_length",
        "announces chunks and a length",
        raw(
            head("200 OK", "Transfer-Encoding: chunked", "Content-Length: 5"),
            chunk(BODY),
            chunk(b""),
        ),
        "OK",
    )
    yield Row(
        "chunked_in_capitals",
        "announces chunks in capitals, as one may",
        raw(head("200 OK", "Transfer-Encoding: CHUNKED"), chunk(BODY), chunk(b"")),
        "OK",
    )
    yield fault(
        "invalid",
        "transfer_encoding_unknown",
        "announces an unknown transfer encoding",
        raw(head("200 OK", "Transfer-Encoding: rot13"), BODY),
    )
    yield fault(
        "invalid",
        "transfer_encoding_gzip",
        "packs the transfer, which nobody asked for",
        raw(head("200 OK", "Transfer-Encoding: gzip, chunked"), chunk(packed(BODY)), chunk(b"")),
    )
