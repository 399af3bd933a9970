"""A proxy that tunnels and writes down every byte that a client hands it."""

from __future__ import annotations

import select
import socket
import ssl
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
            self._relay(exchange.stream, target)
        exchange.close()

    def _relay(self, client: socket.socket, target: socket.socket) -> None:
        """Hand on until the target has ended; by one thread, since two may not share a TLS."""
        open_ends = {client: target, target: client}
        while target in open_ends:
            pending = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if pending else select.select(list(open_ends), [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if source is client:
                    self.heard += data
                if data:
                    open_ends[source].sendall(data)
                    continue
                if source is client:
                    target.shutdown(socket.SHUT_WR)
                del open_ends[source]
