"""Servers that echo the token: every place of an answer it can stand in, in every spelling."""

from __future__ import annotations

import base64
import json
import re
from typing import Callable, Dict
from urllib.parse import quote

from tests.faults.behaviour import CHUNKED, JSON, OK, head, message
from tests.faults.document import DEAD, answer, named, queue, queue_with
from tests.faults.server import Behaviour, Exchange

Spelling = Callable[[str], str]
Place = Callable[[str], bytes]

_BEARER = re.compile(rb"^Authorization: Bearer ([^\r\n]+)\r$", re.MULTILINE | re.IGNORECASE)

SPELLINGS: Dict[str, Spelling] = {
    "raw": str,
    "base64": lambda token: base64.b64encode(token.encode()).decode(),
    "base64url": lambda token: base64.urlsafe_b64encode(token.encode()).decode(),
    "percent": lambda token: quote(token, safe=""),
    # what may not be printed, or not in a label, becomes the underscore that stood there
    "bars": lambda token: token.replace("_", "|"),
    "percent_and_bars": lambda token: quote(token, safe="").replace("_", "|"),
}

#: Spellings that only the long run tries.
RARE_SPELLINGS: Dict[str, Spelling] = {
    "header": lambda token: f"Bearer {token}",
    "base64_of_header": lambda token: base64.b64encode(f"Bearer {token}".encode()).decode(),
    "base64_of_pair": lambda token: base64.b64encode(f"a:{token}".encode()).decode(),
    "hex": lambda token: token.encode().hex(),
    "hex_capitals": lambda token: token.encode().hex().upper(),
    "percent_small": lambda token: quote(token, safe="").lower(),
    "percent_all": lambda token: "".join(f"%{ord(character):02X}" for character in token),
    "capitals": str.upper,
    "json_slashes": lambda token: token.replace("/", "\\/"),
    "quoted": lambda token: f"'{token}'",
    "equals_signs": lambda token: token.replace("_", "="),
    "quotes": lambda token: token.replace("_", "'"),
}


def _status(status: str) -> Place:
    return lambda text: message(answer(), status.format(text))


def _header(status: str, *headers: str) -> Place:
    return lambda text: message(answer(), status, *(line.format(text) for line in headers))


def _body(status: str, pattern: str) -> Place:
    return lambda text: message(pattern.replace("{}", text).encode(), status)


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


PLACES: Dict[str, Place] = {
    "error_object": _body("401 Unauthorized", '{"error": "{} is not valid"}'),
    "error_page": _body("500 Error", "<html><pre>Authorization: {}</pre></html>"),
    "forbidden_page": _body("403 No", "{}"),
    "text_body": _body("200 OK", "{}"),
    "text_at_a_cut": _body("200 OK", "x" * 1970 + "{}"),
    "cut_json": _body("200 OK", '{"{}'),
    "json_string": _body("200 OK", '"{}"'),
    "json_list": _body("200 OK", '["{}"]'),
    "redirect_query": _header("302 Found", "Location: https://login.example/?t={}"),
    "redirect_path": _header("307 Found", "Location: /{}/"),
    "redirect_host": _header("301 Found", "Location: http://{}.example/"),
    "reason": _status("403 {}"),
    "reason_of_500": _status("500 {}"),
    "reason_of_200": _status("200 {}"),
    "reason_at_a_cut": _status("502 " + "x" * 180 + "{}"),
    "header_at_a_cut": _header("404 No", "X-Token: " + "x" * 360 + "{}"),
    "own_header": _header("404 No", "X-Token: {}"),
    "authenticate": _header("401 No", 'WWW-Authenticate: Bearer error="{}"'),
    "cookie": _header("200 OK", "Set-Cookie: session={}"),
    "retry_after": _header("429 Slow", "Retry-After: {}"),
    "type": _header("200 OK", "Content-Type: {}"),
    "charset": _header("200 OK", "Content-Type: application/json; charset={}"),
    "encoding": _header("200 OK", "Content-Encoding: {}"),
    "transfer_encoding": _header("200 OK", "Transfer-Encoding: {}"),
    "header_name": _header("418 No", "{}: 1"),
    "length": lambda text: head("200 OK", f"Content-Length: {text}") + answer(),
    "two_lengths": lambda text: head("200 OK", f"Content-Length: 5, {text}") + answer(),
    "status_line": lambda text: f"{text}\r\n\r\n".encode(),
    "status_code": lambda text: f"HTTP/1.1 {text} OK\r\n\r\n".encode(),
    "protocol": lambda text: f"HTTP/{text} 200 OK\r\n\r\n".encode(),
    "header_without_colon": lambda text: OK + f"{text}\r\n\r\n".encode() + answer(),
    "chunk_size": lambda text: OK + JSON + CHUNKED + f"\r\n{text}\r\n".encode(),
    "chunk_extension": lambda text: OK + CHUNKED + f"\r\n5;{text}\r\nx".encode(),
    "dead_queue": lambda text: message(answer(named(text, DEAD))),
    "live_queue": lambda text: message(answer(named(text))),
    "malformed_queue": lambda text: message(answer(named(text, "null"))),
    "queue_twice": lambda text: message(answer(named(text), named(text))),
    "queue_at_a_cut": lambda text: message(answer(named("n" * 40 + text, DEAD))),
    "queue_in_escapes": lambda text: message(answer(f'"{_escaped(text)}": {DEAD}')),
    "field": lambda text: message(answer(mesh=queue("consumers", json.dumps(text)))),
    "whole_queue": lambda text: message(answer(mesh=json.dumps(text))),
    "unknown_field": lambda text: message(answer(mesh=queue_with(f"{json.dumps(text)}: NaN"))),
    "beside_queues": lambda text: message(answer(f'"error": {json.dumps(text)}')),
}


#: Places that are shown without -v.
ALWAYS_SHOWN = {
    "redirect_path",
    "redirect_host",
    "dead_queue",
    "live_queue",
    "malformed_queue",
    "queue_twice",
    "queue_at_a_cut",
    "queue_in_escapes",
}

#: Places of which no verbosity shows anything, or need not: the run may end before it reads them.
NEVER_SHOWN = {
    "text_at_a_cut",
    "header_at_a_cut",
    "error_object",
    "error_page",
    "forbidden_page",
    "reason",
    "reason_of_500",
    "reason_of_200",
    "reason_at_a_cut",
    "status_line",
    "status_code",
    "protocol",
    "header_without_colon",
    "chunk_size",
    "chunk_extension",
    "transfer_encoding",
}


def is_shown(place: str, spelling: str, verbosity: int) -> bool:
    """Tell whether the output has to show that something stood in that *place*."""
    if place == "header_name" and spelling == "header":  # a blank is no part of a name
        return False
    return place in ALWAYS_SHOWN or (verbosity == 3 and place not in NEVER_SHOWN)


def echo(place: Place, spelling: Spelling) -> Behaviour:
    """Return a server that answers with the very token that it was sent."""

    def behave(exchange: Exchange) -> None:
        found = _BEARER.search(exchange.request())
        exchange.send(place(spelling(found.group(1).decode() if found else "no token")))
        exchange.close()

    return behave
