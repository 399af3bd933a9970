"""HTTP/1.1 read to the letter, so that a broken transfer is never taken for an answer.

`http.client` is generous: it takes `HTTP/1.1 2_00` for 200 and `0x1f` for the size of a chunk, the
end of the connection for the end of the headers, and a chunk of size -1 for a wish to read all
there is; a lone CR hides from it the headers that follow. RFC 9112 (sections 2.2, 4, 5 and 7.1)
allows none of these. `Reader` stands between `http.client` and the socket and looks at all that
passes.
"""

from __future__ import annotations

import http.client
import io
from http import HTTPStatus
from typing import Any, Callable, Optional

_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")
_MAX_SIZE_DIGITS = 16
#: What the lines of all headers and trailers may have together, in bytes: http.client takes a
#: hundred of 64 KiB each, and what requests makes of their cookies is twenty times as much.
MAX_HEAD = 128 * 1024
_BLANK = (b"\r\n", b"\n")
_WHITE = b" \t\r\n"

# By hand and not by regular expressions, which would have to be compiled in every run.


def _status_of(line: bytes) -> bytes:
    """Return the three digits of a status line; empty if *line* is none."""
    text = _without_end(line)
    digits, after = text[9:12], text[12:]
    sound = (
        text[:9] in (b"HTTP/1.1 ", b"HTTP/1.0 ")
        and len(digits) == 3  # noqa: PLR2004 — RFC 9112, 4
        and digits.isdigit()
        and after[:1] in (b"", b" ")
        and b"\r" not in after
    )
    return digits if sound else b""


def _is_header(line: bytes) -> bool:
    """Tell whether *line*, with its end, is a field, or goes on with the one before it."""
    text = _without_end(line)
    if b"\r" in text or b"\0" in text or not text.strip(_WHITE):
        return False  # the parser of http.client would see the end of a line there, or of all
    name, colon, _ = text.partition(b":")
    return text[:1] in (b" ", b"\t") or bool(name and colon and all(33 <= c < 127 for c in name))  # noqa: PLR2004


def _size_of(line: bytes) -> int:
    """Return the size of the chunk that *line* begins, -1 if it begins none."""
    text = _without_end(line)
    digits = text.partition(b";")[0].rstrip(b" \t")
    if (
        b"\r" in text
        or not 0 < len(digits) <= _MAX_SIZE_DIGITS
        or not _HEX_DIGITS.issuperset(digits)
    ):
        return -1
    return int(digits, 16)


def _without_end(line: bytes) -> bytes:
    return line[:-2] if line.endswith(b"\r\n") else line[:-1]


class OnlyInterim(http.client.HTTPException):
    """Behind an interim answer, of this *status*, stands no other one but something else.

    Somebody has given it as the answer. 100, which http.client skips too, is none to anybody.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Response(http.client.HTTPResponse):
    """A response of `http.client` that reads through a Reader."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp: Any = Reader(self.fp.detach())


class Reader(io.BufferedReader):
    """The bytes of one connection: `http.client` reads HTTP's own lines by `readline`."""

    def __init__(self, raw: Any) -> None:
        super().__init__(raw)
        self._check: Callable[[bytes], None] = self._status
        self._interim = b""  # the status of an interim answer, until the final one comes
        self._head_left = MAX_HEAD
        self._chunk_left: Optional[int] = None  # not None once the body is seen to be chunked

    def readline(self, size: Optional[int] = -1) -> bytes:
        """Return the next line; raises HTTPException if it is not one that may stand here.

        Interim answers (1xx) are left out: http.client itself knows only 100.
        """
        line = self._line(size)
        while self._interim and line:
            line = self._line(size)
        return line

    def _line(self, size: Optional[int]) -> bytes:
        line = super().readline(size)
        if line.endswith(b"\n"):
            self._check(line)
            if line not in _BLANK:
                return line.rstrip(_WHITE) + b"\r\n"  # http.client would leave it in a value
        elif len(line) != size and (line or self._check != self._status):
            self._check_interim()
            raise http.client.IncompleteRead(line)  # http.client itself misses an absent answer
        return line

    def read(self, size: Optional[int] = -1) -> bytes:
        """Return bytes of the body, or the line break behind a chunk."""
        if self._chunk_left == 0:
            return self._chunk_end(super().read(size))
        data = super().read(size)
        self._count(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        """Read bytes of the body; so does http.client before Python 3.11."""
        number = super().readinto(buffer)
        self._count(number)
        return number

    def _count(self, number: int) -> None:
        if self._chunk_left is not None:
            self._chunk_left -= number

    def _status(self, line: bytes) -> None:
        self._head(line)
        status = _status_of(line)
        if not status:
            self._check_interim()
            raise http.client.BadStatusLine("no status line of HTTP/1")
        self._interim = status if status[:1] == b"1" and status != b"101" else b""
        self._check = self._header

    def _check_interim(self) -> None:
        if self._interim not in (b"", b"100") and self._check == self._status:
            raise OnlyInterim(int(self._interim))

    def _header(self, line: bytes) -> None:
        self._head(line)
        if line in _BLANK:
            self._check = self._status if self._interim else self._chunk_size
        elif not _is_header(line):
            raise http.client.HTTPException("no header")

    def _head(self, line: bytes) -> None:
        self._head_left -= len(line)
        if self._head_left < 0:
            raise http.client.HTTPException("headers without end")

    def _chunk_size(self, line: bytes) -> None:
        self._chunk_left = _size_of(line)
        if self._chunk_left < 0:
            raise http.client.IncompleteRead(b"")
        if not self._chunk_left:
            self._check = self._trailer

    @staticmethod
    def _chunk_end(data: bytes) -> bytes:
        if data != b"\r\n":
            raise http.client.IncompleteRead(data)
        return data

    def _trailer(self, line: bytes) -> None:
        """Check what stands behind the last chunk: http.client reads it up to a blank line."""
        self._head(line)
        if line not in _BLANK and not _is_header(line):
            raise http.client.HTTPException("no trailer")


def phrase(status: int) -> str:
    """Return a blank and the standard phrase of *status*; the server's own could say anything."""
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""
