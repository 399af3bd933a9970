"""HTTP/1.1 read to the letter, so that a broken transfer is never taken for an answer.

`http.client` is generous: it takes `HTTP/1.1 2_00` for 200 and `0x1f` for the size of a chunk, the
end of the connection for the end of the headers, and a chunk of size -1 for a wish to read all
there is. RFC 9112 (sections 4, 5 and 7.1) allows none of these. `Reader` stands between
`http.client` and the socket and looks at all that passes.
"""

import http.client
import io
import re
from typing import Any, Callable, Optional

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r?\n")
_HEADER = re.compile(rb"(?:[!-9;-~]+:|[ \t]).*\n", re.DOTALL)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_BLANK = (b"\r\n", b"\n")


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
        match = _STATUS_LINE.fullmatch(line)
        if not match:
            raise http.client.BadStatusLine("no status line of HTTP/1")
        self._check = self._interim_header if match[1] == b"100" else self._header

    def _interim_header(self, line: bytes) -> None:
        if line in _BLANK:
            self._check = self._status

    def _header(self, line: bytes) -> None:
        if line in _BLANK:
            self._check = self._chunk_size
        elif not _HEADER.fullmatch(line):
            raise http.client.HTTPException("no header")

    def _chunk_size(self, line: bytes) -> None:
        match = _CHUNK_SIZE.fullmatch(line)
        if not match:
            raise http.client.IncompleteRead(b"")
        self._chunk_left = int(match[1], 16)
        if not self._chunk_left:
            self._check = self._trailer

    @staticmethod
    def _chunk_end(data: bytes) -> bytes:
        if data not in _BLANK:
            raise http.client.IncompleteRead(data)
        return data

    def _trailer(self, line: bytes) -> None:
        """Accept what stands behind the last chunk: http.client reads it up to a blank line."""
