"""What the check says, word for word: the one table of messages.

A row of a table is a situation, such as `name | response | options`, and below it the status line,
indented and wrapped at its blanks. Errors have no state there, and no `(unreachable)`. Those of the
command line stand in test_options, those of a file in the tests of that file.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
import time
from http.client import BadStatusLine, RemoteDisconnected

import pytest
import requests

from check_rodin_queues import response
from check_rodin_queues.client import Client
from check_rodin_queues.connection_errors import explain, timed_out
from check_rodin_queues.connections import Route
from check_rodin_queues.errors import RequestError, State
from check_rodin_queues.messages import Verdict, limit_words
from check_rodin_queues.output import Notes, Report
from check_rodin_queues.server import parse_server
from check_rodin_queues.thresholds import parse_threshold
from check_rodin_queues.token import Token
from check_rodin_queues.watchdog import Watchdog
from tests import domain, table
from tests.console import run
from tests.domain import judge
from tests.server import RESET, UNREAD, Script, Server, body_of, http, site
from tests.tokens import expiring

PLACE = "FILE"


def line_of(verdict: Verdict) -> str:
    """Return the status line from its state on; check what holds for every one."""
    state, _, text = domain.line_of(verdict).removeprefix("RODIN_QUEUES ").partition(" - ")
    assert state == "OK" or re.search(r"\. [A-Z]", text), "no next step"
    return f"{state} - {text}"


def line_of_error(error: RequestError, condition: str = "unreachable") -> str:
    """Return the text of a run that has no response, without the name of its *condition*."""
    line = line_of(judge("", failure=error).verdict)
    return line.partition(" - ")[2].replace(f" ({condition})", "", 1)


# --- verdicts -----------------------------------------------------------------------------------

VERDICTS = """\
idle | |
  OK - 4 queues, 4 consumers, 0 jobs waiting, 0 jobs running
one of each | {"rodin.mesh": 1 1 1} | -q rodin.mesh
  OK - 1 queue, 1 consumer, 1 job waiting, 1 job running
backlog | mesh 2 30 2 | -w 20
  WARNING - rodin.mesh: 30 jobs waiting (warning above 20). Add workers, or check why jobs take long
backlog over both limits | mesh 2 30 2 | -w 10 -c 20
  CRITICAL - rodin.mesh: 30 jobs waiting (critical above 20). Add workers, or check why jobs take
  long
backlog in two queues | mesh 2 30 2, pack 1 40 1 | -w 20
  WARNING - 2 of 4 queues have too many jobs waiting (warning above 20): rodin.mesh 30, rodin.pack
  40. Add workers, or check why jobs take long
a queue without a consumer | mesh 0 0 0 |
  CRITICAL - rodin.mesh: no consumers (critical below 1). Start its workers
a dead worker | mesh 0 7 0 |
  CRITICAL - rodin.mesh: no consumers (critical below 1), 7 jobs waiting (stranded). Start its
  workers
one job is stranded | mesh 0 1 0 | -c consumers=
  CRITICAL - rodin.mesh: no consumers, 1 job waiting (stranded). Start its workers
stranded and over -w | mesh 0 30 0 | -w 20
  CRITICAL - rodin.mesh: no consumers (critical below 1), 30 jobs waiting (warning above 20)
  (stranded). Start its workers
all four queues are dead | mesh 0 0 0, pack 0 0 0, remesh 0 0 0, texture 0 0 0 |
  CRITICAL - 4 of 4 queues have no consumers (critical below 1): rodin.mesh, rodin.pack,
  rodin.remesh, rodin.texture. Start their workers; if all stopped at once, check the broker and the
  network
all are dead and jobs wait | mesh 0 7 0, pack 0 3 0, remesh 0 0 0, texture 0 0 0 |
  CRITICAL - 4 of 4 queues have no consumers (critical below 1), 10 jobs waiting (stranded):
  rodin.mesh 7, rodin.pack 3, rodin.remesh, rodin.texture. Start their workers; if all stopped at
  once, check the broker and the network
two of four are dead | mesh 0 7 0, pack 0 0 0 |
  CRITICAL - 2 of 4 queues have no consumers (critical below 1), 7 jobs waiting (stranded):
  rodin.mesh 7, rodin.pack. Start their workers
two are dead, one over -w | mesh 0 7 0, pack 0 3 0 | -w 5
  CRITICAL - 2 of 4 queues have no consumers (critical below 1), 10 jobs waiting (warning above 5)
  (stranded): rodin.mesh 7, rodin.pack 3. Start their workers
dead and stalled | mesh 0 7 0, pack 1 3 0 |
  CRITICAL - rodin.mesh: no consumers (critical below 1), 7 jobs waiting (stranded); rodin.pack: 3
  jobs waiting, 1 consumer connected, 0 running (stalled). Start the workers of rodin.mesh
stalled | mesh 2 7 0 |
  WARNING - rodin.mesh: 7 jobs waiting, 2 consumers connected, 0 running (stalled). Check the worker
  logs: they are not picking up jobs
stalled and over -w | pack 2 50 0 | -w 20
  WARNING - rodin.pack: 50 jobs waiting (warning above 20), 2 consumers connected, 0 running
  (stalled). Check the worker logs: they are not picking up jobs
two stalled queues | mesh 2 7 0, pack 1 3 0 |
  WARNING - 2 of 4 queues have 10 jobs waiting, 3 consumers connected, 0 running (stalled):
  rodin.mesh 7, rodin.pack 3. Check the worker logs: they are not picking up jobs
threshold @0:5 | mesh 1 30 1, texture 1 9 1 | -w @0:5
  WARNING - 2 of 4 queues have 0 jobs waiting (warning between 0 and 5): rodin.pack, rodin.remesh.
  Check why so few jobs arrive
below a minimum | mesh 1 3 1 | -w rodin.mesh.job_awaiting=5:10
  WARNING - rodin.mesh: 3 jobs waiting (warning below 5). Check why so few jobs arrive
too few consumers | mesh 2 0 0 | -c rodin.mesh.consumers=3:
  CRITICAL - rodin.mesh: 2 consumers (critical below 3). Start more workers
one consumer | mesh 1 0 0 | -c rodin.mesh.consumers=3:
  CRITICAL - rodin.mesh: 1 consumer (critical below 3). Start more workers
inside a range from 1 | mesh 2 1 1 | -w job_awaiting=@1:3
  WARNING - rodin.mesh: 1 job waiting (warning between 1 and 3). Add workers, or check why jobs take
  long
too few consumers in two queues | mesh 2 0 0, pack 3 0 0 | -c consumers=2:
  CRITICAL - 2 of 4 queues have too few consumers (critical below 2): rodin.remesh 1, rodin.texture
  1. Start more workers
a minimum without its colon | mesh 2 0 0 | -c consumers=1
  CRITICAL - rodin.mesh: 2 consumers (critical above 1). If you meant a minimum, write -c
  consumers=1:
a minimum without its colon, with a selector | mesh 2 0 0 | -c rodin.m*.consumers=:1
  CRITICAL - rodin.mesh: 2 consumers (critical above 1). If you meant a minimum, write -c
  rodin.m*.consumers=1:
too many consumers | mesh 9 0 0 | -c rodin.mesh.consumers=1:5
  CRITICAL - rodin.mesh: 9 consumers (critical above 5). Check why so many workers connect
exactly no consumer | mesh 0 0 0 | -c consumers=@0
  CRITICAL - rodin.mesh: no consumers (critical at 0). Start its workers
too many running | mesh 3 0 3 | -w job_running=2
  WARNING - rodin.mesh: 3 jobs running (warning above 2). Check what the workers are doing
too few running | mesh 3 0 1 | -w rodin.mesh.job_running=2:
  WARNING - rodin.mesh: 1 job running (warning below 2). Check why so few jobs arrive
two limits of one queue | mesh 3 30 3 | -w 20 -w job_running=2
  WARNING - rodin.mesh: 30 jobs waiting (warning above 20), 3 jobs running (warning above 2). Add
  workers, or check why jobs take long
two limits of two queues | mesh 3 30 3, pack 2 9 4 | -w 8 -w job_running=2
  WARNING - 2 of 4 queues have too many jobs waiting (warning above 8), too many jobs running
  (warning above 2): rodin.mesh 30 and 3, rodin.pack 9 and 4. Add workers, or check why jobs take
  long
all busy | mesh 3 2 3 | -w busy_ratio=0.9
  WARNING - rodin.mesh: all consumers busy, busy_ratio 1 (warning above 0.9). Add workers if jobs
  are waiting
two busy queues | mesh 3 0 3, pack 4 0 3 | -w busy_ratio=0.5
  WARNING - 2 of 4 queues have too many consumers busy (warning above 0.5): rodin.mesh 1, rodin.pack
  0.75. Add workers if jobs are waiting
few busy | mesh 3 0 1 | -w rodin.mesh.busy_ratio=0.5:
  WARNING - rodin.mesh: busy_ratio 0.333333 (warning below 0.5). Check why so few jobs arrive
jobs per consumer | mesh 2 30 2 | -w awaiting_per_consumer=10
  WARNING - rodin.mesh: 15 jobs waiting per consumer (warning above 10). Add workers, or check why
  jobs take long
infinite load | mesh 0 30 0 | -w awaiting_per_consumer=10 -c consumers= --state stranded=ok
  WARNING - rodin.mesh: no consumers, 30 jobs waiting (warning above 10 per consumer). Start its
  workers
stalled and below a busy_ratio | {"rodin.mesh": 2 30 0} | -q rodin.mesh -w busy_ratio=0.1:
  WARNING - rodin.mesh: 30 jobs waiting, 2 consumers connected, 0 running (stalled), busy_ratio 0
  (warning below 0.1). Check the worker logs: they are not picking up jobs
sum over all queues | mesh 20 42 3 | -w total.job_awaiting=20
  WARNING - 42 jobs waiting in all queues (warning above 20). Add workers, or check why jobs take
  long
required by default | without remesh |
  CRITICAL - queue rodin.remesh is not on the server (missing). Check the Rodin deployment; if it
  has other queues, name them in --require
a server with other queues | {"a": 1 0 0} |
  CRITICAL - 4 queues are not on the server (missing): rodin.mesh, rodin.pack, rodin.remesh,
  rodin.texture. Check the Rodin deployment; if it has other queues, name them in --require
required by --require first | | --require rodin.bake -q *,rodin.bake -w rodin.bake.consumers=1
  CRITICAL - queue rodin.bake is not on the server (missing). Check the Rodin deployment, or
  change --require
named in -w, then in -c | | -w rodin.mseh.job_awaiting=5 -c rodin.mseh.consumers=1
  CRITICAL - queue rodin.mseh, named in -w, is not on the server (missing). Check the spelling; -v
  lists the queues
two are named in -c | | -c a.consumers=5 -c b.consumers=2
  CRITICAL - 2 queues, named in -c, are not on the server (missing): a, b. Check the spelling; -v
  lists the queues
named in -q, which selects nothing | | -q rodin.mseh -w rodin.mseh.consumers=1
  CRITICAL - queue rodin.mseh, named in -q, is not on the server (missing); -q selects none of the
  server's 4 queues (empty). Check the spelling; -v lists the queues
-q matches nothing | | -q x*
  UNKNOWN - -q selects none of the server's 4 queues (empty). Check the patterns; -v lists the
  queues
-x matches all | {"a": 1 0 0} | --require= -x *
  UNKNOWN - -x excludes all of the server's 1 queue (empty). Check the patterns; -v lists the queues
-q and -x leave nothing | | -q rodin.* -x rodin.*
  UNKNOWN - -q and -x select none of the server's 4 queues (empty). Check the patterns; -v lists the
  queues
no queues | {} | -q x*
  UNKNOWN - the response has no queues at all (empty). Check that it is from the right Rodin server
null in a field | {"a": {"consumers": 1, "job_awaiting": null, "job_running": 0}} |
  UNKNOWN - a: job_awaiting is null, expected an integer (invalid). Report it to the server's
  administrator, or exclude the queue with -x
a field left out | {"a": {"consumers": 1, "job_running": 0}} |
  UNKNOWN - a: no field job_awaiting (invalid). Report it to the server's administrator, or exclude
  the queue with -x
a field twice | {"a": {"consumers": 0, "consumers": 1}} |
  UNKNOWN - a: consumers is given twice (invalid). Report it to the server's administrator, or
  exclude the queue with -x
a negative count | {"a": {"consumers": -1}} |
  UNKNOWN - a: consumers is negative (invalid). Report it to the server's administrator, or exclude
  the queue with -x
a huge count | {"a": {"consumers": 9223372036854775808}} |
  UNKNOWN - a: consumers is above 2^63-1 (invalid). Report it to the server's administrator, or
  exclude the queue with -x
a queue twice | {"a": {}, "a": {}} |
  UNKNOWN - a: duplicate queue (invalid). Report it to the server's administrator, or exclude the
  queue with -x
a member that is not a queue | {"a": 1 0 0, "error": "OK"} | --require=
  UNKNOWN - error: a string, expected an object (invalid). If it is not a queue, exclude it with -x;
  else report it to the server's administrator
two members that are not queues | {"a": 1 0 0, "error": "OK", "message": ""} | --require=
  UNKNOWN - 2 queues: a string, expected an object (invalid): error, message. If it is not a queue,
  exclude it with -x; else report it to the server's administrator
an error and a dead worker | {"a": 0 7 0, "b": null} | --require=
  CRITICAL - a: no consumers (critical below 1), 7 jobs waiting (stranded); b: null, expected an
  object (invalid). Start the workers of a
a missing queue that is fine | | --require x --state missing=ok
  OK - 4 queues, 4 consumers, 0 jobs waiting, 0 jobs running
a dead queue and a missing one | mesh 0 7 0 | --require x
  CRITICAL - rodin.mesh: no consumers (critical below 1), 7 jobs waiting (stranded); queue x is not
  on the server (missing). Start the workers of rodin.mesh
a stranded queue that is fine | mesh 0 7 0 | --state stranded=ok -c consumers=
  OK - 4 queues, 3 consumers, 7 jobs waiting, 0 jobs running
"""


@table.each(VERDICTS)
def test_the_line_of_a_verdict(situation: str, line: str) -> None:
    _, form, args = (part.strip() for part in situation.split("|"))
    assert line_of(judge(body_of(form), *args.split()).verdict) == line


# --- the run and its token ----------------------------------------------------------------------

RUNS = """\
the token expires soon | -w token_expires_in=604800: | token_expires_in=86271
  WARNING - the API token expires in 23 h 57 min (warning below 7 d). Replace it in FILE
the token has expired | -c token_expires_in=0: | token_expires_in=-10803
  CRITICAL - the API token expired 3 h ago (critical below 0 s). Replace it in FILE
a limit in the past | -w token_expires_in=-50: | token_expires_in=-100
  WARNING - the API token expired 1 min 40 s ago (warning below -50 s). Replace it in FILE
the token expires in a range | -w token_expires_in=@0:3600 | token_expires_in=62
  WARNING - the API token expires in 1 min 2 s (warning between 0 s and 1 h). Replace it in FILE
a minimum without its colon | -w token_expires_in=604800 | token_expires_in=864000
  WARNING - the API token expires in 10 d (warning above 7 d). If you meant a minimum, write -w
  token_expires_in=604800:
a slow check | -w time=2 | elapsed=2.7784
  WARNING - the check took 2.778 s (warning above 2 s). Check the server's load and the network
a maximum with a colon | -w time=2: | elapsed=1.5
  WARNING - the check took 1.5 s (warning below 2 s). Check the threshold
a queue and a slow check | -w rodin.mesh.job_awaiting=@0 -w time=2 | elapsed=3
  WARNING - rodin.mesh: 0 jobs waiting (warning at 0); the check took 3 s (warning above 2 s). Check
  why so few jobs arrive
no response and a token that expires soon | -w token_expires_in=604800: | token_expires_in=86272 | x
  UNKNOWN - HTTP 401 Unauthorized: x (auth); the API token expires in 23 h 57 min (warning below 7
  d). Replace it
an error that states it | -c token_expires_in=0: | token_expires_in=-61 | expired 1 min 1 s ago
  CRITICAL - the API token expired 1 min 1 s ago (critical below 0 s); HTTP 401 Unauthorized:
  expired 1 min 1 s ago (auth). Replace it in FILE
"""


@table.each(RUNS)
def test_the_line_of_a_run(situation: str, line: str) -> None:
    _, args, found, *cause = (part.strip() for part in situation.split("|"))
    name, _, value = found.partition("=")
    attempt: dict[str, object] = {"token_place": PLACE, "timeout": 10, name: float(value)}
    if cause:
        text = f"HTTP 401 Unauthorized: {cause[0]}"
        attempt["failure"] = RequestError("auth", text, "Replace it")
    assert line_of(judge(site(), *args.split(), **attempt).verdict) == line


# --- responses ----------------------------------------------------------------------------------

#: The bytes of a response, and what the server sent by them.
BODIES: dict[bytes, str] = {
    b" \n": "an empty body. Check the server's log",
    b"ok": "invalid JSON (line 1 column 1). Check -H; -vvv shows the response",
    b"{\n": "invalid JSON (line 2 column 1). Check -H; -vvv shows the response",
    b"\n<!DOCTYPE html>": "an HTML page, not JSON. Check -H: this may be a login page or another "
    "service",
    b"\xff": "text that is not UTF-8 (byte 0). Check -H; -vvv shows the response",
    b"[" * 100_000: "JSON that is nested too deeply. Check -H; -vvv shows the response",
    b"NaN": "NaN, which is not valid JSON. Report it to the server's administrator; -vvv shows the "
    "response",
    b"[]": "an array, expected an object of queues. Check -H; -vvv shows the response",
    b"1.5": "a number with a fraction or an exponent, expected an object of queues. Check -H; -vvv "
    "shows the response",
    b'{"error": "no"}': "an error object instead of queues. Check the server's log; -vvv shows the "
    "response",
    b"{%s}" % b", ".join(b'"%d": 0' % number for number in range(5001)): "5001 queues, expected at "
    "most 5000. Report it to the server's administrator; -vvv shows the response",
    b" " * (1024 * 1024 + 1): "more than 1 MiB. Check -H: this may be another service",
}


@pytest.mark.parametrize("body", BODIES, ids=[text[:25] for text in BODIES.values()])
def test_the_line_of_a_response_that_cannot_be_used(body: bytes) -> None:
    with pytest.raises(RequestError) as raised:
        response.parse(body, "rodin:443 sent")
    assert line_of_error(raised.value, "invalid") == f"rodin:443 sent {BODIES[body]}"


@pytest.mark.parametrize(
    ("body", "fault"),
    [("ok", "invalid JSON (line 1 column 1)"), (" " * (1024 * 1024 + 1), "more than 1 MiB")],
    ids=["ok", "large"],
)
def test_the_line_of_a_saved_response(body: str, fault: str) -> None:
    assert run("--input", "-", stdin=body).text == (
        f"RODIN_QUEUES UNKNOWN - the saved response has {fault} (invalid). "
        "Check the file of --input"
    )


# --- a server or a proxy that does not send the queues ------------------------------------------

REJECTED = """\
401 => HTTP 401 Unauthorized: the server rejected the API token (auth). Replace it in FILE
401 | expired => HTTP 401 Unauthorized: the API token expired 3 h ago (auth). Replace it in FILE
401 | quoted
  HTTP 401 Unauthorized: the API token does not look like a bearer token (auth). Write the token
  alone in FILE, without quotes or a name
403
  HTTP 403 Forbidden: the API token is not allowed to read the queue status (auth). Check its
  permissions in Rodin, or the gateway in front
429 => HTTP 429 Too Many Requests (throttled). Increase check_interval
429 | Retry-After: 90
  HTTP 429 Too Many Requests, retry after 1 min 30 s (throttled). Increase check_interval
404
  HTTP 404 Not Found: no Rodin API at this URL (invalid). Check host, port and path prefix in -H
407
  HTTP 407 Proxy Authentication Required: a gateway requires a login (invalid). Check the gateway in
  front of the server
999 => HTTP 999 (invalid). Run with -vvv to see the response
400 => HTTP 400 Bad Request (invalid). If it is a TLS port, use https:// in -H
500 => HTTP 500 Internal Server Error from SERVER. Check the log of the server or its gateway
502 => HTTP 502 Bad Gateway from SERVER. Check whether Rodin is running behind the gateway
302 | Location: /login?next=made-up
  HTTP 302 Found: redirected to a login page, /login (invalid). Check the token and the gateway's
  rule for this path
302 | Location: https://user:made-up@sso.example/x
  HTTP 302 Found: redirected to another host, https://sso.example/x (invalid). Check the token and
  the gateway's rule for this path
302 | Location: //sso.example/oauth2
  HTTP 302 Found: redirected to another host, http://sso.example/oauth2 (invalid). Check the token
  and the gateway's rule for this path
302 | Location: ?next=made-up
  HTTP 302 Found: redirected to the same path (invalid). Correct the gateway's rule for trailing
  slashes and HTTPS
302 | Location: /author
  HTTP 302 Found: redirected to /author (invalid). Check host, port and path prefix in -H
307 | Location: http://SERVER/api/v2/queue_status_check/
  HTTP 307 Temporary Redirect: redirected to the same path with a slash (invalid). Correct the
  gateway's rule for trailing slashes and HTTPS
301 | Location: https://127.0.0.1/api/v2/queue_status_check
  HTTP 301 Moved Permanently: redirected to https://127.0.0.1/api/v2/queue_status_check (invalid).
  Use https:// in -H
301 | Location: http://127.0.0.1/api/v2/queue_status_check/
  HTTP 301 Moved Permanently: redirected to http://127.0.0.1/api/v2/queue_status_check/ (invalid).
  Check host, port and path prefix in -H
302 | Location: /elsewhere
  HTTP 302 Found: redirected to /elsewhere (invalid). Check host, port and path prefix in -H
302 | Location: http://[
  HTTP 302 Found: invalid redirect (invalid). Check host, port and path prefix in -H
200 | Content-Encoding: br
  SERVER sent an unknown Content-Encoding (invalid). Disable compression on the gateway
200 | Content-Encoding: gzip
  SERVER sent an incomplete gzip body (invalid). Disable compression on the gateway
"""


def ask(url: str, token: str = "made-up-token") -> str:
    """Return the line of a run that asks *url* and gets no queues."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    server = parse_server(url, None, 0, "-H/--host")
    try:
        watchdog = Watchdog(time.monotonic(), 10, Report(b"", 3))
        Client(server, Token(token, PLACE), context, watchdog, Notes()).get()
    except RequestError as error:
        return line_of_error(error)
    return ""


@table.each(REJECTED)
def test_the_line_of_a_rejection(situation: str, line: str, server: Server) -> None:
    """The token is sound, expired or quoted; and the response can have a header."""
    status, _, more = situation.partition(" | ")
    headers = [more.replace("SERVER", server.address)] if ":" in more else []
    server.play(http(f"{status} No", "", *headers))
    token = {"expired": expiring(-10803), "quoted": '"made-up-token"'}.get(more, "made-up-token")
    assert ask(server.url, token).replace(server.address, "SERVER") == line


def test_the_next_step_names_the_variable_that_has_the_host(server: Server) -> None:
    server.play(http("404 No"))
    found = run(env={"RODIN_URL": server.url, "RODIN_API_KEY": "made-up-token"}).text
    assert found.endswith("(invalid). Check host, port and path prefix in RODIN_URL")


BROKEN: dict[str, Script] = {
    "closed without a response": b"",
    "reset": [RESET],
    "closed in the body": http("200 OK", "{}")[:-1],
    "an SSH server": b"SSH-2.0-OpenSSH_9.2\r\n",
    "101 header lines": http("200 OK", "{}", *["X-More: 1"] * 101),
    "a long header": http("200 OK", "{}", f"X-More: {'x' * 70_000}"),
    "two lengths": http("200 OK", "{}", "Content-Length: 2, 3"),
    "plain HTTP": [UNREAD, http("400 Bad Request")],
    "closed": [UNREAD],
    "a TLS alert": [UNREAD, b"\x15\x03\x01\x00\x02\x02\x28"],
    "an alert on the version": [UNREAD, b"\x15\x03\x01\x00\x02\x02\x46"],
    "an alert on the name": [UNREAD, b"\x15\x03\x01\x00\x02\x02\x70"],
}
CONNECTIONS = """\
http | closed without a response
  SERVER closed the connection without a response. If it is a TLS port, use https:// in -H
http | reset
  SERVER reset the connection. If it is a TLS port, use https:// in -H
http | closed in the body
  SERVER closed the connection in the middle of the response. Check the log of the server or its
  gateway
http | an SSH server
  SERVER did not send a valid HTTP response. Check the port, and whether it needs https://
http | 101 header lines
  SERVER sent more than 100 header lines. Check the log of the server or its gateway
http | a long header
  SERVER sent a header line that is too long. Check the log of the server or its gateway
http | two lengths
  SERVER sent an invalid header. Check the log of the server or its gateway
https | plain HTTP
  SERVER does not speak TLS. Check the port; for plain HTTP, use http:// in -H
https | closed
  TLS handshake with SERVER failed: connection closed. Check --client-cert: the server may
  require a client certificate, or reject it
https | a TLS alert
  TLS handshake with SERVER failed: handshake failure. Check --client-cert: the server may
  require a client certificate, or reject it
https | an alert on the version
  TLS handshake with SERVER failed: protocol version. Enable TLS 1.2 on the server
https | an alert on the name
  TLS handshake with SERVER failed: unrecognized name. Use a host name from the certificate in -H
"""


@table.each(CONNECTIONS)
def test_the_line_of_a_broken_connection(situation: str, line: str, server: Server) -> None:
    scheme, _, name = situation.partition(" | ")
    server.play(BROKEN[name])
    found = ask(f"{scheme}://{server.address}")
    assert found.replace(server.address, "SERVER") == line


PROXIES = """\
http | 403 Forbidden
  HTTP 403 Forbidden through proxy PROXY: the server or the proxy rejected the request (auth). Check
  the API token in FILE, or add the server to NO_PROXY
http | 407 Who
  HTTP 407 Proxy Authentication Required through proxy PROXY: the proxy requires a login (invalid).
  Check USER:PASSWORD@ in HTTP_PROXY
http | 503 No
  HTTP 503 Service Unavailable from rodin.example:80 through proxy PROXY. Check the proxy, or add
  the server to NO_PROXY
http | closed without a response
  rodin.example:80 through proxy PROXY closed the connection without a response. Check HTTP_PROXY,
  or add the server to NO_PROXY
http | reset
  rodin.example:80 through proxy PROXY reset the connection. Check HTTP_PROXY, or add the server to
  NO_PROXY
http | an SSH server
  rodin.example:80 through proxy PROXY did not send a valid HTTP response. Check HTTP_PROXY, or add
  the server to NO_PROXY
https | 403 Forbidden
  proxy PROXY refused the connection to rodin.example:443: HTTP 403. Check HTTPS_PROXY, or add the
  server to NO_PROXY
https | 407 Who
  proxy PROXY refused the connection to rodin.example:443: HTTP 407. Check USER:PASSWORD@ in
  HTTPS_PROXY
all | 407 Who
  proxy PROXY refused the connection to rodin.example:443: HTTP 407. Check USER:PASSWORD@ in
  ALL_PROXY
https | closed without a response
  proxy PROXY closed the connection without a response. Check HTTPS_PROXY, or add the server to
  NO_PROXY
https | reset
  proxy PROXY reset the connection. Check HTTPS_PROXY, or add the server to NO_PROXY
https | an SSH server
  proxy PROXY did not send a valid HTTP response. Check HTTPS_PROXY, or add the server to NO_PROXY
http | http://{sense}.invalid:9
  cannot resolve host name of proxy {sense}.invalid:9. Check HTTP_PROXY, or add the server to
  NO_PROXY
http | http://.example:3128
  invalid proxy URL in the environment, expected http://HOST:PORT. Check HTTP_PROXY, HTTPS_PROXY and
  ALL_PROXY
http | no proxy
  invalid proxy URL in the environment, expected http://HOST:PORT. Check HTTP_PROXY, HTTPS_PROXY and
  ALL_PROXY
https | socks5://127.0.0.1:1
  SOCKS proxies are not supported. Set HTTPS_PROXY to an HTTP proxy
"""


@table.each(PROXIES)
def test_the_line_of_a_proxy(
    situation: str, line: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, _, sent = situation.partition(" | ")
    is_url = not sent[0].isdigit() and sent not in BROKEN
    server.play(BROKEN[sent] if sent in BROKEN else http(sent))
    monkeypatch.setenv(f"{scheme}_proxy", sent if is_url else server.url)
    found = ask(f"{scheme.replace('all', 'https')}://rodin.example")
    assert found.replace(server.address, "PROXY") == line


# --- connections that fail, and phases that end --------------------------------------------------

PROXY = "http://proxy:3128"
#: The server, the family and the proxy.
ROUTES = {
    "direct": ("rodin", 0, ""),
    "-6": ("rodin", 6, ""),
    "a tunnel": ("rodin", 0, PROXY),
    "-4 a tunnel": ("rodin", 4, PROXY),
    "a proxy": ("http://rodin", 0, PROXY),
}


def route_in(phase: str, name: str) -> Route:
    """Return the route of this *name* in this *phase*."""
    host, family, proxy = ROUTES[name]
    server = parse_server(host, None, family, "-H")
    route = Route(server, proxy, f"{server.scheme.upper()}_PROXY")
    route.phase = phase
    return route


ERRORS = """\
certificate 18 | direct | TLS handshake
  self-signed TLS certificate on rodin:443. Pass it with --ca-file, or install a CA-signed one
certificate 20 | direct | TLS handshake
  untrusted TLS certificate on rodin:443: unknown CA or missing intermediate. Pass the CA with
  --ca-file, or send the full chain
certificate 9 | direct | TLS handshake
  TLS certificate on rodin:443 is not yet valid. Check the clocks of both hosts
certificate 10 | direct | TLS handshake
  expired TLS certificate on rodin:443, or expired CA. Renew it on the server; if the CA changed,
  update --ca-file
certificate 62 | direct | TLS handshake
  TLS certificate name mismatch on rodin:443. Use a host name from the certificate in -H, or reissue
  it
certificate 62 | a proxy | proxy TLS handshake
  TLS certificate name mismatch on proxy proxy:3128. Use a host name from the certificate in
  HTTP_PROXY, or reissue it
certificate 66 EE key too {weak} | direct | TLS handshake
  rejected TLS certificate on rodin:443: EE key too weak. Replace it on the server
reason HTTP_REQUEST | direct | TLS handshake
  rodin:443 does not speak TLS. Check the port; for plain HTTP, use http:// in -H
certificate 20 | a tunnel | TLS handshake
  untrusted TLS certificate on rodin:443 through proxy proxy:3128: unknown CA or missing
  intermediate. Pass the CA with --ca-file, or send the full chain
reason EOF | a tunnel | TLS handshake
  TLS handshake with rodin:443 through proxy proxy:3128 failed: eof. Check HTTPS_PROXY, or add the
  server to NO_PROXY
reason TLSV13_ALERT_CERTIFICATE_REQUIRED | direct | waiting
  TLS handshake with rodin:443 failed: certificate required. Check --client-cert: the server may
  require a client certificate, or reject it
no address | direct | resolving
  cannot resolve host name rodin. Check -H, and DNS on the monitoring host
no address | -6 | resolving
  cannot resolve host name rodin to an IPv6 address. Check DNS, or remove -6
no address | -4 a tunnel | resolving
  cannot resolve host name of proxy proxy:3128 to an IPv4 address. Check DNS, or remove -4
ECONNREFUSED | direct | connecting
  cannot connect to rodin:443: connection refused. Check that Rodin is running, and the port
ECONNREFUSED | a tunnel | connecting
  cannot connect to proxy proxy:3128: connection refused. Check HTTPS_PROXY, or add the server to
  NO_PROXY
EHOSTUNREACH | direct | connecting
  cannot connect to rodin:443: no route to host. Check firewalls and routing to the server
ECONNRESET | direct | waiting
  rodin:443 reset the connection. Check the server's log, and --client-cert if it requires a client
  certificate
closed | direct | waiting
  rodin:443 closed the connection without a response. Check the server's log, and --client-cert if
  it requires a client certificate
not HTTP | direct | waiting
  rodin:443 did not send a valid HTTP response. Check the port in -H
"""


def error_of(name: str) -> Exception:
    """Return the exception that *name* describes, as requests passes it on: with its cause."""
    kind, _, rest = name.partition(" ")
    if kind == "certificate":
        cause = ssl.SSLCertVerificationError(1, "")
        cause.verify_code, cause.verify_message = int(rest[:2]), rest[3:]
        return requests.exceptions.SSLError(cause)
    if kind == "reason":
        failed = ssl.SSLError(1, "")
        failed.reason = rest
        return failed
    known: dict[str, Exception] = {
        "no address": socket.gaierror(socket.EAI_NONAME, ""),
        "closed": RemoteDisconnected(""),
        "not HTTP": BadStatusLine(""),
    }
    return known.get(name) or requests.ConnectionError(OSError(getattr(errno, kind, 0), ""))


@table.each(ERRORS)
def test_the_line_of_an_error(situation: str, line: str) -> None:
    name, route, phase = situation.split(" | ")
    assert line_of_error(explain(error_of(name), route_in(phase, route))) == line


@pytest.mark.parametrize("where", ["args", "__cause__", "__context__", "reason"])
def test_the_cause_of_an_error_is_found_wherever_the_libraries_keep_it(where: str) -> None:
    error: Exception = ConnectionRefusedError(errno.ECONNREFUSED, "")
    innermost = error
    for _ in range(3):
        error, inner = requests.ConnectionError("made-up"), error
        setattr(error, where, ("made-up", inner) if where == "args" else inner)
    innermost.__context__ = error  # the chain has no end
    assert "connection refused" in line_of_error(explain(error, route_in("connecting", "direct")))


TIMEOUTS = """\
resolving | direct
  DNS did not resolve rodin within 2.5 s. Check DNS on the monitoring host
resolving | a tunnel
  DNS did not resolve proxy proxy:3128 within 2.5 s. Check DNS on the monitoring host
connecting | direct
  no TCP connection to rodin:443 within 2.5 s. Check firewalls and routing to the server
connecting | a proxy
  no TCP connection to proxy proxy:3128 within 2.5 s. Check firewalls and routing to the proxy
proxy TLS handshake | a tunnel
  no TLS handshake with proxy proxy:3128 within 2.5 s. Check whether the proxy needs http:// in
  HTTPS_PROXY
proxy reply | a tunnel
  no reply from proxy proxy:3128 to CONNECT within 2.5 s. Check HTTPS_PROXY, or add the server to
  NO_PROXY
TLS handshake | direct
  no TLS handshake with rodin:443 within 2.5 s. Check the port, and the server's load
waiting | direct
  connected to rodin:443, but no response within 2.5 s. Check the server's load, or raise -t
waiting | a proxy
  connected to proxy proxy:3128, but no response from rodin:80 within 2.5 s. Check the proxy and the
  server's load, or raise -t
reading | direct
  response from rodin:443 incomplete after 2.5 s. Check the server's load and the network
"""


@table.each(TIMEOUTS)
def test_the_line_of_a_timeout(situation: str, line: str) -> None:
    phase, _, route = situation.partition(" | ")
    assert line_of_error(timed_out(route_in(phase, route), 2.5), "timeout") == line


#: A range, and the values on which it alerts, as -v shows them.
RANGES = {
    **dict.fromkeys(("10", "0:10", "~:10"), "above 10"),
    "1:": "below 1",
    "5:10": "below 5 or above 10",
    "~:": "never",
    "@5:10": "between 5 and 10",
    "@5:5": "at 5",
    "@5:": "from 5",
    "@~:5": "up to 5",
    "@~:": "at any value",
}


@pytest.mark.parametrize("text", RANGES)
def test_the_words_of_a_range(text: str) -> None:
    assert limit_words(parse_threshold(State.WARNING, text)) == RANGES[text]
