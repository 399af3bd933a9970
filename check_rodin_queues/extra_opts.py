"""--extra-opts: options from an INI file, in the dialect of the Monitoring Plugins.

    [SECTION][@FILE]; without FILE the first that exists of: the file in $MP_CONFIG_FILE, a file
    with a known name in the directories of $NAGIOS_CONFIG_PATH, the standard places.

A line is `option = value` without the dashes of the command line; a switch has an empty value.
The same option and the same section can appear twice. `;` and `#` begin a comment only at the
start of a line, since a range or a path can contain them. `configparser` would keep only the last
of equal options.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from check_rodin_queues.errors import CheckError, ConfigError, UsageError, quoted, suggestion
from check_rodin_queues.inputs import read_file, read_variable, shown_path
from check_rodin_queues.options import PROGRAM, build_parser, options_by_name

DEFAULT_SECTION = PROGRAM
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


def read_words(locator: str, environ: Mapping[str, str]) -> list[str]:
    """Return the options of the section and file that *locator* names, as command-line words.

    Raises ConfigError, or UsageError if *locator* itself is wrong.
    """
    section, at, given = locator.partition("@")
    if at and not given:
        raise UsageError("--extra-opts: no file after @, expected [SECTION][@FILE]")
    path = given or _default_file(environ)
    raw = read_file(path, "--extra-opts", _MAX_BYTES)
    where = f"--extra-opts: {shown_path(path)}"
    if len(raw) > _MAX_BYTES:
        raise ConfigError(f"{where} is larger than 1 MiB", "Check the path")
    found = list(_section(raw.decode("utf-8-sig", "surrogateescape"), section, where))
    if not found:
        named = quoted(section or DEFAULT_SECTION) or " that was given"
        raise ConfigError(
            f"{where} has no options in the section{named}",
            "Add them there, or correct the name of the section",
        )
    return found


def _default_file(environ: Mapping[str, str]) -> str:
    named_file = read_variable(environ, "MP_CONFIG_FILE")
    if named_file:
        return named_file
    directories = filter(None, read_variable(environ, "NAGIOS_CONFIG_PATH").split(":"))
    named = [f"{directory}/{name}" for directory in directories for name in FILE_NAMES]
    for path in (*named, *STANDARD_PLACES):
        if os.path.exists(path):
            return path
    raise ConfigError("--extra-opts: no INI file in the standard places", "Use [SECTION]@FILE")


def _section(text: str, wanted: str, where: str) -> Iterator[str]:
    """Yield the words of the section; a bad line in another section is no error."""
    known, parser = options_by_name(), build_parser()
    section = None
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        if not line or line[0] in ";#":
            continue
        if line[0] == "[":
            if line[-1] != "]":
                raise ConfigError(f"{where} line {number}: invalid section, expected [NAME]")
            section = line[1:-1].strip()
        elif section is None:
            raise ConfigError(f"{where} line {number}: option before the first [SECTION]")
        elif section == (wanted or DEFAULT_SECTION):
            try:
                word = _word(line, known)
                parser.parse_known_args([word])  # so that a bad value is reported with its line
            except CheckError as error:
                raise ConfigError(f"{where} line {number}: {error}") from None
            yield word


def _word(line: str, known: Mapping[str, tuple[str, bool]]) -> str:
    """Return an option as one word, since its value can begin with a dash."""
    name, equals, value = (part.strip() for part in line.partition("="))
    if not equals:
        raise ConfigError("no =, expected OPTION=VALUE, or OPTION= for a switch")
    if name not in known:
        near = suggestion(name, known) if name.replace("-", "").isalpha() else ""
        raise ConfigError(f"unknown option{near}", "Write the name as in --help, without dashes")
    option, needs_value = known[name]
    if option in ("--extra-opts", "--help", "--version"):
        raise ConfigError(f"{option} is not allowed in a file")
    if not needs_value:
        if value:
            raise ConfigError(f"unexpected value for the switch {name}, expected {name}=")
        return option
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        raise ConfigError(f"quotes around the value of {name}", "Remove the quotes")
    # decoded as Python decodes the command line
    return f"{option}={os.fsdecode(value.encode('utf-8', 'surrogateescape'))}"
