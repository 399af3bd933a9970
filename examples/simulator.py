#!/usr/bin/env python3
"""A stand-in Rodin server that gives whichever answer an alert has to be rehearsed with.

It serves the one documented endpoint, `GET /api/v2/queue_status_check`, behind a bearer token, over
HTTP or HTTPS. SCENARIOS says what it can answer; which of them it gives can be changed while it
runs, so that a person can watch a monitoring system change its mind. `--help` tells the rest.

Tests start the same server in their own process:

    with Simulator(token="made-up", scenario="busy") as server:
        ...                              # ask server.url
        server.scenario = "backlog"      # a name of SCENARIOS, or the path of a file
        server.requests[-1].headers      # what it was asked with

Only the standard library is used, so this file can be copied to any machine with Python 3.9.
"""

from __future__ import annotations

import argparse
import contextlib
import enum
import hmac
import http.client
import json
import os
import secrets
import signal
import socket
import socketserver
import ssl
import sys
import tempfile
import threading
import urllib.parse
from collections import deque
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
)

ENDPOINT = "/api/v2/queue_status_check"

#: Where the scenario is read and changed; these need no token.
CONTROL = "/scenario"
CATALOGUE = "/scenarios"

#: Seconds that the scenario `slow` takes.
DELAY = 5.0

#: The longest body of a request that is read, in bytes; a name of a scenario is far shorter.
BODY_LIMIT = 65536

#: How many requests are remembered, so that a rehearsal may run for weeks.
REMEMBERED = 10_000


class Delivery(enum.Enum):
    """How an answer reaches the one who asked."""

    AT_ONCE = "at once"
    LATE = "whole, after the delay"
    DRIPPING = "a byte a second"
    CUT_OFF = "the first half, then the connection closes"
    HANG_UP = "the connection closes without a byte"
    NEVER = "nothing, and the connection stays open"


class Answer(NamedTuple):
    """What the server sends, and how."""

    body: bytes = b""
    status: int = 200
    headers: Tuple[Tuple[str, str], ...] = (("Content-Type", "application/json"),)
    delivery: Delivery = Delivery.AT_ONCE


class Scenario(NamedTuple):
    """One state of a Rodin site: a sentence for people, and the answer that shows it."""

    sentence: str
    answer: Answer


def as_json(value: object, status: int = 200, **more: Any) -> Answer:
    """Return the answer that carries *value*, readable for a person with curl."""
    return Answer(json.dumps(value, indent=4).encode() + b"\n", status, **more)


def counts(consumers: object, job_awaiting: object, job_running: object) -> Dict[str, object]:
    """Return one queue as the API writes it; a malformed one may hold anything."""
    return {"consumers": consumers, "job_awaiting": job_awaiting, "job_running": job_running}


#: The documented example: four queues, a consumer each, nothing to do.
IDLE: Mapping[str, Dict[str, object]] = {
    "rodin.mesh": counts(1, 0, 0),
    "rodin.pack": counts(1, 0, 0),
    "rodin.remesh": counts(1, 0, 0),
    "rodin.texture": counts(1, 0, 0),
}


def site(changes: Optional[Mapping[str, Dict[str, object]]] = None, **more: Any) -> Answer:
    """Return the answer of an idle site in which the queues of *changes* are different."""
    return as_json({**IDLE, **(changes or {})}, **more)


def refusal(status: int, reason: str, *headers: Tuple[str, str]) -> Answer:
    """Return an error with a JSON body; the API documents none, so this one is our guess."""
    return as_json(
        {"error": reason}, status, headers=(("Content-Type", "application/json"), *headers)
    )


REJECTED = refusal(401, "a valid token is needed", ("WWW-Authenticate", "Bearer"))
WEB_PAGE = (("Content-Type", "text/html; charset=utf-8"),)

SCENARIOS: Mapping[str, Scenario] = {
    "idle": Scenario("a consumer for each queue and nothing to do: all is well", site()),
    "busy": Scenario(
        "every consumer works and a few jobs wait",
        site({"rodin.mesh": counts(2, 3, 2), "rodin.texture": counts(2, 1, 2)}),
    ),
    "backlog": Scenario(
        "30 jobs wait for rodin.mesh, 12 for rodin.texture",
        site({"rodin.mesh": counts(2, 30, 2), "rodin.texture": counts(2, 12, 2)}),
    ),
    "long-backlog": Scenario(
        "400 jobs wait for rodin.mesh, 12 for rodin.texture",
        site({"rodin.mesh": counts(2, 400, 2), "rodin.texture": counts(2, 12, 2)}),
    ),
    "dead-worker": Scenario(
        "rodin.mesh has 7 jobs waiting and no consumer",
        site({"rodin.mesh": counts(0, 7, 0)}),
    ),
    "scaled-to-zero": Scenario(
        "no queue has a consumer, and none has a job",
        site({name: counts(0, 0, 0) for name in IDLE}),
    ),
    "stalled": Scenario(
        "rodin.mesh has 7 jobs waiting and 2 consumers, and none of them works",
        site({"rodin.mesh": counts(2, 7, 0)}),
    ),
    "missing-queue": Scenario(
        "rodin.remesh is not in the answer",
        as_json({name: queue for name, queue in IDLE.items() if name != "rodin.remesh"}),
    ),
    "new-queue": Scenario(
        "a fifth queue, rodin.upscale, is in the answer",
        site({"rodin.upscale": counts(1, 0, 0)}),
    ),
    "no-queues": Scenario("the answer is an empty JSON object", as_json({})),
    "malformed-queue": Scenario(
        "rodin.pack has no number where the waiting jobs belong",
        site({"rodin.pack": counts(1, None, 0)}),
    ),
    "bad-answer": Scenario(
        "200, but a web page instead of JSON",
        Answer(b"<!DOCTYPE html><title>Rodin</title><h1>Please log in</h1>\n", headers=WEB_PAGE),
    ),
    "rejected": Scenario("401: every token is refused, also the right one", REJECTED),
    "forbidden": Scenario("403: the token is known and may not ask", refusal(403, "not allowed")),
    "throttled": Scenario(
        "429: asked too often", refusal(429, "too many requests", ("Retry-After", "60"))
    ),
    "redirect": Scenario(
        "302 to a login page", Answer(status=302, headers=(("Location", "/login"),))
    ),
    "server-error": Scenario("500 with a JSON body", refusal(500, "internal error")),
    "bad-gateway": Scenario(
        "502 and a web page, as from a proxy whose server is gone",
        Answer(b"<!DOCTYPE html><h1>502 Bad Gateway</h1>\n", 502, WEB_PAGE),
    ),
    "slow": Scenario("all is well, but only after the delay", site(delivery=Delivery.LATE)),
    "dripping": Scenario(
        "all is well, but a byte a second: no single read takes long, the whole minutes",
        site(delivery=Delivery.DRIPPING),
    ),
    "cut-off": Scenario(
        "the connection breaks in the middle of the answer", site(delivery=Delivery.CUT_OFF)
    ),
    "hang-up": Scenario(
        "the connection closes without an answer", Answer(delivery=Delivery.HANG_UP)
    ),
    "silent": Scenario("no answer ever comes", Answer(delivery=Delivery.NEVER)),
}


def answer_of(scenario: str) -> Answer:
    """Return the answer of *scenario*; a file is read anew each time and sent as it is."""
    known = SCENARIOS.get(scenario)
    if known is not None:
        return known.answer
    try:
        with open(scenario, "rb") as file:
            return Answer(file.read())
    except OSError as error:
        return refusal(500, f"the simulator cannot read its scenario: {error}")


class Request(NamedTuple):
    """One request that was not about the scenario."""

    method: str
    path: str
    headers: Message


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Simulator
    protocol_version = "HTTP/1.1"
    error_message_format = '{"error": "%(message)s"}\n'
    error_content_type = "application/json"
    timeout = 3600  # no check waits longer for an answer
    wbufsize = 65536  # head and body leave together, not the body after the head's ACK
    disable_nagle_algorithm = True

    def version_string(self) -> str:
        """Return the name in the header `Server`."""
        return "RodinSimulator"

    def serve(self) -> None:
        """Read one request, choose its answer and send it."""
        answer = self._choose(self._read_body())
        self._ways[answer.delivery](self, answer)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = serve  # noqa: N815 - http.server's names
    do_PATCH = do_POST = do_PUT = serve  # noqa: N815

    def _read_body(self) -> bytes:
        """Take the body off the connection: the next request follows it."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.close_connection = True
            return b""
        if int(length) > BODY_LIMIT:
            self.close_connection = True
        return self.rfile.read(min(int(length), BODY_LIMIT))

    def _choose(self, body: bytes) -> Answer:
        asked = (self.command, self.path)
        if asked == ("PUT", CONTROL):
            return self._switch(body.decode("utf-8", "replace").strip())
        if asked == ("GET", CONTROL):
            return self._current()
        if asked == ("GET", CATALOGUE):
            return as_json({name: row.sentence for name, row in SCENARIOS.items()})
        self.server.requests.append(Request(self.command, self.path, self.headers))
        if asked != ("GET", ENDPOINT):
            return refusal(404, f"only GET {ENDPOINT} is served")
        if not self.server.admits(self.headers.get("Authorization", "")):
            return REJECTED
        return answer_of(self.server.scenario)

    def _switch(self, name: str) -> Answer:
        """Change the scenario to one of the table, or back to the file the server began with.

        Any other file stays closed: whoever reaches the port could read it with the next request.
        """
        if name not in SCENARIOS and name != self.server.first_scenario:
            known = ", ".join(SCENARIOS)
            return refusal(400, f"no scenario is called {name!r}; there are {known}")
        self.server.scenario = name
        return self._current()

    def _current(self) -> Answer:
        name = self.server.scenario
        sentence = SCENARIOS[name].sentence if name in SCENARIOS else "a file of your own"
        return as_json({"scenario": name, "sentence": sentence})

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, answer: Answer) -> None:
        self._send_head(answer)
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _send_late(self, answer: Answer) -> None:
        if self.server.stopping.wait(self.server.delay):
            self.close_connection = True
        else:
            self._send(answer)

    def _drip(self, answer: Answer) -> None:
        self._send_head(answer)
        for byte in answer.body:
            self.wfile.flush()
            if self.server.stopping.wait(1):
                break
            self.wfile.write(bytes([byte]))

    def _cut_off(self, answer: Answer) -> None:
        self._send_head(answer)
        self.wfile.write(answer.body[: len(answer.body) // 2])
        self.close_connection = True

    def _hang_up(self, _: Answer) -> None:
        self.close_connection = True

    def _wait_for_the_end(self, _: Answer) -> None:
        """Say nothing until the other side gives up."""
        self.rfile.read(1)
        self.close_connection = True

    _ways: Mapping[Delivery, Callable[[Handler, Answer], None]] = {
        Delivery.AT_ONCE: _send,
        Delivery.LATE: _send_late,
        Delivery.DRIPPING: _drip,
        Delivery.CUT_OFF: _cut_off,
        Delivery.HANG_UP: _hang_up,
        Delivery.NEVER: _wait_for_the_end,
    }

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Tell one request on stderr, if asked to; without the token and anything unprintable."""
        if self.server.verbose:
            line = (format % args).encode("unicode_escape").decode()
            line = line.replace(self.server.token, "(the token)")
            print(f"{self.log_date_time_string()} {line}", file=sys.stderr, flush=True)


class Simulator(ThreadingHTTPServer):
    """The server; as a context manager it serves in threads of its own until the block ends."""

    request_queue_size = 128
    daemon_threads = False  # close() ends them, so that nothing outlives the block

    def __init__(  # noqa: PLR0913 - each is one option of the command line
        self,
        *,
        token: str,
        scenario: str = "idle",
        host: str = "127.0.0.1",
        port: int = 0,
        cert: Optional[str] = None,
        key: Optional[str] = None,
        client_ca: Optional[str] = None,
        delay: float = DELAY,
        verbose: bool = False,
    ) -> None:
        self.token = token
        self.scenario = self.first_scenario = scenario
        self.delay = delay
        self.verbose = verbose
        self.requests: Deque[Request] = deque(maxlen=REMEMBERED)
        self.stopping = threading.Event()
        self._connections: Set[socket.socket] = set()
        self._accepting = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._tls = tls_context(cert, key, client_ca) if cert else None
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)
        authority = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if cert else 'http'}://{authority}:{self.server_port}"

    def __enter__(self) -> Simulator:
        """Begin to serve."""
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End as close() does."""
        self.close()

    def close(self) -> None:
        """Stop, break every connection and wait for its thread; a second call does nothing."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        if self._accepting.is_alive():
            self.shutdown()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                # An SSLSocket's own shutdown would let a thread go on in the clear.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self.server_close()

    def admits(self, authorization: str) -> bool:
        """Tell whether the header carries the token, in a time that says nothing about it."""
        scheme, _, given = authorization.partition(" ")
        same = hmac.compare_digest(given.strip().encode(), self.token.encode())
        return same and scheme.lower() == "bearer"

    def server_bind(self) -> None:
        """Bind without http.server's look-up of our own name, which hangs where DNS does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def get_request(self) -> Tuple[socket.socket, Any]:
        """Accept a connection; its handshake waits for the first read, in a thread of its own."""
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close one connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a client that went away or that TLS refused; show everything else."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handle_error(request, client_address)
        elif self.verbose:
            print(f"connection lost: {error}", file=sys.stderr, flush=True)


def tls_context(cert: str, key: Optional[str], client_ca: Optional[str]) -> ssl.SSLContext:
    """Return the server's side of TLS; with *client_ca* clients need a certificate from it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    context.load_cert_chain(cert, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def switch(name: str, url: str, cert: Optional[str] = None, key: Optional[str] = None) -> str:
    """Change the scenario of the simulator at *url*; return what it is now, or raise OSError."""
    parts = urllib.parse.urlsplit(url)
    connection = _connection(parts.scheme, parts.netloc, cert, key)
    with contextlib.closing(connection):
        connection.request("PUT", CONTROL, name.encode())
        response = connection.getresponse()
        return _now(response.status, response.read())


def _now(status: int, body: bytes) -> str:
    try:
        told = json.loads(body)
        if status == http.HTTPStatus.OK:
            return f"{told['scenario']}: {told['sentence']}"
        reason = told["error"]
    except (ValueError, LookupError, TypeError):
        reason = f"this is no simulator, it answers {status}"
    raise OSError(reason)


def _connection(
    scheme: str, netloc: str, cert: Optional[str], key: Optional[str]
) -> http.client.HTTPConnection:
    """Return a connection; any certificate will do, since no secret is sent."""
    if scheme != "https":
        return http.client.HTTPConnection(netloc, timeout=10)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if cert:
        context.load_cert_chain(cert, key)
    return http.client.HTTPSConnection(netloc, timeout=10, context=context)


DESCRIPTION = f"""\
A stand-in Rodin server, to rehearse alerts with. It answers GET {ENDPOINT}
with the scenario you choose, demands a bearer token like the real one, and runs until Ctrl-C or
SIGTERM. Its first line is "listening on URL".
"""


def _epilog() -> str:
    width = max(map(len, SCENARIOS))
    rows = "\n".join(f"  {name:{width}}  {row.sentence}" for name, row in SCENARIOS.items())
    return f"""\
scenarios:
{rows}
  {"FILE":{width}}  your own answer, sent as it is and read anew at each request

A rehearsal: start the server in one terminal, here on port 8080,

  python3 simulator.py --port 8080 --token-file token

let your check ask http://127.0.0.1:8080 with the same token file, and change the scenario in
another terminal while you watch your alerts:

  python3 simulator.py --url http://127.0.0.1:8080 --switch dead-worker
  curl -X PUT -d idle http://127.0.0.1:8080{CONTROL}

GET {CONTROL} tells the scenario, GET {CATALOGUE} lists them all. These need no token: whoever
reaches the port may change the scenario, so listen on another address than 127.0.0.1 only where
that does no harm.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    result = argparse.ArgumentParser(
        prog="simulator.py",
        description=DESCRIPTION,
        epilog=_epilog(),
        formatter_class=shape,
        allow_abbrev=False,
    )
    add = result.add_argument
    add("--scenario", default="idle", metavar="NAME|FILE", help="what to answer; default: idle")
    add("--host", default="127.0.0.1", help="address to listen on; default: 127.0.0.1")
    add("--port", type=int, default=0, help="port to listen on; default: a free one")
    add(
        "--token-file",
        metavar="FILE",
        help="the token to demand is its first line; default: the variable RODIN_API_KEY, else a "
        "token made up for this run, in a file that the second line of output names",
    )
    add("--delay", type=float, default=DELAY, metavar="SECONDS", help="of slow; default: 5")
    add("--cert", metavar="FILE", help="serve HTTPS with this certificate chain (PEM)")
    add("--key", metavar="FILE", help="its private key; default: it is in the --cert file")
    add("--client-ca", metavar="FILE", help="demand a client certificate that chains to this CA")
    add("--verbose", action="store_true", help="tell each request on stderr; never the token")
    add("--switch", metavar="NAME", help="change the scenario of the simulator at --url, and end")
    add("--url", help="that simulator; if it demands a client certificate: --cert and --key")
    return result


def complaints(options: argparse.Namespace) -> Iterator[str]:
    """Tell what is wrong with the options."""
    if bool(options.switch) != bool(options.url):
        yield "--switch and --url belong together"
    if options.url and not options.url.startswith(("http://", "https://")):
        yield "--url: http://HOST:PORT or https://HOST:PORT"
    if (options.key or options.client_ca) and not options.cert:
        yield "--key and --client-ca need --cert"
    if not 0 <= options.port <= 65535:  # noqa: PLR2004 - the ports there are
        yield "--port: 0 to 65535"
    if not 0 <= options.delay <= Handler.timeout:
        yield f"--delay: 0 to {Handler.timeout}"
    if options.scenario not in SCENARIOS and not os.path.isfile(options.scenario):
        names = ", ".join(SCENARIOS)
        yield f"--scenario: {options.scenario!r} is neither a file nor one of {names}"


@contextlib.contextmanager
def token_of(options: argparse.Namespace) -> Iterator[Tuple[str, List[str]]]:
    """Give the token, and what to tell about it; one that was made up goes with its file."""
    if options.token_file:
        yield read_token(options.token_file), []
    elif os.environ.get("RODIN_API_KEY"):
        yield os.environ["RODIN_API_KEY"], []
    else:
        with tempfile.NamedTemporaryFile("w", prefix="rodin-token-") as file:
            token = secrets.token_urlsafe()
            print(token, file=file, flush=True)
            yield token, [f"token file {file.name}"]


def read_token(path: str) -> str:
    """Return the first line of the file without the white space around it."""
    with open(path, encoding="utf-8") as file:
        token = file.readline().strip()
    if not token:
        raise OSError(f"{path}: its first line is empty, a token belongs there")
    return token


def serve(options: argparse.Namespace) -> None:
    """Serve until a signal says that it is enough."""
    enough = {signal.SIGTERM, signal.SIGINT}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored: nohup started us
        enough.add(signal.SIGHUP)
    # Blocked before the first thread starts, so that each thread inherits it.
    signal.pthread_sigmask(signal.SIG_BLOCK, enough)
    with (
        token_of(options) as (token, told),
        Simulator(
            token=token,
            scenario=options.scenario,
            host=options.host,
            port=options.port,
            cert=options.cert,
            key=options.key,
            client_ca=options.client_ca,
            delay=options.delay,
            verbose=options.verbose,
        ) as server,
    ):
        print(f"listening on {server.url}", *told, sep="\n", flush=True)
        signal.sigwait(enough)


def main(args: Optional[List[str]] = None) -> int:
    """Run the command line and return the exit code."""
    line = parser()
    options = line.parse_args(args)
    wrong = next(complaints(options), None)
    if wrong:
        line.error(wrong)
    try:
        if options.switch:
            print(switch(options.switch, options.url, options.cert, options.key))
        else:
            serve(options)
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"simulator.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
