"""A server that gives one answer, byte for byte, to whoever asks for whatever."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Iterator, List, NamedTuple


class Stub(NamedTuple):
    """Where it listens, and the first line of each request that came."""

    url: str
    requests: List[str]


def http(status: str, body: str = "", *headers: str) -> bytes:
    """Return a whole HTTP answer, such as `http("404 Not Found")`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", body]).encode()


@contextlib.contextmanager
def stub(answer: bytes, *, holds: bool = False) -> Iterator[Stub]:
    """Serve *answer* on a free port of loopback until the block ends.

    One that *holds* says no more then, and waits until the client has left.
    """
    requests: List[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, answer, holds, requests))
        thread.start()
        try:
            yield Stub(f"http://127.0.0.1:{listener.getsockname()[1]}", requests)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, answer: bytes, holds: bool, requests: List[str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                received = connection.recv(65536)
                if not received:
                    break
                head += received
            requests.append(head.decode("latin-1").partition("\r\n")[0])
            connection.sendall(answer)
            while holds and connection.recv(65536):
                pass


def free_port() -> int:
    """Return a port of loopback that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
