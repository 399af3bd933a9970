"""A proxy that tunnels and writes down every byte that a client hands it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Optional

from tests.faults.server import Exchange, FaultServer


class Proxy(FaultServer):
    """Answers CONNECT with a tunnel, or with *refusal* where one is given; may speak *tls*."""

    def __init__(self, refusal: bytes = b"", tls: Optional[ssl.SSLContext] = None) -> None:
        super().__init__(self._tunnel, tls)
        self.refusal = refusal
        self.heard = b""

    def _tunnel(self, exchange: Exchange) -> None:
        request = exchange.request()
        self.heard += request
        if not request:  # urllib3 before 2 looks at the name in a certificate afterwards
            return
        if self.refusal:
            exchange.send(self.refusal)
            exchange.close()
            return
        host, port = request.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as target:
            exchange.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_copy, args=(target, exchange.stream), daemon=True)
            back.start()
            while data := exchange.stream.recv(65536):
                self.heard += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
