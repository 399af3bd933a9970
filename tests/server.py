"""A raw server and a proxy on loopback, and the responses that they send.

A script says what the server does with one connection, step by step:

    Server(http("404 Not Found"))               one response, byte for byte
    Server([b"HTTP/1.1 200", 0.5, b" OK", RESET])  bytes, a pause in seconds, an end
    Server(stalled, [HOLD])                     the first connection, then every other

It reads a request first, unless the script begins with UNREAD. Nothing here knows HTTP beyond the
blank line that ends a request, so it can break every rule.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Callable, NamedTuple, Optional, TypeVar, Union

import trustme

DOCUMENTED = ("rodin.mesh", "rodin.pack", "rodin.remesh", "rodin.texture")

#: No connection lasts longer than this, in seconds; the tested runs end long before.
PATIENCE = 30


class Mark(Enum):
    """A step that is not data.

    UNREAD is the first step: send without reading a request. HOLD keeps the connection open until
    the client leaves. RESET ends it with a TCP reset.
    """

    UNREAD, HOLD, RESET = range(3)


UNREAD, HOLD, RESET = Mark


class Repeat(NamedTuple):
    """Send the same data until the client leaves."""

    data: bytes
    pause: float = 0


#: A function gets the request and returns what to send.
Step = Union[bytes, float, Mark, Repeat, Callable[[bytes], bytes]]
Script = Union[bytes, Callable[[bytes], bytes], Sequence[Step]]

_Server = TypeVar("_Server", bound="Server")


def drip(data: bytes, pause: float = 0.1) -> list[Step]:
    """Return steps that send *data* byte by byte."""
    return [step for byte in data for step in (bytes([byte]), pause)]


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the TLS of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


class Server:
    """Listen on loopback and play a script for each connection, the last one for all further.

    *host* is the address to listen on, and *port* its port if not a free one.
    """

    def __init__(
        self,
        *scripts: Script,
        tls: Optional[ssl.SSLContext] = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._tls = tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=64)
        self._host = f"[{host}]" if ":" in host else host
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._stopped = threading.Event()
        self.play(*scripts)

    def play(self, *scripts: Script) -> None:
        """Use these scripts from now on, and forget what was seen so far."""
        self._scripts = scripts or ([HOLD],)
        self.connections = 0
        self.requests: list[bytes] = []

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self._listener.getsockname()[1])

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self._host}:{self.port}"

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"{'https' if self._tls else 'http'}://{self.address}"

    def wait_for_request(self, within: float = 10) -> None:
        """Wait until a request has come."""
        end = time.monotonic() + within
        while not self.requests:
            assert time.monotonic() < end, "no request came"
            time.sleep(0.005)

    def __enter__(self: _Server) -> _Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            threading.Thread(target=self._serve, args=(stream, script), daemon=True).start()

    def _serve(self, stream: socket.socket, script: Script) -> None:
        stream.settimeout(PATIENCE)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(stream.close)
            if self._tls:
                stream = self._tls.wrap_socket(stream, server_side=True)
                stack.callback(stream.close)
            self._connected(stream, script)

    def _connected(self, stream: socket.socket, script: Script) -> None:
        steps = list(script) if isinstance(script, (list, tuple)) else [script]
        request = b"" if UNREAD in steps[:1] else self._request(stream)
        for step in steps:
            if step == RESET:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                stream.close()
                return
            self._do(stream, step, request)
        _close(stream)

    def _request(self, stream: socket.socket) -> bytes:
        """Read the head of a request and keep it for the test, if any of it came."""
        head = b""
        while b"\r\n\r\n" not in head:
            received = stream.recv(65536)
            if not received:
                break
            head += received
        if head:
            self.requests.append(head)
        return head

    def _do(self, stream: socket.socket, step: object, request: bytes) -> None:
        if isinstance(step, bytes):
            stream.sendall(step)
        elif isinstance(step, (int, float)):
            time.sleep(step)
        elif isinstance(step, Repeat):
            while not self._stopped.is_set():
                stream.sendall(step.data)
                time.sleep(step.pause)
        elif callable(step):
            stream.sendall(step(request))
        elif step == HOLD:
            while stream.recv(65536):
                pass


def _close(stream: socket.socket) -> None:
    """End in good order, TLS included."""
    stream.settimeout(1)
    if isinstance(stream, ssl.SSLSocket):
        stream = stream.unwrap()
    stream.shutdown(socket.SHUT_WR)
    while stream.recv(65536):
        pass
    stream.close()


class Proxy(Server):
    """A proxy that forwards `GET http://…`, tunnels CONNECT, and keeps every byte it receives.

    A proxy that refuses, hangs or speaks garbage is a Server with a script. *to* is the port on
    loopback that every request goes to, for any host.
    """

    def __init__(self, tls: Optional[ssl.SSLContext] = None, to: int = 0) -> None:
        super().__init__(tls=tls)
        self.heard = b""
        self._to = to

    def _connected(self, stream: socket.socket, script: Script) -> None:
        del script
        head = self._request(stream)
        self.heard += head
        if not head:  # urllib3 1.26 checks a certificate's name only after the handshake
            return
        method, target = head.decode("latin-1").split(" ")[:2]
        address = target.rpartition("://")[2].partition("/")[0]
        host, _, port = address.rpartition(":") if ":" in address else (address, "", "80")
        peer = ("127.0.0.1", self._to) if self._to else (host.strip("[]"), int(port))
        with socket.create_connection(peer) as server:
            if method == "CONNECT":
                stream.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                path = target.partition(address)[2]
                server.sendall(head.replace(target.encode(), path.encode(), 1))
            self._relay(stream, server)
        _close(stream)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        """Pass bytes on until the server ends; in one thread, since two cannot share a TLS."""
        peers = {client: server, server: client}
        while server in peers:
            pending = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if pending else select.select(list(peers), [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if source is client:
                    self.heard += data
                if data:
                    peers[source].sendall(data)
                    continue
                if source is client:
                    server.shutdown(socket.SHUT_WR)
                del peers[source]


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """Give a port that is taken and where no server listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@contextlib.contextmanager
def silent_port(host: str = "127.0.0.1") -> Iterator[int]:
    """Give a port whose queue of connections is full, so that the kernel drops every SYN."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = socket.create_server((host, 0), family=family, backlog=0)
        stack.callback(listener.close)
        for _ in range(3):
            waiting = socket.socket(family)
            stack.callback(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


# --- responses ----------------------------------------------------------------------------------


def head(status: str = "200 OK", *headers: str) -> bytes:
    """Return a status line and headers up to the blank line."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1")


def http(status: str = "200 OK", body: Union[str, bytes] = "", *headers: str) -> bytes:
    """Return a whole HTTP response, such as `http("404 Not Found")`."""
    data = body.encode() if isinstance(body, str) else body
    return head(status, f"Content-Length: {len(data)}", *headers, "Connection: close") + data


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


Queue = Mapping[str, object]


def queue(consumers: object = 1, job_awaiting: object = 0, job_running: object = 0) -> Queue:
    """Return one queue; a malformed one can hold anything."""
    return {"consumers": consumers, "job_awaiting": job_awaiting, "job_running": job_running}


IDLE = {name: queue() for name in DOCUMENTED}


def answer(queues: Mapping[str, object]) -> str:
    """Return the body that holds exactly *queues*."""
    return json.dumps(queues)


def site(**changes: object) -> str:
    """Return the idle site with *changes*, where `mesh` stands for `rodin.mesh`."""
    return answer({**IDLE, **{f"rodin.{name}": value for name, value in changes.items()}})


def without(*names: str) -> str:
    """Return the idle site without these documented queues."""
    return answer({name: value for name, value in IDLE.items() if name not in names})


def body_of(form: str) -> str:
    """Return the response that *form* describes: what differs from the idle site, or JSON.

    In JSON `1 0 0` stands for a queue with these counts.
    """
    if form.startswith("{"):
        counts = r'{"consumers": \1, "job_awaiting": \2, "job_running": \3}'
        return re.sub(r"(\d+) (\d+) (\d+)", counts, form)
    if form.startswith("without "):
        return without(f"rodin.{form.partition(' ')[2]}")
    changes = (change.split() for change in form.split(",") if change)
    return site(**{name: queue(*map(int, numbers)) for name, *numbers in changes})
