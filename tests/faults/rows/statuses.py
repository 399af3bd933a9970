"""Redirects, which are never followed, and every other status than 200."""

from __future__ import annotations

from typing import Iterator

from tests.faults import document
from tests.faults.behaviour import (
    endless,
    head,
    raw,
    redirect,
    redirect_without_end,
    reply,
)
from tests.faults.row import BODY, Row, fault
from tests.faults.server import Exchange

REDIRECTS = ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")

LOCATIONS = {
    "itself": "{self}/api/v2/queue_status_check",
    "other": "{other}/api/v2/queue_status_check",
    "https": "https://127.0.0.1:1/",
    "nowhere": "http://[not-an-address/",
    "file": "file:///etc/passwd",
    "nothing": "",
}


def redirects() -> Iterator[Row]:
    """Redirects, which are never followed."""
    for status in REDIRECTS:
        for name in ("itself", "other"):
            yield fault(
                "invalid",
                f"redirect_{status[:3]}_to_{name}",
                f"answers {status} with {name} as target",
                redirect(status, LOCATIONS[name]),
                "redirect",
                status[:3],
                tls=status == "302 Found",
            )
    for name in ("https", "nowhere", "file", "nothing"):
        yield fault(
            "invalid",
            f"redirect_to_{name}",
            f"answers 302 with {name} as target",
            redirect("302 Found", LOCATIONS[name]),
            "redirect",
            "302",
        )
    yield fault(
        "invalid",
        "redirect_with_healthy_body",
        "answers 307 with a healthy body",
        redirect("307 No", "{other}", (BODY,)),
        "redirect",
    )
    yield fault(
        "invalid",
        "redirect_without_target",
        "answers 302 and names no target",
        reply(BODY, "302 Found"),
        "302",
    )
    yield fault(
        "invalid",
        "redirect_without_end",
        "answers 302 with a body without end",
        redirect_without_end("302 Found"),
        "redirect",
    )
    yield fault("invalid", "redirect_300", "answers 300", redirect("300 Choose", "{other}"), "300")
    yield Row(
        "location_with_200",
        "names a target but says 200",
        reply(BODY, "200 OK", "Location: http://127.0.0.1:1/"),
        "OK",
    )
    yield Row(
        "refresh_with_200",
        "asks for a refresh but says 200",
        reply(BODY, "200 OK", "Refresh: 0; url=http://127.0.0.1:1/"),
        "OK",
    )


#: Statuses that are neither an answer nor a known refusal.
ODD_STATUSES = (
    *(101, 102, 103, 201, 202, 203, 204, 205, 206, 207, 226, 304, 305, 306, 400, 402, 404, 405),
    *(406, 407, 408, 409, 410, 413, 418, 421, 423, 425, 426, 428, 431, 451, 499, 600, 999),
)

STATUSES = {
    "invalid": ODD_STATUSES,
    "auth": (401, 403),
    "throttled": (429,),
    "unreachable": (500, 501, 502, 503, 504, 505, 507, 511, 520, 521, 525, 529, 530, 598, 599),
}


def statuses() -> Iterator[Row]:
    """Give every interesting status with a perfectly healthy body."""
    for condition, codes in STATUSES.items():
        for code in codes:
            yield fault(
                condition,
                f"status_{code}",
                f"answers {code} with a healthy body",
                reply(BODY, f"{code} Word"),
                str(code),
                tls=code in {401, 503},
            )
    yield fault(
        "auth",
        "status_401_silent",
        "answers 401 and never sends its body",
        raw(head("401 No", "Content-Length: 99"), end=Exchange.hold),
        "401",
    )
    yield fault(
        "auth",
        "status_403_without_end",
        "answers 403 with a body without end",
        endless(head("403 No"), b"<p>no</p>" * 1000),
        "403",
    )
    yield fault(
        "unreachable",
        "status_500_silent",
        "answers 500 and never sends its body",
        raw(head("500 No", "Content-Length: 99"), end=Exchange.hold),
        "500",
    )
    yield fault(
        "unreachable",
        "status_503_bomb",
        "answers 503 with a gzip bomb",
        raw(head("503 No", "Content-Encoding: gzip"), document.bomb(300)),
        "503",
    )
    yield fault(
        "auth",
        "status_401_asks_for_basic",
        "answers 401 and asks for a password",
        reply(b"", "401 No", 'WWW-Authenticate: Basic realm="x"'),
        "401",
    )
    yield fault(
        "throttled",
        "status_429_retry_after",
        "asks to come back in a day",
        reply(BODY, "429 Slow", "Retry-After: 86400"),
        "429",
    )
    yield fault(
        "unreachable",
        "status_503_retry_after",
        "asks to come back in a second",
        reply(BODY, "503 Busy", "Retry-After: 1"),
        "503",
    )
    yield fault(
        "unreachable",
        "status_100_alone",
        "says 100 Continue and then a body",
        reply(BODY, "100 Continue"),
    )
