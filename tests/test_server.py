"""Where the server is: what may be written in -H, and which URL is asked for it."""

from __future__ import annotations

from typing import Optional

import pytest

from check_rodin_queues.errors import UsageError
from check_rodin_queues.server import parse_server

PATH = "/api/v2/queue_status_check"
LABEL = "x" * 63
LONGEST = ".".join([LABEL] * 3 + ["x" * 61])

#: What is written, the port of -p, the URL before the path of the API, and host and port in words.
READ = [
    ("rodin", None, "https://rodin", "rodin:443"),
    ("rodin", 8443, "https://rodin:8443", "rodin:8443"),
    ("rodin:8443", None, "https://rodin:8443", "rodin:8443"),
    ("rodin:8443", 8443, "https://rodin:8443", "rodin:8443"),
    ("http://rodin", None, "http://rodin", "rodin:80"),
    ("http://rodin", 8080, "http://rodin:8080", "rodin:8080"),
    ("HTTPS://Rodin", None, "https://Rodin", "Rodin:443"),
    ("rodin:1", None, "https://rodin:1", "rodin:1"),
    ("rodin:00443", None, "https://rodin:443", "rodin:443"),
    ("rodin:65535", None, "https://rodin:65535", "rodin:65535"),
    ("my-host_1.example.", None, "https://my-host_1.example.", "my-host_1.example.:443"),
    ("10.0.0.1:80", None, "https://10.0.0.1:80", "10.0.0.1:80"),
    ("::1", None, "https://[::1]", "[::1]:443"),
    ("[::1]", None, "https://[::1]", "[::1]:443"),
    ("[::]", None, "https://[::]", "[::]:443"),
    ("[::1]:81", None, "https://[::1]:81", "[::1]:81"),
    ("2001:db8::443", None, "https://[2001:db8::443]", "[2001:db8::443]:443"),
    (LABEL, None, f"https://{LABEL}", f"{LABEL}:443"),
    (LONGEST, None, f"https://{LONGEST}", f"{LONGEST}:443"),
    ("rodin/", None, "https://rodin", "rodin:443"),
    ("rodin//", None, "https://rodin", "rodin:443"),
    ("rodin/x", None, "https://rodin/x", "rodin:443"),
    ("rodin/X/", None, "https://rodin/X", "rodin:443"),
    ("rodin/X/api", None, "https://rodin/X", "rodin:443"),
    ("rodin/x/y//", None, "https://rodin/x/y", "rodin:443"),
    ("rodin/api", None, "https://rodin", "rodin:443"),
    ("rodin/api/", None, "https://rodin", "rodin:443"),
    ("rodin/api/v2", None, "https://rodin", "rodin:443"),
    ("rodin/api/v2/", None, "https://rodin", "rodin:443"),
    (f"rodin{PATH}", None, "https://rodin", "rodin:443"),
    (f"rodin/x/{PATH}/", None, "https://rodin/x", "rodin:443"),
    ("rodin/x//api/v2", None, "https://rodin/x", "rodin:443"),
    ("rodin/api/v2/x", None, "https://rodin/api/v2/x", "rodin:443"),
    ("rodin/x/api/api/v2", None, "https://rodin/x/api", "rodin:443"),
    ("rodin/v2", None, "https://rodin/v2", "rodin:443"),
    ("rodin/._~!$&'()*+,;=:%41/-", None, "https://rodin/._~!$&'()*+,;=:%41/-", "rodin:443"),
]
REFUSED = [
    *("", " rodin", "rodin ", "ro din", "ro\tdin", "r\xf6din", "rodin\n", "rodin\x7f"),
    *("rodin?x", "rodin#x", "user@rodin", "https://user:secret@rodin", "ro\\din"),
    *("ftp://rodin", "://rodin", "https://", "https:///x", "http:rodin", "rodin/x|y", "rodin/<x>"),
    *("rodin:", "rodin:x", "rodin:0", "rodin:65536", "rodin:000443", "rodin:-1", "rodin:1:2"),
    *("rodin:\u0661", "rodin:1_0", "rodin..example", ".rodin", "rodin..", "ro*din", "ro%din"),
    *("[::1", "::1]", "[::1]x", "[rodin]", "[::1%eth0]", "::1%eth0", "[[::1]]", ":::1", "[]"),
    *(f"{LABEL}x", f"{LONGEST}x", "https://[::1"),
]


@pytest.mark.parametrize(("text", "port", "url", "address"), READ)
def test_a_server_is_read(text: str, port: Optional[int], url: str, address: str) -> None:
    found = parse_server(text, port, "-H/--host")
    assert (found.url, found.address) == (f"{url}{PATH}", address)


@pytest.mark.parametrize("text", REFUSED)
def test_a_server_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_server(text, None, "RODIN_URL")
    assert str(refused.value) == (
        "RODIN_URL: takes HOST, HOST:PORT, https://HOST[:PORT][/PREFIX] or http://..., "
        "without user, query or fragment"
    )


def test_two_ports_are_one_too_many() -> None:
    with pytest.raises(UsageError) as refused:
        parse_server("rodin:8443", 443, "-H/--host")
    assert str(refused.value) == (
        "-p/--port: -H/--host names another port, 8443. Give one of the two"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10.0.0.1", True), ("::1", True), ("[::1]:81", True), ("10.example", False), ("ab", False)],
)
def test_an_address_is_told_from_a_name(text: str, expected: bool) -> None:
    assert parse_server(text, None, "-H/--host").is_address == expected
