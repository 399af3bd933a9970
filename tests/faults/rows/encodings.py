"""Bodies in another encoding, and compression that nobody asked for."""

from __future__ import annotations

from typing import Iterator

from tests.faults import document
from tests.faults.behaviour import (
    reply,
)
from tests.faults.document import (
    SOUND,
    answer,
    packed,
)
from tests.faults.row import BODY, Row, fault, invalid


def encodings() -> Iterator[Row]:
    """Bodies in another encoding than UTF-8, and compression that nobody asked for."""
    text = BODY.decode()
    bad = {
        "utf_16": text.encode("utf-16"),
        "utf_16_big_endian": text.encode("utf-16-be"),
        "utf_32": text.encode("utf-32"),
        "latin_1": answer('"caf\u00e9": ' + SOUND).decode().encode("latin-1"),
        "ebcdic": text.encode("cp500"),
        "utf_7": b"+AHs-" + BODY[1:],
        "surrogate": answer('"\ud800": ' + SOUND),
        "overlong": BODY.replace(b"rodin.mesh", b"rodin\xc0\xaemesh"),
    }
    for name, body in bad.items():
        yield invalid(f"encoding_{name}", f"encodes the body as {name}", body)
    gzip = "Content-Encoding: gzip"
    squeezed = {
        "gzip_false": (gzip, BODY, "claims gzip for a plain body"),
        "gzip_cut": (gzip, packed(BODY)[:-20], "cuts the packed body"),
        "gzip_without_its_check": (gzip, packed(BODY)[:-8], "leaves out the check sum"),
        "gzip_wrong_check": (gzip, packed(BODY)[:-8] + b"\1" * 8, "gives a wrong check sum"),
        "gzip_empty": (gzip, b"", "sends nothing as gzip"),
        "gzip_then_garbage": (gzip, packed(BODY) + b"garbage", "adds garbage to the packed body"),
        "deflate_false": ("Content-Encoding: deflate", BODY, "claims deflate for a plain body"),
        "br": ("Content-Encoding: br", b"\x0b\x02\x80{}\x03", "packs with brotli"),
        "br_false": ("Content-Encoding: br", BODY, "claims brotli for a plain body"),
        "zstd": ("Content-Encoding: zstd", b"\x28\xb5\x2f\xfd\0\0\0", "packs with zstandard"),
        "zstd_false": ("Content-Encoding: zstd", BODY, "claims zstandard for a plain body"),
        "unknown": ("Content-Encoding: foo", BODY, "claims an encoding that does not exist"),
        "gzip_twice_false": ("Content-Encoding: gzip, gzip", packed(BODY), "claims gzip twice"),
        "many": (
            "Content-Encoding: " + ", ".join(["gzip"] * 200),
            packed(BODY),
            "claims gzip 200 times",
        ),
        "bomb_of_300_mb": (gzip, document.bomb(300), "unpacks to 300 MB"),
        "bomb_in_a_bomb": (
            "Content-Encoding: gzip, gzip",
            packed(document.bomb(300)),
            "packs the bomb again",
        ),
        "bomb_of_2_mb": (gzip, document.bomb(2), "unpacks to 2 MB"),
    }
    for name, (header, body, does) in squeezed.items():
        yield fault(
            "invalid",
            f"packed_{name}",
            does,
            reply(body, "200 OK", header),
            tls="bomb_of_300" in name,
        )
    yield Row(
        "packed_identity",
        "names the encoding that is none",
        reply(BODY, "200 OK", "Content-Encoding: identity"),
        "OK",
    )
