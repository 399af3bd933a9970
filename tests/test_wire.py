"""HTTP read to the letter: what http.client would let pass is refused, what is sound is read."""

from __future__ import annotations

import http.client
import socket

import pytest

from check_rodin_queues.wire import Response

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def read(sent: bytes) -> bytes:
    """Return the body that a server which sends *sent* and leaves has given."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        response = Response(ours, method="GET")
        response.begin()
        body = b""
        while piece := response.read(4):
            body += piece
        return body


SOUND = {
    "length": HEAD + b"Content-Length: 6\r\n\r\nabcdef",
    "end of connection": HEAD + b"\r\nabcdef",
    "chunks": CHUNKED + b"5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n",
    "extension and trailer": CHUNKED + b"06 ;x=y\r\nabcdef\r\n0\r\nSum: 1\r\n\r\n",
    "interim answer": b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + HEAD + b"\r\nabcdef",
}
BROKEN = {
    "status with underscore": b"HTTP/1.1 2_00 OK\r\n\r\nabcdef",
    "another protocol": b"SSH-2.0-x\r\n",
    "cut status": b"HTTP/1.1 200",
    "cut header": HEAD + b"Content-Le",
    "no end of headers": HEAD + b"X: y\r\n",
    "header without name": HEAD + b": y\r\n\r\nabcdef",
    "prefixed size": CHUNKED + b"0x6\r\nabcdef\r\n0\r\n\r\n",
    "negative size": CHUNKED + b"-1\r\nabcdef\r\n0\r\n\r\n",
    "size with underscore": CHUNKED + b"0_6\r\nabcdef\r\n0\r\n\r\n",
    "chunk without line break": CHUNKED + b"6\r\nabcdefXX0\r\n\r\n",
    "cut chunk": CHUNKED + b"6\r\nabc",
    "no last chunk": CHUNKED + b"6\r\nabcdef\r\n",
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_answer_is_read(name: str) -> None:
    assert read(SOUND[name]) == b"abcdef"


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_refused(name: str) -> None:
    with pytest.raises(http.client.HTTPException):
        read(BROKEN[name])


def test_a_server_that_says_nothing_is_told_apart() -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        read(b"")
