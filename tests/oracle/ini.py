"""A reader of the monitoring-plugins' INI dialect: sections to the words that they stand for."""

from __future__ import annotations

from typing import List, Mapping

from tests.oracle.objections import RefusedError, UnspecifiedError


def words(text: str, section: str, takes_value: Mapping[str, bool]) -> List[str]:
    """Return the command-line words of *section*; *takes_value* knows every option with dashes."""
    found: List[str] = []
    current = ""
    for line in (line.strip() for line in text.split("\n")):
        if line.startswith("["):
            if not line.endswith("]") or line.count("]") > 1 or not line[1:-1].strip():
                raise UnspecifiedError("an odd headline")
            current = line[1:-1].strip()
        elif line and line[0] not in "#;":
            if not current:
                raise RefusedError("an option before the first section")
            if current == section:
                found += _option(line, takes_value)
    if not found:
        raise RefusedError("no such section, or an empty one")
    return found


def _option(line: str, takes_value: Mapping[str, bool]) -> List[str]:
    key, equals, value = line.partition("=")
    key, value = key.strip(), value.strip()
    option = "-" * (1 if len(key) == 1 else 2) + key
    if not equals or option not in takes_value or option == "--extra-opts":
        raise RefusedError(f"no option: {key!r}")
    if not takes_value[option]:
        if value:
            raise RefusedError("a value for a flag")
        return [option]
    return [option, value]
