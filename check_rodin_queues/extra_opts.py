"""--extra-opts: options from an INI file, in the dialect of the Monitoring Plugins.

    [SECTION][@FILE]; without FILE the first that exists of: the file of $MP_CONFIG_FILE, a file of
    a known name in the folders of $NAGIOS_CONFIG_PATH, the standard places.

A line is `option = value`, the option as on the command line but without dashes; a flag has an
empty value. The same option and the same section may come twice: nothing is overwritten. `;` and
`#` begin a comment at the start of a line only, since a range or a path may hold them.
"""

from __future__ import annotations

import os
from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

from check_rodin_queues.errors import ConfigError, UsageError
from check_rodin_queues.files import read_file

DEFAULT_SECTION = "check_rodin_queues"
FILE_NAMES = ("monitoring-plugins.ini", "plugins.ini", "nagios-plugins.ini")
STANDARD_PLACES = (
    "/usr/local/etc/monitoring-plugins/monitoring-plugins.ini",
    "/usr/local/etc/monitoring-plugins.ini",
    "/etc/monitoring-plugins/monitoring-plugins.ini",
    "/etc/monitoring-plugins.ini",
    "/etc/nagios/plugins.ini",
    "/usr/local/nagios/etc/plugins.ini",
    "/usr/local/etc/nagios/plugins.ini",
    "/etc/opt/nagios/plugins.ini",
    "/etc/nagios-plugins.ini",
    "/usr/local/etc/nagios-plugins.ini",
    "/etc/opt/nagios-plugins.ini",
)
_MAX_BYTES = 1024 * 1024

#: Every option, with its dashes, and whether it takes a value.
Known = Mapping[str, bool]


class UnreadableError(ConfigError):
    """A file, or a line of it, cannot be read; *words* are the options in its other lines."""

    def __init__(self, text: str, words: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.words = words


def words(locator: str, environ: Mapping[str, str], known: Known) -> List[str]:
    """Return the options of the section and file that *locator* names, as command-line words.

    Raises ConfigError if there is no such file, UnreadableError if there is no such section or a
    line cannot be read, UsageError if *locator* itself is wrong.
    """
    section, at, path = locator.partition("@")
    if at and not path:
        raise UsageError("--extra-opts: no FILE stands behind the @")
    chosen = path or _default_file(environ)
    # An argument may be a secret in the wrong place; a path that was found is none.
    origin = "--extra-opts" if path else f"--extra-opts {chosen}"
    raw = read_file(chosen, origin, _MAX_BYTES)
    try:
        return _options(raw, section or DEFAULT_SECTION, known)
    except UnreadableError as error:
        raise UnreadableError(f"{origin}: {error}", error.words) from None


def _default_file(environ: Mapping[str, str]) -> str:
    named = environ.get("MP_CONFIG_FILE")
    if named:
        return named
    folders = [folder for folder in environ.get("NAGIOS_CONFIG_PATH", "").split(":") if folder]
    candidates = [f"{folder}/{name}" for folder in folders for name in FILE_NAMES]
    for path in (*candidates, *STANDARD_PLACES):
        if os.path.exists(path):
            return path
    raise ConfigError(
        "--extra-opts: there is no INI file in the standard places. Name one: SECTION@FILE"
    )


def _options(raw: bytes, section: str, known: Known) -> List[str]:
    if len(raw) > _MAX_BYTES:
        raise UnreadableError("the file is larger than 1 MiB. Is it an INI file?")
    text = raw.decode("utf-8-sig", "surrogateescape")  # some editors put a mark at the beginning
    found: List[str] = []
    wrong: List[str] = []
    name: Optional[str] = None  # of the section that a line stands in
    for number, line in _lines(text):
        try:
            if line[0] == "[":
                name = None  # if it cannot be read, what it holds is in none
                name = _name(line)
            elif name is None:
                raise ConfigError("an option stands before the first [SECTION]")  # noqa: TRY301 — as the others
            elif name == section:
                found += _words(line, known)
        except ConfigError as error:  # noqa: PERF203 — a file has few lines
            wrong.append(f"line {number} of the file: {error}")
    if wrong:
        raise UnreadableError(wrong[0], found)
    if not found:
        shown = f"[{section}]" if section == DEFAULT_SECTION else "that was named"
        raise UnreadableError(f"the section {shown} is not in the file, or empty. Add it there")
    return found


def _lines(text: str) -> Iterator[Tuple[int, str]]:
    """Give each line that says anything, with its number."""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line and line[0] not in ";#":
            yield number, line


def _name(line: str) -> str:
    if line[-1] != "]":
        raise ConfigError("a section is written [NAME]")
    return line[1:-1].strip()


def _words(line: str, known: Known) -> List[str]:
    """Return an option as one word, as its value may begin with a dash; two if it is empty."""
    key, equals, value = (part.strip() for part in line.partition("="))
    option = f"-{key}" if len(key) == 1 else f"--{key}"
    takes = known.get(option)
    if not equals:
        raise ConfigError("it has no =; a line is OPTION=VALUE, a flag OPTION=")
    if takes is None or option == "--extra-opts":
        raise ConfigError("there is no such option. See --help; leave its leading dashes out")
    if value and not takes:
        raise ConfigError("this option takes no value: write nothing behind the =")
    if not takes:
        return [option]
    # as Python decodes a command line
    value = os.fsdecode(value.encode("utf-8", "surrogateescape"))
    if option.startswith("--"):
        return [f"{option}={value}"]
    return [f"{option}{value}"] if value and value[0] != "=" else [option, value]
