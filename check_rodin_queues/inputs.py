"""Files and environment variables, read with a size limit and with errors that say what to do."""

from __future__ import annotations

import os
from collections.abc import Mapping

from check_rodin_queues.errors import ConfigError

_STDIN = 0


def read_variable(environ: Mapping[str, str], name: str) -> str:
    """Return the variable without the white space that a Secret may have; empty counts as unset."""
    return strip(environ.get(name, ""))


def strip(text: str) -> str:
    """Return *text* without white space and a byte order mark around it."""
    return text.strip().lstrip("\ufeff").strip()


def read_file(path: str, origin: str, limit: int) -> bytes:
    """Read at most *limit* + 1 bytes from *path*, so that a caller sees a larger file.

    `-` is standard input. *origin* is the option or variable that names the file. Raises
    ConfigError.
    """
    try:
        with open(_STDIN if path == "-" else path, "rb", closefd=path != "-") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise unreadable(path, origin, error) from None


def unreadable(path: str, origin: str, error: Exception) -> ConfigError:
    """Return the error for a file that cannot be read."""
    why = (getattr(error, "strerror", None) or "not a valid path").lower()
    if isinstance(error, FileNotFoundError):
        why = "no such file"
    next_step = "Check the path"
    if isinstance(error, PermissionError):
        why = f"permission denied for user {_user()}"
        next_step = "Check owner and mode of the file and its directories"
    return ConfigError(f"{origin}: cannot read {shown_path(path)}: {why}", next_step)


def shown_path(path: str) -> str:
    """Return *path* for a message, or "the file" if it could be a secret in the wrong place.

    A path is shown if it exists, or if it is in a directory that exists other than / and `.`.
    """
    directory = os.path.dirname(path)
    in_known_directory = directory not in ("", "/", ".") and os.path.isdir(directory)
    known = path == "-" or in_known_directory or ("\0" not in path and os.path.lexists(path))
    return path if known else "the file"


def _user() -> str:
    import pwd  # noqa: PLC0415 — only an error needs it

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container often runs as a user without a name
        return str(os.geteuid())
