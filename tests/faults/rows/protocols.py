"""What is no HTTP, and connections that never come to be."""

from __future__ import annotations

from typing import Iterator

from tests.faults.behaviour import (
    HEALTHY,
    at_once,
    message,
    raw,
)
from tests.faults.row import BODY, Row, fault, silent
from tests.faults.server import Exchange


def not_http() -> Iterator[Row]:
    """Answers that are not HTTP, or not the HTTP that was asked for."""
    kinds = {
        "http_0_9": (b"<html>hello</html>", "sends a body without a head"),
        "json_alone": (BODY, "sends the healthy answer without a head"),
        "garbage": (bytes(range(256)) * 20, "sends every byte there is"),
        "blank_lines": (b"\r\n" * 50, "sends blank lines"),
        "http_2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), "sends the preface of HTTP/2"),
        "http_2_frames": (b"\0\0\x12\x04" + bytes(23), "sends a frame of HTTP/2"),
        "http_2_status": (b"HTTP/2 200 OK\r\n\r\n" + BODY, "claims to speak HTTP/2"),
        "http_lower_case": (b"http/1.1 200 OK\r\n\r\n" + BODY, "spells HTTP in lower case"),
        "tls_alert": (b"\x15\x03\x01\x00\x02\x02\x46", "sends a TLS alert to plain HTTP"),
        "ssh_banner": (b"SSH-2.0-OpenSSH_9.2\r\n", "is an SSH server"),
        "smtp_banner": (b"220 mail ESMTP\r\n", "is a mail server"),
        "status_word": (b"HTTP/1.1 OK\r\n\r\n" + BODY, "gives a word as status"),
        "status_of_two_digits": (b"HTTP/1.1 20 OK\r\n\r\n" + BODY, "gives a status of two digits"),
        "status_of_four_digits": (
            b"HTTP/1.1 2000 OK\r\n\r\n" + BODY,
            "gives a status of four digits",
        ),
        "status_negative": (b"HTTP/1.1 -200 OK\r\n\r\n" + BODY, "gives a negative status"),
        "status_with_underscore": (b"HTTP/1.1 2_00 OK\r\n\r\n" + BODY, "gives the status 2_00"),
        "status_missing": (b"HTTP/1.1\r\n\r\n" + BODY, "gives no status"),
        "request_echoed": (b"GET / HTTP/1.1\r\n\r\n", "answers with a request"),
    }
    for name, (sent, does) in kinds.items():
        yield fault("unreachable", name, does, raw(sent), tls=name == "garbage")
    yield Row("http_1_0", "answers as HTTP/1.0", raw(b"HTTP/1.0 200 OK\r\n\r\n", BODY), "OK")
    yield Row("no_reason", "gives no reason phrase", raw(b"HTTP/1.1 200\r\n\r\n", BODY), "OK")
    yield Row(
        "bare_newlines", "ends lines with a newline alone", raw(b"HTTP/1.1 200 OK\n\n", BODY), "OK"
    )
    yield Row(
        "continue_once",
        "says 100 Continue first",
        raw(b"HTTP/1.1 100 Continue\r\n\r\n", message(BODY)),
        "OK",
    )


def connections() -> Iterator[Row]:
    """Let no connection come to be."""
    yield fault("unreachable", "refused", "does not listen", HEALTHY, "refused")._replace(
        asked=False, url="http://127.0.0.1:{refused}"
    )
    yield fault("unreachable", "refused_tls", "does not listen", HEALTHY, "refused")._replace(
        asked=False, url="https://127.0.0.1:{refused}"
    )
    yield silent("backlog_full", "lets nobody in", HEALTHY)._replace(
        asked=False, url="http://127.0.0.1:{full}"
    )
    yield fault(
        "unreachable",
        "plain_http_on_a_tls_port",
        "speaks plain HTTP where TLS is expected",
        at_once(_bad_request),
        "http://",
    )._replace(asked=False, url="https://127.0.0.1:{port}")
    yield fault(
        "unreachable", "tls_alert_on_hello", "answers the greeting with an alert", at_once(_alert)
    )._replace(asked=False, url="https://127.0.0.1:{port}")
    yield silent(
        "silent_in_tls_greeting", "never answers the TLS greeting", at_once(lambda e: e.hold())
    )._replace(asked=False, url="https://127.0.0.1:{port}")
    yield silent(
        "dripped_tls_greeting", "drips a TLS record that does not end", at_once(_drip_record)
    )._replace(asked=False, url="https://127.0.0.1:{port}")
    for name, end in (("closed", Exchange.close), ("reset", Exchange.reset)):
        yield fault(
            "unreachable", f"{name}_in_tls_greeting", f"{name} before TLS", at_once(end)
        )._replace(asked=False, url="https://127.0.0.1:{port}")


def _bad_request(exchange: Exchange) -> None:
    exchange.stream.recv(65536)
    exchange.send(message(b"this is no HTTP request", "400 Bad Request"))
    exchange.close()


def _alert(exchange: Exchange) -> None:
    exchange.stream.recv(65536)
    exchange.send(b"\x15\x03\x01\x00\x02\x02\x28")
    exchange.close()


def _drip_record(exchange: Exchange) -> None:
    exchange.stream.recv(65536)
    exchange.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(1000))
