"""HTTP/1.1 read to the letter, so that a broken transfer is never taken for an answer.

`http.client` is generous: it takes `HTTP/1.1 2_00` for 200 and `0x1f` for the size of a chunk, the
end of the connection for the end of the headers, and a chunk of size -1 for a wish to read all
there is. RFC 9112 (sections 4, 5 and 7.1) allows none of these. `Reader` stands between
`http.client` and the socket and looks at all that passes.
"""

from __future__ import annotations

import http.client
import io
from typing import Any, Callable, Optional

_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")
_MAX_SIZE_DIGITS = 16
_BLANK = (b"\r\n", b"\n")

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
    name = line.partition(b":")[0]  # without a colon the whole line, whose end no name may have
    return line[:1] in (b" ", b"\t") or bool(name and all(33 <= c < 127 for c in name))  # noqa: PLR2004


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
        self._chunk_left: Optional[int] = None  # not None once the body is seen to be chunked

    def readline(self, size: Optional[int] = -1) -> bytes:
        """Return the next line; raises HTTPException if it is not one that may stand here."""
        line = super().readline(size)
        if line.endswith(b"\n"):
            self._check(line)
        elif len(line) != size and (line or self._check != self._status):
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
        status = _status_of(line)
        if not status:
            raise http.client.BadStatusLine("no status line of HTTP/1")
        self._check = self._interim_header if status == b"100" else self._header

    def _interim_header(self, line: bytes) -> None:
        if line in _BLANK:
            self._check = self._status

    def _header(self, line: bytes) -> None:
        if line in _BLANK:
            self._check = self._chunk_size
        elif not _is_header(line):
            raise http.client.HTTPException("no header")

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
        """Accept what stands behind the last chunk: http.client reads it up to a blank line."""
