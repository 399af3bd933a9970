#!/usr/bin/env python3
"""A simulated Rodin server for rehearsing alerts.

It serves the one documented endpoint, `GET /api/v2/queue_status_check`, with a bearer token, over
HTTP or HTTPS. SCENARIOS lists what it can answer; the scenario can be changed while it runs, so
that you can watch a monitoring system react. `--help` explains the rest.

Tests run the same server in their own process:

    with Simulator(token="made-up", scenario="busy") as server:
        ...                              # ask server.url
        server.scenario = "backlog"      # a name in SCENARIOS, or the path of a file
        server.requests[-1].headers      # of the last request

Only the standard library is used, so this file can be copied to any machine with Python 3.9.
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
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
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Optional

ENDPOINT = "/api/v2/queue_status_check"

#: Paths to read and change the scenario. They need no token.
CONTROL = "/scenario"
CATALOG = "/scenarios"

#: Seconds that the scenario `slow` waits.
DELAY = 5.0

#: Requests that are remembered, so that a rehearsal can run for weeks.
REMEMBERED = 10_000

#: Longest request body that is read, in bytes. The name of a scenario is far shorter.
BODY_LIMIT = 4096

#: Ways to deliver a response.
AT_ONCE, LATE, DRIPPING, CUT_OFF, HANG_UP, NEVER = range(6)


class Answer(NamedTuple):
    """What the server sends, and how."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    delivery: int = AT_ONCE


class Scenario(NamedTuple):
    """One state of a Rodin site: a sentence for people, and the answer that shows it."""

    sentence: str
    answer: Answer


def as_json(value: object, status: int = 200, **more: Any) -> Answer:
    """Return the answer that holds *value*, indented for people who use curl."""
    return Answer(json.dumps(value, indent=4).encode() + b"\n", status, **more)


def counts(consumers: object, job_awaiting: object, job_running: object) -> dict[str, object]:
    """Return one queue in the API's form. A malformed queue can hold any value."""
    return {"consumers": consumers, "job_awaiting": job_awaiting, "job_running": job_running}


#: The documented example: four queues with one consumer each and no jobs.
IDLE: Mapping[str, dict[str, object]] = {
    f"rodin.{name}": counts(1, 0, 0) for name in ("mesh", "pack", "remesh", "texture")
}


def site(delivery: int = AT_ONCE, **changes: tuple[object, object, object]) -> Answer:
    """Return the answer of an idle site with *changes*; `mesh` stands for `rodin.mesh`."""
    changed = {f"rodin.{name}": counts(*queue) for name, queue in changes.items()}
    return as_json({**IDLE, **changed}, delivery=delivery)


def error(status: int, reason: str, *headers: tuple[str, str]) -> Answer:
    """Return an error with a JSON body. The API documents no errors, so its form is a guess."""
    return as_json({"error": reason}, status, headers=(*Answer().headers, *headers))


def web_page(status: int, title: str, *headers: tuple[str, str]) -> Answer:
    """Return a web page, as gateways, proxies and login services send it."""
    page = f"<!DOCTYPE html><title>{title}</title><h1>{title}</h1>\n"
    return Answer(page.encode(), status, (("Content-Type", "text/html; charset=utf-8"), *headers))


def redirect(status: int, target: str) -> Answer:
    """Return a redirect to *target*."""
    return Answer(b"", status, (("Location", target),))


FEW = site(mesh=(2, 3, 2), texture=(2, 1, 2))
MANY = site(mesh=(2, 30, 2), texture=(2, 12, 2))
TOO_MANY = site(mesh=(2, 400, 2), texture=(2, 12, 2))
ZERO = {name: counts(0, 0, 0) for name in IDLE}
WITHOUT_REMESH = {name: queue for name, queue in IDLE.items() if name != "rodin.remesh"}
ERROR = {"error": "NO_PERMISSION", "message": "the account has no access"}
REJECTED = error(401, "a valid token is required", ("WWW-Authenticate", "Bearer"))
THROTTLED = error(429, "too many requests", ("Retry-After", "60"))
PROXY_LOGIN = web_page(407, "Proxy login", ("Proxy-Authenticate", 'Basic realm="proxy"'))

_TABLE: tuple[tuple[str, str, Answer], ...] = (
    ("idle", "every queue has a consumer and no jobs: all is well", site()),
    ("busy", "all consumers work, and a few jobs wait", FEW),
    ("backlog", "30 jobs wait for rodin.mesh, 12 for rodin.texture", MANY),
    ("long-backlog", "400 jobs wait for rodin.mesh, 12 for rodin.texture", TOO_MANY),
    ("dead-worker", "rodin.mesh has 7 jobs waiting and no consumer", site(mesh=(0, 7, 0))),
    ("scaled-to-zero", "no queue has a consumer or a job", as_json(ZERO)),
    ("stalled", "rodin.mesh: 7 jobs waiting, 2 consumers, no job runs", site(mesh=(2, 7, 0))),
    ("missing-queue", "rodin.remesh is not in the response", as_json(WITHOUT_REMESH)),
    ("new-queue", "there is a fifth queue, rodin.upscale", site(upscale=(1, 0, 0))),
    ("no-queues", "the response is an empty JSON object", as_json({})),
    ("malformed-queue", "job_awaiting of rodin.pack is not a number", site(pack=(1, None, 0))),
    ("error-object", "200 with an error object instead of queues", as_json(ERROR)),
    ("bad-answer", "200 with a web page instead of JSON", web_page(200, "Please log in")),
    ("rejected", "401: every token is rejected, also the right one", REJECTED),
    ("forbidden", "403: the token has no access", error(403, "not allowed")),
    ("not-found", "404 from a gateway without a route to Rodin", web_page(404, "404 Not Found")),
    ("proxy-auth", "407 from a proxy that requires a login", PROXY_LOGIN),
    ("throttled", "429: too many requests", THROTTLED),
    ("redirect", "302 to a login page", redirect(302, "/login")),
    ("redirect-slash", "307 to the same path with a slash", redirect(307, f"{ENDPOINT}/")),
    ("server-error", "500 with a JSON body", error(500, "internal error")),
    ("bad-gateway", "502 from a gateway, Rodin is down", web_page(502, "502 Bad Gateway")),
    ("unavailable", "503 from a gateway in maintenance", web_page(503, "Service Unavailable")),
    ("slow", "all is well, but the response comes after --delay seconds", site(LATE)),
    ("dripping", "all is well, but the body comes at one byte per second", site(DRIPPING)),
    ("cut-off", "the connection closes in the middle of the response", site(CUT_OFF)),
    ("hang-up", "the connection closes without a response", Answer(delivery=HANG_UP)),
    ("silent", "the connection stays open without a response", Answer(delivery=NEVER)),
)
SCENARIOS = {name: Scenario(sentence, answer) for name, sentence, answer in _TABLE}


class Request(NamedTuple):
    """One request that was not about the scenario."""

    method: str
    path: str
    headers: Message


class Handler(BaseHTTPRequestHandler):
    """Respond to the requests of one connection."""

    server: Simulator
    protocol_version = "HTTP/1.1"
    error_message_format = '{"error": "%(message)s"}\n'
    error_content_type = "application/json"
    timeout = 3600  # no check waits longer
    wbufsize = 65536  # send head and body in one packet
    disable_nagle_algorithm = True
    server_version, sys_version = "RodinSimulator", ""

    def serve(self) -> None:
        """Read one request, choose its answer and send it."""
        length = self.headers.get("Content-Length", "0")
        size = min(int(length), BODY_LIMIT) if length.isdecimal() else 0
        body = self.rfile.read(size).decode(errors="replace")
        answer = self._choose(body.strip())
        if answer.delivery == NEVER:
            self.rfile.read(1)  # returns when the client gives up
        late = answer.delivery == LATE and self.server.stopping.wait(self.server.delay)
        # The rest of a body must not become the next request.
        unread = self.command != "GET" or size or "Transfer-Encoding" in self.headers
        if unread or late or answer.delivery in (CUT_OFF, HANG_UP, NEVER):
            self.close_connection = True
        if not late and answer.delivery not in (HANG_UP, NEVER):
            self._send(answer)

    do_GET = do_POST = do_PUT = serve  # noqa: N815 - http.server's names

    def _choose(self, body: str) -> Answer:
        asked = (self.command, self.path)
        if asked == ("PUT", CONTROL):
            return self._switch(body)
        if asked == ("GET", CONTROL):
            return self._current()
        if asked == ("GET", CATALOG):
            return as_json({name: row.sentence for name, row in SCENARIOS.items()})
        self.server.requests.append(Request(self.command, self.path, self.headers))
        if asked != ("GET", ENDPOINT):
            return error(404, f"only GET {ENDPOINT} is served")
        if not self.server.admits(self.headers.get("Authorization", "")):
            return REJECTED
        return self.server.answer()

    def _switch(self, name: str) -> Answer:
        """Change the scenario to one of the table, or back to the file the server began with.

        No other file can be chosen: a client could read it with the next request.
        """
        if name not in SCENARIOS and name != self.server.first_scenario:
            return error(400, f"unknown scenario {name!r}, expected one of {', '.join(SCENARIOS)}")
        self.server.scenario = name
        return self._current()

    def _current(self) -> Answer:
        name = self.server.scenario
        sentence = SCENARIOS[name].sentence if name in SCENARIOS else "a response from a file"
        return as_json({"scenario": name, "sentence": sentence})

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if answer.delivery != DRIPPING:
            half = len(answer.body) // 2
            self.wfile.write(answer.body[:half] if answer.delivery == CUT_OFF else answer.body)
            return
        for byte in answer.body:
            self.wfile.flush()
            if self.server.stopping.wait(1):
                break
            self.wfile.write(bytes([byte]))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Log one request on stderr with --verbose, without the token and control characters."""
        if self.server.verbose:
            line = (format % args).encode("unicode_escape").decode()
            line = line.replace(self.server.token, "(the token)")
            print(f"{self.log_date_time_string()} {line}", file=sys.stderr, flush=True)


class Simulator(ThreadingHTTPServer):
    """The server. As a context manager it serves in threads until the block ends."""

    request_queue_size = 128

    def __init__(  # noqa: PLR0913 - each is an option of the command line
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
        self.requests: deque[Request] = deque(maxlen=REMEMBERED)
        self.stopping = threading.Event()
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
        """Stop as close() does."""
        self.close()

    def close(self) -> None:
        """Stop, once. The thread of a connection ends when its client does."""
        if not self.stopping.is_set():
            self.stopping.set()
            self.shutdown()
            self._accepting.join()
            self.server_close()

    def answer(self) -> Answer:
        """Return the answer of the scenario. A file is read for each request, and sent as it is."""
        if self.scenario in SCENARIOS:
            return SCENARIOS[self.scenario].answer
        try:
            with open(self.scenario, "rb") as file:
                return Answer(file.read())
        except OSError as reason:
            return error(500, f"the simulator cannot read its scenario: {reason}")

    def admits(self, authorization: str) -> bool:
        """Return whether the header carries the token, in constant time."""
        scheme, _, given = authorization.partition(" ")
        same = hmac.compare_digest(given.strip().encode(), self.token.encode())
        return same and scheme.lower() == "bearer"

    def server_bind(self) -> None:
        """Bind without http.server's reverse lookup, which hangs when DNS does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Its TLS handshake waits for the first read, in its own thread."""
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that left or failed the TLS handshake, and show every other error."""
        reason = sys.exc_info()[1]
        if not isinstance(reason, OSError):
            super().handle_error(request, client_address)
        elif self.verbose:
            print(f"connection lost: {reason}", file=sys.stderr, flush=True)


def tls_context(cert: str, key: Optional[str], client_ca: Optional[str]) -> ssl.SSLContext:
    """Return the server's side of TLS. With *client_ca* it requires client certificates."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    context.load_cert_chain(cert, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def switch(name: str, url: str, cert: Optional[str] = None, key: Optional[str] = None) -> str:
    """Change the scenario of the simulator at *url*, and return it with its sentence.

    No secret is sent, so no certificate is verified.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if cert:
        context.load_cert_chain(cert, key)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    address = url.rstrip("/") + CONTROL
    request = urllib.request.Request(address, name.encode(), method="PUT")  # noqa: S310 - HTTP
    try:
        with opener.open(request, timeout=10) as response:
            now = json.load(response)
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise OSError(json.load(refusal)["error"]) from None
    return f"{now['scenario']}: {now['sentence']}"


DESCRIPTION = f"""\
Simulate a Rodin server, to rehearse alerts. It answers GET {ENDPOINT}
with the chosen scenario, requires a bearer token like the real server, and runs until Ctrl-C or
SIGTERM. Its first line of output is "listening on URL".
"""

_ROWS = "\n".join(f"  {name:15}  {row.sentence}" for name, row in SCENARIOS.items())
EPILOG = f"""\
scenarios:
{_ROWS}
  FILE             your own response, sent as it is and read again for each request

A rehearsal: start the server in one terminal, here on port 8080,

  python3 simulator.py --port 8080 --token-file token

run your check against http://127.0.0.1:8080 with the same token file, and change the scenario in
another terminal while you watch your alerts:

  python3 simulator.py --url http://127.0.0.1:8080 --switch dead-worker
  curl -X PUT -d idle http://127.0.0.1:8080{CONTROL}

GET {CONTROL} returns the scenario, GET {CATALOG} lists all of them. These need no token: every
client can change the scenario, so listen on 127.0.0.1 unless that does no harm.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(
        prog="simulator.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = result.add_argument
    add("--scenario", default="idle", metavar="NAME|FILE", help="Response. Default: idle.")
    add("--host", default="127.0.0.1", help="Address to listen on. Default: 127.0.0.1.")
    add("--port", type=int, default=0, help="Port to listen on. Default: a free port.")
    add(
        "--token-file",
        metavar="FILE",
        help="File whose first line is the required token. Default: the token in $RODIN_API_KEY, "
        "else a new token in a file that the second line of output names.",
    )
    add("--delay", type=float, default=DELAY, metavar="SECONDS", help="For slow. Default: 5.")
    add("--cert", metavar="FILE", help="Serve HTTPS with this certificate chain (PEM).")
    add("--key", metavar="FILE", help="Private key of --cert. Default: in the --cert file.")
    add("--client-ca", metavar="FILE", help="Require client certificates of this CA.")
    add("--verbose", action="store_true", help="Log each request on stderr, without the token.")
    add("--switch", metavar="NAME", help="Change the scenario of the simulator at --url, and exit.")
    add("--url", help="URL for --switch. If it requires a client certificate: --cert and --key.")
    return result


def problems(options: argparse.Namespace) -> Iterator[str]:
    """Yield what is wrong with the options."""
    if bool(options.switch) != bool(options.url):
        yield "--switch and --url need each other"
    if options.url and not options.url.startswith(("http://", "https://")):
        yield "--url: expected http://HOST:PORT or https://HOST:PORT"
    if (options.key or options.client_ca) and not options.cert:
        yield "--key and --client-ca need --cert"
    if options.scenario not in SCENARIOS and not os.path.isfile(options.scenario):
        known = ", ".join(SCENARIOS)
        yield f"--scenario: unknown {options.scenario!r}, expected a file or one of {known}"


@contextlib.contextmanager
def token_of(options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """Give the token, and what to report about it. A new token is removed with its file."""
    if options.token_file:
        with open(options.token_file, encoding="utf-8") as file:
            token = file.readline().strip()
        if not token:
            raise OSError(f"{options.token_file}: no token in the first line")
        yield token, []
    elif os.environ.get("RODIN_API_KEY"):
        yield os.environ["RODIN_API_KEY"], []
    else:
        with tempfile.NamedTemporaryFile("w", prefix="rodin-token-") as new:
            token = secrets.token_urlsafe()
            print(token, file=new, flush=True)
            yield token, [f"token file {new.name}"]


def serve(options: argparse.Namespace) -> None:
    """Serve until a signal arrives."""
    ends = {signal.SIGTERM, signal.SIGINT}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        ends.add(signal.SIGHUP)
    # Blocked before the first thread starts, so that every thread inherits it.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    names = ("scenario", "host", "port", "cert", "key", "client_ca", "delay", "verbose")
    settings = {name: getattr(options, name) for name in names}
    with token_of(options) as (token, report), Simulator(token=token, **settings) as server:
        print(f"listening on {server.url}", *report, sep="\n", flush=True)
        signal.sigwait(ends)


def main(args: Optional[list[str]] = None) -> int:
    """Run the command line and return the exit code."""
    line = parser()
    options = line.parse_args(args)
    problem = next(problems(options), None)
    if problem:
        line.error(problem)
    try:
        if options.switch:
            print(switch(options.switch, options.url, options.cert, options.key))
        else:
            serve(options)
    except (OSError, LookupError, OverflowError, TypeError, ValueError) as reason:
        print(f"simulator.py: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
