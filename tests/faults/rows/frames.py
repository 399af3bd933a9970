"""Hide in the headers where the answer ends, or that there is another one before it."""

from __future__ import annotations

from typing import Iterator

from tests.faults.behaviour import OK, chunk, head, raw, reply
from tests.faults.row import BODY, Row, fault

_LONG = b"Content-Length: 9999\r\n"
#: Transfer-Encodings that are not exactly `chunked`, before a body that is not chunked.
_ENCODINGS = {
    "gzip_and_chunked": b"Transfer-Encoding: gzip, chunked\r\n",
    "chunked_and_identity": b"Transfer-Encoding: chunked, identity\r\n",
    "identity_and_chunked_apart": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "chunked_twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "chunked_with_parameter": b"Transfer-Encoding: chunked;x\r\n",
    "rot13": b"Transfer-Encoding: rot13\r\n",
    "nothing": b"Transfer-Encoding:\r\n",
}
#: What stands behind a carriage return that ends no line.
_HIDDEN = {
    "length": b"X: a\r" + _LONG,
    "length_after_two": b"X: a\r\r\n" + _LONG,
    "chunked": b"X: a\r\r\nTransfer-Encoding: chunked\r\n",
    "encoding": b"X: a\r\r\nContent-Encoding: br\r\n",
    "end_of_headers": b"X: a\r\n \r\n" + _LONG,
}


def frames() -> Iterator[Row]:
    """Hide in the headers where the answer ends, or that there is another one before it."""
    for name, header in _ENCODINGS.items():
        for length in (b"", _LONG):
            yield fault(
                "invalid",
                f"frame_of_{name}{'_with_length' if length else ''}",
                "sends a healthy body in a Transfer-Encoding that nobody can read",
                raw(OK + header + length + b"\r\n" + BODY),
                "transfer-encoding",
            )
    for name, header in _HIDDEN.items():
        yield fault(
            "unreachable",
            f"hidden_{name}",
            "hides a header behind a carriage return",
            raw(OK + header + b"\r\n" + BODY),
            "http",
        )
    yield Row(
        "chunked_and_white_space",
        "writes a blank behind `chunked`",
        raw(OK + b"Transfer-Encoding: chunked \r\n\r\n" + chunk(BODY) + chunk(b"")),
        "OK",
    )
    for status in (b"100 Continue", b"102 Processing", b"103 Early Hints", b"199 Odd"):
        interim = b"HTTP/1.1 " + status + b"\r\nLink: </a>\r\n\r\n"
        yield Row(
            f"interim_{status[:3].decode()}",
            "announces the answer first, twice",
            raw(2 * interim + head() + BODY),
            "OK",
        )
    yield fault(
        "invalid",
        "interim_101",
        "switches to another protocol",
        raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + head() + BODY),
        "101",
    )
    yield fault(
        "invalid",
        "interim_with_another_body",
        "sends a healthy body with an interim answer, and then another answer",
        raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" + BODY + b"\r\n" + head() + BODY),
        "103",
    )
    yield fault(
        "unreachable",
        "interim_and_no_more",
        "says that it will answer, and leaves",
        raw(b"HTTP/1.1 102 Processing\r\n\r\n"),
    )
    yield fault(
        "unreachable",
        "interim_cut",
        "says that it will answer, and leaves within the headers of that",
        raw(b"HTTP/1.1 102 Processing\r\nLink: <"),
    )
    cookies = "Set-Cookie: a=b" + ";a=b" * 16000
    yield fault(
        "unreachable",
        "cookies_of_6_mb",
        "sets a million cookies",
        reply(BODY, "200 OK", *[cookies] * 90),
        "http",
    )
    yield fault(
        "unreachable",
        "headers_of_6_mb",
        "sends ninety headers of 64 KB",
        reply(BODY, "200 OK", *["X: " + "\xe9" * 65_000] * 90),
        "http",
    )
    yield fault(
        "unreachable",
        "headers_of_6_mb_and_404",
        "sends ninety headers of 64 KB with another status",
        reply(BODY, "404 No", *["X: " + "y" * 65_000] * 90),
        "http",
    )
    yield Row(
        "headers_of_100_kb",
        "sends many headers, but not too many",
        reply(BODY, "200 OK", "X: " + "y" * 60_000, *["Set-Cookie: a=b" + ";a=b" * 100] * 90),
        "OK",
    )
