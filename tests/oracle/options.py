"""The options of the interface page, each with its dashes, and whether it takes a value."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping

_VALUED = (
    *("-H", "--host", "-p", "--port", "--token-file", "--input", "-t", "--timeout"),
    *("--ca-file", "--client-cert", "--client-key"),
    *("-q", "--queue", "-x", "--exclude", "--require"),
    *("-w", "--warning", "-c", "--critical", "--state", "--probe", "--extra-opts"),
)
_FLAGS = ("--insecure", "-v", "--verbose", "-V", "--version", "-h", "--help")

TAKES_VALUE: Mapping[str, bool] = MappingProxyType(
    {**dict.fromkeys(_VALUED, True), **dict.fromkeys(_FLAGS, False)}
)
