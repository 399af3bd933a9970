"""A server that misbehaves on purpose: raw sockets on a free port of loopback, plain or TLS.

What it does with a connection is a behaviour, a function of an exchange; it is set before a run.
Nothing here knows HTTP beyond the blank line at which a request ends.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from typing import Callable, List, Optional, TypeVar

#: Longest wait of a connection for anything; the runs that are tested end long before.
PATIENCE = 30

#: Longest request that is read.
REQUEST_LIMIT = 1 << 20


class Exchange:
    """One accepted connection, as a behaviour sees it."""

    def __init__(self, stream: socket.socket, server: FaultServer) -> None:
        self.stream = stream
        self.server = server

    def request(self) -> bytes:
        """Read the head of the request and remember it for the test, if a byte of it came."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < REQUEST_LIMIT:
            piece = self.stream.recv(65536)
            if not piece:
                break
            head += piece
        if head:
            self.server.requests.append(head)
        return head

    def send(self, data: bytes) -> None:
        """Send everything at once."""
        self.stream.sendall(data)

    def drip(self, data: bytes, pause: float = 0.1) -> None:
        """Send byte by byte."""
        for index in range(len(data)):
            self.send(data[index : index + 1])
            time.sleep(pause)

    def repeat(self, data: bytes, pause: float = 0) -> None:
        """Send the same again and again until the other side goes away."""
        while not self.server.stopped.is_set():
            self.send(data)
            if pause:
                time.sleep(pause)

    def hold(self) -> None:
        """Say nothing until the other side goes away."""
        while self.stream.recv(65536):
            pass

    def reset(self) -> None:
        """End with a TCP reset."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.close()

    def close(self) -> None:
        """End in good order, TLS included."""
        if isinstance(self.stream, ssl.SSLSocket):
            self.stream.settimeout(1)
            self.stream = self.stream.unwrap()
        self.stream.shutdown(socket.SHUT_WR)
        self.stream.settimeout(1)
        self.hold()
        self.stream.close()


Behaviour = Callable[[Exchange], None]

_Server = TypeVar("_Server", bound="FaultServer")


class FaultServer:
    """Listens on loopback and lets a behaviour loose on every connection; a context manager."""

    def __init__(self, behaviour: Optional[Behaviour] = None, tls: Optional[ssl.SSLContext] = None):
        self.behaviour: Behaviour = behaviour or Exchange.hold
        self.connections = 0
        self.requests: List[bytes] = []
        self.elsewhere = ""
        self.stopped = threading.Event()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The address, as an option of the check takes it."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self: _Server) -> _Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def prepare(self, behaviour: Behaviour) -> None:
        """Misbehave like this from now on, and forget what was seen so far."""
        self.behaviour = behaviour
        self.connections = 0
        self.requests = []

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(stream, self.behaviour), daemon=True).start()

    def _serve(self, stream: socket.socket, behaviour: Behaviour) -> None:
        stream.settimeout(PATIENCE)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(stream.close)
            if self._tls:
                stream = self._tls.wrap_socket(stream, server_side=True)
                stack.callback(stream.close)
            behaviour(Exchange(stream, self))
