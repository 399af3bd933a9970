"""What a server can do with a connection: each function here returns one way to misbehave."""

from __future__ import annotations

from typing import Callable, Sequence

from tests.faults.document import answer
from tests.faults.server import Behaviour, Exchange

End = Callable[[Exchange], None]

OK = b"HTTP/1.1 200 OK\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def head(status: str = "200 OK", *headers: str) -> bytes:
    """Return a status line and headers up to the blank line."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def message(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole answer with a length that is right."""
    return head(status, *headers, f"Content-Length: {len(body)}", "Connection: close") + body


def chunk(data: bytes) -> bytes:
    """Return one chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def at_once(end: End) -> Behaviour:
    """Read nothing, say nothing and end like this."""
    return end


def raw(*parts: bytes, end: End = Exchange.close) -> Behaviour:
    """Read the request, send these bytes and end like this."""

    def behave(exchange: Exchange) -> None:
        exchange.request()
        for part in parts:
            exchange.send(part)
        end(exchange)

    return behave


def reply(body: bytes, status: str = "200 OK", *headers: str) -> Behaviour:
    """Answer in good order with this body."""
    return raw(message(body, status, *headers))


def chunked(*parts: bytes, end: End = Exchange.close) -> Behaviour:
    """Send a head that announces chunks and then these bytes as they are."""
    return raw(OK, JSON, CHUNKED, b"\r\n", *parts, end=end)


def dripped(start: bytes, rest: bytes, pause: float = 0.1) -> Behaviour:
    """Send *start* at once and *rest* byte by byte."""

    def behave(exchange: Exchange) -> None:
        exchange.request()
        exchange.send(start)
        exchange.drip(rest, pause)
        exchange.close()

    return behave


def endless(start: bytes, piece: bytes, pause: float = 0) -> Behaviour:
    """Send *start* and then the same *piece* for ever."""

    def behave(exchange: Exchange) -> None:
        exchange.request()
        exchange.send(start)
        exchange.repeat(piece, pause)

    return behave


def redirect(status: str, location: str, body: Sequence[bytes] = (b"moved",)) -> Behaviour:
    """Point to *location*, in which `{self}` and `{other}` are this and another server."""

    def behave(exchange: Exchange) -> None:
        exchange.request()
        server = exchange.server
        target = location.replace("{self}", server.url).replace("{other}", server.elsewhere)
        length = sum(map(len, body))
        exchange.send(head(status, f"Location: {target}", f"Content-Length: {length}"))
        for piece in body:
            exchange.send(piece)
        exchange.close()

    return behave


def redirect_without_end(status: str) -> Behaviour:
    """Point to another server and go on with a body that does not end."""

    def behave(exchange: Exchange) -> None:
        exchange.request()
        exchange.send(head(status, f"Location: {exchange.server.elsewhere}/"))
        exchange.repeat(b"<p>moved</p>" * 1000)

    return behave


HEALTHY = reply(answer())
