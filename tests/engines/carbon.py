"""A listener in place of Graphite's, which keeps what Icinga's writer sends."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Iterator, List, Tuple


class Carbon:
    """A listener in place of Graphite's: it keeps every line that a client sends."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.lines: List[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._read, args=(client,), daemon=True).start()

    def _read(self, client: socket.socket) -> None:
        with client, client.makefile(encoding="utf-8") as lines, contextlib.suppress(OSError):
            for line in lines:
                self.lines.append(line.rstrip("\n"))

    def values(self, prefix: str) -> List[Tuple[str, float]]:
        """Return what was sent for paths that begin with *prefix*: rest, value."""
        rows = (line.split(" ") for line in self.lines.copy() if line.startswith(prefix))
        return [(path[len(prefix) :], float(value)) for path, value, _ in rows]

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@contextlib.contextmanager
def carbon() -> Iterator[Carbon]:
    """Listen until the block ends."""
    listener = Carbon()
    try:
        yield listener
    finally:
        listener.close()
