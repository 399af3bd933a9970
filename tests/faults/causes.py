"""What a run has to say of a fault whose row has no words of its own: bytes, and the cause told."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Dict, Tuple

_GONE = ("closed the connection without an answer",)
_LENGTH = ("content-length does not fit",)
#: The second of urllib3 before 2, which does not compare the two itself.
_CUT = ("the transfer broke: the answer of", *_LENGTH)
_RESET = ("connection reset by peer",)
_NO_HTTP = ("does not speak proper http",)
_NO_JSON = ("no json at line",)
_NO_OBJECT = ("where an object is documented",)
#: Python 3.9 tells no more.
_NO_TLS = ("the tls connection to", *_RESET, "is not connected")
_ENCODING = ("its content-encoding is not one that can be read",)
_NO_LONGER = ("its compressed body is cut, or has more behind its end",)
_NOT_COMPRESSED = ("it is not compressed as its content-encoding says",)
_EMPTY = ("it is empty",)

#: Patterns of the names of rows, each with what may be said; the first that fits counts.
CAUSES: Dict[str, Tuple[str, ...]] = {
    "closed_on_accept": (*_GONE, *_RESET, "broken pipe"),
    "reset_on_accept": (*_GONE, *_RESET, "broken pipe"),
    "closed_before_anything": _GONE,
    "interim_and_no_more": _GONE,
    "closed_in_tls_greeting": _NO_TLS,
    "reset_in_tls_greeting": _NO_TLS,
    "closed_*": _CUT,
    "reset_*": _RESET,
    "chunk_size_*": _CUT,
    "no_chunks_at_all": _CUT,
    "interim_cut": _CUT,
    "json_alone": _CUT,
    "http_0_9": _CUT,
    "http_2_frames": _CUT,
    "status_100_alone": _CUT,
    "tls_alert": _CUT,
    "tls_alert_on_hello": ("refused the tls handshake: handshake failure",),
    "content_length_contradicting*": _NO_HTTP,
    "content_length_long": _CUT,
    "content_length_of_20_digits": _CUT,
    "content_length_short": _NO_JSON,
    "content_length_0": _EMPTY,
    "content_length_*": _LENGTH,
    "content_cut_without_length": _NO_JSON,
    "endless_*": _NO_HTTP,
    "status_*": _NO_HTTP,
    "http_*": _NO_HTTP,
    "header*": _NO_HTTP,
    "*_banner": _NO_HTTP,
    "binary_header_name": _NO_HTTP,
    "blank_lines": _NO_HTTP,
    "garbage": _NO_HTTP,
    "request_echoed": _NO_HTTP,
    "body_nested_*": ("it is nested too deeply",),
    "body_empty": _EMPTY,
    "body_blank": _EMPTY,
    "body_empty_object": ("no queue is selected: the answer has none",),
    "body_in_an_object": ("data: consumers is not there",),
    "body_beside_a_status": _NO_OBJECT,
    "body_e*": _NO_OBJECT,
    "body_in_*": _NO_OBJECT,
    "body_n[u]*": _NO_OBJECT,
    "body_string": _NO_OBJECT,
    "body_true": _NO_OBJECT,
    "body_*": _NO_JSON,
    "field_twice_*": ("job_running is given twice",),
    "*_minus_infinity": ("-infinity is not json",),
    "*_infinity": (" infinity is not json",),
    "*_nan": ("nan is not json",),
    "number_*": _NO_JSON,
    "encoding_utf_7": _NO_JSON,
    "encoding_utf_16_big_endian": _NO_JSON,
    "encoding_*": ("is not utf-8",),
    "packed_bomb_of_*": ("it is larger than 1 mib once decompressed",),
    "packed_gzip_false": _NOT_COMPRESSED,
    "packed_gzip_wrong_check": _NOT_COMPRESSED,
    "packed_deflate_false": _NOT_COMPRESSED,
    "packed_gzip_twice_false": _ENCODING,
    "packed_gzip_*": _NO_LONGER,
    "packed_*": _ENCODING,
    "transfer_encoding_*": ("its transfer-encoding is not one that can be read",),
}


def causes(name: str) -> Tuple[str, ...]:
    """Return what may be said of the row *name*, in lower case; nothing if no pattern fits."""
    return next((words for pattern, words in CAUSES.items() if fnmatchcase(name, pattern)), ())
