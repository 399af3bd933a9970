"""Names of queues that are made to break a line, a label or a terminal."""

from __future__ import annotations

from typing import Iterator

from tests.faults.behaviour import (
    reply,
)
from tests.faults.document import (
    DEAD,
    QUEUES,
    answer,
    named,
)
from tests.faults.row import Row, judged

#: Names that mean something to Nagios, Icinga, a terminal or a shell, or are hard to show.
NAMES = {
    "pipe": "a|time=0",
    "semicolon": "a;1;2",
    "quote": "a'b",
    "double_quote": 'a"b',
    "equals": "a=1",
    "colons": "a::b::c",
    "newline": "a\nOK - all is well",
    "carriage_return": "a\rRODIN_QUEUES OK",
    "crlf": "a\r\nb",
    "tab": "a\tb",
    "escape": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;title\x07",
    "c1_control": "a\x9b31mb",
    "bell": "a\x07b",
    "nul": "a\0b",
    "delete": "a\x7f\x08b",
    "right_to_left": "a\u202ekcab",
    "zero_width": "a\u200bb\u2060c\ufeff",
    "line_separator": "a\u2028b\u2029c\x85d",
    "lone_surrogate": "a\ud800b",
    "swapped_surrogates": "\udc00\ud800",
    "not_a_character": "a\uffff\U0010ffffb",
    "combining": "a" + "\u0301" * 200,
    "wide": "\U0001f600" * 100,
    "cyrillic": "\u0440odin.mesh",
    "of_10_kb": "n" * 10_000,
    "of_10_kb_wide": "\u00e4" * 10_000,
    "total": "total",
    "time": "time",
    "token_expires_in": "token_expires_in",
    "empty": "",
    "space": " ",
    "spaces": " a  b ",
    "command": "$(id)",
    "backticks": "`id`",
    "macro": "$USER1$ $HOSTADDRESS$",
    "html": "<script>alert(1)</script>",
    "bracket": "[OK] a",
    "percent": "%s%n%d{}{0}",
    "backslash": "a\\nb\\",
    "comma": "a,b",
    "perfdata": "a'=0;0;0 'b",
    "path": "../../etc/passwd",
    "dots": "...",
    "metric": "rodin.mesh.consumers",
    "surrounded": "'x'",
}


def names() -> Iterator[Row]:
    """Names of queues that are made to break a line, a label or a terminal."""
    for name, text in NAMES.items():
        body = answer(named(text, DEAD))
        yield Row(
            f"name_{name}",
            f"calls a dead queue {ascii(text)[:40]}",
            reply(body),
            "CRITICAL",
            () if name == "wide" else (": no consumer (cri",),  # that name fills the line
            queues=len(QUEUES) + 1,
        )
    alike = {
        "alike_when_cut": ("n" * 200 + "a", "n" * 200 + "b", "n" * 200),
        "alike_when_cleaned": ("a|b", "a=b", "a'b", "a_b", "a\nb"),
        "alike_as_numbered": ("a_2", "a|", "a=", "a_", "a_3", "a__2"),
        "alike_as_sum": ("total", "total_2", "total_3"),
    }
    for name, many in alike.items():
        yield judged(
            f"names_{name}",
            "calls queues almost the same",
            answer(*map(named, many)),
            queues=len(QUEUES) + len(many),
        )
    yield Row(
        "names_all_at_once",
        "sends every name",
        reply(answer(*(named(n, DEAD) for n in NAMES.values()))),
        "CRITICAL",
        (": no consumer (critical below 1)", "more"),
        queues=len(QUEUES) + len(NAMES),
    )
    yield Row(
        "names_all_at_once_alive",
        "sends every name",
        reply(answer(*map(named, NAMES.values()))),
        "OK",
        queues=len(QUEUES) + len(NAMES),
    )
    yield Row(
        "names_of_documented_length",
        "sends 40 dead queues",
        reply(answer(*(named(f"rodin.part{n:03}", DEAD) for n in range(36)))),
        "CRITICAL",
        ("rodin.part000: no consumer (critical below 1)", "more"),
        queues=len(QUEUES) + 36,
    )
