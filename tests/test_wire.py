"""HTTP read to the letter: what http.client would let pass is refused, what is sound is read."""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import Callable

import pytest

from check_rodin_queues.wire import Response

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def by_read(response: Response) -> bytes:
    """Return the next bytes of the body, as http.client reads them from Python 3.11 on."""
    return response.read(4)


def by_readinto(response: Response) -> bytes:
    """Return the next bytes of the body, as http.client reads them before Python 3.11."""
    buffer = bytearray(4)
    return bytes(buffer[: response.readinto(buffer)])


def read(sent: bytes, take: Callable[[Response], bytes] = by_read) -> bytes:
    """Return the body that a server which sends *sent* and leaves has given."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        with contextlib.closing(Response(ours, method="GET")) as response:
            response.begin()
            body = b""
            while piece := take(response):
                body += piece
            return body


def head_of(size: int) -> bytes:
    """Return a head of so many bytes, from the status line to the blank line."""
    start, end = HEAD + b"X: " + b"y" * 60_000 + b"\r\nX: ", b"\r\n\r\n"
    rest = size - len(start) - len(end)
    assert rest < 65_500 * 2
    half = (rest - len(b"\r\nX: ")) // 2
    return start + b"y" * half + b"\r\nX: " + b"y" * (rest - half - len(b"\r\nX: ")) + end


LONG = b"abcdefghijklmnopqrstuvwxyz"
SOUND = {
    "length": HEAD + b"Content-Length: 6\r\n\r\nabcdef",
    "end of connection": HEAD + b"\r\nabcdef",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nabcdef",
    "no reason phrase": b"HTTP/1.1 200\r\n\r\nabcdef",
    "empty reason phrase": b"HTTP/1.1 200 \r\n\r\nabcdef",
    "bare line feeds": b"HTTP/1.1 200\nContent-Length: 6\n\nabcdef",
    "colons in a value": HEAD + b"Date: 10:00:00\r\n\r\nabcdef",
    "first and last character of a name": HEAD + b"!~: y\r\n\r\nabcdef",
    "folded by a space": HEAD + b"X: y\r\n z\r\n\r\nabcdef",
    "folded by a tab": HEAD + b"X: y\r\n\tz\r\n\r\nabcdef",
    "white space behind a value": HEAD + b"Content-Length: 6 \t\r\n\r\nabcdef",
    "chunks, and white space": HEAD
    + b"Transfer-Encoding:\tchunked \r\n\r\n6 \r\nabcdef\r\n0\r\n\r\n",
    "chunks": CHUNKED + b"5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n",
    "sizes with bare line feeds": CHUNKED + b"5\nabcde\r\n1\nf\r\n0\n\n",
    "size of sixteen digits": CHUNKED + b"0000000000000006\r\nabcdef\r\n0\r\n\r\n",
    "extension and trailer": CHUNKED + b"06 ;x=y\r\nabcdef\r\n0\r\nSum: 1\r\n\r\n",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD + b"\r\nabcdef",
    "many interim answers": b"HTTP/1.1 102 Later\r\n\r\n" * 500 + HEAD + b"\r\nabcdef",
    "long headers": HEAD + b"X: y\r\n" * 90 + b"X: " + b"y" * 60_000 + b"\r\n\r\nabcdef",
    "headers of 128 KiB": head_of(128 * 1024) + b"abcdef",
    "interim answer": b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + HEAD + b"\r\nabcdef",
}
BROKEN = {
    "cut status": b"HTTP/1.1 200",
    "cut header": HEAD + b"Content-Le",
    "no end of headers": HEAD + b"X: y\r\n",
    "header without name": HEAD + b": y\r\n\r\nabcdef",
    "header without colon": HEAD + b"nonsense\r\n\r\nabcdef",
    "carriage return in a value": HEAD + b"X: a\rContent-Length: 9\r\n\r\nabcdef",
    "carriage return before the end": HEAD + b"X: a\r\r\nContent-Length: 9\r\n\r\nabcdef",
    "carriage return in a fold": HEAD + b"X: a\r\n b\rContent-Length: 9\r\n\r\nabcdef",
    "NUL in a value": HEAD + b"X: a\0\r\n\r\nabcdef",
    "white space as a header": HEAD + b"X: a\r\n \r\nabcdef",
    "interim answer without end": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n",
    "interim answer alone": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "interim answer with a broken header": b"HTTP/1.1 100 Continue\r\nnonsense\r\n\r\n"
    + HEAD
    + b"\r\nabcdef",
    "endless interim answers": b"HTTP/1.1 102 Later\r\n\r\n" * 7_000 + HEAD + b"\r\nabcdef",
    "headers of more than 128 KiB": HEAD + 3 * (b"X: " + b"y" * 60_000 + b"\r\n") + b"\r\nabcdef",
    "headers of a byte more than 128 KiB": head_of(128 * 1024 + 1) + b"abcdef",
    "trailers of more than 128 KiB": CHUNKED
    + b"6\r\nabcdef\r\n0\r\n"
    + 3 * (b"X: " + b"y" * 60_000 + b"\r\n")
    + b"\r\n",
    "broken trailer": CHUNKED + b"6\r\nabcdef\r\n0\r\nnonsense\r\n\r\n",
    "space in a name": HEAD + b"X y: z\r\n\r\nabcdef",
    "control character in a name": HEAD + b"X\x7f: z\r\n\r\nabcdef",
    "prefixed size": CHUNKED + b"0x6\r\nabcdef\r\n0\r\n\r\n",
    "negative size": CHUNKED + b"-1\r\nabcdef\r\n0\r\n\r\n",
    "size with underscore": CHUNKED + b"0_6\r\nabcdef\r\n0\r\n\r\n",
    "size of seventeen digits": CHUNKED + b"00000000000000006\r\nabcdef\r\n0\r\n\r\n",
    "no size": CHUNKED + b"\r\nabcdef\r\n0\r\n\r\n",
    "no size but an extension": CHUNKED + b";x\r\nabcdef\r\n0\r\n\r\n",
    "carriage return in an extension": CHUNKED + b"6;\rx\r\nabcdef\r\n0\r\n\r\n",
    "chunk with a bare line feed": CHUNKED + b"6\r\nabcdef\n0\r\n\r\n",
    "chunk without line break": CHUNKED + b"6\r\nabcdefXX0\r\n\r\n",
    "second chunk without line break": CHUNKED + b"3\r\nabc\r\n3\r\ndefXX0\r\n\r\n",
    "long chunk without line break": CHUNKED + b"1a\r\n" + LONG + b"XX0\r\n\r\n",
    "cut chunk": CHUNKED + b"6\r\nabc",
    "no last chunk": CHUNKED + b"6\r\nabcdef\r\n",
}
STATUS_LINES = (
    b"HTTP/1.1 2_00 OK",
    b"HTTP/1.1 +20 OK",
    b"HTTP/1.1 20",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 200OK",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1 200 O\rK",
    b"HTTP/1.2 200 OK",
    b"HTTP/2.0 200 OK",
    b"http/1.1 200 OK",
    b"SSH-2.0-x",
    b"",
)


@pytest.mark.parametrize("take", [by_read, by_readinto])
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_answer_is_read(name: str, take: Callable[[Response], bytes]) -> None:
    assert read(SOUND[name], take) == b"abcdef"


@pytest.mark.parametrize("take", [by_read, by_readinto])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_refused(name: str, take: Callable[[Response], bytes]) -> None:
    with pytest.raises(http.client.HTTPException):
        read(BROKEN[name], take)


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("line", STATUS_LINES)
def test_a_status_line_is_taken_to_the_letter(line: bytes, before: bytes) -> None:
    with pytest.raises(http.client.BadStatusLine, match="no status line"):
        read(before + line + b"\r\n\r\nabcdef")


@pytest.mark.parametrize("before", [b"HTTP/1.1 200 ", HEAD + b"X: "])
def test_a_line_has_an_end(before: bytes) -> None:
    with pytest.raises(http.client.LineTooLong):
        read(before + 70_000 * b"y" + b"\r\n\r\nabcdef")


@pytest.mark.parametrize("size", [b"1a", b"1A"])
def test_the_size_of_a_chunk_is_hexadecimal(size: bytes) -> None:
    assert read(CHUNKED + size + b"\r\n" + LONG + b"\r\n0\r\n\r\n") == LONG


def test_a_server_that_says_nothing_is_told_apart() -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        read(b"")
